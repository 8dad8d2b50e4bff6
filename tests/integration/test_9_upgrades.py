"""Upgrades that protect users: from chart 0.11.1 to 4.4.0 with what the versions require, approved and reported, and with the
same secrets."""

import base64
import json
from typing import Any

import pytest
import yaml

from tests.forked_command import run_command
from tests.integration.conftest import Field, runbook

pytestmark = pytest.mark.story

NAME = "upgrades"
PRIORITIES = {"scheduling": {"podPriority": {"enabled": True}}}
USER = "ada@example.org"


def platform(version: str, values: dict[str, Any] | None = None, approve: str | None = None) -> dict[str, Any]:
    wanted = runbook(NAME)
    wanted["spec"]["jupyterhub"]["chart"]["version"] = version
    wanted["spec"]["jupyterhub"]["values"] = PRIORITIES | (values or {})
    wanted["metadata"]["annotations"] = {"notebookplatform.io/approve": approve} if approve else {}
    return wanted


def revisions(site: Field) -> list[str]:
    listed = site.target(NAME, "get", "secrets", "-n", "jhub", "-l", "owner=helm", "-o", "name")
    return sorted(listed.split())


def kept(site: Field, secret: str, *keys: str) -> list[str]:
    """Return the decoded values of these keys of the chart's Secret."""
    data = json.loads(site.target(NAME, "get", "secret", secret, "-n", "jhub", "-o", "json"))["data"]
    return [base64.b64decode(data[key]).decode() for key in keys]


def run(site: Field, *words: str) -> tuple[int, str]:
    """Return (exit code, output) of a command."""
    done = run_command({**site.operator.environment, "KUBECONFIG": site.environment["KUBECONFIG"]}, *words)
    return done.returncode, done.stdout + done.stderr


def why(site: Field, type_: str = "JupyterHubReady") -> str:
    return str(site.condition(NAME, type_)["message"])


@pytest.mark.parametrize(
    ("version", "values", "words"),
    [
        ("4.4.0", {"hub": {"bogus": 1}}, "additional properties 'bogus' not allowed"),
        ("0.11.1", {"scheduling": {"userScheduler": {"enabled": True}}}, "renders PodDisruptionBudget (policy/v1beta1)"),
    ],
)
def test_a_plan_reports_what_a_chart_refuses_before_the_cluster_exists(
    site: Field, version: str, values: dict, words: str
) -> None:
    wanted = runbook("planned")
    wanted["spec"]["jupyterhub"] |= {"chart": {"version": version}, "values": values}
    path = site.directory / "planned.yaml"
    path.write_text(yaml.safe_dump(wanted))
    code, output = run(site, "plan", "-f", str(path))
    assert code == 1 and "cannot be done: spec.jupyterhub" in output and words in output, output


@pytest.fixture(scope="module")
def old(site: Field) -> Field:
    """A hub with chart 0.11.1, after it was refused for APIs that Kubernetes no longer serves; with a home."""
    site.clear()
    too_old = {"scheduling": {**PRIORITIES["scheduling"], "userScheduler": {"enabled": True}}}
    site.apply(platform("0.11.1", too_old))
    site.until_reason(NAME, "JupyterHubReady", "UnsupportedKubernetes")
    assert "jupyterhub-0.11.1 renders PodDisruptionBudget (policy/v1beta1), which Kubernetes 1." in why(site)
    site.until("the cluster is ready", lambda: site.condition(NAME, "WorkloadClusterReady")["status"] == "True")
    site.wait_for_reconciles(2)
    assert site.condition(NAME, "JupyterHubReady")["reason"] == "UnsupportedKubernetes" and revisions(site) == []
    site.apply(platform("0.11.1"))
    site.until_ready(NAME)
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "claim-ada-40example-2eorg",
            "namespace": "jhub",
            "labels": {"component": "singleuser-storage"},
            "annotations": {"hub.jupyter.org/username": USER},
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    path = site.directory / "claim.yaml"
    path.write_text(yaml.safe_dump(claim))
    site.target(NAME, "create", "-f", str(path))
    return site


def test_an_upgrade_that_migrates_the_database_requires_approval_and_reports_it_everywhere(old: Field) -> None:
    old.apply(platform("4.4.0"))
    old.until_reason(NAME, "JupyterHubReady", "ApprovalNeeded")
    assert "from 0.11.1 to 4.4.0 requires approval, because JupyterHub 5 changes the hub's database" in why(old)
    assert "notebookplatform.io/approve=4.4.0`" in why(old)
    assert old.condition(NAME, "Stalled")["reason"] == old.condition(NAME, "Ready")["reason"] == "ApprovalNeeded"
    assert any(reason == "ApprovalNeeded" for reason, _ in old.events(NAME))
    status = old.platform(NAME)["status"]
    pending = {change["path"]: change for change in status["plan"]}
    assert set(pending) == {
        "releases/jhub/jhub/PriorityClass/jhub-default-priority",
        "releases/jhub/jhub/PriorityClass/jhub-user-placeholder-priority",
        "releases/jhub/jhub/chart",
    }
    assert all("JupyterHub 1.3 cannot read" in change["requiresApproval"] for change in pending.values())
    assert status["hub"] == {"servers": 0, "homes": 1} and status["url"]
    code, output = run(old, "plan", NAME, "-n", "platforms")
    assert (
        code == 2 and "jupyterhub-0.11.1 -> jupyterhub-4.4.0" in output and "waits: spec.jupyterhub: the upgrade from" in output
    ), output
    assert "wait for approval" in output and len(revisions(old)) == 1
    code, output = run(old, "wait", NAME, "-n", "platforms", "--for", "Ready", "--timeout", "1m")
    assert code != 0 and "requires approval" in output, output


def test_an_approval_of_another_version_changes_nothing(old: Field) -> None:
    old.apply(platform("4.4.0", approve="3.3.8"))
    old.until_reason(NAME, "JupyterHubReady", "ApprovalNeeded")
    assert len(revisions(old)) == 1


def test_a_hub_that_requires_approval_is_still_repaired_and_checked(old: Field) -> None:
    old.target(NAME, "delete", "deployment", "hub", "-n", "jhub")
    old.target(NAME, "scale", "deployment", "proxy", "--replicas=0", "-n", "jhub")

    def whole() -> bool:
        found = old.target(NAME, "get", "deployments", "-n", "jhub", "-o", "jsonpath={.items[*].status.readyReplicas}")
        return found.split() == ["1", "1"]

    old.until("they are made anew", whole)
    old.target(NAME, "annotate", "namespace", "jhub", "sandbox.notebookplatform.io/ill=yes")
    message = old.until_reason(NAME, "JupyterHubReady", "Unhealthy")["message"]
    assert "/hub/health answers 503" in message and "requires approval" in message
    old.target(NAME, "annotate", "namespace", "jhub", "sandbox.notebookplatform.io/ill-")
    old.until_reason(NAME, "JupyterHubReady", "ApprovalNeeded")
    assert len(revisions(old)) == 1


def test_once_approved_it_goes_and_the_secrets_the_names_and_the_homes_stay(old: Field) -> None:
    before = kept(old, "hub-secret", "proxy.token", "hub.cookie-secret", "auth.crypt-keys")
    old.apply(platform("4.4.0", approve="4.4.0"))
    old.until_ready(NAME)
    keys = ("ConfigurableHTTPProxy.auth_token", "JupyterHub.cookie_secret", "CryptKeeper.keys")
    assert kept(old, "hub", *(f"hub.config.{key}" for key in keys)) == before
    values = yaml.safe_load(kept(old, "hub", "values.yaml")[0])
    assert values["hub"]["config"]["KubeSpawner"]["slug_scheme"] == "escape"
    assert values["singleuser"]["storage"]["dynamic"]["pvcNameTemplate"] == "claim-{username}{servername}"
    owned = json.loads(old.target(NAME, "get", "priorityclass", "jhub-default-priority", "-o", "json"))["metadata"]
    assert owned["annotations"]["meta.helm.sh/release-name"] == "jhub"
    claims = old.target(NAME, "get", "pvc", "-n", "jhub", "-o", "name").split()
    assert sorted(claims) == ["persistentvolumeclaim/claim-ada-40example-2eorg", "persistentvolumeclaim/hub-db-dir"]
    assert len(revisions(old)) == 2 and old.platform(NAME)["status"].get("plan", []) == []


def test_a_change_of_names_that_would_hide_homes_needs_approval(old: Field) -> None:
    old.apply(platform("4.4.0", {"hub": {"config": {"KubeSpawner": {"slug_scheme": "safe"}}}}))
    old.until_reason(NAME, "JupyterHubReady", "ApprovalNeeded")
    assert f"slug_scheme goes from escape to safe, and the home volume is no longer found of {USER}" in why(old)


def test_the_way_back_is_asked_for_too(old: Field) -> None:
    old.apply(platform("0.11.1"))
    old.until("it is reported", lambda: "JupyterHub 1.3 cannot read the database of JupyterHub 5" in why(old))
    old.apply(platform("4.4.0"))
    old.until_ready(NAME)
    assert len(revisions(old)) == 2


def test_nothing_is_left_when_the_platform_goes(old: Field) -> None:
    wanted = platform("4.4.0")
    wanted["metadata"]["annotations"] = {"notebookplatform.io/confirm-deletion": "1"}
    old.apply(wanted)
    old.kubectl("delete", "nbp", NAME, "-n", "platforms", "--wait=false")
    old.until("it is gone", lambda: old.platform(NAME) is None)
