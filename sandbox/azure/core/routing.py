"""From method and path to a handler, without regard to case."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.azure.core.odd_answers import Odd


@dataclass
class Call:
    """One request. `path` has no query; `variables` are the parts of the path that the route names."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    headers: Mapping[str, str]
    variables: dict[str, str] = field(default_factory=dict)
    caller: str = ""
    fails_with: Mapping[str, Any] | None = None
    progress: bool = False
    relative: bool = False
    """Whether the operation that this begins tells its progress; whether its addresses are paths alone."""
    held: asyncio.Event | None = None
    """The operation that this begins does not end before the event."""
    lost: str = ""
    """How the answer is lost on its way back: reset, silence, half."""
    expired: bool = False
    stale: Callable[[], None] | None = None
    """Called when the answer is an older one."""
    odd: Odd | None = None
    """What is odd about the answer."""

    def __getitem__(self, name: str) -> str:
        return self.variables[name]


@dataclass
class Answer:
    """What is sent back; no body when None."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    slashes: int | None
    """How many a path has that matches; None for any number."""
    handler: Handler


class Routes:
    """Routes in order; `{name}` in a pattern takes one segment, `{name*}` the rest."""

    def __init__(self) -> None:
        self._routes: list[_Route] = []
        self._candidates: dict[tuple[str, int], list[_Route]] = {}
        """The routes that a method and a number of slashes leave, of the requests so far."""

    def add(self, methods: str, pattern: str, handler: Handler) -> None:
        """Register a handler for methods (`GET PUT`) on a path."""
        expression = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.+)", pattern)
        expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", expression)
        compiled = re.compile(f"^{expression}/?$", re.IGNORECASE)
        segments = re.sub(r"\(\?P<\w+>(\[\^/\]\+|[\w|]+)\)", "", expression)  # without the groups that match no slash
        slashes = None if re.search(r"[*+?(]", segments) else segments.count("/")
        self._routes += [_Route(method, compiled, slashes, handler) for method in methods.split()]
        self._candidates.clear()

    def find(self, call: Call) -> Handler | None:
        """The handler; fills in the call's variables."""
        slashes = call.path.rstrip("/").count("/")
        key = (call.method, slashes)
        if key not in self._candidates:
            self._candidates[key] = [one for one in self._routes if one.method == call.method and one.slashes in (None, slashes)]
        for route in self._candidates[key]:
            if match := route.pattern.match(call.path):
                call.variables = match.groupdict()
                return route.handler
        return None
