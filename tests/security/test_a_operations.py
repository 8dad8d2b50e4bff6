"""Forged records of operations are not followed: the operator's token is never sent to an address in them."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.security.conftest import SUBSCRIPTION, Author
from tests.security.test_a_kubeconfig import Listener, alive, forged

pytestmark = [pytest.mark.attack, pytest.mark.timeout(900)]

STEPS = ("ResourceGroup", "Network", "Identity", "Cluster", "Providers")
OTHER = "00000000-0000-0000-0000-0000000000ff"
CANARY = "victim-operation"


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.close()


def record(url: str, **changes: Any) -> str:
    started = datetime.now(UTC).isoformat()
    return json.dumps({"kind": "create all", "url": url, "started": started, "expected": 60.0, "key": "", **changes})


def records(arm: str, port: int) -> dict[str, dict[str, str]]:
    """Return the data of the Secret `<name>-operations`, by the name of the platform."""
    place = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerService/locations/eastus/operations/{CANARY}"
    host = arm.removeprefix("https://")

    def each(url: str, **changes: Any) -> dict[str, str]:
        return dict.fromkeys(STEPS, record(url, **changes))

    return {
        "foreign-host": each(f"https://127.0.0.1:{port}{place}"),
        "foreign-host-in-the-clear": each(f"http://127.0.0.1:{port}{place}"),
        "own-host-as-user": each(f"https://{host}@127.0.0.1:{port}{place}"),
        "own-host-in-the-clear": each(f"http://{host}{place}"),
        "other-subscription": each(f"{arm}{place.replace(SUBSCRIPTION, OTHER)}"),
        "another-resource": each(f"{arm}/subscriptions/{SUBSCRIPTION}/resourceGroups/{CANARY}?api-version=2021-04-01"),
        "climbing": each(f"{arm}{place.replace('/operations/', '/../../../operations/')}"),
        "encoded": each(f"{arm}/subscriptions/{SUBSCRIPTION}%2f..%2f{OTHER}/operationresults/{CANARY}"),
        "fragment": each(f"{arm}/subscriptions/{SUBSCRIPTION}/resourceGroups/{CANARY}#{place}"),
        "without-a-zone": each(f"{arm}{place}", started="2026-01-01T00:00:00"),
        "far-future": each(f"{arm}{place}", started="9999-12-31T23:59:59+00:00"),
        "endless": each(f"{arm}{place}", expected=1e300),
        "numbers": each(f"{arm}{place}", kind=5),
        "terminal": each(f"{arm}{place}", kind="create \x1b[2J\x07"),
        "garbage": dict.fromkeys(STEPS, "{"),
        "nested": dict.fromkeys(STEPS, "[" * 100_000),
        "many": {f"Cluster__{place}": "x" * 50 for place in range(5000)},
        "foreign-marker": each("https://learn.microsoft.com/azure/aks/"),
    }


def test_forged_records_are_left_out_and_no_platform_stops(author: Author, listener: Listener) -> None:
    site, arm = author.site, author.site.environment["SANDBOX_ARM"]
    attacks = records(arm, listener.port)
    author.apply(*(author.runbook(name, suspend=True, interval="1m", deletionProtection=False) for name in attacks))
    for name in attacks:
        site.until(f"{name} was seen", lambda name=name: author.platform(name).get("status", {}).get("conditions"))  # type: ignore[misc]
    site.operator.kill()
    for name, data in attacks.items():
        secret = forged(f"{name}-operations", author.platform(name)["metadata"], "")
        secret["data"] = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
        author.apply(secret)
        author.kubectl("patch", "nbp", name, "--type=merge", "-p", '{"spec": {"interval": "2m"}}')
    mark = site.mark()
    site.restart_operator()
    for name in attacks:

        def seen(name: str = name) -> bool:
            conditions = author.platform(name).get("status", {}).get("conditions", [])
            now = {c["type"]: c for c in conditions if c["observedGeneration"] == 2}
            signed_in = now.get("CredentialsReady", {"status": ""})
            return signed_in["status"] == "True" and "ResourceGroupReady" in now

        site.until(f"{name} is observed again", seen)
        text = json.dumps(author.platform(name)["status"])
        assert CANARY not in text and "InternalError" not in text and "create all" not in text, text
    paths = [entry["path"] for entry in site.control("GET", f"/journal?since={mark}")["value"]]
    assert paths and not [path for path in paths if CANARY in path or OTHER in path]
    assert listener.connections == 0 and alive(site)
    author.kubectl("delete", "nbp", "--all", "--wait=false")
