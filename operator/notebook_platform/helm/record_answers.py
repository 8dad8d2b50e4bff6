"""Answers of the proxy between Helm and the workload cluster's API (`helm/record_proxy.py`): errors in the API server's form, and
bodies with a limit of bytes, nodes and depth.
"""

import aiohttp
from aiohttp import web

from notebook_platform.bounded.documents import Budget, DocumentRefused, read_json

SECRET = Budget(bytes=4 * 2**20, nodes=10_000, depth=50)
"""A Secret holds 1 MiB; base64, and room for its metadata."""


class Rejected(Exception):
    """A request of Helm that is rejected. Its text goes to Helm, and with Helm's message into a condition."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


async def read_body(answer: aiohttp.ClientResponse) -> bytes:
    """Read the body, or a little more than is accepted."""
    body = b""
    while len(body) <= SECRET.bytes and (more := await answer.content.readany()):
        body += more
    return body


async def relayed(status: int, body: bytes) -> Rejected:
    """Return the API server's rejection unchanged. It is redacted later, and only then shortened for a condition."""
    try:
        text = await read_json(body, SECRET)
    except DocumentRefused:
        text = None
    text = text if isinstance(text, dict) else {}
    return Rejected(status, str(text.get("reason") or "Unknown"), str(text.get("message") or "")[:4000])


def status_response(code: int, reason: str, message: str) -> web.Response:
    """Return an error in the form of the API server."""
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return web.json_response({**body, "message": message, "reason": reason, "code": code}, status=code)
