"""Trace: what a step read when it was last found settled. A later reconcile verifies the reads and keeps the result, instead of observing,
planning and deriving it again.

A settled step computes the same result from the same inputs and the same reads. So its trace holds the inputs and the reads as hashes, and the
result. Whoever reads for a step reports it here with `note`: the cached lists of Azure, the versions of Secrets. A request that goes past
them is reported with `note_request`, and the step then leaves no trace. The traces of a platform are packed while it rests, and dropped when
its user changes anything. (Build systems call this a verifying trace: Mokhov, Mitchell, Peyton Jones, "Build Systems à la Carte", 2018.)
"""

import pickle
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field

from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Ready
from notebook_platform.engine.result import Result, is_settled
from notebook_platform.engine.step import AnyStep, Inputs
from notebook_platform.packed import Packing

TRACE_SECONDS = 3600.0
"""Seconds for which a trace may be used, with a jitter of a quarter: what depends on the time alone, such as the age of a password, is observed at
least that often."""

TRACES = Packing()


@dataclass(frozen=True, slots=True)
class Read:
    """One read: where from, what was asked for, and the hash of the answer, which is only valid in this process."""

    source: str
    key: tuple[str, ...]
    digest: int


Verify = Callable[[Read], Awaitable[bool]]
"""Return whether a read would give the same answer now, without a request of its own beyond the lists that all platforms share."""


@dataclass
class _Recording:
    reads: dict[Read, None] = field(default_factory=dict)
    complete: bool = True


_RECORDING: ContextVar[_Recording | None] = ContextVar("recording", default=None)


def note(source: str, *key: str, digest: int) -> None:
    """Note what the step that runs now has read."""
    if (recording := _RECORDING.get()) is not None:
        recording.reads[Read(source, key, digest)] = None


def note_write(source: str, *key: str, digest: int) -> None:
    """Note that the step that runs now has written what it read before, and what the next read of it gives."""
    if (recording := _RECORDING.get()) is not None:
        recording.reads = {read: None for read in recording.reads if (read.source, read.key) != (source, key)}
    note(source, *key, digest=digest)


def note_request() -> None:
    """Note that the step that runs now has sent a request whose answer cannot be verified later."""
    if (recording := _RECORDING.get()) is not None:
        recording.complete = False


@dataclass(frozen=True, slots=True)
class _Trace:
    inputs: int
    reads: tuple[Read, ...]
    result: Result
    until: float


class Traces:
    """The traces of one platform, by step."""

    def __init__(self) -> None:
        self._by_step: dict[str, _Trace] | None = {}
        self._packed: bytes | None = None

    def get(self, step: str) -> _Trace | None:
        """Return the trace of a step."""
        return self._unpacked().get(step)

    def put(self, step: str, trace: _Trace | None) -> None:
        """Replace the trace of a step; None: it has none."""
        traces = self._unpacked()
        if trace is not None:
            traces[step] = trace
        elif traces.pop(step, None) is None:
            return
        self._packed = None

    def pack(self) -> None:
        """Pack the traces before a long wait."""
        if self._by_step is not None and self._packed is None:
            self._packed = TRACES.compress(pickle.dumps(self._by_step))
        self._by_step = None

    def _unpacked(self) -> dict[str, _Trace]:
        if self._by_step is None:
            self._by_step = {} if self._packed is None else pickle.loads(TRACES.decompress(self._packed))
        return self._by_step


class Tracer:
    """Verifies and records the traces of one reconcile. `salt`: the hash of what all steps depend on beside their inputs and reads."""

    def __init__(self, traces: Traces, verify: Verify, salt: int) -> None:
        self._traces = traces
        self._verify = verify
        self._salt = salt
        self._verified: set[Read] = set()
        self.kept: set[str] = set()
        """The steps whose trace held."""

    async def held(self, graph: Graph) -> dict[str, Result]:
        """Return the results of the steps whose traces hold, each after those that it needs: what a settled platform does not run again.
        A list that cannot be read ends the search; then each step finds out for itself, beside the other steps."""
        found: dict[str, Result] = {}
        for name in graph.order:
            if (trace := self._traces.get(name)) is None or not found.keys() >= set(graph.needs[name]):
                continue
            made = {other: done.output for other in graph.needs[name] if isinstance(done := found[other].outcome, Ready)}
            try:
                if trace.inputs == self._digest(graph.inputs(name, made)) and await self._holds(trace):
                    found[name] = trace.result
            except Exception:  # see `result`
                break
        self.kept.update(found)
        return found

    async def result(self, step: AnyStep, inputs: Inputs, observe: Callable[[], Awaitable[Result]]) -> Result:
        """Return the step's last result if its inputs and all that it read are as they were. Otherwise return that of `observe`; if it is
        settled and all its reads were noted, keep its trace."""
        digest, trace = self._digest(inputs), self._traces.get(step.name)
        if trace is not None and trace.inputs == digest:
            with suppress(Exception):  # a list cannot be read: the step's own observation gets the same error and reports it
                if await self._holds(trace):
                    self.kept.add(step.name)
                    return trace.result
        recording = _Recording()
        token = _RECORDING.set(recording)
        try:
            result = await observe()
        finally:
            _RECORDING.reset(token)
        trace = None
        if recording.complete and is_settled(result) and result.requeue_after is None:
            until = time.monotonic() + TRACE_SECONDS * random.uniform(0.75, 1.25)
            trace = _Trace(digest, tuple(recording.reads), result, until)
        self._traces.put(step.name, trace)
        return result

    async def _holds(self, trace: _Trace) -> bool:
        """Return whether a trace may still be used, and all its reads would give the same. Raises what a read of a list raises."""
        if trace.until < time.monotonic():
            return False
        for read in trace.reads:
            if read not in self._verified and not await self._verify(read):
                return False
            self._verified.add(read)
        return True

    def _digest(self, inputs: Inputs) -> int:
        return hash((self._salt, pickle.dumps(inputs)))
