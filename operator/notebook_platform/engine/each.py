"""Act on every item of a step, so that one that is refused keeps no other item from it."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from notebook_platform.engine.outcome import Outcome, Progressing, Queued, Ready, StepError

Item = TypeVar("Item")


async def each(
    items: Iterable[Item], act: Callable[[Item], Awaitable[Outcome | None]], refusals: type[Exception] = StepError
) -> Outcome:
    """Act on the items in order, and return Ready after the last one; an operation that an item starts is returned at once.

    `refusals`: the exception that means that one item is refused. The first one is raised after the last item. What a rate limit queues ends
    the loop, since the items after it are queued too.
    """
    refused: Exception | None = None
    for item in items:
        try:
            outcome = await act(item)
        except Queued:
            raise
        except refusals as error:
            refused = refused or error
            continue
        if isinstance(outcome, Progressing):
            return outcome
    if refused is not None:
        raise refused
    return Ready()
