"""Which state a release is in, from what Helm wrote down and what we last began."""

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
from notebook_platform.helm.charts import ChartRef, ChartSource
from notebook_platform.helm.errors import failure
from notebook_platform.helm.release import Release, decode
from notebook_platform.helm.state import State, Wanted, state_of

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
        (release(), 2, State.IN_LINE),
        (release(config={"a": 2}), 2, State.OUTDATED),
        (release(version="4.3.0"), 2, State.OUTDATED),
        (release("failed"), 2, State.FAILED),
        (release("pending-install", revision=1), 1, State.ABANDONED),
        (release("pending-upgrade"), 2, State.ABANDONED),
        (release("pending-upgrade"), 1, State.HELD),
        (release("pending-upgrade"), None, State.HELD),
        (release("pending-upgrade", minutes=60), None, State.STUCK),
        (release("pending-rollback", minutes=60), 1, State.STUCK),
        (release("uninstalling"), 1, State.HELD),
    ],
)
def test_every_state_has_its_word(found: Release | None, ours: int | None, state: State) -> None:
    assert state_of(found, WANTED, our_revision=ours, now=NOW, patience=timedelta(minutes=20)) is state


def encoded(document: dict) -> str:
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(document).encode()))).decode()


def test_a_release_is_read_as_helm_writes_it() -> None:
    document = {
        "name": "jhub",
        "namespace": "jhub",
        "version": 3,
        "info": {"status": "deployed", "last_deployed": "2026-11-23T22:56:40.779663418Z", "description": "Upgrade complete"},
        "chart": {"metadata": {"name": "jupyterhub", "version": "4.4.0"}},
        "config": {"hub": {"x": 1}},
        "manifest": "---\nkind: Service\nmetadata: {name: a}\n---\n",
    }
    found = decode(encoded(document), "s")
    assert (found.revision, found.status, found.chart_version) == (3, "deployed", "4.4.0")
    assert found.last_deployed == datetime(2026, 11, 23, 22, 56, 40, 779663, tzinfo=UTC)
    assert [o["kind"] for o in found.objects()] == ["Service"]
    assert "hub" not in repr(found).split("config")[0] or "'x': 1" not in repr(found)


def test_what_is_not_a_release_is_said_to_be_none() -> None:
    with pytest.raises(ValueError, match="not a release"):
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
        ("Error: something nobody has met", "HelmFailed", False),
    ],
)
def test_helms_words_have_a_reason_and_a_remedy(words: str, reason: str, terminal: bool) -> None:
    found = failure(words, "spec.jupyterhub")
    assert found.reason == reason and found.remedy and "spec.jupyterhub" in found.message
    assert (found.retry_in is None) is terminal


def test_a_chart_comes_from_the_directory_first_and_only_from_allowed_repositories(tmp_path) -> None:
    (tmp_path / "jupyterhub-4.4.0.tgz").write_bytes(b"")
    source = ChartSource(directory=tmp_path, repository="https://charts.example.org", allowed=("https://charts.example.org",))
    assert source.find("jupyterhub", "4.4.0", None, "f").reference.endswith("jupyterhub-4.4.0.tgz")
    assert source.find("jupyterhub", "4.3.0", None, "f").repository == "https://charts.example.org"
    with pytest.raises(Exception, match="RepositoryNotAllowed"):
        source.find("jupyterhub", "4.4.0", "https://evil.example.org", "f")
