"""The frame that `watch` draws on a terminal. Pure: it follows from the view, the Events and the time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.status import OperationStatus
from notebook_platform.cli.changes import EventLine
from notebook_platform.cli.timeline import Timeline
from notebook_platform.cli.view import State, StepView, View, clock, facts, format_distance, one_line, parse_time, progress

SIGNS = {
    State.UP_TO_DATE: ("●", "green"),
    State.PROGRESSING: ("◐", "yellow"),
    State.FAILING: ("✗", "red"),
    State.WAITING: ("○", "dim"),
}
EVENT_STYLES = {"Warning": "yellow"}
BAR_WIDTH = 30

LAST_EVENTS = 5
"""Number of Events shown, the newest last."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One frame; `hint` is its last line. When it is higher than the terminal, steps that are up to date or waiting share a line."""

    view: View
    events: Sequence[EventLine]
    timeline: Timeline
    now: datetime
    note: str = ""
    hint: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        whole = self._frame(short=False)
        height = options.height or console.height
        fits = len(console.render_lines(whole, options.update(height=None), pad=False)) < height
        yield whole if fits else self._frame(short=True)

    def _frame(self, *, short: bool) -> RenderableType:
        return Group(*self._parts(short=short))

    def _parts(self, *, short: bool) -> Iterator[RenderableType]:
        yield from _head(self.view, self.note)
        steps = list(self.view.steps)
        quiet = [step for step in steps if step.state in (State.UP_TO_DATE, State.WAITING)] if short else []
        sections = [
            self._steps([step for step in steps if step not in quiet]),
            _operations(self.view.status.operations, self.now),
            _facts(self.view),
            _events(self.events[-LAST_EVENTS:], self.now),
        ]
        yield from _quiet(quiet)
        for section in sections:
            if section.row_count:
                yield Text()
                yield section
        if self.hint:
            yield Text()
            yield Text(self.hint, style="dim")

    def _steps(self, steps: Iterable[StepView]) -> Table:
        table = _grid("state", "time", "what", first="step")
        for step in steps:
            what = "" if step.state is State.UP_TO_DATE else one_line(step.condition.message)
            reason, took = Text(step.condition.reason), Text(self.timeline.took(step, self.now))
            table.add_row(_signed(step.state, step.name), reason, took, Text(what, style="dim"))
        return table


def _grid(*columns: str, first: str) -> Table:
    """Return a table without borders whose last column takes the remaining width and wraps."""
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    for name in (f"  {first}", *columns[:-1]):
        table.add_column(name, no_wrap=True)
    table.add_column(columns[-1], ratio=1)
    return table


def _signed(state: State, text: str) -> Text:
    sign, style = SIGNS[state]
    return Text.assemble((sign, style), " ", one_line(text))


def _head(view: View, note: str) -> Iterator[Text]:
    head = _signed(view.state, f"{view.namespace}/{view.name}")
    head.stylize("bold", 2)
    ready = view.condition(ConditionType.READY)
    head.append(f"  {one_line(ready.reason if ready is not None and view.shown_by_step else view.describe())}")
    if view.deleting:
        head.append("  (is being deleted)", style="yellow")
    yield head
    for notice in view.notices:
        yield Text(f"! {one_line(f'{notice.type}: {notice.message}')}", style="yellow")
    if note:
        yield Text(f"! {one_line(note)}", style="yellow")


def _quiet(steps: Sequence[StepView]) -> Iterator[Text]:
    for state in (State.UP_TO_DATE, State.WAITING):
        if names := [one_line(step.name) for step in steps if step.state is state]:
            yield _signed(state, f"{', '.join(names)}: {state.value}")


def _operations(operations: Iterable[OperationStatus], now: datetime) -> Table:
    table = _grid("", "", "", first="operation")
    for operation in operations:
        percent, reported = progress(operation, now)
        end = parse_time(operation.expected_end)
        expected = f"expected end {clock(operation.expected_end)}, {format_distance(end, now)}" if end else ""
        table.add_row(
            Text(f"  {one_line(operation.kind)}"),
            ProgressBar(total=100, completed=percent, width=BAR_WIDTH),
            Text(f"{'' if reported else '~'}{percent:.0f} %", justify="right"),
            Text(expected, style="dim"),
        )
    return table


def _facts(view: View) -> Table:
    table = Table.grid(padding=(0, 2))
    for label, text in facts(view).items():
        table.add_row(Text(f"  {label}", style="dim"), Text(text))
    return table


def _events(events: Iterable[EventLine], now: datetime) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    for ratio in (None, None, 1):
        table.add_column(no_wrap=True, ratio=ratio)  # the whole of a long message is in the condition it is about
    for event in events:
        style = EVENT_STYLES.get(event.type, "")
        when = format_distance(event.when, now) if event.when else ""
        table.add_row(Text(f"  {when}", style="dim"), Text(event.reason, style=style), Text(event.message, style=style))
    return table
