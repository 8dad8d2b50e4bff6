"""Completion below kubectl: `kubectl notebook-platform <TAB>`.

kubectl knows nothing of a plugin's words. It runs the executable `kubectl_complete-notebook_platform` with the words after the plugin's
name, the last of them unfinished, and reads candidates in cobra's form: `candidate<TAB>description` lines, then `:directive`
(https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/#using-the-command-line-runtime-package). The scripts that `completion`
prints serve the command `notebook-platform`; for names of platforms they call the same executable.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from notebook_platform.cli import COMMANDS, NAME, command_parser
from notebook_platform.cli.completion import FILES, command_parsers
from notebook_platform.cli.output import show_cells
from notebook_platform.cli.platform_names import namespace_of, platform_names

PATHS = 0
"""The directive by which the shell completes paths (cobra's ShellCompDirectiveDefault)."""

NO_PATHS = 4
"""The directive by which it does not (cobra's ShellCompDirectiveNoFileComp)."""


@dataclass(frozen=True)
class Answer:
    """What kubectl offers: candidates with their descriptions, and the directive."""

    candidates: Mapping[str, str] = field(default_factory=dict)
    directive: int = NO_PATHS

    def rows(self) -> list[tuple[str, ...]]:
        """Return the cells of each line in cobra's form."""
        return [*self.candidates.items(), (f":{self.directive}",)]


def main() -> int:
    """Print the candidates for the words of the command line; return the exit code."""
    show_cells(complete(sys.argv[1:]).rows())
    return 0


def complete(words: Sequence[str]) -> Answer:
    """Return what the last of the words can become."""
    *before, last = words or [""]
    parser = command_parser(NAME, COMMANDS)
    if before:
        parsers = command_parsers(parser)
        found = _of_command(parsers[before[0]], before[1:], last) if before[0] in parsers else Answer()
    elif last.startswith("-"):
        found = Answer({"--help": "show the commands"})
    else:
        found = Answer({word: command.summary for word, command in COMMANDS.items()})
    return Answer({word: text for word, text in found.candidates.items() if word.startswith(last)}, found.directive)


def _of_command(parser: argparse.ArgumentParser, before: Sequence[str], last: str) -> Answer:
    """Return the candidates for the last word of a command: a flag's value, a flag, or a positional argument."""
    flags = {flag: action for action in parser._actions for flag in action.option_strings}
    flag, equals, _ = last.partition("=")
    if equals and flag in flags:
        return _values(flags[flag], before=f"{flag}=")
    if before and before[-1] in flags and flags[before[-1]].nargs != 0:
        return _values(flags[before[-1]])
    if last.startswith("-"):
        given = {flags[word.partition("=")[0]] for word in before if word.partition("=")[0] in flags}
        return Answer({flag: _help(parser, action) for flag, action in flags.items() if flag[:2] == "--" and action not in given})
    positional = [action for action in parser._actions if not action.option_strings]
    place = _positionals(before, flags)
    if place < len(positional) and positional[place].dest == "name":
        return Answer(dict.fromkeys(platform_names(namespace_of(before)), ""))
    return _values(positional[place]) if place < len(positional) else Answer()


def _positionals(before: Sequence[str], flags: Mapping[str, argparse.Action]) -> int:
    """Return how many of the words are positional arguments."""
    words = zip(["", *before], before, strict=False)
    return sum(not word.startswith("-") and not (previous in flags and flags[previous].nargs != 0) for previous, word in words)


def _values(action: argparse.Action, before: str = "") -> Answer:
    """Return the values of a flag or a positional argument, each after the text `before`."""
    if action.choices is not None:
        return Answer({f"{before}{choice}": "" for choice in action.choices})
    return Answer(directive=PATHS if action.dest in FILES else NO_PATHS)


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """Return the help of a flag as one line, as `--help` expands it."""
    return " ".join(parser._get_formatter()._expand_help(action).split())
