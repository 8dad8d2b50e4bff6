"""An object that the cluster's API does not compare has unknown drift, not none; one that has not changed is not compared again."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from notebook_platform.helm.compared import ComparedObjects
from notebook_platform.helm.drift import Comparison, Drift, drifted, unknown_notice
from notebook_platform.helm.object_client import Served
from notebook_platform.helm.release import Release

MANIFEST = """apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {a: b}
"""
RELEASE = Release(
    name="jhub",
    namespace="jhub",
    revision=1,
    status="deployed",
    chart="jupyterhub",
    chart_version="4.4.0",
    description="",
    last_deployed=None,
    config={},
    manifest=MANIFEST,
    secret_name="sh.helm.release.v1.jhub.v1",
)
LIVE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "one", "namespace": "jhub", "resourceVersion": "1"},
    "data": {"a": "b"},
}
DISCOVERY = {
    "/version": {"major": "1", "minor": "35", "gitVersion": "v1.35.0"},
    "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {"name": "configmaps", "singularName": "", "namespaced": True, "kind": "ConfigMap", "verbs": ["get", "patch", "list"]}
        ],
    },
}


class Cluster:
    """A cluster's API that answers a dry run with a status of the test's choice."""

    def __init__(self) -> None:
        self.status = 200
        self.version = "1"
        self.dry_runs = 0
        self.deleted = False
        """Another client deletes the object after it was read for the first time."""
        self.absent: set[str] = set()
        """Paths that are answered with 404."""
        self.requests: list[tuple[str, bool]] = []
        """The paths, and whether the metadata alone were requested."""
        self.metadata = ""
        """The body that answers a request of the metadata alone; empty: the object."""

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append((request.path, "PartialObjectMetadata" in request.headers.get("Accept", "")))
        if request.path in self.absent:
            return web.json_response({"kind": "Status", "status": "Failure", "reason": "NotFound"}, status=404)
        if self.metadata and self.requests[-1][1]:
            return web.Response(text=self.metadata, content_type="application/json")
        if request.path in DISCOVERY:
            return web.json_response(DISCOVERY[request.path])
        self.dry_runs += request.method == "PATCH"
        if request.method == "PATCH" and self.status != 200:
            return web.json_response({"kind": "Status", "status": "Failure", "message": "denied"}, status=self.status)
        if self.deleted and self.dry_runs:
            if request.method == "GET":
                return web.json_response({"kind": "Status", "status": "Failure", "reason": "NotFound"}, status=404)
            return web.json_response({**LIVE, "metadata": {"name": "one", "namespace": "jhub"}})
        return web.json_response({**LIVE, "metadata": {**LIVE["metadata"], "resourceVersion": self.version}})


@pytest.fixture
async def cluster() -> AsyncIterator[tuple[Cluster, Any]]:
    found = Cluster()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", found.answer)
    server = TestServer(app)
    await server.start_server()
    api = client.ApiClient(client.Configuration(host=str(server.make_url("")).rstrip("/")))
    yield found, api
    await api.close()
    await server.close()


@pytest.mark.parametrize(
    ("status", "unknown"), [(200, ()), (404, ()), (409, ()), (403, ("ConfigMap/one (403)",)), (500, ("ConfigMap/one (500)",))]
)
async def test_an_object_that_is_not_compared_is_reported(
    cluster: tuple[Cluster, Any], status: int, unknown: tuple[str, ...]
) -> None:
    cluster[0].status = status
    found = await drifted(cluster[1], RELEASE, ComparedObjects())
    assert found == Comparison(unknown=unknown)
    notices = unknown_notice(found, "spec.jupyterhub")
    assert [(one.condition, one.reason) for one in notices] == ([("DriftUnknown", "ClusterForbids")] if unknown else [])
    assert all("spec.jupyterhub: drift in ConfigMap/one" in one.message for one in notices)


async def test_a_busy_api_is_retried(cluster: tuple[Cluster, Any]) -> None:
    cluster[0].status = 503
    with pytest.raises(ApiException, match="503"):
        await drifted(cluster[1], RELEASE, ComparedObjects())


async def test_an_object_without_drift_is_compared_again_when_it_has_changed(cluster: tuple[Cluster, Any]) -> None:
    server, api = cluster
    known = ComparedObjects()
    for _ in range(3):
        assert await drifted(api, RELEASE, known) == Comparison()
    assert server.dry_runs == 1
    server.version = "2"
    await drifted(api, RELEASE, known)
    assert server.dry_runs == 2


async def test_an_object_that_is_deleted_while_it_is_compared_is_missing(cluster: tuple[Cluster, Any]) -> None:
    cluster[0].deleted = True
    found = await drifted(cluster[1], RELEASE, ComparedObjects())
    assert found == Comparison(drifts=(Drift("ConfigMap/one", "missing", "present"),))


OBJECT = "/api/v1/namespaces/jhub/configmaps/one"


async def test_of_an_unchanged_object_only_the_metadata_are_requested(cluster: tuple[Cluster, Any]) -> None:
    server, api = cluster
    known = ComparedObjects()
    await drifted(api, RELEASE, known)
    server.requests.clear()
    assert await drifted(api, RELEASE, known) == Comparison()
    assert server.requests == [(OBJECT, True)]


async def test_an_object_that_was_compared_and_is_deleted_is_missing(cluster: tuple[Cluster, Any]) -> None:
    server, api = cluster
    known = ComparedObjects()
    await drifted(api, RELEASE, known)
    server.absent.add(OBJECT)
    assert await drifted(api, RELEASE, known) == Comparison(drifts=(Drift("ConfigMap/one", "missing", "present"),))


async def test_a_kind_that_another_cluster_serves_elsewhere_is_found_by_discovery(cluster: tuple[Cluster, Any]) -> None:
    server, api = cluster
    known = ComparedObjects()
    known.note({**LIVE, "metadata": {"name": "theirs"}}, LIVE, Served("../../secrets", namespaced=False))
    server.absent.add("/api/secrets/one")
    assert await drifted(api, RELEASE, known) == Comparison()
    assert server.dry_runs == 1 and (OBJECT, False) in server.requests


async def test_metadata_that_are_no_object_are_not_believed(cluster: tuple[Cluster, Any]) -> None:
    server, api = cluster
    known = ComparedObjects()
    await drifted(api, RELEASE, known)
    server.metadata = "[" * 1000
    assert await drifted(api, RELEASE, known) == Comparison()
    assert (OBJECT, False) in server.requests[-2:]
