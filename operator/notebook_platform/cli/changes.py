"""What is new about a platform since the last look, as plain lines. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from notebook_platform.cli.view import State, View, clock, facts, moment, tidy

Key = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class EventLine:
    """An Event about the platform. `when` is None where it does not say."""

    when: datetime | None
    type: str
    reason: str
    message: str

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "EventLine":
        """From a core/v1 Event."""
        when = event.get("lastTimestamp") or event.get("eventTime") or (event.get("metadata") or {}).get("creationTimestamp")
        told = {name: tidy(str(event.get(name) or "")) for name in ("type", "reason", "message")}
        return cls(when=moment(when), **told)

    @property
    def line(self) -> str:
        """For the plain log."""
        return f"event {self.type} {self.reason}: {self.message}"


@dataclass(frozen=True)
class StatusLine:
    """A sentence, and the one for when it is no longer so (empty: nothing is said then). `once`: it is not said again when its
    words change."""

    text: str
    over: str = ""
    once: bool = False


def turns(before: View | None, after: View) -> list[str]:
    """One line for each thing that is new or over. `before` None: this is the first look, and all that is there is new."""
    old, new = dict(_sentences(before)) if before else {}, dict(_sentences(after))
    over = [said.over for key, said in old.items() if key not in new and said.over]
    fresh = [said.text for key, said in new.items() if key not in old or not (said.once or said == old[key])]
    return [tidy(line) for line in (*over, *fresh)]


def _sentences(view: View) -> Iterator[tuple[Key, StatusLine]]:
    """All there is to say, each under a key by which it is found again. The headline comes first, but Ready is the last word."""
    ready = view.holds("Ready")
    if not ready:
        yield ("whole",), StatusLine(_whole(view))
    yield from _parts(view)
    if ready:
        yield ("whole",), StatusLine(_whole(view))


def _parts(view: View) -> Iterator[tuple[Key, StatusLine]]:
    for step in view.steps:
        if step.state is State.IN_PLACE:
            yield ("step", step.name), StatusLine(f"{step.name}: in place")
        elif step.condition.status == "False":
            yield ("step", step.name), StatusLine(f"{step.name}: {step.condition.reason}: {step.condition.message}")
    for notice in view.notices:
        text = f"{notice.type}: {notice.reason}: {notice.message}"
        yield ("notice", notice.type), StatusLine(text, over=f"{notice.type}: no longer so")
    for operation in view.status.operations:
        end = f", expected to end at {clock(operation.expected_end)}" if operation.expected_end else ""
        text = f"operation {operation.kind}: under way since {clock(operation.started)}{end}"
        key = ("operation", operation.step, operation.kind, operation.started)
        yield key, StatusLine(text, over=f"operation {operation.kind}: over", once=True)
    for label, text in facts(view).items():
        yield ("fact", label), StatusLine(f"{label}: {text}")


def _whole(view: View) -> str:
    """The headline; what a step says already is not said again."""
    name = f"{view.namespace}/{view.name}"
    ready = view.condition("Ready")
    if view.holds("Ready") or ready is None or ready.observed_generation < view.generation:
        return f"{name}: {view.standing()}"
    stuck = " and stalled" if view.holds("Stalled") else ""
    return f"{name}: not ready{stuck}" if view.told_by_step else f"{name}: {ready.reason}: {ready.message}"


def repeats(event: EventLine, view: View | None) -> bool:
    """Whether the Event has the same words as a condition, which was told when it turned."""
    if view is None:
        return False
    words = {tidy(f"{step.condition.reason}: {step.name}: {step.condition.message}").casefold() for step in view.steps}
    ready = view.condition("Ready")
    if ready is not None:
        words.add(tidy(f"{ready.reason}: {ready.message}").casefold())
    return f"{event.reason}: {event.message}".casefold() in words
