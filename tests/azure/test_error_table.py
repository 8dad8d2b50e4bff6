"""Each row of the error table, answered by the simulator to the real SDK: as a response, in an operation, and at sign-in."""

from collections.abc import Mapping
from typing import Any

from notebook_platform.azure.arm.error_rows import Row
from notebook_platform.azure.arm.error_table import CODES
from notebook_platform.azure.arm.sign_in_table import AADSTS
from notebook_platform.engine.outcome import Failed, Unblocking
from notebook_platform.engine.reconcile import Policy
from notebook_platform.engine.result import Result

from tests.azure.conftest import Estate
from tests.unit.azure.specs import group_id, runbook_spec

AZURE_MD = frozenset({
    "ResourceGroupNotFound", "ResourceNotFound", "ResourceGroupBeingDeleted", "MissingSubscriptionRegistration",
    "SubscriptionNotFound", "ReadOnlyDisabledSubscription", "AuthorizationFailed", "LinkedAuthorizationFailed",
    "InvalidAuthenticationTokenTenant", "ExpiredAuthenticationToken", "RoleAssignmentExists",
    "RoleAssignmentUpdateNotPermitted", "PrincipalNotFound", "ServicePrincipalNotFound",
    "ServicePrincipalValidationClientError", "QuotaExceeded", "ErrCode_InsufficientVCPUQuota",
    "SkuNotAvailable", "VMSizeNotSupported", "InsufficientSubnetSize", "SubnetIsFull",
    "InUseSubnetCannotBeDeleted", "ServiceCidrOverlapExistingSubnetsCidr", "K8sVersionNotSupported",
    "AgentPoolK8sVersionNotSupported", "PropertyChangeNotAllowed", "InvalidParameter", "BadRequest",
    "ScopeLocked", "RequestDisallowedByPolicy", "TooManyRequests", "SubscriptionRequestsThrottled",
    "InternalServerError", "ServerTimeout", "GatewayTimeout",
})  # fmt: skip
"""The codes that occur in practice."""

ROWS = [(code, row) for code, rows in CODES.items() for row in rows]


def message(code: str, row: Row) -> str:
    return f"Azure's words about {code}: {row.contains or 'an error occurred'}."


def verdict(code: str, row: Row, outcome: Any, field: str) -> str | None:
    """Return the mismatch between the outcome and the table; None without one."""
    if not isinstance(outcome, Failed):
        return f"{code}: ended as {outcome!r}"
    field = row.field or field
    expected = (row.reason, row.retry_in, row.remedy.format(field=field))
    got = (outcome.reason, outcome.retry_in, outcome.remedy)
    if got != expected:
        return f"{code}: got {got}, the table has {expected}"
    return None if code in outcome.message and field in outcome.message else f"{code}: {outcome.message}"


def before(results: Mapping[str, Result], step: str) -> Policy:
    """Reconcile without observing the steps before one again, so that Azure's limits are not reached."""
    order = list(results)
    return Policy(result_cache={name: results[name] for name in order[: order.index(step)] if name != "Identity"})


async def test_every_row_is_reported_when_azure_refuses_a_write(estate: Estate) -> None:
    above = before(await estate.once_past_group(runbook_spec()), "ResourceGroup")
    mismatches = []
    for place, (code, row) in enumerate(ROWS):
        if place % 50 == 0:
            await estate.new_operator()  # one operator may not send so many writes
        await estate.control("DELETE", f"/resources{group_id('prd_rg_jhub')}")
        fault = {
            "method": "PUT",
            "path": "resourcegroups/prd_rg_jhub$",
            "status": 400,
            "code": code,
            "message": message(code, row),
        }
        await estate.control("POST", "/faults", fault)
        outcome = (await estate.once(runbook_spec(), above))["ResourceGroup"].outcome
        mismatches.append(verdict(code, row, outcome, "spec.azure.resourceGroup"))
        await estate.control("DELETE", "/faults")
    assert [words for words in mismatches if words] == []
    assert set(CODES) >= AZURE_MD and len(ROWS) >= 71


async def test_every_row_is_reported_when_an_operation_fails_with_it(estate: Estate) -> None:
    above = before(await estate.once_past_group(runbook_spec()), "Network")
    network, mismatches = f"{group_id('prd_rg_jhub')}/providers/microsoft.network/virtualnetworks/prd_vnet_jhub", []
    for code, row in ROWS:
        await estate.control("DELETE", f"/resources{network}")
        error = {"code": code, "message": message(code, row), "details": []}
        await estate.control(
            "POST", "/faults", {"method": "PUT", "path": "virtualNetworks/prd_vnet_jhub$", "operation_error": error}
        )
        estate.operations = {}
        await estate.new_operator()
        outcome: Any = None
        for _ in range(20):
            outcome = (await estate.once(runbook_spec(), above))["Network"].outcome
            if isinstance(outcome, Unblocking | Failed):
                break
            await estate.simulator.world.clock.sleep(5)
        mismatches.append(verdict(code, row, outcome, "spec.network"))
    assert [words for words in mismatches if words] == []


async def test_every_refusal_of_entra_id_is_reported(estate: Estate) -> None:
    mismatches = []
    for code, row in AADSTS.items():
        fault = {"method": "POST", "path": "/oauth2/v2.0/token$", "status": 401, "code": "invalid_client"}
        await estate.sessions.close()
        await estate.control("POST", "/faults", fault | {"aadsts": code})
        outcome = (await estate.once(runbook_spec()))["Credentials"].outcome
        got = (outcome.reason, outcome.retry_in) if isinstance(outcome, Failed) else outcome
        if got != (row.reason, row.retry_in) or f"AADSTS{code}" not in outcome.message:
            mismatches.append((code, outcome))
        await estate.control("DELETE", "/faults")
    assert mismatches == []
