"""Connections to a workload cluster: whom they trust, which proxy they take, and when they close."""

import asyncio
import tempfile
from pathlib import Path

import aiohttp
import pytest
import trustme
from aiohttp import web
from kubernetes.aio import client as kubernetes
from notebook_platform.kube.fenced import fenced
from notebook_platform.workload.client import close_idle, connect
from notebook_platform.workload.kubeconfig import ClusterAccess

from tests.local.workload.server import EMPTY, Server


def entries(directory: str | Path) -> int:
    """Return the number of files in a directory."""
    return sum(1 for _ in Path(directory).iterdir())


async def test_a_client_certificate_is_shown_and_no_file_stays_behind(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    leaf = server.authority.issue_cert("admin@example.org")
    certificate, key = leaf.cert_chain_pems[0].bytes().decode(), leaf.private_key_pem.bytes().decode()
    descriptors = entries("/proc/self/fd")
    api = await connect(server.access(client_certificate=certificate, client_key=key, token=""))
    assert entries("/proc/self/fd") == descriptors and entries(tmp_path) == 0
    await kubernetes.CoreV1Api(api).list_pod_for_all_namespaces()
    await api.close()
    assert server.certificates[0]["subjectAltName"] == (("email", "admin@example.org"),)
    assert "Authorization" not in server.requests[0].headers and entries(tmp_path) == 0


async def test_another_authority_is_not_believed(server: Server) -> None:
    refused: list[bool] = []
    access = ClusterAccess(server=server.url, ca_data=trustme.CA().cert_pem.bytes().decode(), token="t0ken")
    api = await connect(access, lambda: refused.append(True))
    with pytest.raises(aiohttp.ClientSSLError):
        await kubernetes.CoreV1Api(api).list_pod_for_all_namespaces()
    await api.close()
    assert refused == [True] and server.requests == []


async def closed(request: web.BaseRequest) -> None:
    """Return when the connection of a request has ended at the server."""
    for _ in range(500):
        if request.transport is None or request.transport.is_closing():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the connection stayed open")


async def test_connections_close_when_idle_and_open_again_for_the_next_request(server: Server) -> None:
    """At the server: the first connection ends although the client lives on, and the next request comes over another one."""
    api = await connect(server.access(), idle=0.05)
    core = kubernetes.CoreV1Api(api)
    await core.list_namespaced_pod("default")
    (first,) = server.requests
    await closed(first)
    await core.list_namespaced_pod("default")
    assert len(server.requests) == 2
    await api.close()


async def test_connections_close_at_once_when_the_platform_rests_unless_a_request_is_being_sent(server: Server) -> None:
    """At the server: a rest during a request does not end it; a rest after it ends the connection."""
    api = await connect(server.access(), idle=60)
    core = kubernetes.CoreV1Api(api)
    listed = asyncio.create_task(core.list_namespaced_pod("default"))
    while not server.requests:
        close_idle(api)
        await asyncio.sleep(0.01)
    close_idle(api)
    await listed
    (first,) = server.requests
    close_idle(api)
    await closed(first)
    await core.list_namespaced_pod("default")
    assert len(server.requests) == 2
    await api.close()


async def test_a_request_that_takes_longer_than_the_idle_time_is_not_cut(server: Server) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.json_response(EMPTY)

    server.handler = slow
    api = await connect(server.access(), idle=0.05)
    core = kubernetes.CoreV1Api(api)
    quick, long = await asyncio.gather(core.list_namespaced_pod("a"), core.list_namespaced_pod("b"))
    assert quick.items == long.items == []
    await api.close()


async def test_a_request_goes_through_the_proxy_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "10.0.0.1")
    for host, proxy in (("https://lab.example", "http://proxy.example:3128"), ("https://10.0.0.1", None)):
        async with kubernetes.ApiClient(kubernetes.Configuration(host=host)) as api:
            assert fenced(api).rest_client.proxy == proxy
