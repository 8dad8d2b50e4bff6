"""Kubernetes Events of a reconcile: failures, drift, deferrals and readiness. They are derived from the conditions before and after
the reconcile, so a state that lasts has one Event, also across restarts of the operator."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.conditions import Condition
from notebook_platform.api.reasons import AnyReason, Reason
from notebook_platform.engine.conditions import listed, sentence
from notebook_platform.engine.outcome import Deferred, Degraded, Failed, Ready, Rechecked
from notebook_platform.engine.result import Result


@dataclass(frozen=True, kw_only=True)
class EventContent:
    """Type, reason and message of one Event; the caller adds the object and the time."""

    type: Literal["Normal", "Warning"]
    reason: AnyReason
    message: str


def events(
    results: Mapping[str, Result],
    before: Sequence[Condition],
    after: Sequence[Condition],
    *,
    correcting: bool = True,
    deleting: bool = False,
) -> Iterator[EventContent]:
    """Yield the Events of a reconcile, from its results by step and the platform's conditions before and after it.

    `correcting`: the operator corrects drift (else it only reports it); `deleting`: the platform is being deleted.
    """
    old = {c.type: c for c in before}
    degraded = {r.outcome.reason for r in results.values() if isinstance(r.outcome, Degraded)}
    yield from _of_drift(results, old.get(ConditionType.DRIFT_DETECTED), after, correcting=correcting)
    for name, result in results.items():
        yield from _of_step(name, result, old.get(f"{name}Ready"), deleting=deleting)
    for now in after:
        was = old.get(now.type)
        begins = now.status == "True" and (was is None or was.status != "True")
        if now.type == ConditionType.READY and begins:
            yield EventContent(type="Normal", reason=Reason.READY, message=now.message)
        if now.type == ConditionType.STALLED and begins:
            overdue = (reason for reason in degraded if reason == now.reason)
            yield from (EventContent(type="Warning", reason=reason, message=now.message) for reason in overdue)


def _of_drift(
    results: Mapping[str, Result], was: Condition | None, after: Sequence[Condition], *, correcting: bool
) -> Iterator[EventContent]:
    if not correcting:
        for now in after:
            if now.type == ConditionType.DRIFT_DETECTED and now.status == "True" and (was is None or was.message != now.message):
                message = f"{now.message}. Not corrected (driftPolicy: Warn)"
                yield EventContent(type="Warning", reason=Reason.DRIFT_DETECTED, message=message)
        return
    for name, result in results.items():
        if corrected := [change for change in result.drift if change in result.applied]:
            message = f"{name}: {listed(corrected)}. Correcting it"
            yield EventContent(type="Warning", reason=Reason.DRIFT_DETECTED, message=message)


def _of_step(name: str, result: Result, was: Condition | None, *, deleting: bool) -> Iterator[EventContent]:
    outcome = result.outcome
    if isinstance(outcome, Failed) and (was is None or (was.reason, was.message) != (outcome.reason, sentence(outcome))):
        yield EventContent(type="Warning", reason=outcome.reason, message=f"{name}: {sentence(outcome)}")
    if isinstance(outcome, Deferred | Rechecked) and (was is None or was.reason != outcome.reason):
        needs_user = isinstance(outcome, Deferred) and outcome.needs_user
        yield EventContent(
            type="Warning" if needs_user else "Normal", reason=outcome.reason, message=f"{name}: {outcome.message}"
        )
    if isinstance(outcome, Ready) and not deleting and was is not None and was.status == "False":
        yield EventContent(type="Normal", reason=Reason.UP_TO_DATE, message=f"{name}: {Reason.UP_TO_DATE.sentence}")
