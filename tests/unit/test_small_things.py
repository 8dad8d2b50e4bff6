"""Small pure functions: durations, versions, redaction, errors, throttling, subnets, references of a spec."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.aio.client.exceptions import ApiException
from notebook_platform.api.durations import iso8601, parse_duration
from notebook_platform.api.references import references
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.addresses import subnet_findings
from notebook_platform.azure.arm.error_table import CODES
from notebook_platform.azure.arm.errors import failure_of
from notebook_platform.azure.arm.ownership import Owner
from notebook_platform.azure.arm.sign_in_table import AADSTS
from notebook_platform.azure.versions import downgrade, next_version, satisfies
from notebook_platform.bounded.http import AnswerTooLarge
from notebook_platform.engine import Operation
from notebook_platform.kube.operation_record import OperationScope
from notebook_platform.kube.operations import OperationStore
from notebook_platform.kube.secrets import Platform
from notebook_platform.workload import errors

from tests.unit.azure.specs import runbook_spec
from tests.unit.kube.memory import Secrets

NOW = datetime(2026, 11, 25, 3, tzinfo=UTC)


@pytest.mark.parametrize(("text", "iso"), [("90s", "PT1M30S"), ("10m", "PT10M"), ("1h", "PT1H"), ("7d", "P7D"), ("1w", "P7D")])
def test_durations_read_as_people_write_them_and_write_as_azure_reads_them(text: str, iso: str) -> None:
    assert iso8601(parse_duration(text)) == iso


@given(st.text(max_size=6))
def test_anything_else_is_no_duration(text: str) -> None:
    try:
        assert parse_duration(text) > timedelta(0)
    except ValueError as error:
        assert "not a duration" in str(error)


def test_versions_move_one_minor_at_a_time_and_never_back() -> None:
    assert satisfies("1.35.1", "1.35") and satisfies("1.35.1", "1.35.1") and not satisfies("1.35.1", "1.3")
    assert next_version("1.34.2", "1.36") == "1.35"
    assert next_version("1.35.1", "1.36.0") == "1.36.0"
    assert next_version("1.35.0", "1.35.1") == "1.35.1"
    refused = downgrade("1.35.1", "1.34", "spec.cluster.kubernetesVersion")
    assert refused is not None and refused.reason == "VersionDowngrade" and "1.35.1 or later" in refused.remedy
    assert downgrade("1.35.1", "1.35", "f") is None and downgrade("1.35.1", "1.36", "f") is None


ROWS = [(code, row) for code, rows in CODES.items() for row in rows]


@pytest.mark.parametrize(("code", "row"), ROWS, ids=[f"{c}-{r.contains or ''}" for c, r in ROWS])
def test_every_code_of_the_table_has_a_reason_and_a_remedy(code: str, row) -> None:
    failed = failure_of(409, {"code": code, "message": f"words {row.contains or ''}"}, {}, field="spec.cluster")
    assert failed.reason and failed.reason[0].isupper() and failed.reason.isalnum()
    assert failed.remedy.endswith(".") and code in failed.message and (row.field or "spec.cluster") in failed.message


def test_the_codes_that_azure_is_known_to_answer_are_all_in_the_table() -> None:
    met = [
        "ResourceGroupNotFound",
        "ResourceNotFound",
        "ResourceGroupBeingDeleted",
        "MissingSubscriptionRegistration",
        "SubscriptionNotFound",
        "ReadOnlyDisabledSubscription",
        "AuthorizationFailed",
        "LinkedAuthorizationFailed",
        "InvalidAuthenticationTokenTenant",
        "ExpiredAuthenticationToken",
        "RoleAssignmentExists",
        "RoleAssignmentUpdateNotPermitted",
        "PrincipalNotFound",
        "ServicePrincipalNotFound",
        "ServicePrincipalValidationClientError",
        "QuotaExceeded",
        "ErrCode_InsufficientVCPUQuota",
        "SkuNotAvailable",
        "VMSizeNotSupported",
        "InsufficientSubnetSize",
        "SubnetIsFull",
        "InUseSubnetCannotBeDeleted",
        "ServiceCidrOverlapExistingSubnetsCidr",
        "K8sVersionNotSupported",
        "AgentPoolK8sVersionNotSupported",
        "PropertyChangeNotAllowed",
        "InvalidParameter",
        "BadRequest",
        "ScopeLocked",
        "RequestDisallowedByPolicy",
        "TooManyRequests",
        "SubscriptionRequestsThrottled",
        "InternalServerError",
        "ServerTimeout",
        "GatewayTimeout",
        "OperationNotAllowed",
        "AnotherOperationInProgress",
    ]
    assert [code for code in met if code not in CODES] == []
    assert set(AADSTS) >= {"7000215", "7000222", "700016", "90002", "700213"}


def test_an_unknown_code_shows_itself_and_is_tried_again() -> None:
    failed = failure_of(400, {"code": "BrandNewTrouble", "message": "words"}, {}, field="spec.cluster")
    assert failed.reason == "BrandNewTrouble" and failed.retry_in


def test_a_code_with_two_meanings_is_resolved_by_its_text() -> None:
    busy = failure_of(409, {"code": "OperationNotAllowed", "message": "Another operation is in progress"}, {}, field="f")
    never = failure_of(
        400, {"code": "OperationNotAllowed", "message": "Upgrading Kubernetes version 1 to 3 is not allowed"}, {}, field="f"
    )
    assert busy.retry_in and never.retry_in is None


@pytest.mark.parametrize(
    ("asked", "waits"),
    [("17", 17), ("1000000000", 3600), ("9" * 60, 3600), ("Fri, 31 Dec 2999 23:59:59 GMT", 3600)]
    + [
        (text, None)
        for text in ("0", "-1", "nan", "9" * 9000, "Thu, 01 Jan 1970 00:00:00 GMT", "31 Feb 2026 00:00:00 GMT", "(((")
    ],
)
def test_throttling_waits_for_azures_retry_after(asked: str, waits: float | None) -> None:
    refused = failure_of(429, {"code": "TooManyRequests"}, {"Retry-After": asked}, field="f")
    assert refused.retry_in == (waits or failure_of(429, {"code": "TooManyRequests"}, {}, field="f").retry_in)


def test_a_subnet_too_small_for_its_pods_is_found_before_creation() -> None:
    spec = runbook_spec()
    assert list(subnet_findings(NotebookPlatformSpec.model_validate(spec))) == []
    spec["network"]["subnet"]["addressPrefix"] = "10.240.0.0/25"
    ((reason, sentence, _),) = subnet_findings(NotebookPlatformSpec.model_validate(spec))
    assert reason == "SubnetTooSmall" and "123 addresses" in sentence and "217" in sentence
    spec["cluster"]["network"] = {"pluginMode": "overlay"}
    assert list(subnet_findings(NotebookPlatformSpec.model_validate(spec))) == []


def test_ours_unowned_and_anothers_are_distinguished() -> None:
    owner = Owner(cluster_id="c", namespace="n", name="p", uid="u")
    assert owner.ownership_conflict("x", "f", {"notebookplatform-owner": "c/n/p/u"}, "Never") is None
    assert owner.ownership_conflict("x", "f", {}, "IfUnowned") is None
    assert owner.ownership_conflict("x", "f", {}, "Never").reason == "NotOwned"  # type: ignore[union-attr]
    assert owner.ownership_conflict("x", "f", {"notebookplatform-owner": "c/n/p/v"}, "IfUnowned").reason == "OwnedByAnother"  # type: ignore[union-attr]


def test_every_reference_of_a_spec_is_watched_and_free_values_are_not_searched() -> None:
    spec = runbook_spec()
    spec["jupyterhub"] = {
        "valuesFrom": [{"kind": "ConfigMap", "name": "more", "key": "k"}, {"kind": "Secret", "name": "most"}],
        "values": {"secretRef": {"name": "not-ours"}},
        "auth": {"oidc": {"issuer": "https://a.example.org", "clientId": "hub", "clientSecretRef": {"name": "oidc"}}},
        "chart": {"version": "4.4.0"},
    }
    spec["jupyterhub"]["database"] = {"urlRef": {"name": "database", "key": "url"}}
    spec["nodePools"][0]["nodeLabels"] = {"tokenRef": "abc", "valuesFrom": "abc"}
    found = references(NotebookPlatformSpec.model_validate(spec))
    secrets = {("Secret", name) for name in ("azure-credentials", "most", "oidc", "database")}
    assert found == secrets | {("ConfigMap", "more")}


async def test_operations_that_are_accepted_at_once_are_all_written_down() -> None:
    class Slow(Secrets):
        platform = Platform(namespace="platforms", name="lab", uid="uid-1")

        async def own(self, name: str, *, orphaned: bool = True, plain: bool = False) -> Mapping[str, str] | None:
            await asyncio.sleep(0)
            return await super().own(name)

        async def apply(self, name: str, data: Mapping[str, str], *, hidden: Mapping[str, str] | None = None) -> None:
            before = dict(self.data.get(name, {}))
            await asyncio.sleep(0)
            assert self.data.get(name, {}) == before, "two writers at a time"
            await super().apply(name, data)

    secrets, scope = Slow(), OperationScope(resource_manager="https://arm.example", subscription_id="s")
    store, now = OperationStore(secrets), datetime.now(UTC)  # type: ignore[arg-type]
    address = "https://arm.example/subscriptions/s/providers/Microsoft.ContainerService/locations/eastus/operations"
    operations = {
        key: Operation(kind=f"create {key}", url=f"{address}/{place}", started=now, expected=1)
        for place, key in enumerate(("A", "B/c", "D"))
    }
    assert await store.load(scope) == {}
    await asyncio.gather(*(store.save(key, operation) for key, operation in operations.items()))
    assert await OperationStore(secrets).load(scope) == operations  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ApiException(status=429, reason="Too Many Requests"), "ClusterBusy"),
        (ApiException(status=503, reason="Service Unavailable"), "ClusterBusy"),
        (ApiException(status=403, reason="Forbidden"), "ClusterForbids"),
        (ApiException(status=401, reason="Unauthorized"), "ClusterForbids"),
        (ConnectionResetError(), "ClusterUnreachable"),
        (aiohttp.ServerDisconnectedError(), "ClusterUnreachable"),
        (AnswerTooLarge("an answer"), "ClusterAnswerRefused"),
        (ApiException(status=422, reason="Unprocessable"), None),
        (KeyError("secret-word"), None),
    ],
)
def test_a_refusal_of_the_clusters_api_has_a_reason_and_is_retried(error: Exception, reason: str | None) -> None:
    found = errors.failure(error, "spec.jupyterhub")
    assert (found.reason if found else None) == reason
    assert found is None or (found.message.startswith("spec.jupyterhub: ") and found.retry_in)
