"""Settings and fixtures of all tests."""

import gc
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.environments import Say
from tests.order import shuffled, with_stories
from tests.schedule import pytest_xdist_make_scheduler

__all__ = ["pytest_xdist_make_scheduler"]

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("busy machine"), max_examples=10)  # for `make unit` and `make local`
settings.load_profile("busy machine")  # how long an example takes says nothing about what is tested


def pytest_configure() -> None:
    """Receive SIGINT although the suite was started in the background of a shell, which ignores it: commands under test would inherit
    that, and not end by it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run files, and the tests of each file, in a random order")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Order the tests that -k, -m and the command line have selected."""
    yield
    seed = config.getoption("--shuffle")
    items[:] = with_stories(items if seed is None else shuffled(items, seed))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Iterator[None]:
    """Collect no garbage while modules are imported: nearly all that they make stays, and each round traverses all of it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Exempt the imported modules from garbage collection, which would traverse them again and again. The little garbage among them
    stays: to find it takes longer than it is worth."""
    gc.freeze()


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Say:
    """Return a function that prints progress of slow setup, even when pytest captures output."""
    manager = request.config.pluginmanager
    capture, terminal = manager.getplugin("capturemanager"), manager.getplugin("terminalreporter")

    def tell(text: str) -> None:
        with capture.global_and_fixture_disabled():
            terminal.ensure_newline()
            terminal.write_line(f"[tests] {text}")

    return tell
