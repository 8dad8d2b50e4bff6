"""What holds for all tests."""

import pytest
from hypothesis import HealthCheck, settings

from tests.environments import Say

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")  # how long an example takes says nothing about what is tested


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Say:
    """Tells people what takes its time, whether or not pytest captures what tests print."""
    manager = request.config.pluginmanager
    capture, terminal = manager.getplugin("capturemanager"), manager.getplugin("terminalreporter")

    def tell(text: str) -> None:
        with capture.global_and_fixture_disabled():
            terminal.ensure_newline()
            terminal.write_line(f"[tests] {text}")

    return tell
