"""Long-running operations: accepted at once, done after a simulated while.

Each service words their documents in its own way. Those of AKS hold a name, times and no progress, and neither they nor the accepting
answer hold a Retry-After; those of the network hold the status alone, and both have the time of the next poll.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.azure.core.clock import Clock, stamp
from sandbox.azure.core.errors import ArmError
from sandbox.azure.core.routing import Answer, Call

Work = Callable[[], Awaitable[None]]

DOCUMENT, RESULT = "Azure-AsyncOperation", "Location"
BOTH = (DOCUMENT, RESULT)
"""The headers of an accepting answer: a deletion has both."""

AKS, NETWORK = "microsoft.containerservice", "microsoft.network"


@dataclass
class Operation:
    """One operation; `error` is set when it has failed."""

    id: str
    started: datetime
    seconds: float
    status: str = "InProgress"
    error: Mapping[str, Any] | None = None
    ended: datetime | None = None
    progress: bool = False
    relative: bool = False
    held: asyncio.Event | None = None
    task: "asyncio.Task[None] | None" = None


class Operations:
    """All operations of the simulator. `base` is the address that clients use."""

    def __init__(self, clock: Clock, base: Callable[[], str]) -> None:
        self._clock = clock
        self._base = base
        self.all: dict[str, Operation] = {}

    def start(
        self,
        seconds: float,
        succeed: Work,
        *,
        fail: Work | None = None,
        call: Call,
        meanwhile: Work | None = None,
    ) -> Operation:
        """Begin: `meanwhile` runs beside the clock, then `succeed`, or `fail` when `call` is to fail or something is raised."""
        error = call.fails_with
        operation = Operation(
            str(uuid.uuid4()),
            self._clock.now(),
            seconds,
            error=error,
            progress=call.progress,
            relative=call.relative,
            held=call.held,
        )
        self.all[operation.id] = operation
        operation.task = asyncio.create_task(self._run(operation, succeed, fail, error, meanwhile))
        return operation

    async def _run(
        self, operation: Operation, succeed: Work, fail: Work | None, error: Mapping[str, Any] | None, meanwhile: Work | None
    ) -> None:
        try:
            if meanwhile and error is None:
                await asyncio.gather(meanwhile(), self._clock.sleep(operation.seconds))
            else:
                await self._clock.sleep(operation.seconds)
            if operation.held:
                await operation.held.wait()
            if error is None:
                await succeed()
        except asyncio.CancelledError:
            operation.status = "Canceled"
            operation.error = {
                "code": "AKSOperationPreempted",
                "message": "This operation has been preempted by another operation.",
            }
        except ArmError as refused:
            error = refused.reason()
        except Exception as trouble:
            error = {"code": "InternalServerError", "message": f"{type(trouble).__name__}: {trouble}"}
        if error is not None:
            operation.error = error
            if fail:
                await fail()
        if operation.status != "Canceled":
            operation.status = "Failed" if error is not None else "Succeeded"
        operation.ended = self._clock.now()

    def answer(
        self, operation: Operation, provider_path: str, *, status: int, body: Any = None, names: Sequence[str] = (DOCUMENT,)
    ) -> Answer:
        """The accepting answer. `provider_path` is where its documents lie, as `/subscriptions/S/providers/P/locations/L`; `names`:
        the headers that name them."""
        headers = self._hint(operation, provider_path)
        query = f"?api-version=2016-03-30&t=639000000000000000&c=MIIH&s=signature-{operation.id[:12]}&h=hash"
        paths = {DOCUMENT: "operations", RESULT: "operationresults"}
        base = "" if operation.relative else self._base()
        for name in names:
            headers[name] = f"{base}{provider_path}/{paths[name]}/{operation.id}{query}"
        return Answer(body, status, headers)

    def _hint(self, operation: Operation, provider: str) -> dict[str, str]:
        """Return the headers with the time of the next poll. AKS sends none; a sped-up clock does, or clients would sleep through it."""
        if AKS in provider.lower() and self._clock.speed <= 1 and not operation.progress:
            return {}
        return self._clock.hint(5)

    def document(self, id_: str, provider: str = "") -> Answer:
        """What `Azure-AsyncOperation` tells, as `provider` words it."""
        operation = self.all.get(id_)
        if operation is None:
            raise ArmError(404, "NotFound", f"The entity was not found: operation {id_}")
        body: dict[str, Any] = {"status": operation.status}
        if provider.lower() != NETWORK:
            body |= {"name": operation.id, "startTime": stamp(operation.started)}
            body |= {"endTime": stamp(operation.ended)} if operation.ended else {}
        if operation.progress:
            body["percentComplete"] = self._percent(operation)
        if operation.ended and operation.error:
            body["error"] = dict(operation.error)
        return Answer(body, 200, {} if operation.ended else self._hint(operation, provider))

    def _percent(self, operation: Operation) -> float:
        if operation.ended or not operation.seconds:
            return 100.0 if operation.ended else 99.0
        elapsed = (self._clock.now() - operation.started).total_seconds()
        return round(min(99.0, 100 * elapsed / operation.seconds), 1)

    def result(self, id_: str) -> Answer:
        """What `Location` tells: 202 while it runs, then 200; its error when it failed."""
        operation = self.all.get(id_)
        if operation is None:
            raise ArmError(404, "NotFound", f"The entity was not found: operation {id_}")
        if not operation.ended:
            return Answer(None, 202, self._clock.hint(5))
        if operation.error:
            raise ArmError(409, str(operation.error["code"]), str(operation.error["message"]))
        return Answer(None, 200)

    async def cancel(self, operation: Operation) -> None:
        """End it where it is; one that is over stays as it ended."""
        if operation.task and not operation.task.done():
            operation.task.cancel()
            await asyncio.gather(operation.task, return_exceptions=True)

    async def close(self) -> None:
        """End what runs."""
        tasks = [o.task for o in self.all.values() if o.task and not o.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
