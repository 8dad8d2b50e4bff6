"""The supervisor gets the options of `notebook-platform-sandbox up`."""

from pathlib import Path

import pytest

from sandbox.cli import parser
from sandbox.options import Options, arguments


@pytest.mark.parametrize(
    "options",
    [Options(state=Path("/s")), Options(state=Path("/s"), speed=5, catalog="2021", charts=Path("/c"), operator=True)],
)
def test_a_command_line_gives_the_options_it_was_made_of(options: Options) -> None:
    given = parser().parse_args(["up", *arguments(options)])
    assert Options(**{name: getattr(given, name) for name in vars(options)}) == options
