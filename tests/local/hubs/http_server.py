"""A server on loopback, and a name server whose answers change."""

import socket
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

PUBLIC = "20.190.128.1"


class Server:
    """A server on loopback that counts requests and answers as a test sets it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        return await self.answer(request) if self.answer else web.Response(text="{}")


class Rebinding(AbstractResolver):
    """A name whose addresses change with each query, as its owner's name server may answer."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.questions = 0

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        addresses = self.answers[min(self.questions, len(self.answers) - 1)]
        self.questions += 1
        return [
            ResolveResult(hostname=host, host=one, port=port, family=socket.AF_INET, proto=0, flags=socket.AI_NUMERICHOST)
            for one in addresses
        ]

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""
