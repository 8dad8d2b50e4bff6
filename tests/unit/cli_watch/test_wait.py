"""`notebook-platform wait`: when it ends, its exit code, and its output meanwhile."""

import pytest
from notebook_platform.cli import main
from notebook_platform.cli.wait import evaluate
from notebook_platform.cli.watch_stream import Place

from tests.unit.cli_watch.bodies import NOT_READY, PROGRESSING, READY, UP_TO_DATE, WHOLE, body, condition, view

PLACE = Place("platforms", "hub")
STALLED = condition("Stalled", "True", "QuotaExceeded", "Cluster: spec.nodePools needs 12 vCPUs. Ask for more.")


def test_wait_ends_when_the_condition_is_true_for_the_current_generation() -> None:
    verdict = evaluate(PLACE, view(WHOLE), "Ready")
    assert (verdict.code, verdict.sentence) == (
        0,
        "platforms/hub has the condition Ready: Ready: Up to date",
    )
    assert evaluate(PLACE, view(body(READY, generation=2)), "Ready").code is None


def test_meanwhile_it_shows_what_it_waits_for() -> None:
    assert (
        evaluate(PLACE, view(PROGRESSING), "Ready").sentence
        == "Creating: Cluster: Azure operation in progress: create managed cluster aks"
    )
    assert evaluate(PLACE, view(PROGRESSING), "JupyterHubReady").sentence == "Waiting: Waiting for Cluster"
    assert evaluate(PLACE, view(PROGRESSING), "Nonsense").sentence == "there is no condition Nonsense"
    assert evaluate(PLACE, view(body()), "Ready").sentence == "the operator has not reported a status yet"
    changed = evaluate(PLACE, view(body(READY, generation=2)), "Ready")
    assert changed.sentence == "the operator has not observed generation 2 of the spec yet"


def test_a_stall_ends_a_wait_for_ready_at_once_and_no_other() -> None:
    stalled = view(body(NOT_READY, STALLED, UP_TO_DATE))
    verdict = evaluate(PLACE, stalled, "ready")
    assert verdict.code == 1
    assert verdict.sentence.startswith("platforms/hub is stalled: QuotaExceeded: Cluster: spec.nodePools needs 12 vCPUs")
    assert evaluate(PLACE, stalled, "JupyterHubReady").code is None
    assert evaluate(PLACE, stalled, "Stalled").code == 0
    assert evaluate(PLACE, stalled, "delete").code is None


def test_a_stall_of_an_earlier_spec_ends_nothing() -> None:
    assert evaluate(PLACE, view(body(NOT_READY, STALLED, generation=2)), "Ready").code is None


def test_a_wait_for_deletion_is_over_when_there_is_no_such_platform_and_any_other_has_failed_then() -> None:
    assert evaluate(PLACE, None, "delete").code == 0
    assert evaluate(PLACE, None, "Ready").code == 1
    assert evaluate(PLACE, view(WHOLE), "delete").sentence == "its deletion is not requested"
    deleting = condition("Ready", "False", "Deleting", "Deletion in progress")
    assert evaluate(PLACE, view(body(deleting, deleting=True)), "delete").sentence == "Deleting: Deletion in progress"


def test_an_unreadable_duration_is_reported_with_the_valid_forms(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["wait", "hub", "--timeout", "soon"])
    assert ended.value.code == 2
    assert "not a duration: 'soon' (write 90s, 10m, 1h, 7d or 1w)" in capsys.readouterr().err
