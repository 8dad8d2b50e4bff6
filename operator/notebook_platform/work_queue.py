"""The work queue: which platform is reconciled next, and how many are reconciled side by side. Pure; the caller passes the clock.

A reconcile that is due waits in the queue until one of `limit` slots is free. Three rules choose the next one. Priority: what a user
has just asked for goes before work in progress, and that before periodic checks; of eight starts five, two and one go to them while
all three wait, so none starves. Namespaces take turns within a priority, and the platforms of a namespace take turns within it. One
namespace holds at most three quarters of the slots, so that platforms whose clusters hang do not block those of other teams.

Reconciles that wait for Azure share an event loop well; those that compute make each other late. So the number of open slots follows the
delay of the loop: fewer while the loop is late, up to the limit while it is not.
`slots` wakes the waiting tasks, and docs/decisions/0017-work-queue.md gives the reasons.
"""

import math
from collections import Counter, OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

LATE, PROMPT = 0.05, 0.02
"""Seconds by which the event loop is late: above the first, a fifth of the slots closes; below the second, one more opens."""
FEWEST = 4
"""Slots that are always open."""

NAMESPACE_SHARE = 0.75
"""Largest part of the slots that one namespace holds."""


class Priority(IntEnum):
    """Why a reconcile is due; the smallest value comes first."""

    URGENT = 0
    """A platform is new, is being deleted, or its user has changed something."""
    FOLLOW_UP = 1
    """Work is in progress: an operation is polled, a failed step is retried."""
    PERIODIC = 2
    """The interval has passed, or the operator has started."""

    @property
    def label(self) -> str:
        """Return the label of metrics."""
        return self.name.lower()


TURNS = tuple(map(Priority, (0, 0, 1, 0, 0, 1, 0, 2)))
"""The priority that each start in a round of eight prefers."""


@dataclass(frozen=True, kw_only=True)
class Ticket(Generic[Key]):
    """A reconcile that waits. `since` is the time at which it was added, in seconds of the caller's clock."""

    key: Key
    namespace: str
    priority: Priority
    since: float


class WorkQueue(Generic[Key]):
    """Reconciles that wait and those that run. A key is in the queue at most once. `slots`: how many may run now, at most `limit`."""

    def __init__(self, limit: int) -> None:
        self.limit = self.slots = limit
        self._tickets: dict[Key, Ticket[Key]] = {}
        self._lanes: dict[Priority, OrderedDict[str, OrderedDict[Key, None]]] = {p: OrderedDict() for p in Priority}
        self._running: dict[Key, str] = {}
        self._busy: Counter[str] = Counter()
        self._waiting: Counter[Priority] = Counter()
        self._starts = 0

    @property
    def running(self) -> int:
        """Return the number of slots in use."""
        return len(self._running)

    def waiting(self, priority: Priority) -> int:
        """Return the number of reconciles that wait with this priority."""
        return self._waiting[priority]

    def adapt(self, delay: float) -> None:
        """Close or open slots, after the event loop was late by `delay` seconds. Reconciles that run keep their slots."""
        if delay > LATE:
            self.slots = max(min(FEWEST, self.limit), int(self.slots * 0.8))
        elif delay < PROMPT:
            self.slots = min(self.limit, self.slots + 1)

    def add(self, key: Key, namespace: str, priority: Priority, now: float) -> None:
        """Let a reconcile wait. One that waits already keeps its place, unless its new priority comes earlier."""
        known = self._tickets.get(key)
        if known is not None and known.priority <= priority:
            return
        since = self._withdraw(known).since if known else now
        self._tickets[key] = Ticket(key=key, namespace=namespace, priority=priority, since=since)
        self._lanes[priority].setdefault(namespace, OrderedDict())[key] = None
        self._waiting[priority] += 1

    def prioritize(self, key: Key) -> None:
        """Give a reconcile that waits the first priority: its user has changed something."""
        if known := self._tickets.get(key):
            self.add(key, known.namespace, Priority.URGENT, known.since)

    def start(self) -> Iterator[Ticket[Key]]:
        """Yield the reconciles that start now: as many as there are free slots for."""
        while len(self._running) < self.slots and (ticket := self._next()) is not None:
            self._withdraw(ticket)
            self._running[ticket.key] = ticket.namespace
            self._busy[ticket.namespace] += 1
            self._starts += 1
            yield ticket

    def remove(self, key: Key) -> None:
        """Free the slot of a reconcile that has ended, or withdraw one that waits."""
        if known := self._tickets.get(key):
            self._withdraw(known)
        if (namespace := self._running.pop(key, None)) is not None:
            self._busy[namespace] -= 1
            if not self._busy[namespace]:
                del self._busy[namespace]

    def _next(self) -> Ticket[Key] | None:
        most = math.ceil(self.slots * NAMESPACE_SHARE)
        preferred = TURNS[self._starts % len(TURNS)]
        for priority in (preferred, *(p for p in Priority if p is not preferred)):
            lane = self._lanes[priority]
            for namespace in lane:
                if self._busy[namespace] < most:
                    return self._tickets[next(iter(lane[namespace]))]
        return None

    def _withdraw(self, ticket: Ticket[Key]) -> Ticket[Key]:
        """Take a ticket out of its lane. Its namespace goes to the end of the round."""
        del self._tickets[ticket.key]
        self._waiting[ticket.priority] -= 1
        lane = self._lanes[ticket.priority]
        del lane[ticket.namespace][ticket.key]
        if lane[ticket.namespace]:
            lane.move_to_end(ticket.namespace)
        else:
            del lane[ticket.namespace]
        return ticket
