"""`notebook-platform doctor`: one line for each finding, with the remedy; and the same checks in the operator before it creates
anything."""

from typing import Any

import pytest
from notebook_platform.engine.outcome import Failed

from tests.azure.cli.conftest import Terminal
from tests.azure.cli.diagnoses import diagnosis, lines_of, make_group, preflight, the_line
from tests.unit.azure.specs import group_id, runbook_spec

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


async def test_patches_are_checked_before_the_first_resource_is_created(terminal: Terminal) -> None:
    spec = runbook_spec()
    spec["cluster"] |= {"tier": "Standard", "patch": {"properties": {"storageProfile": {"blobCSIDriver": {"enabled": True}}}}}
    output = await diagnosis(terminal, spec)
    assert the_line(output, "patches") == "✓ members set by patches: 1"
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


async def test_a_file_that_no_api_server_has_checked_is_a_warning(terminal: Terminal) -> None:
    line = the_line(await diagnosis(terminal, runbook_spec()), "file")
    assert line.startswith("! no API server with the CRD was reached: kubectl apply also checks rules between fields")


async def test_the_nodes_of_an_existing_platform_need_no_further_quota(terminal: Terminal) -> None:
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


async def test_a_chart_that_does_not_exist_and_a_missing_secret_are_found_before_the_cluster_exists(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTEBOOK_PLATFORM_CHARTS", str(terminal.directory))
    monkeypatch.setenv("NOTEBOOK_PLATFORM_CHART_REPOSITORY", "")
    hub = {"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}}
    output = await diagnosis(terminal, runbook_spec(jupyterhub=hub))
    assert output.code == 1 and the_line(output, "releases").startswith(
        "✗ spec.jupyterhub.chart.version 4.4.0: the operator has no chart jupyterhub of this version"
    )
    (terminal.directory / "jupyterhub-4.4.0.tgz").touch()
    hub["valuesFrom"] = [{"kind": "Secret", "name": "more-values", "key": "values.yaml"}]
    output = await diagnosis(terminal, runbook_spec(jupyterhub=hub))
    assert output.code == 0 and the_line(output, "releases").startswith(
        "! spec.jupyterhub.valuesFrom[0] names the Secret 'more-values'"
    )


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
    assert line.startswith("✗ The clock of the operator's machine is ") and line.endswith(
        "by NTP; `timedatectl` shows its state."
    )
    spec = runbook_spec()
    spec["cluster"]["kubernetesVersion"] = "1.19.6"
    await preflight(estate, spec)  # the providers are registered by now
    await estate.new_operator()
    fault = {"path": "^/subscriptions/[^/]+$", "after": 1, "count": 2, "status": 200, "headers": IN_THE_PAST}
    await estate.control("POST", "/faults", fault)
    outcome = await preflight(estate, runbook_spec())
    assert (outcome.reason, outcome.retry_in) == ("ClockSkew", 60) and "s off Azure's" in outcome.message


async def test_versions_and_sizes_that_the_region_does_not_offer_are_reported_by_field(terminal: Terminal) -> None:
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
async def test_doctor_reports_which_hub_metrics_are_scraped(
    terminal: Terminal, monitoring: dict[str, Any], hub: dict[str, Any], line: str
) -> None:
    wanted = {"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}, **hub}
    spec = runbook_spec(identity={"type": "SystemAssigned"}, monitoring=monitoring, jupyterhub=wanted)
    assert the_line(await diagnosis(terminal, spec), "hub metrics") == line


async def test_as_data_each_finding_has_its_reason(terminal: Terminal) -> None:
    spec = runbook_spec()
    spec["cluster"]["kubernetesVersion"] = "1.19.6"
    output = await terminal.run("doctor", "-f", terminal.file(spec), "-o", "json")
    findings = {finding["check"]: finding for finding in output.document}
    assert output.code == 1 and list(findings) == [*CHECKS, "file"]
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
