"""`notebook-platform completion`: print a script by which a shell completes commands and flags.

shtab writes it from the parser. The script knows all words, so a press of Tab starts no Python; argcomplete would start one each time.
"""

import argparse
from collections.abc import Mapping

from notebook_platform.cli import COMMANDS, NAME, command_parser
from notebook_platform.cli.output import show

FILES = ("filename", "secrets_file", "output")
"""Flags whose value is a path."""


def completion(options: argparse.Namespace) -> int:
    """Print the script; return the exit code."""
    show(script(options.shell), end="")
    return 0


def script(shell: str) -> str:
    """Return the script of bash, zsh or fish."""
    import shtab

    parser = command_parser(NAME, COMMANDS)
    for command in command_parsers(parser).values():
        for action in command._actions:
            if action.dest in FILES and action.choices is None:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    return str(shtab.complete(parser, shell=shell))


def command_parsers(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """Return the parser of each command by its word."""
    (commands,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(commands.choices)
