"""Refusals of Azure in the forms that real Azure gives them, through the real SDK: what the step's condition says."""

from typing import Any

import pytest
from notebook_platform.engine.outcome import Failed

from tests.azure.conftest import Estate
from tests.azure.estates import all_done
from tests.unit.azure.specs import runbook_spec

POLICY = "Resource 'aks-nodepool1-1-vmss' was disallowed by policy."
WRAPPED = f'VMSSAgentPoolReconciler retry failed: Code="RequestDisallowedByPolicy" Message="{POLICY}"'
ETAG = [{"code": "Unspecified", "message": "rpc error: code = FailedPrecondition desc = Etag mismatched"}]


async def refused(estate: Estate, step: str, **fault: Any) -> Failed:
    """Reconcile until a step has met the fault; return its failure."""
    await estate.control("POST", "/faults", fault)
    for _ in range(60):
        outcome = (await estate.once(runbook_spec()))[step].outcome
        if isinstance(outcome, Failed) and not (await estate.control("GET", "/faults"))["value"]:
            return outcome
        await estate.simulator.world.clock.sleep(25)
    raise AssertionError(f"{step} ended as {outcome!r}")


async def test_a_policy_inside_a_failed_creation_of_the_cluster_is_named(estate: Estate) -> None:
    error = {"code": "CreateVMSSAgentPoolFailed", "message": WRAPPED}
    failed = await refused(estate, "Cluster", method="PUT", path="managedClusters/", operation_error=error)
    assert failed.reason == "DisallowedByPolicy" and POLICY in failed.message and "exemption" in failed.remedy


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"status": 403, "empty": True}, "PermissionMissing"),
        ({"status": 400, "code": "BadRequest", "message": "Internal server error", "flat": True}, "AzureUnavailable"),
        ({"status": 400, "code": "ReconcileStandardLoadBalancerError", "details": [{"code": "TooManyRequests", "message": "m"}]}, "Throttled"),
        ({"status": 409, "code": "EtagMismatch", "message": "Another operation is in progress.", "flat": True}, "AnotherOperationInProgress"),
        ({"status": 409, "code": "EtagMismatch", "message": "Another operation is in progress.", "details": ETAG}, "AnotherOperationInProgress"),
        ({"status": 400, "code": "SubnetNotAssociatedWithNATGateway", "message": "m", "flat": True}, "SubnetInvalid"),
    ],
)  # fmt: skip
async def test_a_refusal_of_the_cluster(estate: Estate, fault: dict[str, Any], reason: str) -> None:
    assert (await refused(estate, "Cluster", method="PUT", path="managedClusters/", **fault)).reason == reason


async def test_a_region_that_does_not_exist_is_certain(estate: Estate) -> None:
    message = "The provided location 'eastuss' is not available for resource group."
    fault = {"status": 400, "code": "LocationNotAvailableForResourceGroup", "message": message}
    failed = await refused(estate, "ResourceGroup", method="PUT", path="resourcegroups/prd_rg_jhub$", **fault)
    assert failed.retry_in is None and failed.message.startswith("spec.azure.location: ")


async def test_an_operation_whose_address_is_a_path_is_polled(estate: Estate) -> None:
    await estate.control(
        "POST", "/faults", {"method": "PUT", "path": "virtualNetworks|managedClusters", "relative": True, "count": None}
    )
    assert all_done(await estate.settle(runbook_spec()))


async def test_a_deleted_node_resource_group_is_named_and_not_promised_again(estate: Estate) -> None:
    spec = runbook_spec()
    assert all_done(await estate.settle(spec))
    group = f"/resources/subscriptions/{spec['azure']['subscriptionId']}/resourceGroups/prd_rg_jhub_infra"
    await estate.control("DELETE", group)
    spec["nodePools"][0]["autoscaling"]["maxCount"] = 8
    for _ in range(60):
        outcomes = {name: result.outcome for name, result in (await estate.once(spec)).items()}
        failed = outcomes["NodePools"]
        if isinstance(failed, Failed):
            break
        await estate.simulator.world.clock.sleep(25)
    assert isinstance(failed, Failed) and failed.reason == "NodeGroupMissing" and "az aks delete" in failed.remedy


async def test_a_gateway_of_entra_id_that_is_down_is_an_outage(estate: Estate) -> None:
    failed = await refused(estate, "Credentials", method="POST", path="oauth2", status=503, empty=True)
    assert failed.reason == "AzureUnavailable" and failed.retry_in is not None and "Http503" in failed.message
