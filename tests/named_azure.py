"""Operators for whom the name of the simulated Azure resolves as a test says: to its own address, to another one, or not at all."""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from sandbox.operator_process import Running
from tests.forked_operator import FORKS, Fork, ForkedOperator, become_command

AZURE = "localhost"
"""The name in the addresses of the simulator."""

UNKNOWN = "unknown"


class NamedAzure(ForkedOperator):
    """One run of the operator, whose resolver reads the address of Azure from a file with each query."""

    def __init__(self, environment: Mapping[str, str], directory: Path, **settings: str) -> None:
        super().__init__(environment, directory, **settings)
        self._answer = directory / "address-of-azure"
        self.resolve()

    def resolve(self, address: str = "") -> None:
        """Have the name resolve to an address; UNKNOWN: the resolver does not know it; empty: to its own."""
        self._answer.write_text(address)

    def _spawn(self) -> Running:
        return Fork(FORKS.Process(target=_operate, args=(self.environment, self.log, self._answer), daemon=True))


def _operate(environment: Mapping[str, str], log: Path, answer: Path) -> None:
    """Become an operator whose system resolver is the file's. Its client asks the resolver for each connection: kept for ten seconds, as
    aiohttp does, an answer would only delay what the test is about."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        address = answer.read_text() if host == AZURE else ""
        if address == UNKNOWN:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(address or host, *arguments, **options)

    socket.getaddrinfo = getaddrinfo
    aiohttp.TCPConnector.__init__.__kwdefaults__["ttl_dns_cache"] = 0
    become_command(("run",), environment, log, log)
