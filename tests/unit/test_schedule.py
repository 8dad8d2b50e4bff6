"""Processes of the suite stay in the directories whose files share what takes long to start."""

import pytest

from tests.schedule import ALONE, SHARING, directory_of, next_unit, unit_of

INTEGRATION, SECURITY, AZ, RELEASES, HUB = SHARING
WAITING = [
    "tests/az/test_[123]_*",
    "tests/az/test_az_registry.py",
    "tests/azure/test_paths.py",
    "tests/hub/test_hub.py",
    "tests/integration/releases/test_states.py",
    "tests/integration/test_1_runbook.py",
    "tests/integration/test_2_trouble.py",
    "tests/security/test_b_ids.py",
    "tests/unit/test_text.py",
]


@pytest.mark.parametrize(
    ("unit", "directory"),
    [
        ("tests/integration/test_1_runbook.py", INTEGRATION),
        ("tests/integration/releases/test_states.py", RELEASES),
        ("tests/az/test_[123]_*", AZ),
        ("tests/azure/test_paths.py", ALONE),
        ("tests/unit/test_text.py", ALONE),
        ("", ALONE),
    ],
)
def test_a_unit_belongs_to_the_innermost_directory(unit: str, directory: str) -> None:
    assert directory_of(unit) == directory


def test_files_of_one_story_are_one_unit() -> None:
    stories = {unit_of(f"tests/az/{file}::test_it[a::b]") for file in ("test_1_runbook.py", "test_2_day_two.py")}
    assert len(stories) == 1 and unit_of("tests/az/test_az_registry.py::test_it") == "tests/az/test_az_registry.py"


@pytest.mark.parametrize(
    ("own", "taken", "unit"),
    [
        (SECURITY, [INTEGRATION], "tests/security/test_b_ids.py"),
        (ALONE, [], "tests/integration/test_1_runbook.py"),
        (ALONE, [INTEGRATION], "tests/security/test_b_ids.py"),
        (ALONE, [INTEGRATION, SECURITY], "tests/az/test_[123]_*"),
        (ALONE, [INTEGRATION, SECURITY, AZ, RELEASES, HUB], "tests/azure/test_paths.py"),
        (ALONE, [INTEGRATION, SECURITY, AZ, RELEASES, HUB, ALONE], "tests/integration/test_2_trouble.py"),
    ],
    ids=["its own", "the first", "one that no process has begun", "the next", "what shares nothing", "the one with most files"],
)
def test_a_process_takes_from(own: str, taken: list[str], unit: str) -> None:
    assert next_unit(WAITING, own, taken) == unit


def test_a_process_that_has_nothing_else_helps_where_most_is_left() -> None:
    left = [unit for unit in WAITING if directory_of(unit) in (INTEGRATION, SECURITY)]
    assert next_unit(left, ALONE, [INTEGRATION, SECURITY]) == "tests/integration/test_2_trouble.py"


def test_all_files_are_run_when_processes_take_in_turn() -> None:
    left, own, done = list(WAITING), {0: ALONE, 1: ALONE, 2: ALONE}, []
    while left:
        process = len(done) % 3
        unit = next_unit(left, own[process], [own[one] for one in own if one != process])
        left.remove(unit)
        own[process] = directory_of(unit)
        done.append((process, unit))
    assert sorted(unit for _, unit in done) == sorted(WAITING)
    assert {process for process, unit in done if directory_of(unit) == AZ} == {2}
