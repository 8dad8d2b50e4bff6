"""The API of a workload cluster goes away while the whole operator runs: the condition says so with a remedy, nothing is written or
deleted, another platform goes on, and the platform becomes Ready once the API is back."""

import base64
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme
import yaml

from sandbox.operator_process import NAMESPACE
from tests.integration.conftest import PLATFORMS, SECRETS_PATH, TIMEOUT, Field, runbook

NAME, NEIGHBOUR = "prd-jhub", "neighbour"
CREDENTIALS = "managedClusters/prd-aks-jhub/listCluster.*Credential"
SAME_SPEED = 30.0
"""Seconds in which the neighbour applies a change of its tags, on a busy machine."""

BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
HALF = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"kind": "NodeList"'
PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\nConnection: close\r\n\r\n<html>no</html>"
CASES: dict[str, tuple[bytes | str, str]] = {
    "connection refused": ("closed", "refuses connections"),
    "black hole": ("silent", "in time"),
    "certificate of another CA": ("other authority", "is not accepted: "),
    "503": (BUSY, "answered 503 Service Unavailable"),
    "half a body": (HALF, "the connection ended before the whole answer"),
    "a proxy's page": (PAGE, "is not valid JSON"),
}


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


class Gate:
    """A port of loopback before an API server. `mode`: through, closed, silent (accepts and never answers), other authority (TLS with a
    certificate of an untrusted CA), or the bytes that each request is answered with."""

    def __init__(self, server: str) -> None:
        self.authority = trustme.CA()
        self._trusted, self._other = server_context(self.authority), server_context(trustme.CA())
        parts = urlsplit(server)
        self._behind = (parts.hostname or "", parts.port or 443)
        self._open: set[socket.socket] = set()
        self.mode: bytes | str = "through"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._listen()

    def become(self, mode: bytes | str) -> None:
        """Change the mode, and end all connections."""
        before, self.mode = self.mode, mode
        if mode == "closed":
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        elif before == "closed":
            self._listener = socket.create_server(self.address)
            self._listen()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        try:
            with connection, suppress(OSError):
                if self.mode == "through":
                    self._pass_on(connection)
                elif self.mode == "silent":
                    while connection.recv(65536):
                        pass
                else:
                    context = self._other if self.mode == "other authority" else self._trusted
                    with context.wrap_socket(connection, server_side=True) as encrypted:
                        encrypted.recv(65536)
                        encrypted.sendall(self.mode if isinstance(self.mode, bytes) else b"")
        finally:
            self._open.discard(connection)

    def _pass_on(self, connection: socket.socket) -> None:
        with socket.create_connection(self._behind) as behind:
            ends = {connection: behind, behind: connection}
            while True:
                for one in select.select(list(ends), [], [])[0]:
                    if not (data := one.recv(65536)):
                        return
                    ends[one].sendall(data)


@pytest.fixture(scope="module")
def gate(site: Field) -> Iterator[Gate]:
    """Two platforms, each Ready with a cluster of its own; Azure names the gate as the address of the first one's API. The neighbour has no
    hub."""
    neighbour = runbook(NEIGHBOUR, identity={"type": "SystemAssigned"})
    del neighbour["spec"]["jupyterhub"]
    site.clear()
    site.apply(runbook(NAME), neighbour)
    for name in (NAME, NEIGHBOUR):
        site.until_ready(name, 2 * TIMEOUT)
    found = lead_through_gate(site)
    yield found
    site.control("DELETE", "/faults")
    found.become("closed")
    site.operator.kill()
    site.restart_operator()
    site.clear()


def lead_through_gate(site: Field) -> Gate:
    """Have Azure answer with a kubeconfig that leads to a gate, and start an operator that asks for it."""
    secret = site.read(f"{SECRETS_PATH}/{NAME}-kubeconfig")["data"]["value"]
    document = yaml.safe_load(base64.b64decode(secret))
    cluster = document["clusters"][0]["cluster"]
    gate = Gate(cluster["server"])
    cluster["server"] = f"https://127.0.0.1:{gate.address[1]}"
    trusted = base64.b64decode(cluster["certificate-authority-data"]) + b"\n" + gate.authority.cert_pem.bytes()
    cluster["certificate-authority-data"] = base64.b64encode(trusted).decode()
    text = base64.b64encode(yaml.safe_dump(document).encode()).decode()
    odd = {"merge": {"kubeconfigs": [{"name": "clusterAdmin", "value": text}]}}
    site.control("POST", "/faults", {"method": "POST", "path": CREDENTIALS, "count": None, "odd": odd})
    site.operator.kill()
    site.kubectl("delete", "secret", site.access_secret(NAME), "-n", NAMESPACE)
    site.restart_operator()
    site.until("the operator uses the gate", lambda: published_server(site) == cluster["server"])
    site.until_ready(NAME)
    return gate


def published_server(site: Field) -> Any:
    secret = site.read(f"{SECRETS_PATH}/{NAME}-kubeconfig")["data"]["value"]
    return yaml.safe_load(base64.b64decode(secret))["clusters"][0]["cluster"]["server"]


@pytest.mark.parametrize("case", CASES)
def test_the_api_goes_away_and_comes_back(site: Field, gate: Gate, case: str) -> None:
    mode, clause = CASES[case]
    mark, helm = site.mark(), site.helm_runs()
    releases = (site.platform(NAME) or {})["status"]["releases"]
    gate.become(mode)
    try:
        message = site.until_reason(NAME, "WorkloadClusterReady", "ClusterUnreachable")["message"]
        assert clause in message and "check the network from the operator to it" in message
        assert site.condition(NAME, "Ready")["status"] == "False"
        tags = {"spec": {"azure": {"tags": {"case": str(list(CASES).index(case))}}}}
        site.api.request("PATCH", f"{PLATFORMS}/{NEIGHBOUR}", tags, type_="application/merge-patch+json")
        began = time.monotonic()
        site.until_ready(NEIGHBOUR, SAME_SPEED)
        assert time.monotonic() - began < SAME_SPEED
        assert [w for w in site.writes(mark, about=NAME) if "Credential" not in w] == []
        assert site.helm_runs() == helm
    finally:
        gate.become("through")
    site.until_ready(NAME)
    assert site.helm_runs() == helm
    assert (site.platform(NAME) or {})["status"]["releases"] == releases
