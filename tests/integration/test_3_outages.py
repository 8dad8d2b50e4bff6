"""The management cluster dies and comes back while the operator works: nothing is lost, and nothing is made twice."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3.exceptions

from tests.api_server import Refused
from tests.integration.conftest import NAMESPACED, Field, runbook

GONE = 410
PLATFORMS = f"/apis/notebookplatform.io/v1alpha1/{NAMESPACED}/notebookplatforms"


@pytest.fixture
def cleared(site: Field) -> Iterator[Field]:
    site.clear()
    yield site
    site.clear()


def answers(site: Field) -> bool:
    """Return whether the management cluster serves platforms."""
    try:
        return site.read(PLATFORMS) is not None
    except (urllib3.exceptions.HTTPError, Refused):
        return False


def crash(site: Field) -> None:
    """Kill etcd and the API server, and wait until they are back with their data."""
    sandbox = json.loads(Path(site.environment["SANDBOX_STATE"], "ready.json").read_text())
    os.kill(sandbox["pid"], signal.SIGUSR1)
    site.until("the API server is gone", lambda: not answers(site))
    site.until("the API server answers again", lambda: answers(site))


def watch_is_cut(site: Field, version: str) -> bool:
    """Return whether a watch from a version gets 410 Gone: its events are no longer known."""
    try:
        event = site.read(f"{PLATFORMS}?watch=1&resourceVersion={version}&timeoutSeconds=1&limit=1")
    except Refused as refused:
        return "too old resource version" in str(refused)
    return bool(event["type"] == "ERROR" and event["object"]["code"] == GONE)


def test_etcd_and_the_api_server_are_killed_while_a_cluster_is_created(cleared: Field) -> None:
    wanted = runbook("crashed", interval="10m", identity={"type": "SystemAssigned"})
    del wanted["spec"]["jupyterhub"]
    mark, operator = cleared.mark(), cleared.operator.pid
    cleared.apply(wanted)
    cleared.until_reason("crashed", "ClusterReady", "Creating")
    version = cleared.platform("crashed")["metadata"]["resourceVersion"]
    crash(cleared)
    cleared.until_ready("crashed")
    assert cleared.operator.pid == operator, "the operator lives on"
    puts = [write for write in cleared.writes(mark, accepted=True) if write.startswith("PUT")]
    assert len(puts) == len(set(puts)) and "PUT managedClusters/aks-crashed" in puts, puts
    assert watch_is_cut(cleared, version), "watches from before begin anew with a list"
    patch = '{"spec":{"azure":{"tags":{"edit":"after"}}}}'
    cleared.kubectl("patch", "nbp", "crashed", "-n", "platforms", "--type=merge", "-p", patch)
    began = time.monotonic()
    cleared.until("an edit is seen, which only the watch can show", lambda: [w for w in cleared.writes(mark) if "tags" in w])
    assert time.monotonic() - began < 60
