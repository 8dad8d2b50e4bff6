"""The start and end of each step. Pure: the result depends only on the recorded views."""

from datetime import datetime

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.cli.view import State, StepView, View, format_duration, parse_time

IN_PROGRESS = (State.PROGRESSING, State.FAILING)


class Timeline:
    """Collects the start and end of each step from the views of one platform. Transitions before the first view are taken from the
    conditions' times (whole seconds), and count if they belong to the reconcile in progress."""

    def __init__(self) -> None:
        self._start: datetime | None = None
        self._began: dict[str, datetime] = {}
        self._done: dict[str, datetime] = {}
        self._old: set[str] = set()

    def record(self, view: View, now: datetime) -> None:
        """Record the transitions of a view taken at `now`."""
        first = self._start is None
        start = self._start = self._start or _start_of(view, now)
        for step in view.steps:
            since = (parse_time(step.condition.last_transition_time) or now) if first else now
            if step.state in IN_PROGRESS:
                self._start_step(step.name, since)
            elif step.state is State.UP_TO_DATE and step.name not in self._old and step.name not in self._done:
                if first and since < start:
                    self._old.add(step.name)
                    continue
                self._done[step.name] = since
                if not first:
                    self._began.setdefault(step.name, since)

    def _start_step(self, step: str, when: datetime) -> None:
        if step in self._old or step in self._done:
            self._old.discard(step)
            self._done.pop(step, None)
            self._began[step] = when
        self._began.setdefault(step, when)

    def took(self, step: StepView, now: datetime) -> str:
        """Format how long the step took, or has taken until now; empty when its start is unknown."""
        if step.state is State.WAITING or step.name not in self._began:
            return ""
        return format_duration((self._done.get(step.name, now) - self._began[step.name]).total_seconds())

    def rows(self) -> list[tuple[str, str, str]]:
        """Return (step, took, done after) of the steps that were done, in that order."""
        found = []
        for step, when in sorted(self._done.items(), key=lambda item: item[1]):
            took = format_duration((when - self._began[step]).total_seconds()) if step in self._began else ""
            found.append((step, took, format_duration((when - self._start).total_seconds()) if self._start else ""))
        return found


def _start_of(view: View, now: datetime) -> datetime:
    """Return when the platform ceased to be Ready, or `now`."""
    ready = view.condition(ConditionType.READY)
    since = parse_time(ready.last_transition_time) if ready is not None and ready.status != "True" else None
    return min(since, now) if since is not None else now
