"""`notebook-platform plan`: its output for users and for scripts; it writes nothing."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.azure.world import CLIENT_SECRET
from tests.azure.cli.conftest import CLUSTER, CREDENTIALS, Terminal, secret
from tests.unit.azure.specs import runbook_spec


def with_pool(**members: Any) -> dict[str, Any]:
    spec = runbook_spec()
    spec["nodePools"].append({"name": "users", "mode": "User", "vmSize": "Standard_D2s_v3", "count": 1, **members})
    return spec


async def test_of_nothing_all_is_to_be_made_and_nothing_is_written(terminal: Terminal) -> None:
    output = await terminal.run("plan", "-f", terminal.file(runbook_spec()))
    assert output.code == 2 and not output.err
    assert output.lines[0] == "Plan for platforms/prd-jhub"
    heads = [line.split("  (")[0] for line in output.out.splitlines() if line[:1] in "+~-" and line.strip()]
    assert heads == ["~ Providers", "+ ResourceGroup", "+ Network", "+ Identity", "+ RoleAssignment", "+ Cluster", "+ Autoscale",
                     "+ WorkloadCluster"]  # fmt: skip
    assert "+ Cluster (about 5 min)" in output.lines
    assert "clientId: (known after apply)" in output.lines and "targetResourceUri: (known after apply)" in output.lines
    assert "+ roleAssignments/Contributor on …/Microsoft.Network/virtualNetworks/prd_vnet_jhub" in output.lines
    assert "= up to date: Credentials, Preflight, RolePruning" in output.lines
    assert output.lines[-1] == "9 to create, 3 to change; takes about 7 min."
    assert CLIENT_SECRET not in output.out
    assert await terminal.estate.writes() == []


async def test_neighbours_stand_under_each_other_and_no_line_ends_in_a_space(terminal: Terminal) -> None:
    out = (await terminal.run("plan", "-f", terminal.file(runbook_spec()))).out.splitlines()
    assert [line for line in out if line != line.rstrip()] == []
    profile = out.index("          networkProfile:")
    assert {line.index(line.split()[1]) for line in out[profile + 1 : profile + 6]} == {len("            loadBalancerSku: ")}


async def test_of_what_is_settled_there_is_nothing_to_do(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    mark = await terminal.estate.mark()
    output = await terminal.run("plan", "-f", terminal.file(runbook_spec()))
    assert (output.code, output.lines[-1]) == (0, "Nothing to do: everything is up to date.")
    assert not [line for line in output.out.splitlines() if line[:1] in ("+", "~", "-", "✗", "…")]
    assert await terminal.estate.writes(mark) == [] and terminal.target.refused == []


async def test_one_changed_bound_is_one_line(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    spec, mark = runbook_spec(), await terminal.estate.mark()
    spec["nodePools"][0]["autoscaling"]["maxCount"] = 8
    output = await terminal.run("plan", "-f", terminal.file(spec))
    assert output.code == 2
    assert [line for line in output.lines if line[0] in "~+-"] == [
        "~ NodePools (about 60 s)",
        "~ agentPools[nodepool1].maxCount 6 -> 8",
    ]
    assert output.lines[-1] == "1 to change; takes about 60 s."
    assert await terminal.estate.writes(mark) == []


async def test_a_rotation_is_planned_as_a_disruptive_replacement_in_the_window(terminal: Terminal) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%A")
    window = {"days": [tomorrow], "start": "12:00", "duration": "4h"}
    spec = with_pool()
    spec["cluster"]["maintenanceWindow"] = window
    await terminal.settle(spec)
    spec["nodePools"][1] |= {"vmSize": "Standard_D4s_v3", "replacement": "Rotate"}
    output = await terminal.run("plan", "-f", terminal.file(spec))
    assert output.code == 2
    replaced = "-/+ agentPools[users].vmSize Standard_D2s_v3 -> Standard_D4s_v3 # disruptive"
    assert replaced in output.lines and "-/+ NodePools (about 8 min)" in output.lines
    summary_end = f"1 is disruptive and deferred until spec.cluster.maintenanceWindow opens on {tomorrow} 12:00 UTC."
    assert output.lines[-1].endswith(summary_end)


async def test_a_change_of_an_immutable_pool_property_is_planned_as_impossible_with_the_remedy(terminal: Terminal) -> None:
    await terminal.settle(with_pool())
    output = await terminal.run("plan", "-f", terminal.file(with_pool(vmSize="Standard_D4s_v3")))
    assert output.code == 1
    place = output.lines.index("✗ agentPools[users].vmSize Standard_D2s_v3 -> Standard_D4s_v3")
    assert output.lines[place + 1].startswith("cannot be done: spec.nodePools[users].vmSize is 'Standard_D4s_v3'")
    assert "replacement: Rotate" in output.lines[place + 1] and output.lines[-1] == "1 that cannot be done."


async def test_possible_changes_are_planned_beside_impossible_ones(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    spec = runbook_spec()
    spec["cluster"] |= {"dnsPrefix": "another", "tier": "Standard"}
    output = await terminal.run("plan", "-f", terminal.file(spec))
    assert output.code == 1 and "~ sku.tier Free -> Standard" in output.lines
    never = next(place for place, line in enumerate(output.lines) if line.startswith("✗ properties.dnsPrefix"))
    assert "spec.cluster.dnsPrefix is 'another'" in output.lines[never + 1]
    assert output.lines[-1] == "1 to change; takes about 2 min; 1 that cannot be done."
    document = (await terminal.run("plan", "-f", terminal.file(spec), "-o", "json")).document
    (step,) = document["steps"]
    assert [change["blocker"]["reason"] for change in step["changes"] if "blocker" in change] == ["ImmutableField"]
    assert (document["summary"]["update"], document["summary"]["impossible"]) == (1, 1)


async def test_a_pool_that_goes_is_a_deletion(terminal: Terminal) -> None:
    await terminal.settle(with_pool())
    output = await terminal.run("plan", "-f", terminal.file(runbook_spec()))
    assert output.code == 2 and "- agentPools[users] # disruptive" in output.lines
    assert output.lines[-1].startswith("1 to delete; takes about 2 min")


async def test_while_an_operation_is_in_progress_more_changes_are_announced(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    await terminal.estate.control("PATCH", f"/resources{CLUSTER}", {"properties": {"provisioningState": "Updating"}})
    output = await terminal.run("plan", "-f", terminal.file(runbook_spec()))
    assert output.code == 2 and "… Cluster: The managed cluster prd-aks-jhub is Updating (Updating)" in output.lines
    assert output.lines[-1] == "Nothing to do now, and more once Cluster has ended."


async def test_the_json_plan_has_the_same_content(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    spec = runbook_spec()
    spec["nodePools"][0]["autoscaling"]["maxCount"] = 8
    output = await terminal.run("plan", "-f", terminal.file(spec), "-o", "json")
    document = output.document
    change = {"action": "update", "path": "agentPools[nodepool1].maxCount", "disrupts": False, "before": 6, "after": 8}
    assert document["steps"] == [{"step": "NodePools", "changes": [change], "takesSeconds": 60.0}]
    assert (output.code, document["platform"], document["summary"]["update"]) == (2, "platforms/prd-jhub", 1)
    assert "Cluster" in document["upToDate"]


async def test_a_secret_that_is_missing_is_named_once_and_the_rest_waits(terminal: Terminal) -> None:
    output = await terminal.run("plan", "-f", terminal.file(runbook_spec(), secret("another", key="value")))
    assert output.code == 1
    failures = [line for line in output.lines if line.startswith("✗")]
    assert len(failures) == 1 and "spec.azure.credentials.secretRef names the Secret 'azure-credentials'" in failures[0]
    literals = "--from-literal=tenantId=... --from-literal=clientId=... --from-literal=clientSecret=..."
    assert failures[0].endswith("(SecretNotFound)") and literals in failures[0]
    assert output.lines[-1] == "The plan is not complete: Credentials cannot be planned."


async def test_a_wrong_secret_is_reported_without_its_value(terminal: Terminal) -> None:
    wrong = {**CREDENTIALS, "stringData": {**CREDENTIALS["stringData"], "clientSecret": "utterly-wrong-secret"}}
    output = await terminal.run("plan", "-f", terminal.file(runbook_spec(), wrong))
    assert output.code == 1 and "(WrongCredentials)" in output.out and "utterly-wrong-secret" not in output.out + output.err


async def test_a_plan_shows_problems_that_block_a_creation(terminal: Terminal) -> None:
    spec = runbook_spec()
    spec["cluster"]["kubernetesVersion"] = "1.19.6"
    output = await terminal.run("plan", "-f", terminal.file(spec))
    assert output.code == 1 and "✗ Preflight: spec.cluster.kubernetesVersion 1.19.6 is not offered in eastus" in output.out


@pytest.mark.parametrize(("content", "words"), [
    (None, "does not exist; `notebook-platform init"),
    ("a: [", "is not YAML"),
    ("just text", "not a Kubernetes object"),
    ("{kind: NotebookPlatform, spec: {}}", "not a Kubernetes object"),
    ("{kind: Secret, metadata: {name: x}}", "holds no NotebookPlatform"),
    ("{apiVersion: notebookplatform.io/v1alpha1, kind: NotebookPlatform, metadata: {name: x}, spec: {}}", "spec.azure: Field required"),
])  # fmt: skip
async def test_an_unusable_file_is_reported_in_one_line(terminal: Terminal, content: str | None, words: str) -> None:
    path = terminal.directory / "some.yaml"
    if content is not None:
        path.write_text(content)
    output = await terminal.run("plan", "-f", str(path))
    assert (output.code, output.out) == (1, "") and output.err.startswith("notebook-platform plan: ") and words in output.err
    assert output.err.count("\n") == 1


async def test_without_a_file_and_without_a_cluster_one_is_asked_for(terminal: Terminal) -> None:
    assert "give a file with -f" in (await terminal.run("plan", "prd-jhub")).err
    assert "name a NotebookPlatform" in (await terminal.run("plan")).err


async def test_an_unreadable_configuration_is_reported(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTEBOOK_PLATFORM_CA_FILE", "/nowhere/ca.pem")
    output = await terminal.run("plan", "-f", terminal.file(runbook_spec()))
    assert output.code == 1 and "the file /nowhere/ca.pem of NOTEBOOK_PLATFORM_CA_FILE does not exist" in output.err
    monkeypatch.setenv("NOTEBOOK_PLATFORM_CLOUD", "mars")
    assert "cloud: Input should be" in (await terminal.run("plan", "-f", terminal.file(runbook_spec()))).err


def test_as_a_program_it_ends_with_its_code() -> None:
    command = [
        sys.executable,
        "-c",
        "import sys; from notebook_platform.cli import main; sys.exit(main())",
        "plan",
        "-f",
        "/none",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "/none does not exist" in done.stderr


async def test_the_metrics_of_hubs_are_planned(terminal: Terminal) -> None:
    hub = {"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}}
    spec = runbook_spec(identity={"type": "SystemAssigned"}, jupyterhub=hub, monitoring={"prometheus": "Managed"})
    output = await terminal.run("plan", "-f", terminal.file(spec))
    assert "+ HubMetrics" in output.out and "+ podMonitors[jhub/notebook-platform-hub]" in output.lines
    assert await terminal.estate.writes() == []


@pytest.mark.parametrize("command", ["plan", "doctor"])
async def test_without_a_sign_in_and_credentials_the_remedy_is_az_login(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(terminal.directory))
    spec = runbook_spec()
    del spec["azure"]["credentials"]
    output = await terminal.run(command, "-f", terminal.file(spec, uid=None))
    assert output.code == 1 and "Run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET." in output.out
    assert "spec.azure.credentials" not in output.out
