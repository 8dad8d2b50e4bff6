"""`notebook-platform watch`: show a platform's progress, as a live view on a terminal and as one line for each change elsewhere."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Protocol

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table

from notebook_platform.cli.changes import EventLine, changes, repeats
from notebook_platform.cli.elsewhere import not_found
from notebook_platform.cli.frame import LAST_EVENTS, Frame
from notebook_platform.cli.logs import configure
from notebook_platform.cli.management import NO_ANSWER, connected, context_namespace
from notebook_platform.cli.output import Output, show, styled
from notebook_platform.cli.running import run_command
from notebook_platform.cli.silence import explain_silence
from notebook_platform.cli.timeline import Timeline
from notebook_platform.cli.view import View
from notebook_platform.cli.watch_stream import Place, new_events, views

FRAMES_PER_SECOND = 4
HOW_TO_LEAVE = "Ctrl-C ends this command; the operator continues"
UNTIL_READY = f"{HOW_TO_LEAVE}; --until-ready ends it when the platform is Ready"


def watch(options: argparse.Namespace) -> int:
    """Show the platform until Ctrl-C or until it is deleted; return the exit code."""
    return run_command("watch", _watch(options))


class Display(Protocol):
    """Shows views and Events: a live view, or lines."""

    def show(self, view: View) -> None:
        """Show a new state of the platform."""

    def add_events(self, events: Sequence[EventLine]) -> None:
        """Show more Events."""

    def note(self, text: str) -> None:
        """Show a remark about the watch."""

    def explain(self, text: str) -> None:
        """Show why the platform has no status; it no longer holds once there is one."""


async def _watch(options: argparse.Namespace) -> int:
    configure("text", "ERROR")
    console, timeline = Output(soft_wrap=False), Timeline()
    interactive = sys.stdout.isatty() and console.is_interactive
    async with connected() as api:
        place = Place(options.namespace or context_namespace(), options.name)
        hint = HOW_TO_LEAVE if options.until_ready else UNTIL_READY
        with _drawing(console, timeline, hint) if interactive else contextlib.nullcontext(Lines()) as display:
            code = await _follow(api, place, display, timeline, options)
    if options.until_ready and code == 0:
        console.print()
        console.print(_table(timeline))
    return code


async def _follow(api: client.ApiClient, place: Place, display: Display, timeline: Timeline, options: argparse.Namespace) -> int:
    """Pass each change to the display; return the exit code. Raises UsageError."""
    beside: list[asyncio.Task[None]] = []
    try:
        async with aclosing(views(api, place)) as stream:
            async for view in stream:
                if view is None and not beside:
                    raise await not_found(api, place)
                if view is None:
                    display.note(f"{place}: deleted")
                    return int(options.until_ready)
                timeline.record(view, _now())
                display.show(view)
                if options.until_ready and view.holds("Ready"):
                    return 0
                if not beside:
                    beside = [asyncio.create_task(work) for work in _beside(api, view, display, options.operator_namespace)]
                if not view.silent:
                    beside[-1].cancel()
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
    raise AssertionError("views end only with None")


def _beside(
    api: client.ApiClient, view: View, display: Display, operator: str | None
) -> tuple[Coroutine[None, None, None], Coroutine[None, None, None]]:
    """Return what runs beside the views: the Events, and last the explanation of a missing status."""
    return _listen(api, view, display), _explain(api, view, display, operator)


async def _listen(api: client.ApiClient, view: View, display: Display) -> None:
    """Pass Events to the display; without permission to list them, show a remark."""
    try:
        async with aclosing(new_events(api, view)) as stream:
            async for events in stream:
                display.add_events(events)
    except ApiException as error:
        display.note(f"Events cannot be read: {error.status} {error.reason}")
    except (*NO_ANSWER, ValueError) as error:  # ValueError: the client's models refuse an Event
        display.note(f"Events cannot be read ({type(error).__name__})")


async def _explain(api: client.ApiClient, view: View, display: Display, operator: str | None) -> None:
    """Pass the reason why the platform has no status to the display; cancelled when it has one."""
    display.explain(await explain_silence(api, view, operator))


class Lines:
    """Prints one line for each change, with its time."""

    def __init__(self) -> None:
        self._last: View | None = None
        self._events_shown = False

    def show(self, view: View) -> None:
        """Print what has changed since the last view."""
        for line in changes(self._last, view):
            self._print(line, _now())
        self._last = view

    def add_events(self, events: Sequence[EventLine]) -> None:
        """Print Events: of the existing ones the last few, and none that repeats a condition."""
        shown = events if self._events_shown else events[-LAST_EVENTS:]
        self._events_shown = True
        for event in shown:
            if not repeats(event, self._last):
                self._print(event.line, event.when or _now())

    def note(self, text: str) -> None:
        """Print the remark as a line."""
        self._print(text, _now())

    explain = note

    def _print(self, line: str, when: datetime) -> None:
        show(f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}  {line}")


class LiveView:
    """Holds the state of the live view; rich calls `current_frame` for each frame."""

    def __init__(self, timeline: Timeline, hint: str) -> None:
        self._timeline = timeline
        self._hint = hint
        self._view: View | None = None
        self._events: tuple[EventLine, ...] = ()
        self._note = self._silence = ""

    def show(self, view: View) -> None:
        """Set the view to draw."""
        self._view = view
        self._silence = self._silence if view.silent else ""

    def add_events(self, events: Sequence[EventLine]) -> None:
        """Keep the last LAST_EVENTS Events."""
        self._events = (*self._events, *events)[-LAST_EVENTS:]

    def note(self, text: str) -> None:
        """Set the remark under the headline."""
        self._note = text

    def explain(self, text: str) -> None:
        """Set the remark under the headline, until there is a status."""
        self._silence = text

    def current_frame(self) -> RenderableType:
        """Return the frame for the current time."""
        if self._view is None:
            return styled("reading ...")
        return Frame(
            view=self._view,
            events=self._events,
            timeline=self._timeline,
            now=_now(),
            note=self._note or self._silence,
            hint=self._hint,
        )


@contextlib.contextmanager
def _drawing(console: Console, timeline: Timeline, hint: str) -> Iterator[LiveView]:
    live = LiveView(timeline, hint)
    with Live(get_renderable=live.current_frame, console=console, refresh_per_second=FRAMES_PER_SECOND):
        yield live


def _table(timeline: Timeline) -> Table:
    """Return the duration of each step as a table."""
    table = Table("step", "took", "done after", box=None, pad_edge=False, header_style="bold")
    for row in timeline.rows():
        table.add_row(*map(styled, row))
    return table


def _now() -> datetime:
    return datetime.now(UTC)
