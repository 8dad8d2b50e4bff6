"""`notebook-platform completion`: print a script by which a shell completes commands, flags and names of platforms.

shtab writes it from the parser. The script knows all words but the names of platforms, so a press of Tab rarely starts Python; argcomplete
would start one each time.
"""

import argparse
from collections.abc import Mapping

from notebook_platform.cli import COMMANDS, NAME, command_parser
from notebook_platform.cli.output import show

PLATFORMS = {"bash": "_notebook_platform_names", "zsh": "_notebook_platform_names", "fish": "(_notebook_platform_names)"}
"""What completes the name of a platform in each shell: a function of PREAMBLES."""

PREAMBLES = {
    "bash": """
_notebook_platform_names() {
  kubectl_complete-notebook_platform "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$1" 2>/dev/null | grep -v '^:' | cut -f1
}
""",
    "zsh": """
_notebook_platform_names() {
  local -a given=(${(z)LBUFFER}) names
  [[ $LBUFFER == *' ' ]] && given+=('')
  names=(${(f)"$(kubectl_complete-notebook_platform "${(@)given[2,-1]}" 2>/dev/null | grep -v '^:' | cut -f1)"})
  compadd -a names
}
""",
    "fish": """
function _notebook_platform_names
  set -l given (commandline -opc) (commandline -ct)
  kubectl_complete-notebook_platform $given[2..-1] 2>/dev/null | string match -v ':*'
end
""",
}

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
            elif action.dest == "name" and not action.option_strings:
                action.complete = PLATFORMS  # type: ignore[attr-defined]
    return str(shtab.complete(parser, shell=shell, preamble=PREAMBLES[shell]))


def command_parsers(parser: argparse.ArgumentParser) -> Mapping[str, argparse.ArgumentParser]:
    """Return the parser of each command by its word."""
    (commands,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(commands.choices)
