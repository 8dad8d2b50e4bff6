"""Settings and fixtures of all tests."""

import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.environments import Say

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")  # how long an example takes says nothing about what is tested


def pytest_configure() -> None:
    """Receive SIGINT although the suite was started in the background of a shell, which ignores it: commands under test would inherit
    that, and not end by it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process (`--dist loadgroup`): they share a sandbox. Those of tests/az share one azure-cli."""
    for item in items:
        place = item.path.relative_to(config.rootpath)
        item.add_marker(pytest.mark.xdist_group("az" if place.parts[:2] == ("tests", "az") else place.as_posix()))


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
