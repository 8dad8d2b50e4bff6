"""What an error of Azure means, by the body that carries it: nested, flat, wrapped, in the text, without a body, with an unknown code."""

from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.azure.arm.credentials import FederatedTokenRefused
from notebook_platform.azure.arm.error_table import CODES
from notebook_platform.azure.arm.errors import UNKNOWN_TRIES, failure_of, translate
from notebook_platform.engine.outcome import Failed

POLICY = 'Resource \'aks-users-1-vmss\' was disallowed by policy. Policy identifiers: \'[{"policyAssignment":{"name":"no-public-ip"}}]\'.'
CORES = "Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Current Limit: 4"
WRAPPED_POLICY = 'Code="RequestDisallowedByPolicy" Message="' + POLICY + '"'
ARM_IN_TEXT = 'Provisioning of resource(s) for container service c failed. Message: {\\n \\"code\\": \\"ScopeLocked\\", \\"message\\": \\"x\\"}'
CSE = (
    'Unable to establish outbound connection from agents. Details: Code="VMExtensionProvisioningError" Message="VM has reported a failure '
    'when processing extension \'vmssCSE\'. Error message: \\"Enable failed: command terminated with exit status=50\\""'
)
MUTUAL = "Updating Kubernetes version and agent node scaling are mutually exclusive operations."
ETAG = {
    "code": "EtagMismatch",
    "details": [{"code": "Unspecified", "message": "rpc error: desc = Etag mismatched"}],
    "subcode": "",
}

MEMBERS = ("code", "message", "details", "innererror", "innerError", "target", "subcode")


def told(status: int, code: str, message: str = "", **more: Any) -> Failed:
    return failure_of(status, {"code": code, "message": message, **more}, {}, field="spec.cluster")


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (400, {"code": "CreateVMSSAgentPoolFailed", "details": [{"code": "RequestDisallowedByPolicy", "message": POLICY}]}, "DisallowedByPolicy"),
        (200, {"code": "CreateVMSSAgentPoolFailed", "message": WRAPPED_POLICY}, "DisallowedByPolicy"),
        (200, {"code": "ReconcileVMSSAgentPoolFailed", "message": POLICY}, "DisallowedByPolicy"),
        (200, {"code": "CreateVMSSAgentPoolFailed", "message": f'Code="OperationNotAllowed" Message="{CORES}"'}, "QuotaExceeded"),
        (200, {"code": "ScaleVMSSAgentPoolFailed", "message": 'VMSSAgentPoolReconciler retry failed: Code="AllocationFailed"'}, "NoCapacity"),
        (200, {"code": "CreateVMSSAgentPoolFailed", "message": CSE}, "EgressBlocked"),
        (200, {"code": "ReconcileStandardLoadBalancerError", "details": [{"code": "TooManyRequests", "message": "x"}]}, "Throttled"),
        (200, {"code": "ReconcileStandardLoadBalancerError", "message": "Category: ClientError; SubCode: 'ScopeLocked'"}, "Locked"),
        (409, {"code": "Conflict", "details": [{"code": "X", "details": [{"code": "SubnetIsFull", "message": "m"}]}]}, "SubnetTooSmall"),
        (400, {"code": "DeploymentFailed", "innererror": {"code": "SkuNotAvailable", "message": "m"}}, "VmSizeNotAvailable"),
        (400, {"code": "PreconditionFailed", "message": ARM_IN_TEXT}, "Locked"),
        (412, {"code": "PreconditionFailed", "message": "The etag is another."}, "ConcurrentChange"),
        (400, {"code": "BrandNew", "details": [{"code": "AuthorizationFailed", "message": "m"}]}, "PermissionMissing"),
        (400, {"code": "BadRequest", "message": "Internal server error"}, "AzureUnavailable"),
        (400, {"code": "BadRequest", "message": "The value of parameter x is invalid."}, "InvalidParameter"),
        (409, {**ETAG, "message": "Failed to save. Another operation is in progress, try later."}, "AnotherOperationInProgress"),
        (409, {**ETAG, "message": "Etag mismatched"}, "ConcurrentChange"),
        (409, {"code": "OperationNotAllowed", "message": MUTUAL}, "AnotherOperationInProgress"),
        (429, {"code": "OperationNotAllowed", "message": "too many requests have been received"}, "Throttled"),
        (400, {"code": "LocationNotAvailableForResourceGroup", "message": "The location 'eastuss' is not available"}, "LocationNotOffered"),
        (400, {"code": "SubnetNotAssociatedWithNATGateway", "message": "m"}, "SubnetInvalid"),
        (200, {"code": "NotLatestOperation", "message": "m"}, "Preempted"),
        (200, {"code": "UpgradeFailed", "message": "Eviction failed with Too many Requests error: a restrictive Pod Disruption Budget."},
         "DisruptionNotAllowed"),
        (200, {"code": "NodePoolUpgradeFailed", "message": "Node drain: PodDrainFailure"}, "DisruptionNotAllowed"),
        (400, {"code": "BadRequest", "message": "The VM size of x is not allowed in your subscription in location 'westus'."}, "VmSizeNotAvailable"),
        (200, {"code": "", "message": "Server is busy with other operations."}, "AnotherOperationInProgress"),
        (200, {"code": "", "message": "m"}, "OperationFailed"),
        (200, {}, "OperationFailed"),
        (413, {}, "InvalidParameter"),
        (403, {}, "PermissionMissing"),
        (401, {}, "TokenRefused"),
        (404, {}, "ResourceNotFound"),
        (412, {}, "ConcurrentChange"),
        (429, {}, "Throttled"),
        (502, {}, "AzureUnavailable"),
        (503, {"code": "BrandNew", "message": "m"}, "AzureUnavailable"),
        (400, {"code": "BrandNew", "message": "m"}, "BrandNew"),
        (400, {"code": "BrandNew", "details": None, "innererror": "text", "message": None}, "BrandNew"),
        (400, {"code": "BrandNew", "details": ["text", None, {"code": None}]}, "BrandNew"),
    ],
)  # fmt: skip
def test_the_known_code_is_found_wherever_it_is(status: int, error: dict[str, Any], reason: str) -> None:
    assert failure_of(status, error, {}, field="spec.cluster").reason == reason


def test_a_wrapped_code_is_named_beside_the_one_that_azure_answered_with_its_own_words() -> None:
    failed = told(400, "CreateVMSSAgentPoolFailed", "Failed.", details=[{"code": "RequestDisallowedByPolicy", "message": POLICY}])
    assert (
        failed.message
        == f"spec.cluster: Azure answered CreateVMSSAgentPoolFailed (RequestDisallowedByPolicy): Failed. ({POLICY})"
    )
    assert "exemption" in failed.remedy and "spec.cluster" in failed.remedy


def test_the_cause_at_the_end_of_a_long_text_is_not_cut_off() -> None:
    failed = told(200, "CreateVMSSAgentPoolFailed", "x " * 2000 + WRAPPED_POLICY)
    assert "disallowed by policy" in failed.message and len(failed.message) < 800


def test_a_body_of_any_depth_is_read_in_bounded_time() -> None:
    error: dict[str, Any] = {"code": "RequestDisallowedByPolicy"}
    for _ in range(5000):
        error = {"code": "BrandNew", "details": [error]}
    assert told(400, **error).reason == "BrandNew"
    assert told(400, "BrandNew", "code=" * 100_000).reason == "BrandNew"


def test_a_region_that_azure_does_not_have_is_certain_and_names_its_field() -> None:
    failed = told(
        400, "LocationNotAvailableForResourceGroup", "The provided location 'eastuss' is not available for resource group."
    )
    assert failed.retry_in is None and failed.message.startswith("spec.azure.location: ")
    assert "az account list-locations" in failed.remedy


def test_an_unknown_refusal_calls_a_person_after_some_tries_and_an_outage_does_not() -> None:
    assert told(400, "BrandNew").tries == UNKNOWN_TRIES and told(503, "BrandNew").tries is None
    assert told(400, "BrandNew").last_remedy.startswith("Correct spec.cluster as Azure")


def test_no_code_that_requires_user_action_is_retried_without_limit() -> None:
    passing = {
        "AnotherOperationInProgress", "AzureUnavailable", "Canceled", "ConcurrentChange", "NetworkInUse", "NoCapacity", "Preempted",
        "PrincipalReplicating", "ProviderNotRegistered", "ResourceGroupBeingDeleted", "ResourceGroupNotFound", "RoleAssignmentExists",
        "SubnetInUse", "Throttled", "TokenExpired", "ClusterStopped",
    }  # fmt: skip
    endless = {
        (code, str(row.reason)) for code, rows in CODES.items() for row in rows if row.retry_in is not None and row.tries is None
    }
    assert {pair for pair in endless if pair[1] not in passing} == set()


def test_an_old_token_file_is_not_reported_as_a_wrong_clock() -> None:
    text = "AADSTS700024: Client assertion is not within its valid time range."
    clock = translate(ClientAuthenticationError(text), field="f")
    assert clock.reason == "ClockSkew"
    for error in (FederatedTokenRefused(text), ClientAuthenticationError(f"WorkloadIdentityCredential: {text}")):
        failed = translate(error, field="f")
        assert failed.reason == "FederatedTokenOld" and "token file" in failed.remedy and failed.retry_in


@pytest.mark.parametrize("number", ["700213", "70021"])
def test_a_new_federation_is_waited_for_and_a_missing_one_calls_a_person(number: str) -> None:
    failed = translate(FederatedTokenRefused(f"AADSTS{number}: No matching federated identity record found"), field="f")
    assert failed.reason == "FederationMissing" and failed.retry_in and failed.tries
    waited = sum(failed.retry_in * 2**n for n in range(failed.tries - 1))
    assert 60 <= waited <= 300, "Entra ID takes about a minute"
    assert failed.last_remedy.startswith("Add a federated credential")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(sorted(CODES)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(MEMBERS) | st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON), st.sampled_from([200, 400, 403, 409, 429, 500, 418, None]))
def test_any_body_gives_a_reason_a_sentence_that_names_the_field_and_a_remedy(error: dict[str, Any], status: int | None) -> None:
    failed = failure_of(status, error, {"Retry-After": "x"}, field="spec.cluster")
    assert str(failed.reason)[:1].isalpha() and "spec." in failed.message and failed.remedy.endswith(".")
    assert len(failed.message) < 1000 and (failed.tries is None or failed.last_remedy)
