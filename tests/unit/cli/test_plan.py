"""`notebook-platform plan`: what people read before anything is done, and what scripts read of it."""

from typing import Any

from sandbox.azure.world import CLIENT_SECRET
from tests.unit.azure.conftest import runbook_spec
from tests.unit.cli.conftest import Terminal, secret


async def test_a_plan_for_an_empty_subscription_shows_all_that_would_be_made_and_makes_nothing(terminal: Terminal) -> None:
    mark = await terminal.estate.mark()
    said = await terminal.run("plan", "-f", terminal.file(runbook_spec()))
    assert said.code == 2, said.err
    assert said.line("+ ResourceGroup") and said.line("+ Cluster").endswith("about 5 min")
    assert said.line("+ managedCluster") and "kubernetesVersion: 1.35" in said.out and "vmSize: Standard_D2s_v3" in said.out
    assert "(known after apply)" in said.out, "the principal's id is Azure's to give"
    assert "to create" in said.out.strip().splitlines()[-1]
    assert CLIENT_SECRET not in said.out and "servicePrincipalProfile" in said.out
    assert [w for w in await terminal.estate.writes(mark) if not w.endswith("/token")] == []


async def test_what_is_settled_has_nothing_to_do(terminal: Terminal) -> None:
    await terminal.estate.settle(runbook_spec())
    said = await terminal.run("plan", "-f", terminal.file(runbook_spec(), *terminal.kept()))
    assert (said.code, said.out.strip().splitlines()[-1]) == (0, "Nothing to do: what is there is what the spec asks for.")
    assert said.line("= in line:").split(": ")[1].startswith("Credentials, Providers")


async def test_a_changed_bound_is_one_line_with_before_and_after(terminal: Terminal) -> None:
    await terminal.estate.settle(runbook_spec())
    spec, mark = runbook_spec(), await terminal.estate.mark()
    spec["nodePools"][0]["autoscaling"]["maxCount"] = 8
    said = await terminal.run("plan", "-f", terminal.file(spec, *terminal.kept()))
    assert said.code == 2
    assert said.line("~ NodePools") == "~ NodePools  about 60 s"
    assert said.line("~ agentPools[") == "~ agentPools[nodepool1].maxCount: 6 -> 8"
    assert said.out.strip().splitlines()[-1] == "1 to change; about 60 s"
    assert [w for w in await terminal.estate.writes(mark) if not w.endswith("/token")] == []


async def test_what_can_never_be_done_is_told_with_the_remedy_and_is_an_error(terminal: Terminal) -> None:
    await terminal.estate.settle(runbook_spec())
    spec = runbook_spec()
    spec["cluster"]["dnsPrefix"] = "another"
    spec["cluster"]["tier"] = "Standard"
    said = await terminal.run("plan", "-f", terminal.file(spec, *terminal.kept()))
    assert said.code == 1
    assert said.line("✗ properties.dnsPrefix").endswith("-> another")
    assert "spec.cluster.dnsPrefix asks for 'another'" in said.line("cannot be done:")
    assert "Set it back, or make a new platform" in said.line("cannot be done:")
    assert said.line("~ sku.tier") == "~ sku.tier: Free -> Standard"
    assert said.out.strip().splitlines()[-1].startswith("1 to change, 1 that cannot be done")


async def test_a_pool_that_would_be_replaced_says_that_it_disrupts(terminal: Terminal) -> None:
    await terminal.estate.settle(runbook_spec())
    spec = runbook_spec()
    spec["nodePools"][0] |= {"vmSize": "Standard_D4s_v3", "replacement": "Rotate"}
    said = await terminal.run("plan", "-f", terminal.file(spec, *terminal.kept()))
    assert said.code == 2 and said.line("-/+ agentPools[").endswith(
        "Standard_D2s_v3 -> Standard_D4s_v3  # disrupts people at work"
    )


async def test_a_secret_that_is_missing_is_named_and_the_plan_is_an_error(terminal: Terminal) -> None:
    said = await terminal.run("plan", "-f", terminal.file(runbook_spec(), secret("another", x="y")))
    assert said.code == 1
    assert "SecretNotFound" in said.out and "spec.azure.credentials.secretRef names the Secret 'azure-credentials'" in said.out


async def test_scripts_read_the_plan_as_json(terminal: Terminal) -> None:
    await terminal.estate.settle(runbook_spec())
    spec = runbook_spec()
    spec["nodePools"][0]["autoscaling"]["maxCount"] = 8
    spec["cluster"]["adminUsername"] = "root2"
    said = await terminal.run("plan", "-f", terminal.file(spec, *terminal.kept()), "-o", "json")
    steps: dict[str, Any] = {step["step"]: step["changes"] for step in said.document["steps"]}
    (change,) = steps["NodePools"]
    expected = {"action": "update", "path": "agentPools[nodepool1].maxCount", "before": 6, "after": 8, "disrupts": False}
    assert change == expected
    (never,) = steps["Cluster"]
    assert never["cannot"]["reason"] == "ImmutableField" and "spec.cluster.adminUsername" in never["cannot"]["message"]
    assert said.document["summary"]["update"] == 1 and said.document["summary"]["impossible"] == 1 and said.code == 1


async def test_a_file_that_cannot_be_read_is_an_error_in_one_line(terminal: Terminal) -> None:
    said = await terminal.run("plan", "-f", str(terminal.directory / "nowhere.yaml"))
    assert said.code == 1 and said.out == "" and said.err.count("\n") == 1 and "nowhere.yaml cannot be read" in said.err
