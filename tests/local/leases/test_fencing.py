"""No byte of a write leaves the process after the lease's deadline, also when the process was stopped in between."""

import asyncio
import os
import signal
import socket
import ssl
import sys
from pathlib import Path

import pytest
import trustme
from notebook_platform.fencing import FENCE, Fence, LeaseLost, boottime, check_fence

WRITER = Path(__file__).with_name("frozen_writer.py")
LASTS = 1.5
"""Seconds of the writer's fence: it starts and connects within them."""


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


async def never(holder: str) -> bool:
    return False


class Server(asyncio.Protocol):
    """Records what a client sends after the TLS handshake, and answers it."""

    def __init__(self, received: bytearray) -> None:
        self._received = received

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        assert isinstance(self._transport, asyncio.Transport)
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "frozen", "result"),
    [("PUT", True, "refused"), ("PUT", False, "answer 200"), ("GET", True, "answer 200")],
)
async def test_a_process_that_wakes_after_its_deadline_sends_no_write(method: str, frozen: bool, result: str) -> None:
    received, loop = bytearray(), asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"
        seconds = str(LASTS if frozen else 60)
        writer = await asyncio.create_subprocess_exec(
            sys.executable, str(WRITER), url, seconds, method, stdout=asyncio.subprocess.PIPE
        )
        accepted, _ = await loop.sock_accept(listening)  # the writer waits for the handshake: its first check has passed
        if frozen:
            os.kill(writer.pid, signal.SIGSTOP)
            await asyncio.sleep(LASTS)
        handshake = asyncio.create_task(loop.connect_accepted_socket(lambda: Server(received), accepted, ssl=server_context()))
        os.kill(writer.pid, signal.SIGCONT)
        output, _ = await writer.communicate()
        await asyncio.gather(handshake, return_exceptions=True)
    assert output.decode().strip() == result
    assert bool(received) is (result != "refused")


async def test_a_fence_ends_at_its_deadline_and_stays_ended() -> None:
    ended: list[str] = []
    fence = Fence("namespace/lease/me", boottime() + 0.2, never)
    fence.on_end(lambda: ended.append("end"))
    FENCE.set(fence)
    check_fence()
    fence.extend(boottime() + 0.3)
    await asyncio.sleep(0.25)
    check_fence()
    await asyncio.sleep(0.1)
    assert ended == ["end"], "its reconcilers are cancelled at the deadline, not at the next write"
    fence.extend(boottime() + 60)
    with pytest.raises(LeaseLost, match="namespace/lease/me"):
        check_fence()
    assert ended == ["end"]
