"""`notebook-platform doctor`: one line for each finding, with the remedy; and the same checks in the operator before it creates
anything."""

from typing import Any

import pytest
from notebook_platform.engine.outcome import Failed

from sandbox.azure.authorization import ROLES
from sandbox.azure.world import SUBSCRIPTION
from tests.azure.cli.conftest import OWNER_TAG, CommandOutput, Terminal, secret
from tests.azure.conftest import Estate
from tests.unit.azure.specs import group_id, runbook_spec

SUBSCRIPTION_ID = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SUBSCRIPTION_ID}/resourceGroups/prd_rg_jhub"
CHECKS = [
    "token",
    "subscription",
    "region",
    "clock",
    "permissions",
    "providers",
    "version",
    "VM sizes",
    "quota",
    "addresses",
    "names",
    "metrics",
]
IN_THE_PAST = {"Date": "Mon, 01 Jan 2024 00:00:00 GMT"}


def lines_of(output: CommandOutput, check: str) -> list[str]:
    """Return the lines of a check, with their signs."""
    found = [line for line in output.lines if line[2:].startswith(f"{check} ")]
    return [f"{line[0]} {line[2:].removeprefix(check).strip()}" for line in found]


def the_line(output: CommandOutput, check: str) -> str:
    (line,) = lines_of(output, check)
    return line


async def diagnosis(terminal: Terminal, spec: dict[str, Any]) -> CommandOutput:
    """Run doctor and assert that it writes nothing."""
    mark = await terminal.estate.mark()
    output = await terminal.run("doctor", "-f", terminal.file(spec))
    assert not output.err and await terminal.estate.writes(mark) == []
    return output


async def make_group(terminal: Terminal, name: str = "prd_rg_jhub", tags: dict[str, str] | None = None) -> None:
    body = {"location": "eastus", "properties": {"provisioningState": "Succeeded"}, "tags": tags or {}}
    await terminal.estate.control("PUT", f"/resources{group_id(name)}", body)


async def preflight(estate: Estate, spec: dict[str, Any]) -> Any:
    """Return the operator's outcome of the same checks."""
    for _ in range(200):
        results = await estate.once(spec)
        if isinstance(results["Preflight"].outcome, Failed):
            return results["Preflight"].outcome
        await estate.simulator.world.clock.sleep(15)
    raise AssertionError(results["Preflight"])


async def test_patches_are_checked_before_the_first_resource_is_created(terminal: Terminal) -> None:
    spec = runbook_spec()
    spec["cluster"] |= {"tier": "Standard", "patch": {"properties": {"storageProfile": {"blobCSIDriver": {"enabled": True}}}}}
    output = await diagnosis(terminal, spec)
    assert the_line(output, "patches") == "✓ members that the patches set: 1"
    spec["cluster"]["patch"] |= {"Tags": {}, "sku": {"tier": "Premium"}}
    spec["nodePools"][0]["patch"] = {"properties": {"windowsProfile": {"gmsaToken": "abc"}}}
    spec["autoscale"][0]["patch"] = {"properties": {"profiles": []}}
    output = await diagnosis(terminal, spec)
    of_cluster, of_pool, of_setting = lines_of(output, "patches")
    assert output.code == 1 and of_cluster == (
        '✗ spec.cluster.patch.Tags is tags in another spelling; spec.cluster.patch.sku.tier is "Premium", but spec.cluster.tier '
        'sets "Standard". Write it as tags. Set only spec.cluster.tier, or remove spec.cluster.tier and let the patch set the value.'
    )
    assert of_pool == (
        "✗ spec.nodePools[nodepool1].patch.properties.windowsProfile.gmsaToken appears to hold a secret, which every reader of the "
        "platform would see. Remove it and renew that secret; use a managed identity or a field that reads a Secret."
    )
    assert of_setting.startswith(
        "✗ spec.autoscale[nodepool1].patch.properties.profiles is [], but spec.autoscale[nodepool1].rules"
    )
    mark = await terminal.estate.mark()
    assert (await preflight(terminal.estate, spec)).reason == "PatchRefused"
    assert not [write for write in await terminal.estate.writes(mark) if write.startswith("PUT")]


async def test_a_healthy_subscription_passes_every_check(terminal: Terminal) -> None:
    output = await diagnosis(terminal, runbook_spec())
    assert output.code == 0 and output.lines[-1] == "No blocking problems found."
    signs = {check: the_line(output, check)[0] for check in CHECKS}
    assert signs == {check: "!" if check == "providers" else "✓" for check in CHECKS}
    assert the_line(output, "providers").endswith("microsoft.insights are not registered yet. The operator registers them.")
    assert the_line(output, "version") == "✓ 1.35 is offered in eastus, as are 1.32, 1.33, 1.34, 1.36"
    assert the_line(output, "quota").endswith(
        "200 vCPUs left in eastus (Total Regional vCPUs); needed: 6 at first and 12 at most"
    )
    assert the_line(output, "addresses") == "✓ 10.240.0.0/16 has 65531 addresses, 217 needed at most"
    sentences = {line[: len("✓ subscription  ")] for line in output.out.splitlines()[: len(CHECKS)]}
    assert sentences == {f"{signs[check]} {check:<14}" for check in CHECKS}, "the sentences stand under each other"


async def test_a_platform_that_is_there_has_its_nodes_already(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    terminal.estate.simulator.world.catalog.quota = 12
    output = await diagnosis(terminal, runbook_spec())
    assert output.code == 0 and the_line(output, "names") == "✓ free, or owned by this platform"
    assert the_line(output, "quota") == "✓ 6 vCPUs left in eastus (Total Regional vCPUs); needed: 6 at most"


async def test_the_chart_is_matched_with_the_version(terminal: Terminal) -> None:
    hub = {"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}}
    output = await diagnosis(terminal, runbook_spec(jupyterhub=hub))
    assert the_line(output, "chart") == "✓ jupyterhub 4.4.0 supports Kubernetes 1.35, as do charts up to 4.x"
    spec = runbook_spec(jupyterhub=hub)
    spec["cluster"]["kubernetesVersion"] = "1.27"
    output = await diagnosis(terminal, spec)
    line_start = "✗ spec.jupyterhub.chart.version 4.4.0 needs Kubernetes 1.28 or newer, not 1.27. Choose a chart of generation 3"
    assert the_line(output, "chart").startswith(line_start) and output.code == 1


async def test_a_wrong_secret_ends_it_with_one_line(terminal: Terminal) -> None:
    terminal.estate.secrets.data["azure-credentials"]["clientSecret"] = "utterly-wrong-secret"
    output = await diagnosis(terminal, runbook_spec())
    assert output.code == 1 and len(output.lines) == 2 and "utterly-wrong-secret" not in output.out
    assert the_line(output, "token").startswith("✗ spec.azure.credentials: ") and "AADSTS7000215" in output.out
    assert "Put the right clientSecret into the Secret of spec.azure.credentials" in output.out
    assert output.lines[-1] == "1 blocking problem found."


async def test_a_secret_that_is_missing_is_named(terminal: Terminal) -> None:
    del terminal.estate.secrets.data["azure-credentials"]
    output = await terminal.run("doctor", "-f", terminal.file(runbook_spec(), secret("other", key="value")))
    assert output.code == 1 and the_line(output, "token").startswith("✗ spec.azure.credentials.secretRef names the Secret")


async def test_a_disabled_subscription_is_reported_and_the_rest_is_checked(terminal: Terminal) -> None:
    await terminal.estate.control("PUT", f"/subscriptions/{SUBSCRIPTION}", {"state": "Disabled"})
    output = await diagnosis(terminal, runbook_spec())
    assert output.code == 1 and lines_of(output, "names")
    assert the_line(output, "subscription").startswith("✗ spec.azure.subscriptionId: the subscription")
    assert "is Disabled" in the_line(output, "subscription") and "Enable the subscription again" in the_line(
        output, "subscription"
    )


async def test_a_subscription_without_permission_is_reported_apart_from_the_token(terminal: Terminal) -> None:
    await terminal.weak()
    output = await diagnosis(terminal, runbook_spec())
    assert output.code == 1 and the_line(output, "token") == "✓ issued by Entra ID"
    assert the_line(output, "subscription").startswith("✗ spec.azure.subscriptionId: Azure answered AuthorizationFailed")


async def test_each_action_that_is_missing_is_named_with_its_scope_and_the_role(terminal: Terminal) -> None:
    await terminal.weak(ROLES["Reader"])
    output = await diagnosis(terminal, runbook_spec())
    missing, later = lines_of(output, "permissions")
    assert missing.startswith("✗ spec.azure.credentials lacks Microsoft.Resources/subscriptions/resourceGroups/write, ")
    assert "Microsoft.ContainerService/managedClusters/write, " in missing and "listClusterAdminCredential/action" in missing
    assert f" on {SUBSCRIPTION_ID}. Assign Contributor and Role Based Access Control Administrator to it there" in missing
    assert later.startswith("! ") and "Microsoft.Insights/autoscaleSettings/write" in later and "resourceGroups/delete" in later
    assert "Microsoft.Network/register/action" in lines_of(output, "providers")[1] and output.code == 1


async def test_contributor_lacks_the_giving_of_roles_alone(terminal: Terminal) -> None:
    await terminal.weak(ROLES["Contributor"])
    line = the_line(await diagnosis(terminal, runbook_spec()), "permissions")
    line_start = "✗ spec.azure.credentials lacks Microsoft.Authorization/roleAssignments/write on"
    assert line.startswith(f"{line_start} {SUBSCRIPTION_ID}. Assign Role Based Access Control Administrator to it there")
    outcome = await preflight(terminal.estate, runbook_spec())
    assert (outcome.reason, outcome.retry_in) == ("PermissionMissing", 60) and line[2:].startswith(outcome.message)
    assert not [w for w in await terminal.estate.writes(accepted=True) if w.startswith("PUT")]


async def test_a_missing_permission_to_assign_roles_is_a_warning_for_an_existing_principal(terminal: Terminal) -> None:
    """An existing principal may have its role already: the finding is a warning and blocks nothing."""
    await terminal.weak(ROLES["Contributor"])
    made = await terminal.estate.control("POST", "/applications", {"displayName": "theirs", "secret": "their-secret-value"})
    terminal.estate.secrets.data["theirs"] = {"clientId": made["application"]["appId"], "clientSecret": "their-secret-value"}
    spec = runbook_spec(identity={"type": "ServicePrincipal", "servicePrincipal": {"secretRef": {"name": "theirs"}}})
    output = await diagnosis(terminal, spec)
    assert output.code == 0 and the_line(output, "permissions").startswith(
        "! spec.azure.credentials lacks Microsoft.Authorization/"
    )


async def test_roles_on_the_group_alone_are_enough_for_the_group(terminal: Terminal) -> None:
    await make_group(terminal)
    await terminal.weak(ROLES["Owner"], ROLES["Reader"], scope=GROUP)
    reader = f"{SUBSCRIPTION_ID}/providers/Microsoft.Authorization/roleAssignments/reads"
    principal = (await terminal.estate.state())["resources"][
        f"{GROUP}/providers/microsoft.authorization/roleassignments/given0".lower()
    ]
    properties = {**principal["properties"], "scope": SUBSCRIPTION_ID, "roleDefinitionId": f"/x/{ROLES['Reader']}"}
    body = {"type": "Microsoft.Authorization/roleAssignments", "properties": properties}
    await terminal.estate.control("PUT", f"/resources{reader}", body)
    output = await diagnosis(terminal, runbook_spec(adoption="IfUnowned", autoscale=[]))
    assert the_line(output, "permissions").lower() == f"✓ all that is needed is granted on {GROUP}".lower()


async def test_permissions_that_azure_does_not_tell_hold_nothing_up(terminal: Terminal) -> None:
    fault = {"path": "Authorization/permissions$", "status": 403, "code": "AuthorizationFailed", "message": "x", "count": None}
    await terminal.estate.control("POST", "/faults", fault)
    output = await diagnosis(terminal, runbook_spec())
    assert output.code == 0 and the_line(output, "permissions") == "! Azure does not show the permissions"
    results = await terminal.estate.settle(runbook_spec())
    assert not [name for name, result in results.items() if isinstance(result.outcome, Failed)]


@pytest.mark.parametrize("path", ["kubernetesVersions$", "/skus$", "/usages$", "/virtualNetworks$", "/resourcegroups$"])
async def test_a_refused_read_does_not_stop_the_other_checks(terminal: Terminal, path: str) -> None:
    fault = {"method": "GET", "path": path, "status": 403, "code": "AuthorizationFailed", "message": "x", "count": None}
    await terminal.estate.control("POST", "/faults", fault)
    output = await diagnosis(terminal, runbook_spec())
    assert output.code == 0
    results = await terminal.estate.settle(runbook_spec())
    assert not [name for name, result in results.items() if isinstance(result.outcome, Failed)]


async def test_a_wrong_clock_is_reported_before_creation(terminal: Terminal) -> None:
    estate = terminal.estate
    await estate.control("POST", "/faults", {"path": "^/subscriptions/[^/]+$", "after": 1, "status": 200, "headers": IN_THE_PAST})
    line = the_line(await diagnosis(terminal, runbook_spec()), "clock")
    assert line.startswith("✗ The clock of the operator's machine is ") and line.endswith("Synchronise it (NTP).")
    spec = runbook_spec()
    spec["cluster"]["kubernetesVersion"] = "1.19.6"
    await preflight(estate, spec)  # the providers are registered by now
    await estate.new_operator()
    fault = {"path": "^/subscriptions/[^/]+$", "after": 1, "count": 2, "status": 200, "headers": IN_THE_PAST}
    await estate.control("POST", "/faults", fault)
    outcome = await preflight(estate, runbook_spec())
    assert (outcome.reason, outcome.retry_in) == ("ClockSkew", 60) and "s off Azure's" in outcome.message


async def test_what_the_region_does_not_offer_is_reported_by_field(terminal: Terminal) -> None:
    spec = runbook_spec()
    spec["cluster"]["kubernetesVersion"] = "1.19.6"
    spec["nodePools"] += [{"name": "huge", "mode": "User", "vmSize": "Standard_X99", "count": 1}]
    spec["nodePools"] += [{"name": "many", "mode": "User", "vmSize": "Standard_D16s_v5", "count": 20}]
    spec["network"]["subnet"]["addressPrefix"] = "10.240.0.0/25"
    output = await diagnosis(terminal, spec)
    assert the_line(output, "version").startswith(
        "✗ spec.cluster.kubernetesVersion 1.19.6 is not offered in eastus; offered: 1.32,"
    )
    assert the_line(output, "VM sizes").startswith(
        "✗ spec.nodePools[huge].vmSize Standard_X99 is not offered in eastus. Choose a size"
    )
    assert the_line(output, "quota").startswith("✗ spec.nodePools need 326 vCPUs but only 200 are left in eastus")
    assert the_line(output, "addresses").startswith("✗ spec.network.subnet.addressPrefix 10.240.0.0/25 has 123 addresses but")
    assert (output.code, output.lines[-1]) == (1, "4 blocking problems found.")
    outcome = await preflight(terminal.estate, spec)
    assert outcome.reason == "VersionNotOffered" and outcome.retry_in is None
    for words in ("1.19.6", "10.240.0.0/25", "Standard_X99", "326 vCPUs"):
        assert words in outcome.message


async def test_a_quota_that_more_nodes_would_exceed_is_a_warning(terminal: Terminal) -> None:
    terminal.estate.simulator.world.catalog.quota = 8
    output = await diagnosis(terminal, runbook_spec())
    assert output.code == 0
    assert the_line(output, "quota").startswith("! spec.nodePools may need up to 12 vCPUs but only 8 are left in eastus")


async def test_an_existing_subnet_is_measured_with_the_addresses_in_use(terminal: Terminal) -> None:
    await make_group(terminal, "net")
    network = f"{group_id('net')}/providers/Microsoft.Network/virtualNetworks/campus"
    taken = [{"id": str(number)} for number in range(50)]
    subnet = {
        "id": f"{network}/subnets/hubs",
        "name": "hubs",
        "properties": {"addressPrefix": "172.20.0.0/24", "ipConfigurations": taken},
    }
    body = {"location": "eastus", "properties": {"provisioningState": "Succeeded", "subnets": [subnet]}}
    await terminal.estate.control("PUT", f"/resources{network}", body)
    output = await diagnosis(terminal, runbook_spec(network={"subnetId": f"{network}/subnets/hubs"}))
    line_start = "✗ spec.network.subnetId 172.20.0.0/24 has 201 addresses but spec.nodePools need up to 217"
    assert the_line(output, "addresses").startswith(line_start)


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


@pytest.mark.parametrize(
    ("monitoring", "hub", "line"),
    [
        ({"prometheus": "Managed"}, {}, "✓ spec.jupyterhub: the hub and its proxy are scraped in namespace jhub"),
        (
            {"prometheus": "Managed", "hubMetrics": False},
            {},
            "✓ spec.monitoring.hubMetrics is false: no hub is scraped, and the alert HubStartsFail is silent",
        ),
        (
            {"prometheus": "Managed"},
            {"chart": {"version": "0.11.1"}},
            "! spec.jupyterhub: the hub is scraped in namespace jhub, but the proxy of chart 0.11.1 serves no metrics. "
            "Charts from 1.0 on have them.",
        ),
        (
            {"prometheus": "Managed"},
            {"roles": [{"name": "notebook-platform-metrics", "scopes": ["self"]}]},
            "✗ spec.jupyterhub.roles[0].name: with 'notebook-platform-metrics' spec.monitoring scrapes the hub. "
            "Choose another name, or set spec.monitoring.hubMetrics to false.",
        ),
    ],
)
async def test_what_is_scraped_of_a_hub(terminal: Terminal, monitoring: dict[str, Any], hub: dict[str, Any], line: str) -> None:
    wanted = {"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}, **hub}
    spec = runbook_spec(identity={"type": "SystemAssigned"}, monitoring=monitoring, jupyterhub=wanted)
    assert the_line(await diagnosis(terminal, spec), "hub metrics") == line


async def test_as_data_each_finding_has_its_reason(terminal: Terminal) -> None:
    spec = runbook_spec()
    spec["cluster"]["kubernetesVersion"] = "1.19.6"
    output = await terminal.run("doctor", "-f", terminal.file(spec), "-o", "json")
    findings = {finding["check"]: finding for finding in output.document}
    assert output.code == 1 and list(findings) == CHECKS
    assert (findings["version"]["reason"], findings["version"]["blocks"], findings["token"]["reason"]) == (
        "VersionNotOffered",
        True,
        "",
    )


async def test_a_region_without_azure_monitor_workspaces(terminal: Terminal) -> None:
    spec = runbook_spec(identity={"type": "SystemAssigned"}, monitoring={"prometheus": "Managed"})
    assert the_line(await diagnosis(terminal, spec), "metrics") == "✓ eastus has Azure Monitor workspaces"
    spec["azure"]["location"] = "westindia"
    output = await diagnosis(terminal, spec)
    assert output.code == 1 and the_line(output, "metrics") == (
        "✗ westindia has no Azure Monitor workspaces, which spec.monitoring.prometheus Managed needs. "
        "Set spec.monitoring.workspaceId to a workspace in another region."
    )
