"""What became of a step in one pass. There are four ends and no others; each says when it is worth looking again."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A long-running operation that the cloud has accepted.

    `url` is the address that tells its state and may be signed: it is kept in a Secret and never shown; `kind` says what
    runs in words ("create managed cluster prd-aks-jhub"); `expected` is how long such an operation usually takes, in seconds.
    `key` is what it is remembered under; empty: the name of the step. `correlation_id` is that of the request that began it.
    """

    kind: str
    url: str = field(repr=False)
    started: datetime
    expected: float
    key: str = ""
    correlation_id: str = field(default="", compare=False)
    percent: float | None = None


@dataclass(frozen=True, kw_only=True)
class Done:
    """The step is as it should be; `output` is what later steps take from it.

    `next` is set when it is not all of the way yet but later steps may go on, or must before it can: what it still waits for,
    in a sentence, and `reason` the word for it. `person`: it waits for somebody to do something (kstatus Stalled).
    """

    output: Any = None
    next: str = ""
    reason: str = "Upgrading"
    person: bool = False


@dataclass(frozen=True, kw_only=True)
class Ailing:
    """What is there does not work, and may come right by itself: a node starts, an image is pulled. After `patience` seconds somebody
    has to look (kstatus Stalled). `since`: it has been so for no longer than this; None: for as long as the step was not ready."""

    patience: float
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Progressing:
    """Work is under way elsewhere. `requeue_after` is in seconds; `operation` is set while the cloud gives it a name, `ailing` when
    it is no work that is waited for."""

    reason: str
    message: str
    requeue_after: float
    operation: Operation | None = None
    ailing: Ailing | None = None


@dataclass(frozen=True, kw_only=True)
class Blocked:
    """The step waits for the named steps; nothing of it was looked at."""

    by: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Failed:
    """Something is wrong. `reason` is CamelCase, `message` a sentence that names the field, `remedy` what to do.

    `retry_in` is the first wait in seconds (it grows with each failure in a row). None: no retry can help until the spec, a
    referenced Secret or the cloud changes (kstatus Stalled); the world is still looked at once an interval.
    `correlation_id` is set when Azure refused a request: its activity log can be searched for it. It differs at each try, so it is no
    part of a condition's message: status.attempts shows it, which changes at each try anyway.
    """

    reason: str
    message: str
    remedy: str
    retry_in: float | None = None
    correlation_id: str = field(default="", compare=False)


Outcome = Done | Progressing | Blocked | Failed


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
