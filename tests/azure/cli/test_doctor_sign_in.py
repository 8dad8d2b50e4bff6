"""`notebook-platform doctor`: credentials, subscription and permissions."""

import pytest
from notebook_platform.engine.outcome import Failed

from sandbox.azure.authorization import ROLES
from sandbox.azure.world import CLIENT_ID, SUBSCRIPTION, TENANT
from tests.azure.cli.conftest import Terminal, secret
from tests.azure.cli.diagnoses import GROUP, SUBSCRIPTION_ID, diagnosis, lines_of, make_group, preflight, the_line
from tests.unit.azure.specs import runbook_spec


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


async def test_a_platform_without_credentials_gets_the_entry_that_the_allow_list_needs(terminal: Terminal) -> None:
    spec = runbook_spec()
    del spec["azure"]["credentials"]
    output = await diagnosis(terminal, spec)
    line = the_line(output, "identity")
    assert output.code == 0 and line.startswith(
        "! spec.azure.credentials is not set, so the platform uses the operator's own identity"
    )
    assert f"namespaces: [platforms], subscriptions: [{SUBSCRIPTION}], resourceGroups: [prd_rg_jhub, " in line
    assert lines_of(await diagnosis(terminal, runbook_spec()), "identity") == []


@pytest.mark.parametrize("command", ["plan", "doctor"])
async def test_a_workload_identity_without_its_token_here_is_checked_with_the_sign_in_of_the_user(
    terminal: Terminal, command: str
) -> None:
    spec = runbook_spec()
    spec["azure"]["credentials"] = {"workloadIdentity": {"tenantId": TENANT, "clientId": CLIENT_ID}}
    output = await terminal.run(command, "-f", terminal.file(spec))
    assert output.code == 1 and "only the operator's pod has the token of this identity" in output.out
    assert "Check a copy of the file without spec.azure.credentials" in output.out and "chart" not in output.out


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


async def test_contributor_lacks_only_the_assignment_of_roles(terminal: Terminal) -> None:
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
    assert the_line(output, "permissions").lower() == f"✓ all required permissions are granted on {GROUP}".lower()


async def test_permissions_that_azure_does_not_show_block_nothing(terminal: Terminal) -> None:
    fault = {"path": "Authorization/permissions$", "status": 403, "code": "AuthorizationFailed", "message": "x", "count": None}
    await terminal.estate.control("POST", "/faults", fault)
    output = await diagnosis(terminal, runbook_spec())
    assert output.code == 0 and the_line(output, "permissions") == "! Azure does not show the permissions"
    results = await terminal.estate.settle(runbook_spec())
    assert not [name for name, result in results.items() if isinstance(result.outcome, Failed)]
