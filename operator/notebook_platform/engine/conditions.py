"""Fold the outcomes of a reconcile into conditions. Pure: the same results, times and generation give the same conditions.

The summary conditions Ready, Reconciling and Stalled follow kstatus; the reconciler writes all of them to status.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import singledispatch

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.conditions import Condition, carry_over, condition
from notebook_platform.api.manual import SITE, with_link
from notebook_platform.api.reasons import AnyReason, Reason
from notebook_platform.engine.change import Change, Impossible
from notebook_platform.engine.outcome import (
    Deferred,
    Degraded,
    Failed,
    Outcome,
    Progressing,
    Ready,
    Rechecked,
    Unblocking,
    Waiting,
)
from notebook_platform.engine.result import Result
from notebook_platform.engine.step import Notice

Make = Callable[[str, bool | None, AnyReason, str], Condition]

NOTICES = frozenset(list(ConditionType)[list(ConditionType).index(ConditionType.THROTTLED) + 1 :])
"""The types of notices: those after Throttled."""

SHOWN_CHANGES = 5
"""The maximum number of changes that a message names; the rest are counted."""


@singledispatch
def condition_of(outcome: Outcome) -> tuple[bool | None, AnyReason, str]:
    """Return (status, reason, message) of a step's condition."""
    raise TypeError(f"not an outcome: {outcome!r}")


@condition_of.register
def _(outcome: Ready) -> tuple[bool | None, AnyReason, str]:
    return True, Reason.UP_TO_DATE, Reason.UP_TO_DATE.sentence


@condition_of.register
def _(outcome: Deferred) -> tuple[bool | None, AnyReason, str]:
    return False, outcome.reason, outcome.message


@condition_of.register
def _(outcome: Progressing) -> tuple[bool | None, AnyReason, str]:
    return False, outcome.reason, outcome.message


@condition_of.register
def _(outcome: Degraded) -> tuple[bool | None, AnyReason, str]:
    return False, outcome.reason, outcome.message


@condition_of.register
def _(outcome: Waiting) -> tuple[bool | None, AnyReason, str]:
    return None, Reason.WAITING, Reason.WAITING.sentence.format(steps=", ".join(outcome.on))


@condition_of.register
def _(outcome: Failed) -> tuple[bool | None, AnyReason, str]:
    return False, outcome.reason, sentence(outcome)


def sentence(failed: Failed) -> str:
    """Return the message of a failure, followed by its remedy."""
    message = failed.message.rstrip(". ")
    return f"{message}. {failed.remedy}" if failed.remedy else message


def fold_conditions(
    results: Mapping[str, Result],
    previous: Sequence[Condition],
    *,
    generation: int,
    now: datetime,
    deleting: bool = False,
    suspended: bool = False,
    site: str = SITE,
) -> list[Condition]:
    """Return all conditions of a platform after a reconcile: Ready, Reconciling, Stalled, one for each step, drift and
    notices. `site` is the address of the manual, to which Stalled links."""

    unseen, results = results, _with_known(results, previous, generation)

    def make(type_: str, status: bool | None, reason: AnyReason, message: str) -> Condition:
        return condition(type_, status, reason, message, generation=generation, now=now)

    parts = [
        *_summary(results, make, overdue(results, previous, now), deleting=deleting, suspended=suspended),
        *_steps(results, make, deleting=deleting, suspended=suspended),
        _drift(results, make),
        *_notices(results, make),
    ]
    if results != unseen:
        parts = _with_earlier_findings(parts, previous)
    linked = (with_link(c, site) if (c.type, c.status) == (ConditionType.STALLED, "True") else c for c in parts)
    return carry_over(linked, previous)


def _with_known(results: Mapping[str, Result], previous: Iterable[Condition], generation: int) -> dict[str, Result]:
    """Return the results, where steps that were not observed and were ready for this generation still are.

    A rate limit that delays a drift check says nothing about a platform that was ready. The same is true of steps that wait only for
    such steps; one without a condition had nothing to do for this spec. While any other step is unfinished, the wait is shown.
    """
    current = {c.type: c.status for c in previous if c.observed_generation == generation}
    was_ready = current.get(ConditionType.READY) == "True"
    known = dict(results)
    kept: set[str] = set()
    for name, result in results.items():
        waits = isinstance(result.outcome, Waiting) and kept.issuperset(result.outcome.on)
        status = current.get(f"{name}Ready")
        if (result.unobserved or waits) and (status == "True" or (was_ready and status is None)):
            known[name] = Result(outcome=Ready(), exists=status is not None, wanted=status is not None)
            kept.add(name)
    return known if all(isinstance(result.outcome, Unblocking) for result in known.values()) else dict(results)


def _with_earlier_findings(parts: Sequence[Condition], previous: Iterable[Condition]) -> list[Condition]:
    """Return the conditions with the drift and the notices of an earlier observation, of which nothing is known now."""
    found = {c.type for c in parts if (c.type, c.status) != (ConditionType.DRIFT_DETECTED, "False")}
    findings = {ConditionType.DRIFT_DETECTED, *NOTICES}
    earlier = [c for c in previous if c.type in findings - found and c.status == "True"]
    replaced = {c.type for c in earlier}
    return [*(c for c in parts if c.type not in replaced), *earlier]


def overdue(results: Mapping[str, Result], previous: Iterable[Condition], now: datetime) -> dict[str, datetime]:
    """Return the steps that have been Degraded or Progressing for longer than their `stall_after`, and since when."""
    before = {c.type: datetime.fromisoformat(c.last_transition_time) for c in previous if c.status == "False"}
    limits = {name: limit for name, r in results.items() if (limit := _limit(r.outcome, before.get(f"{name}Ready")))}
    return {name: since for name, (since, seconds) in limits.items() if (now - since).total_seconds() >= seconds}


def _limit(outcome: Outcome, not_ready_since: datetime | None) -> tuple[datetime, float] | None:
    """Return since when an outcome lasts and how many seconds it may; None: without limit, or not known."""
    match outcome:
        case Progressing(since=datetime() as since, stall_after=float() | int() as seconds):
            return since, seconds
        case Degraded(since=since, stall_after=seconds) if not_ready_since:
            return max(not_ready_since, since or not_ready_since), seconds
    return None


@dataclass(frozen=True)
class _Standings:
    """The results by what they mean for the summary conditions; each mapping keeps the order of the steps."""

    failed: Mapping[str, Failed]
    moving: Mapping[str, Rechecked]
    deferred: Mapping[str, Deferred]
    waiting: Sequence[str]
    pending: Sequence[str]
    """The steps that have changes and neither apply them nor failed."""

    @classmethod
    def of(cls, results: Mapping[str, Result]) -> "_Standings":
        outcomes = {name: result.outcome for name, result in results.items()}
        return cls(
            failed={name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Failed)},
            moving={name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Rechecked)},
            deferred={name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Deferred)},
            waiting=[name for name, outcome in outcomes.items() if isinstance(outcome, Waiting)],
            pending=[name for name, r in results.items() if r.changes and not isinstance(r.outcome, Rechecked | Failed)],
        )

    @property
    def stuck(self) -> Mapping[str, Failed]:
        """The failed steps that are not retried."""
        return {name: failed for name, failed in self.failed.items() if failed.retry_in is None}

    @property
    def asking(self) -> Mapping[str, Deferred]:
        """The deferred steps that need a user."""
        return {name: deferred for name, deferred in self.deferred.items() if deferred.needs_user}

    @property
    def unfinished(self) -> bool:
        """Whether a step is neither ready nor out of use."""
        return bool(self.failed or self.moving or self.waiting or self.deferred)


def _summary(
    results: Mapping[str, Result], make: Make, ill: Mapping[str, datetime], *, deleting: bool, suspended: bool
) -> Iterator[Condition]:
    steps = _Standings.of(results)
    reason, message = _headline(steps, deleting=deleting, suspended=suspended)
    ready = not (steps.unfinished or deleting or (suspended and steps.pending))
    yield make(ConditionType.READY, ready, reason, message)
    if _reconciling(steps, ill, deleting=deleting) and not suspended:
        yield make(ConditionType.RECONCILING, True, reason, message)
    else:
        yield make(ConditionType.RECONCILING, False, Reason.SETTLED, Reason.SETTLED.sentence)
    stall = _stall(steps, ill)
    yield make(ConditionType.STALLED, stall is not None, *(stall or (Reason.NOT_STALLED, Reason.NOT_STALLED.sentence)))


def _headline(steps: _Standings, *, deleting: bool, suspended: bool) -> tuple[AnyReason, str]:
    """Return the reason and message of Ready: those of the first step in the worst state."""
    if steps.failed:
        return _of_step(steps.stuck or steps.failed)
    if steps.moving:
        return _of_step(steps.moving)
    if steps.deferred and not suspended:
        return _of_step(steps.asking or steps.deferred)
    if suspended:
        changes = f"{', '.join(steps.pending)} would change" if steps.pending else "nothing would change"
        return Reason.SUSPENDED, f"Suspended; {changes}"
    if deleting:
        return Reason.DELETING, Reason.DELETING.sentence
    if steps.waiting:
        return Reason.WAITING, Reason.WAITING.sentence.format(steps=", ".join(steps.waiting))
    return Reason.READY, Reason.READY.sentence


def _of_step(outcomes: Mapping[str, Failed | Rechecked | Deferred]) -> tuple[AnyReason, str]:
    """Return the reason and message of the first of some steps, with its name."""
    name, outcome = next(iter(outcomes.items()))
    return outcome.reason, f"{name}: {sentence(outcome) if isinstance(outcome, Failed) else outcome.message}"


def _reconciling(steps: _Standings, ill: Mapping[str, datetime], *, deleting: bool) -> bool:
    """Return whether something continues without a user."""
    moving = len(steps.moving) > len(ill) or len(steps.deferred) > len(steps.asking)
    return moving or (bool(steps.failed or deleting) and not steps.stuck)


def _stall(steps: _Standings, ill: Mapping[str, datetime]) -> tuple[AnyReason, str] | None:
    """Return why a user has to act; None while no user has to."""
    if steps.stuck:
        return _of_step(steps.stuck)
    if steps.asking:
        return _of_step(steps.asking)
    for name, since in ill.items():
        work = steps.moving[name]
        message = f"{name}: {work.message}; unchanged since {since:%Y-%m-%d %H:%M} UTC"
        return work.reason, f"{message}. {work.remedy}" if work.remedy else message
    return None


def _steps(results: Mapping[str, Result], make: Make, *, deleting: bool, suspended: bool) -> Iterator[Condition]:
    for name, result in results.items():
        status, reason, message = condition_of(result.outcome)
        if isinstance(result.outcome, Unblocking):
            if deleting:
                status, reason, message = False, Reason.DELETED, Reason.DELETED.sentence
            elif not result.wanted and not result.exists:
                continue
            elif suspended and result.changes:
                status, reason, message = False, Reason.SUSPENDED, f"Would change: {listed(result.changes)}"
        yield make(f"{name}Ready", status, reason, message)


def listed(changes: Sequence[Change]) -> str:
    """Return changes as text: path, observed value, wanted value."""
    shown = [
        f"{c.path} is {c.before!r}, wanted {c.after!r}" + (" (cannot be changed)" if isinstance(c.gate, Impossible) else "")
        for c in changes[:SHOWN_CHANGES]
    ]
    more = len(changes) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")


def _drift(results: Mapping[str, Result], make: Make) -> Condition:
    drifted = {name: r.drift for name, r in results.items() if r.drift}
    if not drifted:
        return make(ConditionType.DRIFT_DETECTED, False, Reason.NO_DRIFT, Reason.NO_DRIFT.sentence)
    message = ". ".join(f"{name}: {listed(drift)}" for name, drift in drifted.items())
    return make(ConditionType.DRIFT_DETECTED, True, Reason.DRIFTED, message)


def _notices(results: Mapping[str, Result], make: Make) -> Iterator[Condition]:
    """Yield a condition for each type of notice, with the messages of all steps that have one and the first one's reason."""
    found: dict[ConditionType, list[Notice]] = {}
    for result in results.values():
        for notice in result.notices:
            found.setdefault(notice.condition, []).append(notice)
    for kind, notices in found.items():
        messages = dict.fromkeys(notice.message for notice in notices)
        yield make(kind, True, notices[0].reason, "; ".join(messages))


def steps_in_sync(conditions: Iterable[Condition], generation: int) -> Iterator[str]:
    """Yield the steps that were up to date with the spec of this generation, by the conditions of an earlier reconcile."""
    for known in conditions:
        if known.status == "True" and known.observed_generation == generation and known.type.endswith(ConditionType.READY):
            yield known.type.removesuffix(ConditionType.READY)
