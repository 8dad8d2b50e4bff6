"""The count of users' data in a hostile cluster: its answers are bounded, and a list without an answer is unknown, never
empty."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio import client
from notebook_platform.helm.claims import has_claims
from notebook_platform.hubs.users.count import count_all
from notebook_platform.hubs.users.presence import configured
from notebook_platform.hubs.users.volumes import Kind
from notebook_platform.workload import paging

from tests.unit.kube.plain_http import served

Answer = Callable[[web.Request], web.StreamResponse]
CLAIMS, VOLUMES, PODS = "/api/v1/persistentvolumeclaims", "/api/v1/persistentvolumes", "/api/v1/pods"


def page(*items: dict[str, Any], further: str = "") -> web.Response:
    return web.json_response({"items": items, "metadata": {"continue": further}})


def claim(name: str, namespace: str = "jhub", volume: str = "", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace, **metadata}, "spec": {"volumeName": volume}}


def volume(name: str, namespace: str = "", of: str = "", handle: str = "", policy: str = "Retain") -> dict[str, Any]:
    reference = {"claimRef": {"namespace": namespace, "name": of}} if of else {}
    csi = {"driver": "disk.csi.azure.com", "volumeHandle": handle}
    return {"metadata": {"name": name}, "spec": {"csi": csi, "persistentVolumeReclaimPolicy": policy, **reference}}


@asynccontextmanager
async def cluster(**answers: Answer) -> AsyncIterator[client.ApiClient]:
    """Serve lists as an API server does; lists without an answer here are empty."""

    async def answer(request: web.Request) -> web.StreamResponse:
        name = {CLAIMS: "claims", VOLUMES: "volumes", PODS: "pods"}.get(request.path, "claims")
        return answers[name](request) if name in answers else page()

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with served(app) as api:
        yield api


async def test_claims_of_all_pages_and_volumes_without_a_claim_are_counted_once() -> None:
    disk = "/subscriptions/s/resourceGroups/{}/providers/Microsoft.Compute/disks/d"

    def claims(request: web.Request) -> web.Response:
        assert request.query["limit"] == str(paging.PAGE)
        if request.query.get("continue") == "2":
            return page(claim("homes", volume="pv-homes"), claim("hub-db-dir", volume="pv-db"))
        return page(claim("claim-ada", labels={"component": "singleuser-storage"}), further="2")

    def volumes(_: web.Request) -> web.Response:
        reclaimed = volume("pv-gone", "jhub", "gone", policy="Delete") | {"status": {"phase": "Released"}}
        return page(
            volume("pv-homes", "jhub", "homes", disk.format("rg_data")),
            volume("pv-db", "jhub", "hub-db-dir", disk.format("rg_nodes")),
            volume("pv-free", "jhub", "gone", disk.format("rg_nodes")),
            reclaimed,
        )

    def pods(_: web.Request) -> web.Response:
        mounts = {"volumes": [{"persistentVolumeClaim": {"claimName": "homes"}}]}
        metadata = {"name": "jupyter-ada", "namespace": "jhub", "labels": {"component": "singleuser-server"}}
        return page({"metadata": metadata, "spec": mounts}, {"metadata": {**metadata, "deletionTimestamp": "now"}, "spec": {}})

    async with cluster(claims=claims, volumes=volumes, pods=pods) as api:
        found = await count_all(api, doomed=["RG_nodes"])
        assert found is not None and (found.servers, found.homes) == (1, 1)
        assert {(one.kind, one.name, one.survives_in) for one in found.volumes} == {
            (Kind.HOME, "claim-ada", ""),
            (Kind.SHARED, "homes", "rg_data"),
            (Kind.DATABASE, "hub-db-dir", ""),
            (Kind.UNCLAIMED, "pv-free", ""),
        }
        assert len(found.lost) == 3
        fresh = await count_all(api, doomed=["rg_nodes"], empty=[("jhub", "hub-db-dir")])
        assert fresh is not None and {one.name for one in fresh.lost} == {"claim-ada", "pv-free"}


async def test_a_claim_does_not_count_as_safe_by_the_volume_of_another() -> None:
    outside = "/subscriptions/s/resourceGroups/rg_data/providers/Microsoft.Compute/disks/d"
    async with cluster(
        claims=lambda _: page(claim("mine", volume="pv")), volumes=lambda _: page(volume("pv", "other", "theirs", outside))
    ) as api:
        found = await count_all(api)
        assert found is not None and [one.name for one in found.lost] == ["mine"]


def too_large(_: web.Request) -> web.Response:
    return web.Response(text=json.dumps({"items": ["x" * (33 << 20)]}))


@pytest.mark.parametrize("where", ["claims", "volumes", "pods"])
@pytest.mark.parametrize(
    "answer",
    [
        lambda _: web.Response(status=403),
        lambda _: web.Response(status=500, text="{}"),
        lambda _: web.Response(text="not json"),
        lambda _: web.Response(text="[" * 100_000),
        too_large,
    ],
    ids=["forbidden", "broken", "no json", "deep", "large"],
)
async def test_an_answer_that_cannot_be_taken_is_unknown_and_not_nothing(where: str, answer: Answer) -> None:
    async with cluster(**{where: answer}) as api:
        assert await count_all(api) is None


async def test_pages_without_end_are_unknown() -> None:
    async with cluster(pods=lambda _: page(further="again")) as api:
        assert await count_all(api) is None


@pytest.mark.parametrize(
    "item", [{}, {"metadata": None}, {"metadata": {"namespace": "n"}}, "text", None, {"metadata": {"name": 1, "namespace": []}}]
)
async def test_objects_of_another_shape_are_unknown_or_counted_and_break_nothing(item: Any) -> None:
    for where in ("claims", "volumes", "pods"):
        async with cluster(**{where: lambda _: page(item)}) as api:
            found = await count_all(api)
            assert found is None or len(found.volumes) <= 1


async def test_a_namespace_is_fresh_with_nothing_but_the_releases_own_claims() -> None:
    async with cluster(claims=lambda _: page(claim("hub-db-dir"))) as api:
        assert not await has_claims(api, "jhub", {"hub-db-dir"})
        assert await has_claims(api, "jhub")


def test_users_that_the_values_name_are_those_the_hub_enters_itself() -> None:
    config = {"Authenticator": {"admin_users": ["ada"], "allowed_users": ["grace"]}, "X": 1, "Y": {"admin_users": "text"}}
    roles = {"admin": {"users": ["joan"], "services": ["s"]}, "odd": None}
    assert configured({"hub": {"config": config, "loadRoles": roles}}) == {"ada", "grace", "joan"}
    assert configured({"hub": []}) == frozenset()
