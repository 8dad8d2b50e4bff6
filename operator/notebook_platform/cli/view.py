"""A NotebookPlatform as the commands show it. Pure: made from the object that the API server returned."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from notebook_platform.api.conditions import Condition
from notebook_platform.api.reasons import Reason
from notebook_platform.api.status import OperationStatus, PlatformStatus
from notebook_platform.bounded.text import printable

SUMMARY = ("Ready", "Reconciling", "Stalled")
"""The conditions of kstatus, which summarise the platform."""


class State(Enum):
    """The state of a step."""

    UP_TO_DATE = "up to date"
    PROGRESSING = "progressing"
    FAILING = "failing"
    WAITING = "waiting"


@dataclass(frozen=True)
class StepView:
    """A step with its condition and state."""

    name: str
    condition: Condition
    state: State


@dataclass(frozen=True, kw_only=True)
class View:
    """One platform at one time. `servers`: running user servers, where the operator counts them."""

    namespace: str
    name: str
    uid: str
    generation: int
    deleting: bool
    status: PlatformStatus
    servers: int | None
    created: datetime | None = None
    _by_type: Mapping[str, Condition] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "View":
        """Return the view of an object of the API server. Raises ValidationError when its status is of another version."""
        metadata, status = body["metadata"], PlatformStatus.of(dict(body))
        return cls(
            namespace=str(metadata.get("namespace", "")),
            name=str(metadata["name"]),
            uid=str(metadata.get("uid", "")),
            generation=int(metadata.get("generation", 0)),
            deleting="deletionTimestamp" in metadata,
            status=status,
            servers=status.hub.servers if status.hub else None,
            created=parse_time(metadata.get("creationTimestamp")),
            _by_type={c.type: c for c in status.conditions},
        )

    def condition(self, type_: str) -> Condition | None:
        """Return the condition of this type, compared without case as `kubectl wait` does."""
        exact = self._by_type.get(type_)
        return exact or next((c for c in self.status.conditions if c.type.casefold() == type_.casefold()), None)

    def holds(self, type_: str) -> bool:
        """Return whether the condition is True for the current generation."""
        found = self.condition(type_)
        return found is not None and found.status == "True" and found.observed_generation >= self.generation

    def describe(self, type_: str = "Ready") -> str:
        """Return the reason and message of a condition, or why there is none for the current generation."""
        found = self.condition(type_)
        if found is not None and found.observed_generation >= self.generation:
            return f"{found.reason}: {found.message}"
        if self.status.observed_generation is None:
            return "the operator has not reported a status yet"
        if self.status.observed_generation < self.generation or found is not None:
            return f"the operator has not observed generation {self.generation} of the spec yet"
        return f"there is no condition {type_}"

    @property
    def silent(self) -> bool:
        """Return whether no operator has reported a status yet."""
        return self.status.observed_generation is None

    @property
    def shown_by_step(self) -> bool:
        """Return whether a step's condition has the reason of Ready, so that the headline can leave it out."""
        ready = self._by_type.get("Ready")
        return ready is not None and any(step.condition.reason == ready.reason for step in self.steps)

    @property
    def steps(self) -> Iterator[StepView]:
        """Yield the steps in the order of the platform's graph."""
        failing = {attempt.step for attempt in self.status.attempts}
        for condition in self.status.conditions:
            name = condition.type.removesuffix("Ready")
            if name and name != condition.type:
                yield StepView(name, condition, _state(condition, failing=name in failing))

    @property
    def notices(self) -> Iterator[Condition]:
        """Yield the conditions that are True and belong to no step, such as DriftDetected."""
        for condition in self.status.conditions:
            if condition.status == "True" and condition.type not in SUMMARY and not condition.type.endswith("Ready"):
                yield condition

    @property
    def state(self) -> State:
        """Return the state of the platform."""
        if self.holds("Ready"):
            return State.UP_TO_DATE
        if self.silent:
            return State.WAITING
        return State.FAILING if self.holds("Stalled") else State.PROGRESSING


def _state(condition: Condition, *, failing: bool) -> State:
    if failing:
        return State.FAILING
    if condition.reason == Reason.DELETED:
        return State.WAITING
    return {"True": State.UP_TO_DATE, "False": State.PROGRESSING, "Unknown": State.WAITING}[condition.status]


def parse_time(text: str | None) -> datetime | None:
    """Parse a time of the API; None for anything else."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def format_duration(seconds: float) -> str:
    """Format a duration in seconds: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`."""
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    for unit, name, part, part_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= unit:
            return f"{whole // unit} {name} {whole % unit // part} {part_name}"
    return f"{whole // 60} min {whole % 60} s"


def format_distance(when: datetime, now: datetime) -> str:
    """Format the distance of a moment from now: `in 3 min 0 s`, `12 s ago`."""
    seconds = (when - now).total_seconds()
    return f"in {format_duration(seconds)}" if seconds >= 0 else f"{format_duration(-seconds)} ago"


def one_line(text: str) -> str:
    """Return the text as one line without control characters."""
    return " ".join(printable(text).split())


def progress(operation: OperationStatus, now: datetime) -> tuple[float, bool]:
    """Return an operation's progress in percent, and whether Azure reported it (else it is estimated from the usual duration)."""
    if operation.percent is not None:
        return float(min(max(operation.percent, 0), 100)), True
    started, end = parse_time(operation.started), parse_time(operation.expected_end)
    if started is None or end is None or end <= started:
        return 0.0, False
    return min(max(100 * (now - started) / (end - started), 0.0), 99.0), False


def facts(view: View) -> dict[str, str]:
    """Return the facts about the platform by label; none changes with time alone."""
    status, cluster = view.status, view.status.cluster
    found = {"hub": status.url or ""}
    if cluster is not None:
        name = (cluster.id or "").rsplit("/", 1)[-1]
        version = f"Kubernetes {cluster.kubernetes_version}" if cluster.kubernetes_version else ""
        found["cluster"] = ", ".join(part for part in (name, version, cluster.power_state or "") if part)
        found["nodes"] = f"{cluster.nodes.ready}/{cluster.nodes.total} ready" if cluster.nodes else ""
    if view.servers is not None:
        found["users"] = f"{view.servers} servers running"
    for release in status.releases:
        text = f"{release.chart}, revision {release.revision}, {release.state}"
        found[f"release {release.namespace}/{release.name}"] = text
    for attempt in status.attempts:
        times = "once" if attempt.count == 1 else f"{attempt.count} times"
        found[f"retry {attempt.step}"] = f"failed {times} ({attempt.reason}), next try at {clock(attempt.retry_at)}"
    if status.plan:
        disrupting = sum(change.disrupts for change in status.plan)
        note = f", {disrupting} of them disruptive" if disrupting else ""
        found["pending"] = f"{len(status.plan)} changes{note}"
    if status.next and not status.operations and not status.attempts:
        found["next"] = status.next
    return {one_line(label): one_line(text) for label, text in found.items() if text}


def clock(text: str | None) -> str:
    """Format an API time as the time of day (UTC); other text is returned unchanged."""
    when = parse_time(text)
    return when.astimezone(UTC).strftime("%H:%M:%SZ") if when else (text or "?")
