"""Objects as the API server returns them, for the commands that show them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from notebook_platform.cli.view import View

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    """Return an API time, this number of seconds after NOW."""
    return (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(type_: str, status: str, reason: str, message: str, *, generation: int = 1, since: float = -60) -> dict[str, Any]:
    times = {"observedGeneration": generation, "lastTransitionTime": at(since)}
    return {"type": type_, "status": status, "reason": reason, "message": message, **times}


def body(*conditions: dict[str, Any], generation: int = 1, deleting: bool = False, **status: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"namespace": "platforms", "name": "hub", "uid": "u1", "resourceVersion": "1"}
    metadata |= {"generation": generation} | ({"deletionTimestamp": at(0)} if deleting else {})
    observed = {"observedGeneration": 1, "conditions": list(conditions)} if conditions else {}
    return {"metadata": metadata, "spec": {}, "status": {**observed, **status}}


UP_TO_DATE = condition("NetworkReady", "True", "UpToDate", "Up to date")
CREATING = condition("ClusterReady", "False", "Creating", "Azure operation in progress: create managed cluster aks", since=-30)
WAITING = condition("JupyterHubReady", "Unknown", "Waiting", "Waiting for Cluster")
NOT_READY = condition("Ready", "False", "Creating", "Cluster: Azure operation in progress: create managed cluster aks")
NOT_STALLED = condition("Stalled", "False", "NotStalled", "No action required")
READY = condition("Ready", "True", "Ready", "Up to date")
OPERATION = {
    "step": "Cluster",
    "kind": "create managed cluster aks",
    "started": at(-30),
    "url": "https://management.azure.com/operations/1",
    "percent": 40,
    "expectedEnd": at(200),
}
RELEASE = {"name": "jhub", "namespace": "jhub", "chart": "jupyterhub-4.4.0", "revision": 2, "state": "deployed"}
CLUSTER = {
    "id": "/subscriptions/s/managedClusters/aks",
    "kubernetesVersion": "1.35.1",
    "powerState": "Running",
    "nodes": {"ready": 2, "total": 3},
}
ATTEMPT = {"step": "Cluster", "reason": "QuotaExceeded", "count": 2, "retryAt": at(90)}
PROGRESSING = body(NOT_READY, NOT_STALLED, UP_TO_DATE, CREATING, WAITING, operations=[OPERATION])
WHOLE = body(
    READY,
    NOT_STALLED,
    UP_TO_DATE,
    condition("ClusterReady", "True", "UpToDate", "Up to date"),
    condition("JupyterHubReady", "True", "UpToDate", "Up to date"),
    url="https://hub.example.org",
    cluster=CLUSTER,
    releases=[RELEASE],
    hub={"servers": 12, "homes": 30},
)


def view(document: dict[str, Any]) -> View:
    return View.of(document)
