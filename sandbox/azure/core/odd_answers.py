"""Odd answers on demand: a body of another kind, members with other values, headers that are missing or wrong."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from pydantic import BaseModel, Field

SELF = "<self>"
"""In a text of `merge`: the address of the request."""


class Odd(BaseModel):
    """What is odd about an answer."""

    body: str | None = Field(None, description="The body, instead of the handler's.")
    repeat: int = Field(1, description="How often `body` is repeated.")
    content_type: str = "application/json"
    merge: Mapping[str, Any] = Field(
        default_factory=dict, description="Members that replace those of the body; null: the value null."
    )
    add: tuple[Mapping[str, Any], ...] = Field((), description="Items that a list has beyond its own.")
    headers: Mapping[str, str] = Field(default_factory=dict, description="Headers beyond the handler's, or instead of them.")
    without: tuple[str, ...] = Field((), description="Headers that are left out.")


def distorted(answer: web.Response, odd: Odd, address: str) -> web.Response:
    """Return the answer as it is sent. `address`: that of the request."""
    body = answer.body if isinstance(answer.body, bytes) else b""
    if odd.body is not None:
        body = (odd.body * odd.repeat).encode()
    elif (odd.merge or odd.add) and body:
        merged = {name: value.replace(SELF, address) if isinstance(value, str) else value for name, value in odd.merge.items()}
        document = json.loads(body) | merged
        if odd.add and isinstance(document.get("value"), list):
            document["value"] = [*document["value"], *odd.add]
        body = json.dumps(document).encode()
    left_out = {name.lower() for name in (*odd.without, *odd.headers, "Content-Length", "Content-Type")}
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in left_out}
    return web.Response(status=answer.status, body=body, headers={**headers, **odd.headers}, content_type=odd.content_type)
