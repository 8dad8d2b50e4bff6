"""A record of a release is read and decoded once, whatever the number of releases, until its Secret changes."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client
from notebook_platform.helm.record_cache import DecodedRecords, Stored
from notebook_platform.helm.release import packed

MANY = 60


def secret(number: int, version: str = "1") -> dict[str, Any]:
    manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: hub-{number}}}\ndata: {{version: '{version}'}}\n"
    record = {
        "name": f"hub-{number}",
        "namespace": "jhub",
        "version": 1,
        "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "jupyterhub", "version": "4.4.0"}},
        "config": {"number": number},
        "manifest": manifest,
    }
    name = f"sh.helm.release.v1.hub-{number}.v1"
    metadata = {"name": name, "namespace": "jhub", "uid": f"u{number}", "resourceVersion": version}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"release": packed(record)}}


def stored(number: int, version: str = "1") -> Stored:
    return Stored("jhub", f"sh.helm.release.v1.hub-{number}.v1", f"u{number}", version, f"hub-{number}", 1)


@pytest.fixture
async def server() -> AsyncIterator[tuple[client.ApiClient, list[int], dict[int, str]]]:
    """Serve the records; yield a client, the numbers of those that are read, and the version of each that is not the first."""
    read: list[int] = []
    versions: dict[int, str] = {}

    async def answer(request: web.Request) -> web.Response:
        number = int(request.path.split("hub-")[1].split(".")[0])
        read.append(number)
        return web.json_response(secret(number, versions.get(number, "1")))

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    served = TestServer(application)
    await served.start_server()
    api = client.ApiClient(client.Configuration(host=str(served.make_url("")).rstrip("/")))
    yield api, read, versions
    await api.close()
    await served.close()


async def test_more_records_than_are_kept_as_they_are_are_read_once(server: Any) -> None:
    api, read, _ = server
    cache = DecodedRecords(most=4, most_bytes=2**20)
    for _ in range(3):
        for number in range(MANY):
            found = await cache.get(api, stored(number))
            assert found is not None and found.config == {"number": number}
            assert [one["metadata"]["name"] for one in found.objects()] == [f"hub-{number}"]
    assert sorted(read) == list(range(MANY))


async def test_a_record_is_read_again_when_its_secret_has_changed(server: Any) -> None:
    api, read, versions = server
    cache = DecodedRecords(most=1, most_bytes=2**20)
    for number in (1, 2):
        await cache.get(api, stored(number))
    versions[1] = "2"
    found = await cache.get(api, stored(1, "2"))
    assert found is not None and found.objects()[0]["data"] == {"version": "2"}
    assert read == [1, 2, 1]


async def test_of_a_secret_that_changes_again_and_again_one_version_is_kept(server: Any) -> None:
    api, read, versions = server
    cache = DecodedRecords(most=1, most_bytes=2000)
    await cache.get(api, stored(2))
    for version in range(1, MANY):
        versions[1] = str(version)
        await cache.get(api, stored(1, str(version)))
    read.clear()
    await cache.get(api, stored(2))
    assert read == [], "the others are not driven out"


async def test_the_bytes_of_packed_records_are_bounded(server: Any) -> None:
    api, read, _ = server
    cache = DecodedRecords(most=1, most_bytes=2000)
    for number in range(MANY):
        await cache.get(api, stored(number))
    read.clear()
    for number in reversed(range(MANY)):
        await cache.get(api, stored(number))
    assert 0 < len(read) < MANY, "the last ones are kept, the first ones are read again"
