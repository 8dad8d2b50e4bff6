"""The changes between two views of a platform, as plain lines. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.cli.view import State, View, clock, facts, one_line, parse_time

Key = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class EventLine:
    """An Event about the platform. `when` is None when the Event has no time."""

    when: datetime | None
    type: str
    reason: str
    message: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "EventLine":
        """Return the line of a core/v1 Event."""
        when = event.get("lastTimestamp") or event.get("eventTime") or (event.get("metadata") or {}).get("creationTimestamp")
        texts = {name: one_line(str(event.get(name) or "")) for name in ("type", "reason", "message")}
        return cls(when=parse_time(when), **texts)

    @property
    def line(self) -> str:
        """Return the Event as one line."""
        return f"event {self.type} {self.reason}: {self.message}"


@dataclass(frozen=True)
class StatusLine:
    """A line about one subject. `over`: the line printed when the subject disappears, if any; `once`: a later change of the text is
    not printed."""

    text: str
    over: str = ""
    once: bool = False


def changes(before: View | None, after: View) -> list[str]:
    """Return one line for each subject that is new, changed or gone. `before` is None for the first view: every subject is new."""
    old, new = dict(_sentences(before)) if before else {}, dict(_sentences(after))
    over = [line.over for key, line in old.items() if key not in new and line.over]
    fresh = [line.text for key, line in new.items() if key not in old or not (line.once or line == old[key])]
    return [one_line(line) for line in (*over, *fresh)]


def _sentences(view: View) -> Iterator[tuple[Key, StatusLine]]:
    """Yield (key of the subject, its line). The headline comes first; once the platform is Ready it comes last."""
    ready = view.holds("Ready")
    if not ready:
        yield ("whole",), StatusLine(_whole(view))
    yield from _parts(view)
    if ready:
        yield ("whole",), StatusLine(_whole(view))


def _parts(view: View) -> Iterator[tuple[Key, StatusLine]]:
    for step in view.steps:
        if step.state is State.UP_TO_DATE:
            yield ("step", step.name), StatusLine(f"{step.name}: up to date")
        elif step.condition.status == "False":
            yield ("step", step.name), StatusLine(f"{step.name}: {step.condition.reason}: {step.condition.message}")
    for notice in view.notices:
        text = f"{notice.type}: {notice.reason}: {notice.message}"
        yield ("notice", notice.type), StatusLine(text, over=f"{notice.type}: no longer true")
    for operation in view.status.operations:
        end = f", expected to end at {clock(operation.expected_end)}" if operation.expected_end else ""
        text = f"operation {operation.kind}: in progress since {clock(operation.started)}{end}"
        key = ("operation", operation.step, operation.kind, operation.started)
        yield key, StatusLine(text, over=f"operation {operation.kind}: ended", once=True)
    for label, text in facts(view).items():
        yield ("fact", label), StatusLine(f"{label}: {text}")


def _whole(view: View) -> str:
    """Return the headline; it omits a reason that the line of a step shows."""
    name = f"{view.namespace}/{view.name}"
    ready = view.condition(ConditionType.READY)
    if view.holds("Ready") or ready is None or ready.observed_generation < view.generation:
        return f"{name}: {view.describe()}"
    stuck = " and stalled" if view.holds("Stalled") else ""
    return f"{name}: not ready{stuck}" if view.shown_by_step else f"{name}: {ready.reason}: {ready.message}"


def repeats(event: EventLine, view: View | None) -> bool:
    """Return whether the Event repeats the text of a condition, whose own line is printed when it changes."""
    if view is None:
        return False
    words = {one_line(f"{step.condition.reason}: {step.name}: {step.condition.message}").casefold() for step in view.steps}
    ready = view.condition(ConditionType.READY)
    if ready is not None:
        words.add(one_line(f"{ready.reason}: {ready.message}").casefold())
    return f"{event.reason}: {event.message}".casefold() in words
