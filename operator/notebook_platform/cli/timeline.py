"""When each step was taken up and when it was in place. Pure: it goes by what it is shown."""

from datetime import datetime

from notebook_platform.cli.view import State, StepView, View, lasting, moment

UNDER_WAY = (State.BUSY, State.TROUBLE)


class Timeline:
    """Follows the views of one platform on its way to Ready. What turned before the first view is known to the second, as the
    conditions tell it, and counts if it belongs to the way that was under way then."""

    def __init__(self) -> None:
        self._start: datetime | None = None
        self._began: dict[str, datetime] = {}
        self._done: dict[str, datetime] = {}
        self._old: set[str] = set()

    def see(self, view: View, now: datetime) -> None:
        """Take in a view of this moment."""
        first = self._start is None
        start = self._start = self._start or _start_of(view, now)
        for step in view.steps:
            turned = (moment(step.condition.last_transition_time) or now) if first else now
            if step.state in UNDER_WAY:
                self._take_up(step.name, turned)
            elif step.state is State.IN_PLACE and step.name not in self._old and step.name not in self._done:
                if first and turned < start:
                    self._old.add(step.name)
                    continue
                self._done[step.name] = turned
                if not first:
                    self._began.setdefault(step.name, turned)

    def _take_up(self, step: str, when: datetime) -> None:
        if step in self._old or step in self._done:
            self._old.discard(step)
            self._done.pop(step, None)
            self._began[step] = when
        self._began.setdefault(step, when)

    def took(self, step: StepView, now: datetime) -> str:
        """How long the step took, or takes by now; empty if that was not seen, or it has not been taken up."""
        if step.state is State.WAITING or step.name not in self._began:
            return ""
        return lasting((self._done.get(step.name, now) - self._began[step.name]).total_seconds())

    def rows(self) -> list[tuple[str, str, str]]:
        """(step, took, done after) of the steps that were put in place, in the order in which they were."""
        found = []
        for step, when in sorted(self._done.items(), key=lambda item: item[1]):
            took = lasting((when - self._began[step]).total_seconds()) if step in self._began else ""
            found.append((step, took, lasting((when - self._start).total_seconds()) if self._start else ""))
        return found


def _start_of(view: View, now: datetime) -> datetime:
    """When the way that is under way began: since then the platform is not Ready."""
    ready = view.condition("Ready")
    since = moment(ready.last_transition_time) if ready is not None and ready.status != "True" else None
    return min(since, now) if since is not None else now
