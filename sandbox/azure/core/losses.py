"""Answers that are lost on their way, and answers that are older than the last change: what networks and replicas do."""

import asyncio
import socket
import struct

from aiohttp import web

from sandbox.azure.core.routing import Call

LONGEST_SILENCE = 600.0
"""Seconds after which a connection without an answer is closed, if the client has not done so."""


class KeptAnswers:
    """The last answers to each read, from which a stale one is taken."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[int, bytes]] = {}

    def older(self, call: Call, now: web.Response) -> web.Response:
        """Return the answer to send: the kept one if the call is to get an older one and there is one, else `now`, which is kept."""
        if call.method != "GET":
            return now
        key, body = (call.path.lower(), tuple(sorted(call.query.items()))), now.body if isinstance(now.body, bytes) else b""
        before = self._last.get(key)
        if call.stale and before and before != (now.status, body):
            call.stale()
            return web.Response(status=before[0], body=before[1], content_type="application/json")
        self._last[key] = (now.status, body)
        return now


async def lose(request: web.Request, how: str, answer: web.Response | None = None) -> web.StreamResponse:
    """Lose an answer: the connection is reset, stays silent, or ends after half of the body. A body too short to halve is reset."""
    body = answer.body if answer is not None and isinstance(answer.body, bytes) else b""
    if how == "silence":
        await _until_closed(request)
    elif how == "half" and answer is not None and len(body) > 1:
        headers = {
            name: value for name, value in answer.headers.items() if name.lower() not in ("content-length", "content-type")
        }
        partial = web.StreamResponse(status=answer.status, headers={**headers, "Content-Length": str(len(body))})
        partial.content_type = "application/json"
        await partial.prepare(request)
        await partial.write(body[: len(body) // 2])
        if request.transport:
            request.transport.close()
        return partial
    _reset(request)
    return web.Response()


async def _until_closed(request: web.Request) -> None:
    """Wait until the client gives up."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + LONGEST_SILENCE
    while request.transport and not request.transport.is_closing() and loop.time() < ends:  # noqa: ASYNC110
        await asyncio.sleep(0.1)  # aiohttp has no event for it


def _reset(request: web.Request) -> None:
    """End the connection with a TCP reset."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
