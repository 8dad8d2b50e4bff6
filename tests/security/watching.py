"""Measurements of the operator under attack: the event loop's longest stall, the slowest health probe, the memory."""

import re
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from sandbox.operator_process import OperatorProcess

BUCKET = re.compile(r'^notebook_platform_event_loop_stall_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)


@dataclass
class Watched:
    """The figures of a block: `stall` is the upper bound of the histogram's bucket (seconds), `probe` the slowest answer of
    /healthz (seconds), `grown` the largest growth of the resident memory (bytes)."""

    operator: OperatorProcess
    stall: float = 0.0
    probe: float = 0.0
    grown: int = 0
    _before: dict[float, float] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Watched":
        self._before = self._stalls()
        self._thread = threading.Thread(target=self._probe, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        assert self._thread is not None
        self._thread.join()
        after = self._stalls()
        total = after[float("inf")] - self._before[float("inf")]
        within = (bound for bound in sorted(after) if after[bound] - self._before[bound] >= total)
        self.stall = next(within)

    def _stalls(self) -> dict[float, float]:
        return {float(bound.replace("+Inf", "inf")): float(count) for bound, count in BUCKET.findall(self.operator.metrics())}

    def _probe(self) -> None:
        first = self._resident()
        while not self._over.wait(0.05):
            began = time.monotonic()
            with urllib.request.urlopen(f"http://127.0.0.1:{self.operator.health_port}/healthz", timeout=60) as answer:
                answer.read()
            self.probe = max(self.probe, time.monotonic() - began)
            self.grown = max(self.grown, self._resident() - first)

    def _resident(self) -> int:
        text = Path(f"/proc/{self.operator.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) * 1024  # type: ignore[index]
