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


class Routes:
    """Routes in order; `{name}` in a pattern takes one segment, `{name*}` the rest."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, methods: str, pattern: str, handler: Handler) -> None:
        """Register a handler for methods (`GET PUT`) on a path."""
        expression = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.+)", pattern)
        expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", expression)
        compiled = re.compile(f"^{expression}/?$", re.IGNORECASE)
        for method in methods.split():
            self._routes.append((method, compiled, handler))

    def find(self, call: Call) -> Handler | None:
        """The handler; fills in the call's variables."""
        for method, pattern, handler in self._routes:
            if method == call.method and (match := pattern.match(call.path)):
                call.variables = match.groupdict()
                return handler
        return None
