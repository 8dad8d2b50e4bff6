"""The executable `az` and the process that runs its code for the other tests give the same answers."""

from collections.abc import Iterator

import pytest

from tests.az.conftest import Az, on_an_empty_subscription
from tests.environments import Say


@pytest.fixture(scope="module")
def az(say: Say, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Az]:
    with on_an_empty_subscription(say, tmp_path_factory.mktemp("az")) as found:
        yield found


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        ("account show -o json", 0, "Enabled"),
        ("group show -n rg_nowhere", 3, "rg_nowhere"),
        ("group show", 2, "arguments are required"),
    ],
)
def test_a_call_answers_as_the_executable_does(az: Az, command: str, code: int, text: str) -> None:
    real, forked = az.executable(*command.split()), az.run(*command.split())
    assert (forked.returncode, forked.stdout, forked.stderr) == (real.returncode, real.stdout, real.stderr)
    assert real.returncode == code and text in real.stdout + real.stderr


def test_a_call_keeps_nothing_of_the_call_before(az: Az) -> None:
    assert az.run("account", "show", "-o", "yaml", "--debug").stderr
    after = az.run("account", "show", "-o", "json")
    assert after.stdout.startswith("{") and after.stderr == ""
