"""Repeated writes: Azure accepts a change, the operation succeeds, and the resource is as before.

Comparing alone would send the same change without end. The operator therefore counts how often in a row the same change of a resource was
accepted. The count is in memory: a new operator tries again. Steps ask for it through `AzureScope`. Patches have a count of their own, which
survives the operator (`patch_changes.py`).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.change import Change
from notebook_platform.engine.outcome import ChangeWithoutEffect

TRIES = 3
"""How often the same change is sent in a row."""

AGAIN = timedelta(hours=1)
"""The wait after that for one more: Azure may have been repaired, or the change is drift that returns."""

MOST_COUNTED = 1000
"""Counts beyond this number are dropped once they no longer matter."""

Made = TypeVar("Made")

Write = tuple[str, str]
"""A write: the platform's uid, and the kind of the operation, which names the resource."""


@dataclass(frozen=True)
class _Sent:
    difference: int
    count: int
    at: datetime


class RepeatedWrites:
    """Counts the writes of all platforms that Azure accepted, by platform and kind of operation."""

    def __init__(self) -> None:
        self._sent: dict[Write, _Sent] = {}

    def accepted(self, write: Write, changes: Sequence[Change], now: datetime) -> None:
        """Count a write that Azure has accepted."""
        if not changes:  # another write of the resource: what was sent before it is not repeated in a row
            self._sent.pop(write, None)
            return
        if len(self._sent) >= MOST_COUNTED:
            self._sent = {key: sent for key, sent in self._sent.items() if now - sent.at < AGAIN}
        difference, last = _difference(changes), self._sent.get(write)
        count = last.count + 1 if last is not None and last.difference == difference else 1
        self._sent[write] = _Sent(difference, count, now)

    def failed(self, write: Write) -> None:
        """Forget a write whose operation failed: its failure has a backoff of its own."""
        self._sent.pop(write, None)

    def check(self, write: Write, changes: Sequence[Change], now: datetime, field: str) -> None:
        """Raise ChangeWithoutEffect when the same changes were accepted as often as they are sent in a row. `field`: that of the spec."""
        sent = self._sent.get(write)
        if sent is None or sent.count < TRIES or sent.difference != _difference(changes) or now - sent.at >= AGAIN:
            return
        first = changes[0]
        raise ChangeWithoutEffect(
            Reason.CHANGE_WITHOUT_EFFECT,
            f"{field}: Azure accepted {first.path} = {first.after!r} {sent.count} times and still has {first.before!r}",
            "Find in the resource's activity log what resets the value, or set the value that Azure has in the spec.",
        )


async def upgrade_despite(write: Callable[[Sequence[Change]], Awaitable[Made]], changes: Sequence[Change], version: str) -> Made:
    """Make the changes with `write`; where they have no effect, make the upgrade of Kubernetes among them alone.

    `version`: the end of the path of its change. Raises ChangeWithoutEffect when there is no upgrade, or it cannot be made yet.
    """
    try:
        return await write(changes)
    except ChangeWithoutEffect:
        upgrade = [change for change in changes if change.path.endswith(version)]
        if len(upgrade) in (0, len(changes)) or (made := await write(upgrade)) is None:
            raise
        return made


def _difference(changes: Sequence[Change]) -> int:
    return hash(tuple((change.path, repr(change.before), repr(change.after)) for change in changes))
