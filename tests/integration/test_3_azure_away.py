"""Azure goes away while the whole operator runs and a pool is created: its name does not resolve, its certificate is of another CA, or the
buckets of one subscription are empty. The condition says so, nothing is made twice, and the platform becomes Ready once Azure is back."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR, create_server, socket
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from tests.integration.conftest import PLATFORMS, SUBSCRIPTION, Field, runbook
from tests.named_azure import AZURE, UNKNOWN, NamedAzure

NAME, NEIGHBOUR = "away", "elsewhere"
OTHER_SUBSCRIPTION = "00000000-0000-0000-0000-00000000000b"
POOL = {"mode": "User", "vmSize": "Standard_D2s_v3", "count": 1}
EMPTY = {"Retry-After": "3", **{f"x-ms-ratelimit-remaining-subscription-{kind}": "0" for kind in ("reads", "writes")}}
IMPOSTOR = "127.0.0.2"
LONG = 180.0
"""Seconds. The steps back off while Azure is away: 10 seconds, then twice as long each time."""


def without_hub(name: str, subscription: str = SUBSCRIPTION) -> dict[str, Any]:
    found = runbook(name, identity={"type": "SystemAssigned"})
    del found["spec"]["jupyterhub"]
    found["spec"]["azure"]["subscriptionId"] = subscription
    return found


@pytest.fixture(scope="module")
def away(site: Field, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NamedAzure]:
    """Two platforms in two subscriptions, each Ready, and an operator for whom Azure's name resolves as a test says."""
    site.clear()
    site.control("PUT", f"/subscriptions/{OTHER_SUBSCRIPTION}", {"state": "Enabled"})
    before = site.operator
    before.stop()
    site.operator = found = NamedAzure(site.environment, tmp_path_factory.mktemp("named"))
    found.start()
    site.apply(without_hub(NAME), without_hub(NEIGHBOUR, OTHER_SUBSCRIPTION))
    for name in (NAME, NEIGHBOUR):
        site.until_ready(name, 180)
    yield found
    found.resolve()
    site.clear()
    found.stop()
    site.operator = before
    before.start()


@contextmanager
def unresolvable(site: Field, operator: NamedAzure) -> Iterator[None]:
    operator.resolve(UNKNOWN)
    end_connections(site)
    try:
        yield
    finally:
        operator.resolve()


@contextmanager
def intercepted(site: Field, operator: NamedAzure) -> Iterator[None]:
    """A server with a certificate of another CA answers under Azure's name, as a proxy that breaks TLS open does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(AZURE).configure_cert(context)
    port = urlsplit(site.environment["SANDBOX_ARM"]).port

    def serve(listener: socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(5)
                with connection, suppress(OSError):  # the operator ends the handshake
                    context.wrap_socket(connection, server_side=True).close()

    with create_server((IMPOSTOR, port)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        operator.resolve(IMPOSTOR)
        end_connections(site)
        try:
            yield
        finally:
            operator.resolve()
            listener.shutdown(SHUT_RDWR)


def end_connections(site: Field) -> None:
    """End the connections that the operator keeps, each after the answer that it waits for: its next request needs a new one."""
    site.control("DELETE", "/connections")


@contextmanager
def throttled(site: Field, operator: NamedAzure) -> Iterator[None]:
    rule = {"path": f"/subscriptions/{SUBSCRIPTION}", "count": None, "status": 429, "code": "TooManyRequests", "headers": EMPTY}
    site.control("POST", "/faults", rule)
    yield
    site.control("DELETE", "/faults")


CASES: dict[str, tuple[Any, str, str]] = {
    "dns": (unresolvable, "AzureUnreachable", f"the name {AZURE} cannot be resolved"),
    "tls": (intercepted, "AzureUnreachable", "is not accepted: "),
    "throttled": (throttled, "Throttled", ""),
}


def edit(site: Field, name: str, spec: dict[str, Any]) -> None:
    site.api.request("PATCH", f"{PLATFORMS}/{name}", {"spec": spec}, type_="application/merge-patch+json")


def message(site: Field, reason: str) -> str:
    """Return the message of the platform's Ready while it has this reason."""
    now = site.condition(NAME, "Ready")
    return str(now["message"]) if now["status"] == "False" and now["reason"] == reason else ""


@pytest.mark.parametrize("case", CASES)
def test_azure_goes_away_while_a_pool_is_created_and_comes_back(site: Field, away: NamedAzure, case: str) -> None:
    fault, reason, clause = CASES[case]
    pools, mark = (site.platform(NAME) or {})["spec"]["nodePools"], site.mark()
    edit(site, NAME, {"nodePools": [*pools, {**POOL, "name": case}]})
    site.until("the pool is requested", lambda: f"PUT agentPools/{case}" in site.writes(mark, accepted=True))
    with fault(site, away):
        site.until(f"{NAME} reports {reason}", lambda: clause in (said := message(site, reason)) and said, LONG)
        assert site.condition(NAME, "Stalled")["status"] == "False"
        if case == "throttled":
            edit(site, NEIGHBOUR, {"azure": {"tags": {"case": case}}})
            site.until_ready(NEIGHBOUR, 30)
            assert [w for w in site.writes(mark, f"/{OTHER_SUBSCRIPTION}/", accepted=True) if "tags" in w]
    site.until_ready(NAME, LONG)
    made = [write for write in site.writes(mark, f"/{SUBSCRIPTION}/", accepted=True) if write.startswith("PUT")]
    assert made.count(f"PUT agentPools/{case}") == 1 and len(made) == len(set(made)), made
