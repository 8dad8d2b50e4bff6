"""What becomes of a step in one reconcile: six outcomes, each with one meaning. `engine/conditions.py` defines what each means to users.

Steps return them, the engine orders later steps by them, and the reconciler derives the next reconcile from them.
"""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A long-running operation that the cloud has accepted.

    `url` is the address that reports its state and may be signed: it is kept in a Secret and never shown; `kind` names the
    operation in words ("create managed cluster prd-aks-jhub"); `expected` is how long such an operation usually takes, in seconds.
    `key` is what it is recorded under; empty: the name of the step. `correlation_id` is that of the request that began it.
    """

    kind: str
    url: str = field(repr=False)
    started: datetime
    expected: float
    key: str = ""
    correlation_id: str = field(default="", compare=False)
    percent: float | None = None


@dataclass(frozen=True, kw_only=True)
class Ready:
    """The step is as the spec asks; `output` is what later steps take from it. In a deletion: nothing of ours is left."""

    output: object = None


@dataclass(frozen=True, kw_only=True)
class Deferred:
    """Some changes wait, while later steps may run, or have to run before these changes can be made.

    `message` is a sentence that says what the changes wait for, `reason` its CamelCase word. `needs_user`: a user has to act first
    (kstatus Stalled). `output` is what later steps take meanwhile.
    """

    output: object
    reason: str
    message: str
    needs_user: bool = False


@dataclass(frozen=True, kw_only=True)
class Progressing:
    """Work is under way elsewhere. `requeue_after` is in seconds; `operation` is set while the cloud gives it a name."""

    reason: str
    message: str
    requeue_after: float
    operation: Operation | None = None


@dataclass(frozen=True, kw_only=True)
class Degraded:
    """The resource exists as the spec asks and does not work, and may recover without a change: a node starts, an image is pulled.

    `requeue_after` is in seconds. After `stall_after` seconds a user has to act (kstatus Stalled). `since`: it has lasted no longer
    than since then; None: for as long as the step was not ready.
    """

    reason: str
    message: str
    requeue_after: float
    stall_after: float
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The step waits for the named steps; nothing of it was observed."""

    on: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The step cannot go on. `reason` is CamelCase, `message` a sentence that names the field, `remedy` what to do.

    `retry_in` is the first wait in seconds (it grows with each failure in a row). None: no retry can help until the spec, a
    referenced Secret or the cloud changes (kstatus Stalled); the resource is still observed once an interval.
    `correlation_id` is set when Azure refused a request: its activity log can be searched for it. It differs at each try, so it is no
    part of a condition's message: status.attempts shows it, which changes at each try anyway.
    """

    reason: str
    message: str
    remedy: str
    retry_in: float | None = None
    correlation_id: str = field(default="", compare=False)


Outcome = Ready | Deferred | Progressing | Degraded | Waiting | Failed

Unblocking = Ready | Deferred
"""Outcomes after which the steps that need this one run. They carry an `output`."""

Rechecked = Progressing | Degraded
"""Outcomes that change without a change of the spec. They carry `reason`, `message` and `requeue_after`."""


class StepError(Exception):
    """Raised anywhere inside a step to end it as `Failed`. It carries no secret and is never shown as a traceback."""

    def __init__(self, reason: str, message: str, remedy: str, *, retry_in: float | None = None) -> None:
        super().__init__(f"{reason}: {message}")
        self.failed = Failed(reason=reason, message=message, remedy=remedy, retry_in=retry_in)

    @classmethod
    def of(cls, failed: Failed) -> "StepError":
        """Make the error that ends a step as `failed`."""
        error = cls(failed.reason, failed.message, failed.remedy, retry_in=failed.retry_in)
        error.failed = failed
        return error
