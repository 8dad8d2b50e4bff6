"""Long-running operations: accepted at once, done after a simulated while."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.azure.core.clock import Clock, stamp
from sandbox.azure.core.errors import ArmError
from sandbox.azure.core.routing import Answer

Work = Callable[[], Awaitable[None]]


@dataclass
class Operation:
    """One operation; `error` is set when it has failed."""

    id: str
    started: datetime
    seconds: float
    status: str = "InProgress"
    error: Mapping[str, Any] | None = None
    ended: datetime | None = None
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
        error: Mapping[str, Any] | None = None,
        meanwhile: Work | None = None,
    ) -> Operation:
        """Begin: `meanwhile` runs beside the clock, then `succeed`, or `fail` when `error` is given or something is raised."""
        operation = Operation(uuid.uuid4().hex, self._clock.now(), seconds, error=error)
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
            if error is None:
                await succeed()
        except asyncio.CancelledError:
            operation.status = "Canceled"
            operation.error = {
                "code": "AKSOperationPreempted",
                "message": "This operation has been preempted by another operation.",
            }
        except ArmError as refused:
            error = refused.body()["error"]
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
        self, operation: Operation, provider_path: str, *, status: int, body: Any = None, location: bool = False
    ) -> Answer:
        """The accepting answer. `provider_path` is where its documents lie, as `/subscriptions/S/providers/P/locations/L`."""
        headers = self._clock.hint(5)
        query = f"?api-version=2016-03-30&t=639000000000000000&c=MIIH&s=signature-{operation.id[:12]}&h=hash"
        if location:
            headers["Location"] = f"{self._base()}{provider_path}/operationresults/{operation.id}{query}"
        else:
            headers["Azure-AsyncOperation"] = f"{self._base()}{provider_path}/operations/{operation.id}{query}"
        return Answer(body, status, headers)

    def document(self, id_: str) -> Answer:
        """What `Azure-AsyncOperation` tells."""
        operation = self.all.get(id_)
        if operation is None:
            raise ArmError(404, "NotFound", f"The entity was not found: operation {id_}")
        elapsed = (self._clock.now() - operation.started).total_seconds()
        percent = 100.0 if operation.ended else min(99.0, 100 * elapsed / operation.seconds if operation.seconds else 99.0)
        body: dict[str, Any] = {
            "name": operation.id,
            "status": operation.status,
            "startTime": stamp(operation.started),
            "percentComplete": round(percent, 1),
        }
        if operation.ended:
            body["endTime"] = stamp(operation.ended)
        if operation.error:
            body["error"] = dict(operation.error)
        return Answer(body, 200, {} if operation.ended else self._clock.hint(5))

    def result(self, id_: str) -> Answer:
        """What `Location` tells: 202 while it runs, then 200; its error when it failed."""
        operation = self.all.get(id_)
        if operation is None:
            raise ArmError(404, "NotFound", f"The entity was not found: operation {id_}")
        if not operation.ended:
            return Answer(None, 202, {**self._clock.hint(5)})
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
