"""How the commands follow a platform over HTTP: a small server implements the API's list and watch, and fails as a real one
may."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from kubernetes.aio import client
from notebook_platform.cli.management import UsageError
from notebook_platform.cli.watch_stream import Place, new_events, views
from notebook_platform.kube.fenced import fenced

from tests.unit.cli_watch.bodies import PROGRESSING, WHOLE, at, view
from tests.unit.kube.plain_http import plain_client

PLACE = Place("platforms", "hub")
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def version(document: dict[str, Any], number: int) -> dict[str, Any]:
    return {**document, "metadata": {**document["metadata"], "resourceVersion": str(number)}}


def listing(*items: dict[str, Any]) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert "watch" not in request.query
        return web.json_response({"kind": "List", "metadata": {"resourceVersion": "7"}, "items": list(items)})

    return answer


def watching(*events: tuple[str, dict[str, Any]]) -> Answer:
    """Return a watch with these events that then ends, as the server does after timeoutSeconds or at a restart."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.query["watch"] == "true" and request.query["resourceVersion"] == "7"
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for type_, item in events:
            await response.write(json.dumps({"type": type_, "object": item}).encode() + b"\n")
        return response

    return answer


def refusing(status: int) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "Status", "code": status}, status=status)

    return answer


@asynccontextmanager
async def serving(*answers: Answer) -> AsyncIterator[tuple[client.ApiClient, list[str]]]:
    """Serve these answers one after the other; yield the field selectors of the requests."""
    left, selectors = list(answers), list[str]()

    async def next_answer(request: web.Request) -> web.StreamResponse:
        selectors.append(request.query["fieldSelector"])
        return await left.pop(0)(request)

    application = web.Application()
    application.router.add_get("/{path:.*}", next_answer)
    async with TestServer(application) as server, plain_client(str(server.make_url("")).rstrip("/")) as api:
        yield fenced(api), selectors


async def test_a_platform_is_followed_over_ended_watches_without_repeats() -> None:
    deleted = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
    answers = [
        listing(version(PROGRESSING, 1)),
        watching(("MODIFIED", version(PROGRESSING, 2))),
        listing(version(PROGRESSING, 2)),
        watching(("ERROR", deleted)),
        listing(version(PROGRESSING, 2)),
        watching(("MODIFIED", version(WHOLE, 3)), ("DELETED", version(WHOLE, 4))),
    ]
    async with serving(*answers) as (api, selectors), aclosing(views(api, PLACE)) as stream:
        assert [await anext(stream) for _ in range(4)] == [view(PROGRESSING), view(PROGRESSING), view(WHOLE), None]
    assert set(selectors) == {"metadata.name=hub"}


async def test_a_server_that_is_away_for_a_while_is_asked_again() -> None:
    answers = [listing(version(PROGRESSING, 1)), watching(), refusing(503), listing(version(WHOLE, 2))]
    async with serving(*answers) as (api, _), aclosing(views(api, PLACE)) as stream:
        assert [await anext(stream), await anext(stream)] == [view(PROGRESSING), view(WHOLE)]


async def test_a_page_of_a_proxy_is_no_answer() -> None:
    async def page(_: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>\nBad gateway</html>", status=502)

    answers = [listing(version(PROGRESSING, 1)), page, listing(version(WHOLE, 2))]
    async with serving(*answers) as (api, _), aclosing(views(api, PLACE)) as stream:
        assert [await anext(stream), await anext(stream)] == [view(PROGRESSING), view(WHOLE)]


async def test_a_platform_that_is_nested_too_deep_is_followed() -> None:
    async def listed(_: web.Request) -> web.StreamResponse:
        text = json.dumps({"kind": "List", "metadata": {"resourceVersion": "7"}, "items": [changed]})
        return web.Response(text=text.replace('"DEEP"', deep), content_type="application/json")

    async def watched(_: web.Request) -> web.StreamResponse:
        text = json.dumps({"type": "MODIFIED", "object": changed}) + "\n"
        return web.Response(text=text.replace('"DEEP"', deep), content_type="application/json")

    deep, changed = '{"a":' * 5000 + "1" + "}" * 5000, version({**WHOLE, "spec": {"values": "DEEP"}}, 2)
    answers = [listing(version(PROGRESSING, 1)), watched, listed]
    async with serving(*answers) as (api, _), aclosing(views(api, PLACE)) as stream:
        assert [await anext(stream), await anext(stream)] == [view(PROGRESSING), view(changed)]


async def test_a_missing_platform_is_none_until_it_is_created() -> None:
    answers = [listing(), watching(("ADDED", version(PROGRESSING, 1)))]
    async with serving(*answers) as (api, _), aclosing(views(api, PLACE)) as stream:
        assert [await anext(stream), await anext(stream)] == [None, view(PROGRESSING)]


@pytest.mark.parametrize(
    ("status", "sentence"), [(403, "the platform platforms/hub cannot be read: 403 Forbidden"), (404, "404")]
)
async def test_a_refusal_is_a_sentence(status: int, sentence: str) -> None:
    async with serving(refusing(status)) as (api, _), aclosing(views(api, PLACE)) as stream:
        with pytest.raises(UsageError, match=sentence):
            await anext(stream)


async def test_a_right_that_is_taken_away_ends_it_too() -> None:
    answers = [listing(version(PROGRESSING, 1)), refusing(403)]
    async with serving(*answers) as (api, _), aclosing(views(api, PLACE)) as stream:
        await anext(stream)
        with pytest.raises(UsageError, match="403"):
            await anext(stream)


async def test_a_cluster_that_does_not_answer_is_a_sentence() -> None:
    async with serving() as (api, _):
        url = api.configuration.host
    async with plain_client(url) as api, aclosing(views(api, PLACE)) as stream:
        with pytest.raises(UsageError, match="does not answer"):
            await anext(stream)


async def test_a_status_of_another_version_of_the_operator_is_a_sentence_that_names_the_field() -> None:
    other = {**PROGRESSING, "status": {"conditions": [{"type": "Ready", "status": "Perhaps"}]}}
    async with serving(listing(other)) as (api, _), aclosing(views(api, PLACE)) as stream:
        with pytest.raises(UsageError, match=r"status\.conditions\.0\.status cannot be read"):
            await anext(stream)


def event(uid: str, reason: str, seconds: float, number: int = 1) -> dict[str, Any]:
    metadata = {"name": uid, "namespace": "platforms", "uid": uid, "resourceVersion": str(number)}
    about = {"kind": "NotebookPlatform", "name": "hub", "uid": "u1"}
    fields = {"type": "Normal", "reason": reason, "message": "m", "lastTimestamp": at(seconds)}
    return {"metadata": metadata, "involvedObject": about, **fields}


async def test_events_are_heard_once_each_in_the_order_of_their_times_and_only_of_this_very_platform() -> None:
    first, second, third = event("a", "Second", -5), event("b", "First", -9), event("c", "Third", -1)
    again = event("a", "Second", 0, number=2)
    answers = [listing(first, second), watching(("ADDED", third), ("MODIFIED", again)), listing(first, second, third)]
    async with serving(*answers) as (api, selectors), aclosing(new_events(api, view(PROGRESSING))) as stream:
        reasons = [[e.reason for e in await anext(stream)] for _ in range(3)]
    assert reasons == [["First", "Second"], ["Third"], ["Second"]]
    assert set(selectors) == {"involvedObject.kind=NotebookPlatform,involvedObject.name=hub,involvedObject.uid=u1"}
