"""Define the six outcomes of a step in a reconcile, each with one meaning.

Steps return them, the engine orders later steps by them, and the reconciler schedules the next reconcile from them.
`engine/conditions.py` turns them into conditions.
"""

from dataclasses import dataclass, field
from datetime import datetime

from notebook_platform.api.reasons import AnyReason, Reason

REPORT = "The operator retries. If the error persists, report it with a support bundle: `notebook-platform support-bundle NAME -n NAMESPACE`."
"""The remedy of an unexpected error."""

PART_OF_ELAPSED = 0.2
"""The end of work in progress is noticed at most so much later, as a part of its duration."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A long-running operation that the cloud has accepted.

    `url` is the address that reports its state and may be signed: it is stored in a Secret and never shown. `kind` describes
    the operation ("create managed cluster prd-aks-jhub"). `expected` is its usual duration in seconds. `key` is the key of
    its record; empty: the name of the step. `correlation_id` is that of the request that began it.
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
    """The step matches the spec. `output` is the input of later steps. In a deletion: nothing that the platform owns is
    left."""

    output: object = None


@dataclass(frozen=True, kw_only=True)
class Deferred:
    """Some changes are deferred, while later steps may run, or have to run before these changes can be made.

    `message` is a sentence that says what the changes are deferred until, `reason` its CamelCase word. `needs_user`: a user
    has to act first (kstatus Stalled). `output` is the input of later steps meanwhile.
    """

    output: object
    reason: AnyReason
    message: str
    needs_user: bool = False


@dataclass(frozen=True, kw_only=True)
class Progressing:
    """Work is in progress elsewhere. `requeue_after` is in seconds; `operation` is set while the cloud reports one.

    After `stall_after` seconds since `since` a user has to act (kstatus Stalled), as `remedy` says; None: the step ends the work
    itself. `since` None: the time at which the reconciler first observed the work. `queued`: `requeue_after` is the time until the step's
    turn, which may come later when other platforms take more than was expected of them. `longest_wait`: the wait grows with the time since
    `since`, from `requeue_after` to this; None: each wait is `requeue_after`.
    """

    reason: AnyReason
    message: str
    requeue_after: float
    longest_wait: float | None = None
    operation: Operation | None = None
    stall_after: float | None = None
    since: datetime | None = None
    remedy: str = ""
    queued: bool = False

    def next_poll(self, now: datetime) -> float:
        """Return the seconds until the next reconcile: a wait that grows is a fifth of the time that the work has taken so far."""
        if self.longest_wait is None or self.since is None:
            return self.requeue_after
        elapsed = (now - self.since).total_seconds()
        return max(self.requeue_after, min(PART_OF_ELAPSED * elapsed, self.longest_wait))


@dataclass(frozen=True, kw_only=True)
class Degraded:
    """The resource is as the spec asks but does not work, and may recover without a change: a node starts, an image is pulled.

    `requeue_after` is in seconds. After `stall_after` seconds a user has to act (kstatus Stalled). `since` is the earliest
    time at which it may have begun; None: the time since which the step is not ready.
    """

    reason: AnyReason
    message: str
    requeue_after: float
    stall_after: float
    since: datetime | None = None
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The step waits for the named steps and was not observed."""

    on: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Failed:
    """The step cannot continue. `reason` is CamelCase, `message` a sentence that names the field, `remedy` what to do.

    `retry_in` is the first wait in seconds; each consecutive failure multiplies it by `growth`. None: no retry can help until the spec,
    a referenced Secret or the cloud changes (kstatus Stalled); the resource is still observed at every interval. After `tries`
    consecutive failures it counts as such a failure, with `last_remedy` as its remedy; None: there is no limit.
    `user_deletes`: the remedy has the user delete what exists, so that the operator creates it: its absence is no drift then.
    `correlation_id` is that of the reconcile: the operator's log and, for a request that Azure refused, Azure's activity log can be
    searched for it. It differs in each attempt, so it is not part of a condition's message; status.attempts shows it, which changes
    with each attempt anyway.
    `operation` is a recorded operation whose state could not be read: it stays recorded, because it may still be running.
    """

    reason: AnyReason
    message: str
    remedy: str
    retry_in: float | None = None
    growth: float = 2.0
    tries: int | None = None
    last_remedy: str = ""
    user_deletes: bool = False
    correlation_id: str = field(default="", compare=False)
    operation: Operation | None = field(default=None, compare=False)


Outcome = Ready | Deferred | Progressing | Degraded | Waiting | Failed

Unblocking = Ready | Deferred
"""Outcomes after which the steps that need this one run. They carry an `output`."""

Rechecked = Progressing | Degraded
"""Outcomes that change without a change of the spec. They carry `reason`, `message` and `requeue_after`."""


class StepError(Exception):
    """Ends a step as `Failed`; raised anywhere inside it. It carries no secret and is never shown as a traceback."""

    def __init__(self, reason: AnyReason, message: str, remedy: str, *, retry_in: float | None = None) -> None:
        super().__init__(f"{reason}: {message}")
        self.failed = Failed(reason=reason, message=message, remedy=remedy, retry_in=retry_in)

    @classmethod
    def of(cls, failed: Failed) -> "StepError":
        """Return the error that ends a step as `failed`."""
        error = cls(failed.reason, failed.message, failed.remedy, retry_in=failed.retry_in)
        error.failed = failed
        return error


class ChangeWithoutEffect(StepError):
    """Raised instead of a write that was accepted several times without an effect. What exists works, so later steps go on."""


class Queued(StepError):
    """Ends a step that has to wait for its turn, such as for a token of a rate limit: it is in progress and has not failed.

    `requeue_after` is in seconds. `message` names what the step waits for, and no time.
    """

    def __init__(self, message: str, requeue_after: float) -> None:
        super().__init__(Reason.QUEUED, message, "The operator continues automatically.", retry_in=max(requeue_after, 1.0))
        self.progressing = Progressing(reason=Reason.QUEUED, message=message, requeue_after=requeue_after, queued=True)
