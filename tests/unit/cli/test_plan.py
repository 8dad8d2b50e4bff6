"""`notebook-platform plan`: what is printed, what is told to scripts, and that nothing is written."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.azure.world import CLIENT_SECRET
from tests.unit.azure.conftest import runbook_spec
from tests.unit.cli.conftest import CLUSTER, CREDENTIALS, Terminal, secret


def with_pool(**members: Any) -> dict[str, Any]:
    spec = runbook_spec()
    spec["nodePools"].append({"name": "users", "mode": "User", "vmSize": "Standard_D2s_v3", "count": 1, **members})
    return spec


async def test_of_nothing_all_is_to_be_made_and_nothing_is_written(terminal: Terminal) -> None:
    said = await terminal.run("plan", "-f", terminal.file(runbook_spec()))
    assert said.code == 2 and not said.err
    assert said.lines[0] == "Plan for platforms/prd-jhub"
    heads = [line.split("  (")[0] for line in said.out.splitlines() if line[:1] in "+~-" and line.strip()]
    assert heads == ["~ Providers", "+ ResourceGroup", "+ Network", "+ Identity", "+ RoleAssignment", "+ Cluster", "+ Autoscale",
                     "+ WorkloadCluster"]  # fmt: skip
    assert "+ Cluster (about 5 min)" in said.lines
    assert "clientId: (known after apply)" in said.lines and "targetResourceUri: (known after apply)" in said.lines
    assert "+ roleAssignments/Contributor on …/Microsoft.Network/virtualNetworks/prd_vnet_jhub" in said.lines
    assert "= up to date: Credentials, Preflight, RolePruning" in said.lines
    assert said.lines[-1] == "9 to create, 3 to change; takes about 7 min."
    assert CLIENT_SECRET not in said.out
    assert await terminal.estate.writes() == []


async def test_neighbours_stand_under_each_other_and_no_line_ends_in_a_space(terminal: Terminal) -> None:
    out = (await terminal.run("plan", "-f", terminal.file(runbook_spec()))).out.splitlines()
    assert [line for line in out if line != line.rstrip()] == []
    profile = out.index("          networkProfile:")
    assert {line.index(line.split()[1]) for line in out[profile + 1 : profile + 6]} == {len("            loadBalancerSku: ")}


async def test_of_what_is_settled_there_is_nothing_to_do(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    mark = await terminal.estate.mark()
    said = await terminal.run("plan", "-f", terminal.file(runbook_spec()))
    assert (said.code, said.lines[-1]) == (0, "Nothing to do: everything is up to date.")
    assert not [line for line in said.out.splitlines() if line[:1] in ("+", "~", "-", "✗", "…")]
    assert await terminal.estate.writes(mark) == [] and terminal.target.refused == []


async def test_one_changed_bound_is_one_line(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    spec, mark = runbook_spec(), await terminal.estate.mark()
    spec["nodePools"][0]["autoscaling"]["maxCount"] = 8
    said = await terminal.run("plan", "-f", terminal.file(spec))
    assert said.code == 2
    assert [line for line in said.lines if line[0] in "~+-"] == [
        "~ NodePools (about 60 s)",
        "~ agentPools[nodepool1].maxCount 6 -> 8",
    ]
    assert said.lines[-1] == "1 to change; takes about 60 s."
    assert await terminal.estate.writes(mark) == []


async def test_a_rotation_is_told_as_a_replacement_that_disrupts_and_waits_for_the_window(terminal: Terminal) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%A")
    window = {"days": [tomorrow], "start": "12:00", "duration": "4h"}
    spec = with_pool()
    spec["cluster"]["maintenanceWindow"] = window
    await terminal.settle(spec)
    spec["nodePools"][1] |= {"vmSize": "Standard_D4s_v3", "replacement": "Rotate"}
    said = await terminal.run("plan", "-f", terminal.file(spec))
    assert said.code == 2
    replaced = "-/+ agentPools[users].vmSize Standard_D2s_v3 -> Standard_D4s_v3 # disruptive"
    assert replaced in said.lines and "-/+ NodePools (about 8 min)" in said.lines
    told = f"1 is disruptive and deferred until spec.cluster.maintenanceWindow opens on {tomorrow} 12:00 UTC."
    assert said.lines[-1].endswith(told)


async def test_what_a_pool_has_for_life_is_told_beforehand_with_the_remedy(terminal: Terminal) -> None:
    await terminal.settle(with_pool())
    said = await terminal.run("plan", "-f", terminal.file(with_pool(vmSize="Standard_D4s_v3")))
    assert said.code == 1
    place = said.lines.index("✗ agentPools[users].vmSize Standard_D2s_v3 -> Standard_D4s_v3")
    assert said.lines[place + 1].startswith("cannot be done: spec.nodePools[users].vmSize asks for 'Standard_D4s_v3'")
    assert "replacement: Rotate" in said.lines[place + 1] and said.lines[-1] == "1 that cannot be done."


async def test_what_can_be_done_is_told_beside_what_cannot(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    spec = runbook_spec()
    spec["cluster"] |= {"dnsPrefix": "another", "tier": "Standard"}
    said = await terminal.run("plan", "-f", terminal.file(spec))
    assert said.code == 1 and "~ sku.tier Free -> Standard" in said.lines
    never = next(place for place, line in enumerate(said.lines) if line.startswith("✗ properties.dnsPrefix"))
    assert "spec.cluster.dnsPrefix asks for 'another'" in said.lines[never + 1]
    assert said.lines[-1] == "1 to change; takes about 2 min; 1 that cannot be done."
    told = (await terminal.run("plan", "-f", terminal.file(spec), "-o", "json")).document
    (step,) = told["steps"]
    assert [change["blocker"]["reason"] for change in step["changes"] if "blocker" in change] == ["ImmutableField"]
    assert (told["summary"]["update"], told["summary"]["impossible"]) == (1, 1)


async def test_a_pool_that_goes_is_a_deletion(terminal: Terminal) -> None:
    await terminal.settle(with_pool())
    said = await terminal.run("plan", "-f", terminal.file(runbook_spec()))
    assert said.code == 2 and "- agentPools[users] # disruptive" in said.lines
    assert said.lines[-1].startswith("1 to delete; takes about 2 min")


async def test_while_something_is_under_way_the_rest_is_said_to_come(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    await terminal.estate.control("PATCH", f"/resources{CLUSTER}", {"properties": {"provisioningState": "Updating"}})
    said = await terminal.run("plan", "-f", terminal.file(runbook_spec()))
    assert said.code == 2 and "… Cluster: The managed cluster prd-aks-jhub is Updating (Updating)" in said.lines
    assert said.lines[-1] == "Nothing to do now, and more once Cluster has ended."


async def test_as_data_it_says_the_same(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    spec = runbook_spec()
    spec["nodePools"][0]["autoscaling"]["maxCount"] = 8
    said = await terminal.run("plan", "-f", terminal.file(spec), "-o", "json")
    told = said.document
    change = {"action": "update", "path": "agentPools[nodepool1].maxCount", "disrupts": False, "before": 6, "after": 8}
    assert told["steps"] == [{"step": "NodePools", "changes": [change], "takesSeconds": 60.0}]
    assert (said.code, told["platform"], told["summary"]["update"]) == (2, "platforms/prd-jhub", 1)
    assert "Cluster" in told["upToDate"]


async def test_a_secret_that_is_missing_is_named_once_and_the_rest_waits(terminal: Terminal) -> None:
    said = await terminal.run("plan", "-f", terminal.file(runbook_spec(), secret("another", key="value")))
    assert said.code == 1
    trouble = [line for line in said.lines if line.startswith("✗")]
    assert len(trouble) == 1 and "spec.azure.credentials.secretRef names the Secret 'azure-credentials'" in trouble[0]
    assert trouble[0].endswith("(SecretNotFound)") and "Create it with the keys tenantId, clientId, clientSecret" in trouble[0]
    assert said.lines[-1] == "The plan is not complete: Credentials cannot be planned."


async def test_the_wrong_secret_is_told_without_being_shown(terminal: Terminal) -> None:
    wrong = {**CREDENTIALS, "stringData": {**CREDENTIALS["stringData"], "clientSecret": "utterly-wrong-secret"}}
    said = await terminal.run("plan", "-f", terminal.file(runbook_spec(), wrong))
    assert said.code == 1 and "(WrongCredentials)" in said.out and "utterly-wrong-secret" not in said.out + said.err


async def test_what_stands_in_the_way_of_a_creation_is_told_before_it(terminal: Terminal) -> None:
    spec = runbook_spec()
    spec["cluster"]["kubernetesVersion"] = "1.19.6"
    said = await terminal.run("plan", "-f", terminal.file(spec))
    assert said.code == 1 and "✗ Preflight: spec.cluster.kubernetesVersion 1.19.6 is not offered in eastus" in said.out


@pytest.mark.parametrize(("content", "words"), [
    (None, "cannot be read"),
    ("a: [", "cannot be read"),
    ("just text", "not a Kubernetes object"),
    ("{kind: NotebookPlatform, spec: {}}", "not a Kubernetes object"),
    ("{kind: Secret, metadata: {name: x}}", "holds no NotebookPlatform"),
    ("{kind: NotebookPlatform, metadata: {name: x}, spec: {}}", "spec.azure: Field required"),
])  # fmt: skip
async def test_a_file_that_is_no_use_is_told_in_one_line(terminal: Terminal, content: str | None, words: str) -> None:
    path = terminal.directory / "some.yaml"
    if content is not None:
        path.write_text(content)
    said = await terminal.run("plan", "-f", str(path))
    assert (said.code, said.out) == (1, "") and said.err.startswith("notebook-platform plan: ") and words in said.err
    assert said.err.count("\n") == 1


async def test_without_a_file_and_without_a_cluster_one_is_asked_for(terminal: Terminal) -> None:
    assert "give a file with -f" in (await terminal.run("plan", "prd-jhub")).err
    assert "name a NotebookPlatform" in (await terminal.run("plan")).err


async def test_a_configuration_that_cannot_be_read_is_told(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTEBOOK_PLATFORM_CA_FILE", "/nowhere/ca.pem")
    said = await terminal.run("plan", "-f", terminal.file(runbook_spec()))
    assert said.code == 1 and "the file /nowhere/ca.pem of NOTEBOOK_PLATFORM_CA_FILE does not exist" in said.err
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
    assert done.returncode == 1 and "/none cannot be read" in done.stderr
