"""The state of a release, from Helm's records and the operator's last action."""

import base64
import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.api.remediation import Remediation
from notebook_platform.helm.charts import ChartRef, ChartSource
from notebook_platform.helm.errors import failure
from notebook_platform.helm.release import Release, as_stored_values, decode
from notebook_platform.helm.state import Record, State, Wanted, state_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
WANTED = Wanted(name="jhub", namespace="jhub", chart=ChartRef(name="jupyterhub", version="4.4.0", reference="x"), values={"a": 1})


def release(
    status: str = "deployed", *, revision: int = 2, version: str = "4.4.0", config: dict | None = None, minutes: int = 1
) -> Release:
    return Release(
        name="jhub",
        namespace="jhub",
        revision=revision,
        status=status,
        chart="jupyterhub",
        chart_version=version,
        description="",
        last_deployed=NOW - timedelta(minutes=minutes),
        config={"a": 1} if config is None else config,
        manifest="",
        secret_name="sh.helm.release.v1.jhub.v2",
    )


@pytest.mark.parametrize(
    ("found", "ours", "state"),
    [
        (None, None, State.ABSENT),
        (release("uninstalled"), 2, State.ABSENT),
        (release(), 2, State.IN_SYNC),
        (release(config={"a": 2}), 2, State.OUT_OF_SYNC),
        (release(version="4.3.0"), 2, State.OUT_OF_SYNC),
        (release("superseded"), 2, State.OUT_OF_SYNC),
        (release("unknown"), 2, State.OUT_OF_SYNC),
        (release("failed"), 2, State.FAILED),
        (release("pending-install", revision=1), 1, State.LOCK_STALE),
        (release("pending-upgrade"), 2, State.LOCK_STALE),
        (release("pending-upgrade"), 1, State.LOCKED),
        (release("pending-upgrade"), None, State.LOCKED),
        (release("pending-upgrade", minutes=60), None, State.LOCK_TIMEOUT),
        (release("pending-rollback", minutes=60), 1, State.LOCK_TIMEOUT),
        (release("pending-upgrade", minutes=-60), None, State.LOCK_TIMEOUT),
        (release("uninstalling"), 1, State.LOCKED),
        (release("uninstalling"), 2, State.LOCKED),
        (replace(release("uninstalling", minutes=60), deleted=NOW - timedelta(minutes=1)), 2, State.LOCKED),
        (replace(release("uninstalling", minutes=60), deleted=NOW - timedelta(minutes=30)), 2, State.LOCK_TIMEOUT),
    ],
)
def test_every_state_has_its_word(found: Release | None, ours: int | None, state: State) -> None:
    assert state_in(Record(newest=found, begun=ours)) is state


def test_an_uninstallation_that_died_is_ours_only_when_we_began_it() -> None:
    dead = release("uninstalling", minutes=60)
    assert state_in(Record(newest=dead, begun=2, removing=True)) is State.LOCK_STALE
    assert state_in(Record(newest=dead, begun=2)) is State.LOCK_TIMEOUT


def state_in(record: Record, **remedies: object) -> State:
    found = Remediation.model_validate(remedies)
    return state_of(record, WANTED, found, now=NOW, lock_timeout=timedelta(minutes=20))


def test_a_release_that_is_as_wanted_and_not_ours_yet_is_to_be_marked() -> None:
    assert state_in(Record(newest=release())) is State.UNMANAGED


BAD = release("failed", revision=3, minutes=5)
GOOD = release(revision=2, config={"a": 0})
BACK = release(revision=4, config={"a": 0})


@pytest.mark.parametrize(
    ("record", "remedies", "state"),
    [
        (Record(newest=release("failed", minutes=0), begun=2), {}, State.BACKING_OFF),
        (Record(newest=release("failed", minutes=-1), begun=2), {"wait": "2m"}, State.BACKING_OFF),
        (Record(newest=release("failed", minutes=-600), begun=2), {}, State.FAILED),  # the clock was set back
        (Record(newest=BAD, begun=3), {}, State.FAILED),
        (Record(newest=BAD, begun=3), {"retries": 0}, State.RETRIES_EXHAUSTED),
        (Record(newest=BAD, begun=3, failed=release("failed"), counted=3), {}, State.RETRIES_EXHAUSTED),
        (Record(newest=BAD, begun=3, failed=release("failed"), counted=2), {"wait": "1h"}, State.BACKING_OFF),
        (Record(newest=BAD, begun=3, good=GOOD), {"strategy": "Rollback"}, State.ROLLBACK_DUE),
        (Record(newest=BAD, begun=3, good=GOOD), {"strategy": "Rollback", "retries": 0}, State.ROLLBACK_DUE),
        (Record(newest=BAD, begun=3, good=None), {"strategy": "Rollback"}, State.FAILED),
        (Record(newest=BACK, begun=4, failed=BAD, counted=1), {"strategy": "Rollback"}, State.FAILED),
        (Record(newest=BACK, begun=4, failed=BAD, counted=4), {"strategy": "Rollback"}, State.RETRIES_EXHAUSTED),
        (Record(newest=BACK, begun=4, failed=release("failed", config={"a": 7}), counted=4), {}, State.OUT_OF_SYNC),
        (Record(newest=release("failed", config={"a": 7}), begun=2, failed=BAD, counted=9), {}, State.RETRIES_EXHAUSTED),
    ],
)
def test_failures_count_against_what_is_wanted_and_only_that(record: Record, remedies: dict, state: State) -> None:
    assert state_in(record, **remedies) is state


@given(st.integers(0, 10), st.sampled_from(["Retry", "Rollback"]), st.booleans())
def test_whatever_the_remedies_helm_ends_after_so_many_tries(retries: int, strategy: str, reversible: bool) -> None:
    """Helm fails on every try: it runs as often as the remedies allow, then never again."""
    newest, failed, counted, runs, now = release(revision=1, config={"a": 0}), None, 0, 0, NOW
    remedies = Remediation.model_validate({"retries": retries, "strategy": strategy})
    for _ in range(100):
        good = GOOD if reversible and newest.status == "failed" else None
        record = Record(newest=newest, begun=newest.revision, good=good, failed=failed, counted=counted)
        state = state_of(record, WANTED, remedies, now=now, lock_timeout=timedelta(minutes=20))
        if state is State.RETRIES_EXHAUSTED:
            break
        if state is State.BACKING_OFF:
            now += timedelta(hours=1)
            continue
        failed, counted = record.last_failure(WANTED), record.attempts(WANTED)
        back = state is State.ROLLBACK_DUE
        runs += not back
        newest = replace(
            release("deployed" if back else "failed", revision=newest.revision + 1, config={"a": 0} if back else None),
            last_deployed=now,
        )
    assert state is State.RETRIES_EXHAUSTED and runs == retries + 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(), st.lists
    )
)
def test_values_are_read_from_helms_storage_as_they_were_written(value: object) -> None:
    kept = as_stored_values({"a": value})
    assert as_stored_values(kept) == kept
    assert decode(encoded(DOCUMENT | {"config": kept})).config == kept


DOCUMENT = {
    "name": "jhub",
    "namespace": "jhub",
    "version": 3,
    "info": {"status": "deployed", "last_deployed": "2026-11-23T22:56:40.779663418Z", "description": "Upgrade complete"},
    "chart": {"metadata": {"name": "jupyterhub", "version": "4.4.0"}},
    "config": {"hub": {"x": 1}},
    "manifest": "---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\n",
}


def encoded(document: dict) -> str:
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(document).encode()))).decode()


def test_a_release_is_read_as_helm_writes_it() -> None:
    found = decode(encoded(DOCUMENT), "sh.helm.release.v1.jhub.v3")
    assert (found.revision, found.status, found.chart_version) == (3, "deployed", "4.4.0")
    assert found.last_deployed == datetime(2026, 11, 23, 22, 56, 40, 779663, tzinfo=UTC)
    assert [o["kind"] for o in found.objects()] == ["Service"]
    assert "hub" not in repr(found).split("config")[0] or "'x': 1" not in repr(found)


def test_data_that_are_no_release_are_rejected() -> None:
    with pytest.raises(ValueError, match="gzip"):
        decode(base64.b64encode(base64.b64encode(b"nonsense")).decode())


@pytest.mark.parametrize(
    ("words", "reason", "terminal"),
    [
        (
            "Error: values don't meet the specifications of the schema(s): at '/hub': additional properties 'x'",
            "ValuesRefused",
            True,
        ),
        (
            'Error: resource mapping not found for name: "hub": no matches for kind "PodDisruptionBudget"',
            "UnsupportedKubernetes",
            True,
        ),
        (
            "Error: chart requires kubeVersion: >=1.28.0-0 which is incompatible with Kubernetes v1.19.6",
            "UnsupportedKubernetes",
            True,
        ),
        ('Error: chart "jupyterhub" matching 9.9.9 not found in hub index', "ChartNotFound", True),
        ("Error: another operation (install/upgrade/rollback) is in progress", "ReleaseLocked", False),
        ("Error: UPGRADE FAILED: pre-upgrade hooks failed: timed out waiting for the condition", "HookFailed", False),
        ("Error: invalid ownership metadata; label validation error", "OwnershipConflict", True),
        ('Error: failed to perform "FetchReference" on source: r.example.org/charts/x:7.0.0: not found', "ChartNotFound", True),
        ('Error: failed to perform "FetchReference" on source: localhost:40321/charts/x:7.0.0: not found', "ChartNotFound", True),
        (
            'Error: failed to perform "FetchReference" on source: GET "https://r.example.org/v2/x": response status code 401: unauthorized',
            "RepositoryRefused",
            True,
        ),
        ("Error: failed to fetch https://r.example.org/x-1.0.0.tgz : 403 Forbidden", "RepositoryRefused", True),
        ("Error: something unknown", "HelmFailed", False),
    ],
)
def test_helms_words_have_a_reason_and_a_remedy(words: str, reason: str, terminal: bool) -> None:
    found = failure(words, "spec.jupyterhub")
    assert found.reason == reason and found.remedy and "spec.jupyterhub" in found.message
    assert (found.retry_in is None) is terminal


BANNER = f"""
{"#" * 81}
######   BREAKING: The config values passed contained no longer accepted    #####
######             options. See the messages below for more details.        #####
######                                                                      #####
######             To verify your updated config is accepted, you can use   #####
######             the `helm template` command.                             #####
{"#" * 81}
"""


@pytest.mark.parametrize(
    "cause",
    ["RENAMED: hub.fsGid must be configured via hub.podSecurityContext.fsGroup", "nil pointer evaluating interface {}.tag"],
)
@pytest.mark.parametrize("before", [BANNER, 20 * 'template: jupyterhub/templates/hub.yaml:1:2: executing "hub" at <include>: '])
def test_the_cause_of_a_refusal_of_the_chart_is_shown(before: str, cause: str) -> None:
    warning = "coalesce.go:298: warning: cannot overwrite table with non table for jupyterhub.hub.config (map[])"
    words = f"{warning}\nError: execution error at (jupyterhub/templates/NOTES.txt:85:4): {before}\n\n{cause}\n\nUse --debug flag to render"
    found = failure(words, "spec.jupyterhub")
    assert cause in found.message and "cannot overwrite table" in found.message and "Use --debug" not in found.message
    assert "####" not in found.message and len(found.message) <= 540


EXISTS = "Error: Unable to continue with install: {} exists and cannot be imported into the current release: invalid ownership metadata; {}"
OTHER = 'annotation validation error: key "meta.helm.sh/release-{}" must equal "b": current value is "a"'
UNMARKED = 'annotation validation error: missing key "meta.helm.sh/release-name": must be set to "b"'


@pytest.mark.parametrize(
    ("thing", "why", "field", "remedy"),
    [
        (
            'ClusterRole "jhub-user-scheduler" in namespace ""',
            OTHER.format("namespace"),
            "spec.jupyterhub",
            "Choose another spec.jupyterhub.release (remove spec.jupyterhub, then apply it with the other name). "
            "Keep ClusterRole jhub-user-scheduler: the release of the same name in namespace a uses it.",
        ),
        (
            'PriorityClass "jhub-default-priority" in namespace ""',
            f"{OTHER.format('name')}; {OTHER.format('namespace')}",
            "spec.releases[certs]",
            "Choose another spec.releases[certs].name. Keep PriorityClass jhub-default-priority: release a in namespace a uses it.",
        ),
        (
            'Service "hub" in namespace "b"',
            OTHER.format("name"),
            "spec.binderhub",
            "Choose another spec.binderhub.namespace (remove spec.binderhub, then apply it with the other name). "
            "Keep Service hub: release a uses it.",
        ),
        (
            'Service "hub" in namespace "b"',
            UNMARKED,
            "spec.jupyterhub",
            "Check what uses Service hub in namespace b, which no Helm release created. Delete it if it is unused, or choose another "
            "spec.jupyterhub.release.",
        ),
    ],
)
def test_an_object_of_another_release_is_not_to_be_deleted(thing: str, why: str, field: str, remedy: str) -> None:
    found = failure(EXISTS.format(thing, why), field)
    assert (found.reason, found.remedy, found.retry_in) == ("OwnershipConflict", remedy, None)


@pytest.mark.parametrize(
    "words",
    [
        'create: failed to create: Secret "sh.helm.release.v1.jhub.v1" is invalid: data: Too long: may not be more than 1048576 bytes',
        'Secret "hub" is invalid: data: Too long: must have at most 1048576 bytes',
        "failed to create resource: etcdserver: request is too large",
        "rpc error: code = ResourceExhausted desc = trying to send message larger than max (3145728 vs. 2097152)",
        "Request entity too large: limit is 3145728",
    ],
)
def test_a_release_that_is_too_large_is_not_retried(words: str) -> None:
    found = failure(f"Error: INSTALLATION FAILED: {words}", "spec.jupyterhub")
    assert (found.reason, found.retry_in) == ("ValuesTooLarge", None) and "ConfigMaps" in found.remedy


def test_a_chart_comes_from_the_directory_first_and_only_from_allowed_repositories(tmp_path) -> None:
    (tmp_path / "jupyterhub-4.4.0.tgz").write_bytes(b"")
    source = ChartSource(directory=tmp_path, repository="https://charts.example.org", allowed=("https://charts.example.org",))
    assert source.find("jupyterhub", "4.4.0", None, "f").reference.endswith("jupyterhub-4.4.0.tgz")
    assert source.find("jupyterhub", "4.3.0", None, "f").repository == "https://charts.example.org"
    with pytest.raises(Exception, match="RepositoryNotAllowed"):
        source.find("jupyterhub", "4.4.0", "https://evil.example.org", "f")
