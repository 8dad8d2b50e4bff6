"""`notebook-platform doctor`: names that other platforms, resources and customers of Azure have."""

from tests.azure.cli.conftest import OWNER_TAG, Terminal
from tests.azure.cli.diagnoses import SUBSCRIPTION_ID, diagnosis, lines_of, make_group, preflight, the_line
from tests.unit.azure.specs import group_id, runbook_spec


async def test_names_of_another_platform_and_of_unowned_resources_are_reported(terminal: Terminal) -> None:
    await make_group(terminal, tags={OWNER_TAG: "elsewhere/ns/name/uid-9"})
    await make_group(terminal, "prd_rg_jhub_infra")
    spec = runbook_spec(adoption="IfUnowned")
    output = await diagnosis(terminal, spec)
    group, nodes = lines_of(output, "names")
    assert group.startswith("✗ spec.azure.resourceGroup: the resource group 'prd_rg_jhub' belongs to another platform. ")
    assert "elsewhere" not in group and "uid-9" not in group
    assert nodes.startswith("✗ spec.cluster.nodeResourceGroup: the resource group 'prd_rg_jhub_infra' exists already")
    outcome = await preflight(terminal.estate, spec)
    assert (
        outcome.reason == "OwnedByAnother"
        and "delete that platform first" in outcome.remedy
        and "prd_rg_jhub_infra" in outcome.message
    )
    assert not [w for w in await terminal.estate.writes() if w.startswith(("PUT", "PATCH"))]


async def test_resources_without_an_owner_may_be_adopted(terminal: Terminal) -> None:
    await make_group(terminal)
    line = the_line(await diagnosis(terminal, runbook_spec()), "names")
    assert line.startswith("✗ spec.azure.resourceGroup") and line.endswith("or set spec.adoption: IfUnowned to adopt it.")
    assert the_line(await diagnosis(terminal, runbook_spec(adoption="IfUnowned")), "names") == "✓ free, or owned by this platform"


async def test_names_of_other_azure_customers_are_reported_before_creation(terminal: Terminal) -> None:
    address = f"{SUBSCRIPTION_ID}/resourceGroups/theirs/providers/Microsoft.Network/publicIPAddresses/one"
    settings = {"provisioningState": "Succeeded", "dnsSettings": {"domainNameLabel": "Notebooks"}}
    await terminal.estate.control("PUT", f"/resources{address}", {"location": "eastus", "properties": settings})
    registry = f"{SUBSCRIPTION_ID}/resourceGroups/theirs/providers/Microsoft.ContainerRegistry/registries/binderimages"
    await terminal.estate.control("PUT", f"/resources{registry}", {"location": "eastus", "properties": {}})
    hub = {
        "chart": {"version": "4.4.0"},
        "auth": {"dummy": {"insecure": True, "allowAll": True}},
        "expose": {"loadBalancer": {"dnsLabel": "notebooks"}},
    }
    binder = {
        "chart": {"version": "1.0.0-0.dev.git.3941.h9056a226"},
        "address": {"dnsLabels": {"binder": "binder", "hub": "notebooks"}},
        "registry": {"azure": {"name": "binderimages", "prefix": "b/x-"}},
    }
    output = await diagnosis(terminal, runbook_spec(jupyterhub=hub, binderhub=binder))
    first, second, third = lines_of(output, "names")
    assert first.startswith("✗ spec.jupyterhub.expose.loadBalancer.dnsLabel: the DNS label 'notebooks' is taken in eastus")
    assert second.startswith("✗ spec.binderhub.address.dnsLabels.hub: the DNS label 'notebooks' is taken")
    assert third.startswith("✗ spec.binderhub.registry.azure.name: the name 'binderimages' is not available: The registry")
    assert (await preflight(terminal.estate, runbook_spec(jupyterhub=hub))).reason == "DnsLabelTaken"
    hub["expose"] = {"loadBalancer": {"dnsLabel": "free"}}
    assert the_line(await diagnosis(terminal, runbook_spec(jupyterhub=hub)), "names") == "✓ free, or owned by this platform"


async def test_a_resource_in_deletion_counts_as_free(terminal: Terminal) -> None:
    body = {
        "location": "eastus",
        "properties": {"provisioningState": "Deleting"},
        "tags": {OWNER_TAG: "test/platforms/prd-jhub/uid-0"},
    }
    await terminal.estate.control("PUT", f"/resources{group_id('prd_rg_jhub')}", body)
    assert the_line(await diagnosis(terminal, runbook_spec()), "names") == "✓ free, or owned by this platform"
