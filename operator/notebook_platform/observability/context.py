"""Log context: the platform, the step and the correlation id that the running task works for.

Each log record of a task carries them (`logs.ContextFilter`), so a call site logs only what happened. They are context variables:
the reconciler sets the platform and, for each reconcile, a correlation id; the engine sets the step for each guarded step call.
Tasks that these start, such as Helm runs, inherit all three. This module imports no other module of the operator, so every layer
may use it.
"""

import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

SHOWN_PATHS = 20
"""Largest number of changed paths in one log line; further paths are counted."""


@dataclass(frozen=True)
class PlatformLog:
    """Log state of one platform: its label (`namespace/name`), and the paths last logged as applied, by step."""

    label: str
    _applied: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def is_new(self, step: str, paths: tuple[str, ...]) -> bool:
        """Return whether `paths` differ from those last logged for the step; record them."""
        if self._applied.get(step) == paths:
            return False
        self._applied[step] = paths
        return True

    def in_sync(self, step: str) -> None:
        """Forget the step's paths: it is up to date, so the same change is logged if it occurs again."""
        self._applied.pop(step, None)


PLATFORM: ContextVar[PlatformLog | None] = ContextVar("platform", default=None)
STEP: ContextVar[str] = ContextVar("step", default="")
CORRELATION: ContextVar[str] = ContextVar("correlation", default="")
"""A UUID for each reconcile. Every request to Azure carries it as x-ms-correlation-request-id, and Azure's activity log shows it
(https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling)."""


def renew_correlation_id() -> None:
    """Set a new correlation id for the running task, at the start of a reconcile or of a command."""
    CORRELATION.set(str(uuid.uuid4()))


def current_fields() -> dict[str, str]:
    """Return the fields of the running task by name: `platform`, `step`, `correlation_id`; those that are unset are left out."""
    platform = PLATFORM.get()
    found = {"platform": platform.label if platform else "", "step": STEP.get(), "correlation_id": CORRELATION.get()}
    return {name: text for name, text in found.items() if text}


def fields(**values: object) -> dict[str, dict[str, object]]:
    """Return `values` as the `extra` of a log call: members of the JSON line beside the message."""
    return {"fields": values}


@contextmanager
def step_span(step: str) -> Iterator[None]:
    """Set the step of log records and spans while the block runs."""
    token = STEP.set(step)
    try:
        yield
    finally:
        STEP.reset(token)


def log_applied(paths: Sequence[str]) -> None:
    """Log at INFO that the current step applies changes at `paths`; values are not logged.

    A step that applies the same paths repeatedly, because it retries or waits for a lock, logs them once until it is up to date.
    """
    if not _is_new(tuple(paths)):
        return
    more = f" and {len(paths) - SHOWN_PATHS} more" if len(paths) > SHOWN_PATHS else ""
    shown, noun = list(paths[:SHOWN_PATHS]), "change" if len(paths) == 1 else "changes"
    log.info("applying %d %s: %s%s", len(paths), noun, ", ".join(shown), more, extra=fields(paths=shown))


def log_deletion() -> None:
    """Log at INFO, once for each deletion, that the current step deletes its resource."""
    if _is_new(("deletion",)):
        log.info("deleting", extra=fields(action="delete"))


def _is_new(paths: tuple[str, ...]) -> bool:
    platform = PLATFORM.get()
    return platform is None or platform.is_new(STEP.get(), paths)
