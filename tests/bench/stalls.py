"""The longest stall of the event loop while it reads documents made to block it, in wall-clock time and in CPU time of the loop's
thread. The second is independent of the machine's other processes."""

import asyncio
import gzip
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from notebook_platform.api.hubs import ValuesFrom
from notebook_platform.bounded.archive import read_gzip
from notebook_platform.bounded.documents import DocumentRefused, read_json, read_yaml, read_yaml_all
from notebook_platform.engine.outcome import StepError
from notebook_platform.helm.dry_run import RENDERED
from notebook_platform.helm.values import documents

BEAT = 0.002


@dataclass(frozen=True)
class Stall:
    """The longest pause of the loop during one attack, in seconds, and the result for the document."""

    attack: str
    wall: float
    processor: float
    became: str


class Namespace:
    """ConfigMaps with one text, with the part of SecretStore's interface that `documents` uses."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def config_map(self, name: str, key: str, *, field: str) -> str:
        """Return the text."""
        return self._text


async def values(text: str, count: int = 1) -> Any:
    """Read the text as `count` documents of valuesFrom."""
    sources = [ValuesFrom(kind="ConfigMap", name="values") for _ in range(count)]
    return await documents(Namespace(text), sources, "spec.jupyterhub", {})  # type: ignore[arg-type]


def attacks() -> dict[str, Callable[[], Awaitable[Any]]]:
    """Return the documents that an author or a cluster can supply, by name."""
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{n}: &{n} [{','.join([f'*{b}'] * 9)}]\n" for b, n in zip("abcdefgh", "bcdefghi", strict=True)
    )
    packed = gzip.compress(b"\0" * (300 << 20))
    manifest = "".join(f"---\nkind: A\nmetadata: {{name: a{n}}}\ndata: {{k: {'v' * 200}}}\n" for n in range(20_000))
    members, few = "\n".join(f"k{n:06}: v" for n in range(75_000)), "\n".join(f"k{n:06}: {'v' * 90}" for n in range(9_000))
    large, scalar = "\n".join(f"k{n:06}: {'v' * 700}" for n in range(1000)), "a: " + "x" * 1_000_000
    tags = "".join(f"%TAG !a{n}! x\n" for n in range(20_000)) + "---\na"
    flat = "[" + ",".join(["{}"] * 49_000) + "," + ",".join(["12345678901"] * 49_000) + "]"
    return {
        "YAML bomb of 380 bytes in valuesFrom": lambda: values(bomb),
        "100,000 levels in valuesFrom": lambda: values("[" * 100_000),
        "900 kB of members in valuesFrom": lambda: values(members),
        "9,000 members in valuesFrom": lambda: values(few),
        "4 ConfigMaps of 720 kB": lambda: values(large, 4),
        "one scalar of 1 MB": lambda: read_yaml(scalar),
        "20,000 tag directives": lambda: read_yaml(tags),
        "gzip bomb of 300 kB": lambda: read_gzip(packed, 16 << 20),
        "JSON of 1 MB, 99,000 values": lambda: read_json(flat),
        "JSON 100,000 levels": lambda: read_json("[" * 100_000),
        "a chart that renders 5 MB": lambda: read_yaml_all(manifest, RENDERED),
    }


async def longest(attack: str, work: Callable[[], Awaitable[Any]]) -> Stall:
    """Measure one attack."""
    wall = processor = 0.0
    began = asyncio.Event()

    async def beat() -> None:
        nonlocal wall, processor
        while True:
            before, used = time.perf_counter(), time.thread_time()
            await asyncio.sleep(BEAT)
            wall = max(wall, time.perf_counter() - before - BEAT)
            processor = max(processor, time.thread_time() - used)
            began.set()

    task = asyncio.create_task(beat())
    await began.wait()
    try:
        await work()
        became = "read"
    except (DocumentRefused, StepError) as refused:
        became = getattr(getattr(refused, "failed", None), "reason", type(refused).__name__)
    task.cancel()
    return Stall(attack, wall, processor, became)


async def measure() -> list[Stall]:
    """Measure all attacks, and first an idle loop as the baseline of the machine."""
    idle = await longest("nothing (what this machine adds)", lambda: asyncio.sleep(1))
    return [idle, *[await longest(name, work) for name, work in attacks().items()]]
