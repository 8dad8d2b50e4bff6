"""A step that waits for its turn does not time out; one that works too long does."""

import asyncio
from collections.abc import Sequence
from typing import Any

from notebook_platform.engine.change import Change
from notebook_platform.engine.outcome import Failed, Outcome, Ready
from notebook_platform.engine.result import Result
from notebook_platform.engine.step import AnyStep, Inputs, Observed
from notebook_platform.engine.time_limit import in_turn
from notebook_platform.engine.traverse import guarded


class Named(AnyStep):
    """A step with a name only."""

    name = "Cluster"

    def desired(self, inputs: Inputs) -> Any:
        return None

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Any]:
        return Observed(found=None)

    def plan(self, desired: Any, found: Any) -> Sequence[Change]:
        return []

    async def apply(self, desired: Any, found: Any, changes: Sequence[Change]) -> Outcome:
        return Ready()

    def output(self, found: Any) -> Any:
        return None

    async def delete(self, inputs: Inputs) -> Outcome:
        return Ready()


async def works(lock: asyncio.Lock, seconds: float) -> Result:
    async with in_turn(lock):
        await asyncio.sleep(seconds)
    return Result(outcome=Ready())


async def test_forty_steps_that_share_a_lock_end_although_the_last_waits_longer_than_the_limit() -> None:
    lock = asyncio.Lock()
    results = await asyncio.gather(*(guarded(Named(), works(lock, 0.03), 0.5) for _ in range(40)))
    assert [type(result.outcome) for result in results] == [Ready] * 40


async def test_work_inside_its_turn_still_has_the_limit() -> None:
    lock = asyncio.Lock()
    slow = asyncio.create_task(guarded(Named(), works(lock, 30), 0.1))
    await asyncio.sleep(0)
    quick = await guarded(Named(), works(lock, 0), 0.1)
    outcome = (await slow).outcome
    assert isinstance(outcome, Failed) and outcome.reason == "TimedOut"
    assert isinstance(quick.outcome, Ready)


async def test_a_task_that_outlives_its_step_may_wait_for_a_turn() -> None:
    lock = asyncio.Lock()
    started: list[asyncio.Task[Result]] = []

    async def starts() -> Result:
        started.append(asyncio.create_task(works(lock, 0)))
        return Result(outcome=Ready())

    await lock.acquire()
    await guarded(Named(), starts())
    await asyncio.sleep(0)
    lock.release()
    assert isinstance((await started[0]).outcome, Ready)
