"""`notebook-platform watch`: how a platform comes along, redrawn on a terminal, one line for each turn elsewhere."""

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Protocol

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table

from notebook_platform.cli import program
from notebook_platform.cli.changes import EventLine, repeats, turns
from notebook_platform.cli.frame import LAST_EVENTS, Frame
from notebook_platform.cli.management import NO_ANSWER, UsageError, add_namespace, connected, context_namespace
from notebook_platform.cli.output import show, show_error, styled
from notebook_platform.cli.timeline import Timeline
from notebook_platform.cli.view import View
from notebook_platform.cli.watch_stream import Place, heard, views
from notebook_platform.observability.logs import configure

FRAMES_PER_SECOND = 4


def watch(arguments: Sequence[str]) -> int:
    """Show the platform until Ctrl-C, or until it is gone; returns the exit code."""
    parser = argparse.ArgumentParser(f"{program()} watch", description="Show how a platform comes along. Ctrl-C ends it.")
    parser.epilog = "exit codes: 0 it is Ready (--until-ready), or is gone; 1 it cannot be read, or is gone before it was Ready"
    parser.add_argument("name", help="name of a NotebookPlatform in the cluster that KUBECONFIG leads to")
    add_namespace(parser)
    parser.add_argument("--until-ready", action="store_true", help="end when it is Ready, and tell how long each step took")
    given = parser.parse_args(list(arguments))
    try:
        return asyncio.run(_watch(given))
    except UsageError as error:
        show_error(f"{program()} watch: {error}")
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more when it ends
        return 0


class Display(Protocol):
    """Where it is shown."""

    def show(self, view: View) -> None:
        """The platform has changed."""

    def hear(self, events: Sequence[EventLine]) -> None:
        """There are more Events."""

    def note(self, text: str) -> None:
        """Something about the watching itself."""


async def _watch(given: argparse.Namespace) -> int:
    configure("text", "ERROR")
    console, timeline = Console(highlight=False), Timeline()
    drawn = sys.stdout.isatty() and console.is_interactive
    async with connected() as api:
        place = Place(given.namespace or context_namespace(), given.name)
        with _drawing(console, timeline) if drawn else contextlib.nullcontext(Lines()) as display:
            code = await _follow(api, place, display, timeline, until_ready=given.until_ready)
    if given.until_ready and code == 0:
        console.print()
        console.print(_table(timeline))
    return code


async def _follow(api: client.ApiClient, place: Place, display: Display, timeline: Timeline, *, until_ready: bool) -> int:
    """Hand all that is new to the display; returns the exit code. Raises UsageError."""
    listening: asyncio.Task[None] | None = None
    try:
        async with aclosing(views(api, place)) as stream:
            async for view in stream:
                if view is None and listening is None:
                    raise UsageError(f"there is no NotebookPlatform {place}")
                if view is None:
                    display.note(f"{place}: is gone")
                    return int(until_ready)
                timeline.see(view, _now())
                display.show(view)
                if until_ready and view.holds("Ready"):
                    return 0
                listening = listening or asyncio.create_task(_listen(api, view, display))
    finally:
        if listening is not None:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    raise AssertionError("views end only with None")


async def _listen(api: client.ApiClient, view: View, display: Display) -> None:
    """The Events; a person who may not read them sees the rest."""
    try:
        async with aclosing(heard(api, view)) as stream:
            async for events in stream:
                display.hear(events)
    except ApiException as error:
        display.note(f"Events cannot be read: {error.status} {error.reason}")
    except NO_ANSWER as error:
        display.note(f"Events cannot be read ({type(error).__name__})")


class Lines:
    """One plain line for each turn, with its time."""

    def __init__(self) -> None:
        self._last: View | None = None
        self._heard = False

    def show(self, view: View) -> None:
        """What has turned since the last time."""
        for line in turns(self._last, view):
            self._say(line, _now())
        self._last = view

    def hear(self, events: Sequence[EventLine]) -> None:
        """Of those that were there before, the last few; of those that repeat what was just told, none."""
        shown = events if self._heard else events[-LAST_EVENTS:]
        self._heard = True
        for event in shown:
            if not repeats(event, self._last):
                self._say(event.line, event.when or _now())

    def note(self, text: str) -> None:
        """A line too."""
        self._say(text, _now())

    def _say(self, line: str, when: datetime) -> None:
        show(f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}  {line}")


class LiveView:
    """Keeps what is to be drawn; `picture` is asked for each frame."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._view: View | None = None
        self._events: tuple[EventLine, ...] = ()
        self._note = ""

    def show(self, view: View) -> None:
        """Draw this from now on."""
        self._view = view

    def hear(self, events: Sequence[EventLine]) -> None:
        """Keep the last ones."""
        self._events = (*self._events, *events)[-LAST_EVENTS:]

    def note(self, text: str) -> None:
        """Stands under the headline."""
        self._note = text

    def picture(self) -> RenderableType:
        """The frame of this moment."""
        if self._view is None:
            return styled("reading ...")
        return Frame(view=self._view, events=self._events, timeline=self._timeline, now=_now(), note=self._note)


@contextlib.contextmanager
def _drawing(console: Console, timeline: Timeline) -> Iterator[LiveView]:
    tree = LiveView(timeline)
    with Live(get_renderable=tree.picture, console=console, refresh_per_second=FRAMES_PER_SECOND):
        yield tree


def _table(timeline: Timeline) -> Table:
    """How long it took."""
    table = Table("step", "took", "done after", box=None, pad_edge=False, header_style="bold")
    for row in timeline.rows():
        table.add_row(*map(styled, row))
    return table


def _now() -> datetime:
    return datetime.now(UTC)
