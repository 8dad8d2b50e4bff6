"""Watches objects of the management cluster: list, watch, and list again when the watch ends or breaks."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.watch import Watch
from pydantic import ValidationError

from notebook_platform.api import GROUP, KIND, PLURAL, VERSION
from notebook_platform.cli.changes import EventLine
from notebook_platform.cli.management import NO_ANSWER, UsageError, reading
from notebook_platform.cli.view import View

WATCH_SECONDS = 240
"""Server-side timeout of a watch, below the client's own limit of five minutes."""

LIST_SECONDS = 20
AGAIN_SECONDS = 2.0
"""Pause before a retry when the API server did not answer."""

NOT_RETRIED = (401, 403, 404)
"""HTTP statuses that a retry does not change."""

Objects = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Place:
    """Namespace and name of a platform."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


async def watch_objects(
    api: client.ApiClient, call: Callable[..., Awaitable[Any]], *path: str, select: str
) -> AsyncGenerator[Objects, None]:
    """Yield all objects that the field selector matches, by uid; again each time one of them changes.

    Continues over ended watches, lost connections and restarts of the API server, once it has answered.
    Raises ApiException, or one of NO_ANSWER if it does not answer the first time.
    """
    answered = False
    while True:
        try:
            listed = await call(*path, field_selector=select, _request_timeout=LIST_SECONDS)
            found: dict[str, Any] = listed if isinstance(listed, dict) else api.sanitize_for_serialization(listed)
            objects = {item["metadata"]["uid"]: item for item in found["items"]}
            answered = True
            yield dict(objects)
            more = {"resource_version": found["metadata"]["resourceVersion"], "timeout_seconds": WATCH_SECONDS}
            async with Watch() as watch:
                async for event in watch.stream(call, *path, field_selector=select, **more):
                    if isinstance(event, str):  # no JSON: a proxy's page
                        raise ConnectionError("the answer is not from the API server")
                    item = event["raw_object"]
                    if event["type"] == "DELETED":
                        objects.pop(item["metadata"]["uid"], None)
                    else:
                        objects[item["metadata"]["uid"]] = item
                    yield dict(objects)
        except RecursionError:  # an object in the watch is nested too deep; a list is cut
            await asyncio.sleep(AGAIN_SECONDS)
        except (ApiException, *NO_ANSWER) as error:
            if not answered or (isinstance(error, ApiException) and error.status in NOT_RETRIED):
                raise
            if not (isinstance(error, ApiException) and error.status == 410):  # 410: the resource version is too old
                await asyncio.sleep(AGAIN_SECONDS)


async def views(api: client.ApiClient, place: Place) -> AsyncGenerator[View | None, None]:
    """Yield the platform, then again each time it changes; None when it does not exist. Raises UsageError."""
    call, last = client.CustomObjectsApi(api).list_namespaced_custom_object, ""
    path = (GROUP, VERSION, place.namespace, PLURAL)
    with reading(f"the platform {place}"):
        async with aclosing(watch_objects(api, call, *path, select=f"metadata.name={place.name}")) as stream:
            async for objects in stream:
                body = next(iter(objects.values()), None)
                version = body["metadata"]["resourceVersion"] if body else "none"
                if version != last:  # a list after a broken watch may repeat what is known
                    last = version
                    yield _view(body) if body else None


def _view(body: Mapping[str, Any]) -> View:
    try:
        return View.of(body)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise UsageError(f"status.{where} cannot be read: the operator is of another version than this command") from None


async def new_events(api: client.ApiClient, view: View) -> AsyncGenerator[list[EventLine], None]:
    """Yield the platform's Events by its uid, oldest first: the existing ones, then each time the new ones. Raises ApiException or one of
    NO_ANSWER."""
    call, known = client.CoreV1Api(api).list_namespaced_event, set[tuple[str, str]]()
    select = f"involvedObject.kind={KIND},involvedObject.name={view.name},involvedObject.uid={view.uid}"
    async with aclosing(watch_objects(api, call, view.namespace, select=select)) as stream:
        async for objects in stream:
            versions = {(uid, str(item["metadata"]["resourceVersion"])): item for uid, item in objects.items()}
            fresh = [EventLine.of(item) for key, item in versions.items() if key not in known]
            known = set(versions)
            if fresh:
                yield sorted(fresh, key=lambda event: event.when.timestamp() if event.when else 0.0)
