"""Each answer of a binder's health endpoint becomes a reason and a message."""

import json

import pytest
from notebook_platform.hubs.binder.health import ask, response_issues

URL = "http://127.0.1.1/health"
WELL = [
    {"service": "JupyterHub API", "ok": True},
    {"service": "Docker registry", "ok": True},
    {"service": "Pod quota", "ok": True},
]


def without(*services: str) -> str:
    return json.dumps({"ok": False, "checks": [{**check, "ok": check["service"] not in services} for check in WELL]})


@pytest.mark.parametrize(
    ("status", "body", "reasons"),
    [
        (200, json.dumps({"ok": True, "checks": WELL}), []),
        (200, "", []),
        (503, without("Docker registry"), ["RegistryUnreachable"]),
        (503, without("JupyterHub API"), ["HubUnreachable"]),
        (503, without("JupyterHub API", "Docker registry"), ["HubUnreachable", "RegistryUnreachable"]),
        (503, without("Something new"), ["Unhealthy"]),
        (503, "<html>", ["Unhealthy"]),
        (503, json.dumps([]), ["Unhealthy"]),
        (503, json.dumps({"checks": [{"ok": False}]}), ["Unhealthy"]),
        (404, json.dumps({"message": "not found"}), ["Unhealthy"]),
    ],
)
def test_an_answer_is_explained_by_what_failed(status: int, body: str, reasons: list[str]) -> None:
    assert sorted(issue.reason for issue in response_issues(status, body, URL)) == reasons


def test_an_unreachable_registry_is_reported_with_its_effect_and_field() -> None:
    (issue,) = response_issues(503, without("Docker registry"), URL)
    assert "each launch builds the image again" in issue.message and "spec.binderhub.registry" in issue.message


async def test_an_address_that_the_operator_may_not_ask_is_no_failure() -> None:
    assert await ask("https://no-such-name.invalid/", None, allow_private=True) == ()
    assert await ask("http://binder.example.org/", None, allow_private=True) == ()
    assert await ask("http://binder.example.org/", "127.0.0.1", allow_private=False) == ()
