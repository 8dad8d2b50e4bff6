"""Checks the options of `notebook-platform-sandbox` before anything starts.

The supervisor is another process: what it raises reaches a user as a log. So each wrong path or number is found here and becomes one
sentence with its remedy.
"""

import argparse
import math
import os
from collections.abc import Iterator
from pathlib import Path

from sandbox.options import Options

FASTEST = 100_000.0
"""Highest --speed: a year of Azure then takes five minutes; the simulator's own clock is not finer."""


def speed(text: str) -> float:
    """Return the number of --speed. Raises ArgumentTypeError unless it is above 0 and at most FASTEST."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= FASTEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and up to {FASTEST:.0f}")
    return number


def problem(options: Options, env: Path | None = None) -> str:
    """Return what is wrong with the options, with its remedy; empty when nothing is. `env` is the file of --env."""
    return next(_problems(options, env), "")


def _problems(options: Options, env: Path | None) -> Iterator[str]:
    yield from _state(options.state)
    if env is not None:
        yield from _env(env)
    if options.charts is not None:
        yield from _charts(options.charts)
    yield from _catalog(options.catalog)


def _state(state: Path) -> Iterator[str]:
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        yield f"the directory {state} cannot be created: {error.strerror}; choose another --state"
        return
    if not os.access(state, os.W_OK | os.X_OK, effective_ids=True):
        yield f"the directory {state} cannot be written; choose another --state"


def _env(env: Path) -> Iterator[str]:
    if env.is_dir():
        yield f"{env} is a directory; name a file in it with --env"
    elif not env.parent.is_dir():
        yield f"the directory {env.parent} does not exist; create it, or choose another file for --env"
    elif not os.access(env.parent, os.W_OK | os.X_OK, effective_ids=True):
        yield f"the directory {env.parent} cannot be written; choose another file for --env"


def _charts(charts: Path) -> Iterator[str]:
    if not charts.is_dir():
        yield f"{charts} is no directory; --charts takes one with packaged charts, as `helm package` writes them"
    elif not os.access(charts, os.R_OK | os.X_OK, effective_ids=True):
        yield f"the directory {charts} cannot be read; choose another one for --charts"
    elif not any(charts.glob("*.tgz")):
        yield f"{charts} holds no packaged chart (*.tgz); write one with `helm package CHART --destination {charts}`"


def _catalog(catalog: str) -> Iterator[str]:
    from sandbox.azure.core.catalog import Catalog, CatalogError, supplied  # pydantic, which no other command needs

    if catalog in supplied():
        return
    try:
        Catalog.load(catalog)
    except CatalogError as error:
        yield str(error)
