"""`notebook-platform wait`: return when a platform is Ready, has another condition, or is deleted."""

import argparse
import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from kubernetes.aio import client

from notebook_platform.api.durations import parse_duration
from notebook_platform.cli.elsewhere import not_found
from notebook_platform.cli.logs import configure
from notebook_platform.cli.management import UsageError, connected, context_namespace
from notebook_platform.cli.output import show
from notebook_platform.cli.running import run_command
from notebook_platform.cli.silence import explain_silence
from notebook_platform.cli.view import View, one_line
from notebook_platform.cli.watch_stream import Place, views

DELETE = "delete"
READY = "ready"


@dataclass(frozen=True)
class Verdict:
    """The state of a wait. `code` is the exit code, None while the wait goes on."""

    code: int | None
    sentence: str


def wait(options: argparse.Namespace) -> int:
    """Wait for a condition or the deletion; return the exit code."""
    return run_command("wait", _wait(options))


def evaluate(place: Place, view: View | None, wanted: str) -> Verdict:
    """Return the verdict on a wait for `wanted`. `view` is None when the platform does not exist."""
    if wanted.casefold() == DELETE:
        if view is None:
            return Verdict(0, f"{place} is deleted")
        return Verdict(None, one_line(view.describe()) if view.deleting else "its deletion is not requested")
    if view is None:
        return Verdict(1, f"NotebookPlatform {place} not found")
    if view.holds(wanted):
        return Verdict(0, one_line(f"{place} has the condition {wanted}: {view.describe(wanted)}"))
    if wanted.casefold() == READY and view.holds("Stalled"):
        return Verdict(1, one_line(f"{place} is stalled: {view.describe('Stalled')}"))
    return Verdict(None, one_line(view.describe(wanted)))


async def _wait(options: argparse.Namespace) -> int:
    configure("text", "ERROR")
    async with connected() as api:
        place = Place(options.namespace or context_namespace(), options.name)
        waiting = Waiting(place, options.wanted)
        explaining: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(parse_duration(options.timeout).total_seconds()), aclosing(views(api, place)) as stream:
                async for view in stream:
                    verdict = evaluate(place, view, options.wanted)
                    if verdict.code and view is None and explaining is None:
                        raise await not_found(api, place)
                    if verdict.code is not None:
                        return _conclude(verdict)
                    waiting.show(verdict.sentence)
                    if explaining is None and view is not None:
                        explaining = asyncio.create_task(_explain(api, view, waiting, options.operator_namespace))
                    if explaining is not None and (view is None or not view.silent):
                        explaining.cancel()
        except TimeoutError:
            pass
        finally:
            if explaining is not None:
                explaining.cancel()
                await asyncio.gather(explaining, return_exceptions=True)
    raise UsageError(f"{place} did not reach {options.wanted} within {options.timeout}: {waiting.last}")


@dataclass
class Waiting:
    """Prints what a wait waits for, once each time it changes. `last`: the newest sentence."""

    place: Place
    wanted: str
    last: str = "the cluster has not answered"

    def show(self, sentence: str) -> None:
        """Print the sentence, unless it is the last one."""
        if sentence != self.last:
            show(f"{self.place} waits for {self.wanted}: {sentence}")
        self.last = sentence


async def _explain(api: client.ApiClient, view: View, waiting: Waiting, operator: str | None) -> None:
    """Print why the platform has no status; cancelled when it has one."""
    waiting.show(one_line(await explain_silence(api, view, operator)))


def _conclude(verdict: Verdict) -> int:
    if verdict.code:
        raise UsageError(verdict.sentence)
    show(verdict.sentence)
    return 0
