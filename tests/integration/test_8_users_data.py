"""Users' data: counted, reported, and deleted only after confirmation."""

import json

import pytest
import yaml

from tests.integration.conftest import Field, runbook

NAME = "homes"


def claim(user: str, name: str = "") -> dict:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": name or f"claim-{user}",
            "namespace": "jhub",
            "labels": {"component": "singleuser-storage"},
            "annotations": {"hub.jupyter.org/username": user},
        },
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }


def server(user: str) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"jupyter-{user}", "namespace": "jhub", "labels": {"component": "singleuser-server"}},
        "spec": {"containers": [{"name": "notebook", "image": "example.org/notebook:1"}]},
    }


@pytest.fixture
def ready(site: Field) -> Field:
    """The platform with the homes of two users, one of whom has a server."""
    site.bring(runbook(NAME))
    site.target(NAME, "apply", "-f", _file(site, claim("ada"), claim("grace"), server("ada")))
    return site


@pytest.fixture
def held(site: Field, request: pytest.FixtureRequest) -> Field:
    """The platform, whose deletion was requested and is held."""
    if "deletionTimestamp" not in (site.platform(NAME) or {"metadata": {}})["metadata"]:
        request.getfixturevalue("ready").kubectl("delete", "nbp", NAME, "-n", "platforms", "--wait=false")
    site.until_reason(NAME, "Ready", "HomesWouldBeLost")
    return site


def _file(site: Field, *documents: dict) -> str:
    path = site.directory / "objects.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    return str(path)


def revision(site: Field) -> int:
    return int(next(r["revision"] for r in site.platform(NAME)["status"]["releases"] if r["name"] == "jhub"))


def values(site: Field, **more: object) -> None:
    wanted = runbook(NAME)
    wanted["spec"]["jupyterhub"]["values"] = more
    site.apply(wanted)


def test_servers_and_homes_are_counted(ready: Field) -> None:
    ready.until("they are counted", lambda: ready.platform(NAME)["status"].get("hub") == {"servers": 1, "homes": 2})


def test_a_second_home_of_one_user_is_reported(ready: Field) -> None:
    ready.target(NAME, "create", "-f", _file(ready, claim("ada", "claim-ada---1")))
    ready.until("it is reported", lambda: "ada has two home volumes" in ready.condition(NAME, "DuplicateHomes")["message"])
    ready.target(NAME, "delete", "pvc", "claim-ada---1", "-n", "jhub", "--wait=false")


def test_a_disruptive_change_is_deferred_until_no_server_runs_and_counts_them(ready: Field) -> None:
    before = revision(ready)
    wanted = runbook(NAME, disruption="NoServers")
    wanted["spec"]["jupyterhub"]["values"] = {"custom": {"round": 1}}
    ready.apply(wanted)
    message = ready.until_reason(NAME, "JupyterHubReady", "DisruptionDeferred")["message"]
    assert "values is deferred until 1 user server stops (spec.disruption: NoServers)" in message
    assert ready.condition(NAME, "Ready")["reason"] == "DisruptionDeferred" and revision(ready) == before
    ready.target(NAME, "delete", "pod", "jupyter-ada", "-n", "jhub")
    ready.until_ready(NAME)
    assert revision(ready) == before + 1
    ready.target(NAME, "create", "-f", _file(ready, server("ada")))
    ready.apply(runbook(NAME))
    ready.until_ready(NAME)


def test_a_hub_that_no_longer_watches_kubernetes_is_reported_with_its_users(ready: Field) -> None:
    pod = server("grace")
    pod["metadata"]["annotations"] = {"hub.jupyter.org/username": "grace", "sandbox.notebookplatform.io/unheard": ""}
    pod["spec"]["containers"][0]["image"] = "example.org/does-not-exist:1"  # no other writer of its status
    ready.target(NAME, "create", "-f", _file(ready, pod))
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    status = json.dumps({"status": {"conditions": [condition]}})
    ready.target(NAME, "patch", "pod", "jupyter-grace", "-n", "jhub", "--subresource=status", "--type=strategic", "-p", status)
    message = ready.until_reason(NAME, "JupyterHubReady", "HubStale")["message"]
    assert "the hub still waits for the servers of grace, whose pods are ready" in message
    ready.target(NAME, "delete", "pod", "jupyter-grace", "-n", "jhub", "--grace-period=0", "--force")
    ready.until_ready(NAME)


def test_pulling_of_images_is_reported_with_nodes_and_obstacles(ready: Field) -> None:
    image = "example.org/does-not-exist"
    missing = {"image": {"name": image, "tag": "1"}}  # of the job too, which would otherwise end at once
    values(ready, prePuller={"hook": {"pullOnlyOnChanges": False, **missing}, "pause": missing})
    template = "pulling the images: finished on {} of 3 nodes"
    ready.until("none has it", lambda: template.format(0) in ready.condition(NAME, "JupyterHubReady")["message"])
    ready.until("the image is named", lambda: f"{image}:1" in ready.condition(NAME, "JupyterHubReady")["message"])
    assert ready.condition(NAME, "JupyterHubReady")["reason"] == "Upgrading"
    assert ready.condition(NAME, "AutoscaleReady")["status"] == "True"
    values(ready)
    ready.until_ready(NAME)


def test_a_deletion_that_would_destroy_homes_is_held_and_names_their_users(ready: Field) -> None:
    ready.until("two again", lambda: ready.platform(NAME)["status"]["hub"]["homes"] == 2)
    mark = ready.mark()
    ready.kubectl("delete", "nbp", NAME, "-n", "platforms", "--wait=false")
    message = ready.until_reason(NAME, "Ready", "HomesWouldBeLost")["message"]
    assert "2 home volumes of users (ada, grace) and 1 database of a hub (jhub/hub-db-dir)" in message
    assert "notebookplatform.io/confirm-deletion=3`" in message
    assert ready.condition(NAME, "Stalled")["status"] == "True"
    ready.wait_for_reconciles(2)
    assert ready.writes(mark) == []
    assert json.loads(ready.target(NAME, "get", "pod", "jupyter-ada", "-n", "jhub", "-o", "json"))["status"]["phase"] == "Running"
    ready.kubectl("annotate", "nbp", NAME, "-n", "platforms", "notebookplatform.io/confirm-deletion=2")
    ready.wait_for_reconciles(2)
    assert ready.condition(NAME, "Ready")["reason"] == "HomesWouldBeLost"


def test_once_it_is_confirmed_for_all_of_them_nothing_is_left(held: Field) -> None:
    held.kubectl("annotate", "nbp", NAME, "-n", "platforms", "--overwrite", "notebookplatform.io/confirm-deletion=3")
    held.until("the platform is gone", lambda: held.platform(NAME) is None)
    assert held.resources() == {}
