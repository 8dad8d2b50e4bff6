"""A deletion that spec.deletionProtection holds: the platform's conditions and Events."""

from datetime import UTC, datetime
from typing import Any

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.conditions import Condition
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.api.status import PlatformStatus
from notebook_platform.deletion import BEGUN, HELD, INTERRUPTED, DeletionRequest, protection
from notebook_platform.engine import Action, Change, Progressing, Ready
from notebook_platform.engine.conditions import fold_conditions
from notebook_platform.engine.result import Result
from notebook_platform.events import events

from tests.unit.azure.specs import runbook_spec

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 1, 13, tzinfo=UTC)
MISSING = Change(path="resourceGroups/x", action=Action.CREATE, after={})


def request(conditions: list[Condition]) -> DeletionRequest:
    return DeletionRequest(
        spec=NotebookPlatformSpec.model_validate(runbook_spec()),
        body={"metadata": {"deletionTimestamp": "2026-01-01T12:00:00Z"}},
        status=PlatformStatus(conditions=conditions),
        operations={},
        backing_off={},
    )


def held(previous: list[Condition], now: datetime = NOW, **more: Result) -> dict[str, Condition]:
    results = {"Deletion": protection(request(previous)), **more}
    return {c.type: c for c in fold_conditions(results, previous, generation=1, now=now, suspended=True)}


def ready() -> list[Condition]:
    return fold_conditions({"Cluster": Result(outcome=Ready(), exists=True)}, [], generation=1, now=NOW)


def deleting(outcome: Any) -> list[Condition]:
    return fold_conditions({"Cluster": Result(outcome=outcome, exists=True)}, ready(), generation=1, now=NOW, deleting=True)


def test_a_held_deletion_is_stalled_and_names_the_field_and_the_remedy() -> None:
    found = held(ready(), Cluster=Result(outcome=Ready(), exists=True))
    assert (found["Ready"].status, found["Ready"].reason) == ("False", "DeletionProtected")
    assert (found["Stalled"].status, found["Stalled"].reason) == ("True", "DeletionProtected")
    assert found["Reconciling"].status == "False" and found["ClusterReady"].status == "True"
    assert (found[ConditionType.DELETION_PROTECTED].status, found[ConditionType.DELETION_PROTECTED].reason) == ("True", HELD)
    for words in ("spec.deletionProtection is true", "2026-01-01T12:00:00Z", "spec.deletionProtection: false", "Orphan"):
        assert words in found["Ready"].message


def test_work_that_azure_accepted_does_not_hide_that_the_deletion_is_held() -> None:
    found = held(
        ready(), Cluster=Result(outcome=Progressing(reason="Deleting", message="Azure operation in progress", requeue_after=5))
    )
    assert found["Ready"].reason == found["Stalled"].reason == "DeletionProtected"


def test_a_protection_set_during_deletion_stops_it_while_set() -> None:
    before = deleting(Progressing(reason="Deleting", message="Azure operation in progress", requeue_after=5))
    first = held(before, Cluster=Result(outcome=Ready(), changes=(MISSING,)))
    assert first[ConditionType.DELETION_PROTECTED].reason == INTERRUPTED and "had begun" in first["Ready"].message
    assert not {c.reason for c in first.values()} & BEGUN
    second = held(list(first.values()), LATER, Cluster=Result(outcome=Ready(), changes=(MISSING,)))
    assert second[ConditionType.DELETION_PROTECTED].reason == INTERRUPTED
    assert (
        second[ConditionType.DELETION_PROTECTED].last_transition_time
        == first[ConditionType.DELETION_PROTECTED].last_transition_time
    )


def test_a_held_deletion_is_one_event_and_no_more_while_it_lasts() -> None:
    results = {"Deletion": protection(request(ready()))}
    first = list(held(ready()).values())
    assert [e.reason for e in events(results, ready(), first, deleting=True)] == ["DeletionProtected"]
    again = list(held(first, LATER).values())
    assert list(events({"Deletion": protection(request(first))}, first, again, deleting=True)) == []
