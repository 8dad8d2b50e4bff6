"""`notebook-platform wait`: return when a platform is Ready, or has another condition, or is gone."""

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from notebook_platform.api.durations import parse_duration
from notebook_platform.cli import program
from notebook_platform.cli.management import UsageError, add_namespace, connected, context_namespace
from notebook_platform.cli.output import show, show_error
from notebook_platform.cli.view import View, tidy
from notebook_platform.cli.watch_stream import Place, views
from notebook_platform.observability.logs import configure

DELETE = "delete"
READY = "ready"
TIMEOUT = "30m"


@dataclass(frozen=True)
class Verdict:
    """Where a wait is. `code` is the exit code, None while there is something to wait for."""

    code: int | None
    sentence: str


def wait(arguments: Sequence[str]) -> int:
    """Wait; returns the exit code."""
    parser = argparse.ArgumentParser(f"{program()} wait", description="Return when a platform is as one waits for.")
    parser.epilog = "exit codes: 0 it is; 1 it was not in time, needs a person first (Stalled), or cannot be read"
    parser.add_argument("name", help="name of a NotebookPlatform in the cluster that KUBECONFIG leads to")
    add_namespace(parser)
    for_ = "a condition to be True for the spec as it is now, or delete (default Ready)"
    parser.add_argument("--for", dest="wanted", metavar="CONDITION", type=_wanted, default="Ready", help=for_)
    parser.add_argument("--timeout", type=_duration, default=TIMEOUT, help=f"how long, as 90s, 10m, 1h (default {TIMEOUT})")
    given = parser.parse_args(list(arguments))
    try:
        return asyncio.run(_wait(given))
    except UsageError as error:
        show_error(f"{program()} wait: {error}")
        return 1


def _wanted(text: str) -> str:
    """`Ready`, or as kubectl writes it, `condition=Ready`."""
    return text.removeprefix("condition=")


def _duration(text: str) -> str:
    try:
        parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def judge(place: Place, view: View | None, wanted: str) -> Verdict:
    """What the platform is by now to someone who waits for `wanted`; None: there is no such platform."""
    if wanted.casefold() == DELETE:
        if view is None:
            return Verdict(0, f"{place} is gone")
        return Verdict(None, tidy(view.standing()) if view.deleting else "nobody has asked for its deletion")
    if view is None:
        return Verdict(1, f"there is no NotebookPlatform {place}")
    if view.holds(wanted):
        return Verdict(0, tidy(f"{place} has the condition {wanted}: {view.standing(wanted)}"))
    if wanted.casefold() == READY and view.holds("Stalled"):
        return Verdict(1, tidy(f"{place} is stalled: {view.standing('Stalled')}"))
    return Verdict(None, tidy(view.standing(wanted)))


async def _wait(given: argparse.Namespace) -> int:
    configure("text", "ERROR")
    last = Verdict(None, "the cluster has not answered")
    async with connected() as api:
        place = Place(given.namespace or context_namespace(), given.name)
        try:
            async with asyncio.timeout(parse_duration(given.timeout).total_seconds()), aclosing(views(api, place)) as stream:
                async for view in stream:
                    verdict = judge(place, view, given.wanted)
                    if verdict.code is not None:
                        return _conclude(verdict)
                    if verdict != last:
                        show(f"{place} waits for {given.wanted}: {verdict.sentence}")
                    last = verdict
        except TimeoutError:
            pass
    raise UsageError(f"{place} did not come to {given.wanted} within {given.timeout}: {last.sentence}")


def _conclude(verdict: Verdict) -> int:
    if verdict.code:
        raise UsageError(verdict.sentence)
    show(verdict.sentence)
    return 0
