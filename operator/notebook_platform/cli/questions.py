"""Questions to a person at a terminal, each with a flag that answers it beforehand."""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from notebook_platform.cli.management import UsageError
from notebook_platform.cli.output import show

SHOWN = 12
"""Offers that are listed with a question."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question. `flag` names the flag without dashes; `problem` returns what is wrong with an answer, or an empty text.

    `offers` are printed with the question, the first ones; the default, if any, is taken for an empty line.
    """

    flag: str
    text: str
    default: str = ""
    offers: Sequence[str] = ()
    problem: Callable[[str], str] = field(default=lambda answer: "" if answer else "an answer is required")


async def answer(question: Question, options: argparse.Namespace) -> str:
    """Return the answer of the flag, or ask until there is a valid one. Raises UsageError: a wrong flag, or the end of the input."""
    given = getattr(options, question.flag.replace("-", "_"))
    if given is not None:
        if problem := question.problem(given):
            raise UsageError(f"--{question.flag} {given}: {problem}")
        return str(given)
    if question.offers:
        more = f" and {len(question.offers) - SHOWN} more" if len(question.offers) > SHOWN else ""
        show(f"  {', '.join(question.offers[:SHOWN])}{more}", to=sys.stderr)
    while True:
        with _ctrl_c():
            line = _line(question)
        if not (problem := question.problem(line)):
            return line
        show(f"  {problem}", to=sys.stderr)


@contextmanager
def _ctrl_c() -> Iterator[None]:
    """Let Ctrl-C end a read of standard input: asyncio's own handler waits until the read returns, which a reader in a thread never
    does. Nothing else runs on the loop while a question waits."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _line(question: Question) -> str:
    """Read one line from standard input; the prompt goes to standard error."""
    default = f" [{question.default}]" if question.default else ""
    show(f"{question.text}{default}: ", end="", to=sys.stderr)
    line = sys.stdin.readline()
    if not line:
        raise UsageError(f"standard input ended before the question was answered; set --{question.flag}")
    return line.strip() or question.default


def one_of(offers: Sequence[str], what: str) -> Callable[[str], str]:
    """Return a check that the answer is one of the offers; every answer passes when there are none."""
    return lambda given: "" if not offers or given in offers else f"{given!r} is not {what}"
