"""`notebook-platform doctor`: one line for each thing that is looked at before anything is created, with the remedy."""

from typing import Any

from sandbox.azure.world import SUBSCRIPTION, TENANT
from tests.unit.azure.conftest import group_id, runbook_spec
from tests.unit.cli.conftest import Terminal, secret


async def test_a_healthy_subscription_has_a_good_line_for_everything(terminal: Terminal) -> None:
    mark = await terminal.estate.mark()
    said = await terminal.run("doctor", "-f", terminal.file(runbook_spec()))
    assert said.code == 0, said.out
    lines = {line[2:14].strip(): (line[0], line[15:]) for line in said.out.splitlines()}
    assert list(lines) == [
        "token",
        "subscription",
        "clock",
        "permissions",
        "providers",
        "version",
        "VM sizes",
        "quota",
        "addresses",
        "names",
    ]
    assert lines["providers"][0] == "!" and "the operator does it" in lines["providers"][1]
    assert {sign for check, (sign, _) in lines.items() if check != "providers"} == {"✓"}
    assert "1.35 is offered in eastus (of 1.32, 1.33, 1.34, 1.35, 1.36)" in lines["version"][1]
    assert lines["quota"][1] == "200 vCPUs left in eastus, 6 to begin with and 12 at most"
    assert [w for w in await terminal.estate.writes(mark) if not w.endswith("/token")] == []


async def reader(terminal: Terminal) -> dict[str, Any]:
    """The credentials of a principal that may read the subscription and no more."""
    made = await terminal.estate.control("POST", "/applications", {"displayName": "weak", "secret": "weak-secret-value"})
    role = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization"
    properties = {
        "scope": f"/subscriptions/{SUBSCRIPTION}",
        "principalId": made["principal"]["id"],
        "roleDefinitionId": f"{role}/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7",
    }
    await terminal.estate.control("PUT", f"/resources{role}/roleAssignments/reads", {"properties": properties})
    return secret("azure-credentials", tenantId=TENANT, clientId=made["application"]["appId"], clientSecret="weak-secret-value")


async def test_each_thing_that_is_amiss_has_its_line_and_its_remedy(terminal: Terminal) -> None:
    state, owner = {"provisioningState": "Succeeded"}, {"notebookplatform-owner": "elsewhere/ns/other/uid-9"}
    group = {"location": "eastus", "properties": state, "tags": owner}
    await terminal.estate.control("PUT", f"/resources{group_id('prd_rg_jhub')}", group)
    weak = await reader(terminal)
    spec = runbook_spec()
    spec["cluster"]["kubernetesVersion"] = "1.19.6"
    spec["network"]["subnet"]["addressPrefix"] = "10.240.0.0/27"
    spec["nodePools"].append({"name": "huge", "mode": "User", "vmSize": "Standard_X99", "count": 1})
    spec["nodePools"].append({"name": "wide", "mode": "User", "vmSize": "Standard_D16s_v5", "count": 20})
    said = await terminal.run("doctor", "-f", terminal.file(spec, weak))
    assert said.code == 1
    assert said.line("✗ permissions").lower().endswith(f"on {group_id('prd_rg_jhub')}.")
    assert "Microsoft.ContainerService/managedClusters/write" in said.line("✗ permissions")
    assert "Role Based Access Control Administrator" in said.line("✗ permissions")
    assert "spec.cluster.kubernetesVersion 1.19.6 is not offered in eastus; offered: 1.32" in said.line("✗ version")
    assert "spec.nodePools[huge].vmSize Standard_X99" in said.line("✗ VM sizes")
    assert "ask for 326 vCPUs but only 200 are left" in said.line("✗ quota") and "more quota" in said.line("✗ quota")
    assert "spec.network.subnet" in said.line("✗ addresses")
    assert "spec.azure.resourceGroup" in said.line("✗ names") and "elsewhere/ns/other/uid-9" in said.line("✗ names")


async def test_a_wrong_secret_and_a_disabled_subscription_are_told_first(terminal: Terminal) -> None:
    wrong = secret("azure-credentials", tenantId="11111111-1111-1111-1111-111111111111", clientId="x", clientSecret="nope-nope")
    said = await terminal.run("doctor", "-f", terminal.file(runbook_spec(), wrong))
    assert said.code == 1 and said.line("✗ token") and len(said.out.splitlines()) == 1 and "nope-nope" not in said.out
    missing = await terminal.run("doctor", "-f", terminal.file(runbook_spec(), secret("other", x="y")))
    assert "SecretNotFound" not in missing.out and "names the Secret 'azure-credentials'" in missing.line("✗ token")
    await terminal.estate.control("PUT", f"/subscriptions/{runbook_spec()['azure']['subscriptionId']}", {"state": "Disabled"})
    said = await terminal.run("doctor", "-f", terminal.file(runbook_spec()))
    assert said.code == 1 and "Enable the subscription" in said.line("✗ subscription")


async def test_scripts_read_the_findings_as_json(terminal: Terminal) -> None:
    spec = runbook_spec()
    spec["cluster"]["kubernetesVersion"] = "1.19.6"
    said = await terminal.run("doctor", "-f", terminal.file(spec), "-o", "json")
    (found,) = [finding for finding in said.document if finding["reason"] and finding["blocks"]]
    assert (found["check"], found["reason"]) == ("version", "VersionNotOffered") and said.code == 1
