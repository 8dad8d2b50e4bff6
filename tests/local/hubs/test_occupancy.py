"""Active servers: what a hub answers, what its pods show, and which changes they defer."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.hubs.fields.hub import COUNTER
from notebook_platform.hubs.net.hub_api import HubApi, Server
from notebook_platform.hubs.net.safe_http import may_carry_secrets
from notebook_platform.hubs.users.active_servers import query_servers, token_in, unreported_starts, with_servers
from notebook_platform.hubs.users.user_counts import USERNAME, UserCounts
from notebook_platform.policy import server_gate

from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import NEW, SECRETS, VERSIONS, spec

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "allowed", "may"),
    [
        ("https://hub.example.org", False, True),
        ("http://hub.example.org", True, False),
        ("http://20.1.2.3/jupyter", True, False),
        ("http://10.1.2.3", True, True),
        ("http://127.0.1.1", False, False),
        ("https://10.1.2.3", False, False),
    ],
)
def test_the_token_is_never_sent_in_the_clear_over_the_internet(url: str, allowed: bool, may: bool) -> None:
    assert may_carry_secrets(url, allow_private=allowed) is may


async def serve(answer: Any) -> tuple[str, web.AppRunner]:
    app = web.Application()
    app.router.add_get("/hub/api/users", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}", runner


async def ask(answer: Any, token: str = "right") -> tuple[Server, ...] | None:
    url, runner = await serve(answer)
    try:
        return await HubApi(url=url, token=token, allow_private=True).servers()
    finally:
        await runner.cleanup()


def user(name: str, **servers: Any) -> dict[str, Any]:
    return {"name": name, "servers": servers}


async def test_all_pages_are_read_and_old_hubs_that_know_none() -> None:
    async def pages(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "token right" and request.query["state"] == "active"
        offset = int(request.query["offset"])
        after = {"offset": offset + 1, "limit": 1, "url": "http://elsewhere"} if offset < 2 else None
        items = [
            user(f"u{offset}", **{"": {"ready": offset > 0, "pending": None if offset else "spawn"}, "gpu": {"ready": True}})
        ]
        return web.json_response({"items": items, "_pagination": {"next": after}})

    found = await ask(pages)
    assert found is not None and len(found) == 6
    assert found[0] == Server("u0", "", False, "spawn") and found[5] == Server("u2", "gpu", True, None)

    async def plain(_: web.Request) -> web.Response:
        return web.json_response([user("ada", **{"": {"ready": True}}), {"name": "grace"}])

    assert await ask(plain) == (Server("ada", "", True, None),)


@pytest.mark.parametrize("what", ["refused", "away", "words", "numbers", "endless"])
async def test_a_hub_that_gives_no_answer_does_not_count_as_unused(what: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        if what == "away":
            raise web.HTTPFound("http://127.0.0.1:1/")
        endless = {"items": [], "_pagination": {"next": {"offset": 0}}}
        body: Any = {"refused": {}, "words": "x", "numbers": [1], "endless": endless}[what]
        return web.json_response(body, status=403 if what == "refused" else 200)

    assert await ask(answer) is None


async def test_pages_without_end_end_with_the_patience() -> None:
    asked: list[str] = []

    async def slow(request: web.Request) -> web.Response:
        asked.append(request.query["offset"])
        await asyncio.sleep(0.05)
        return web.json_response({"items": [], "_pagination": {"next": {"offset": len(asked)}}})

    url, runner = await serve(slow)
    assert await HubApi(url=url, token="right", allow_private=True, timeout=0.5).servers() is None
    await runner.cleanup()
    assert 1 < len(asked) < 20


async def test_the_first_address_that_answers_counts_and_without_a_token_no_request_is_sent() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response([user("ada", **{"": {"ready": True}})])

    url, runner = await serve(answer)
    assert await query_servers((None, "http://127.0.0.1:1", url), "right", allow_private=True) == (Server("ada", "", True, None),)
    assert await query_servers((url,), None, allow_private=True) is None
    await runner.cleanup()


def test_the_larger_number_counts() -> None:
    starting = (Server("ada", "", False, "spawn"),)
    assert with_servers(UserCounts(servers=0), starting).servers == 1
    assert with_servers(UserCounts(servers=3), starting).servers == 3 and with_servers(UserCounts(servers=2), None).servers == 2


def pod(name: str, ready_for: timedelta | None) -> Any:
    conditions = [SimpleNamespace(type="Ready", status="True", last_transition_time=NOW - ready_for)] if ready_for else []
    return SimpleNamespace(metadata=SimpleNamespace(annotations={USERNAME: name}), status=SimpleNamespace(conditions=conditions))


def test_a_hub_that_waits_for_a_pod_that_is_ready_for_long_no_longer_hears() -> None:
    pods = [pod("ada", timedelta(minutes=5)), pod("grace", timedelta(seconds=20)), pod("joan", None)]
    (issue,) = unreported_starts({"ada", "grace", "joan"}, pods, NOW - timedelta(minutes=2))
    assert issue.reason == "HubStale" and "the servers of ada, whose pods are ready" in issue.message
    assert not list(unreported_starts({"grace", "joan"}, pods, NOW - timedelta(minutes=2)))


@pytest.mark.parametrize("version", VERSIONS)
def test_each_hub_has_a_service_for_the_operator_that_may_do_the_least(version: str) -> None:
    values = render(spec(version), SECRETS, NEW)
    token = token_in(values)
    assert token and len(token) == 64
    service, role = values["hub"]["services"][COUNTER], values["hub"].get("loadRoles", {}).get(COUNTER)
    if version < "2":
        assert service["admin"] is True and role is None
    else:
        assert "admin" not in service and role == {"scopes": ["list:users", "read:servers"], "services": [COUNTER]}
    own = {"hub": {"config": {"JupyterHub": {"authenticator_class": "null"}}}}
    taken = JupyterHubSpec.model_validate({"chart": {"version": version}, "auth": {"fromValues": True}, "values": own})
    assert token_in(render(taken, SECRETS, NEW)) is None


def test_a_service_of_that_name_in_the_spec_is_left_alone() -> None:
    values = render(spec("4.4.0", services=[{"name": COUNTER, "url": "http://mine"}]), SECRETS, NEW)
    assert values["hub"]["services"][COUNTER]["url"] == "http://mine" and COUNTER not in values["hub"].get("loadRoles", {})


def test_a_deferral_for_active_users_counts_their_servers() -> None:
    assert server_gate(UserCounts()) == ""
    assert server_gate(UserCounts(servers=1)) == "1 user server stops (spec.disruption: NoServers)"
    assert "3 user servers stop" in server_gate(UserCounts(servers=3))
    assert "reports whether" in server_gate(None)
