"""Conditions while steps wait for a token of a rate limit: no failure, and a platform that was ready stays ready."""

from datetime import UTC, datetime

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.conditions import Condition
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.change import Action, Change
from notebook_platform.engine.conditions import fold_conditions
from notebook_platform.engine.outcome import Outcome, Queued, Ready, Waiting
from notebook_platform.engine.result import Result, requeue_after
from notebook_platform.engine.step import Notice

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOKEN = Queued("Waiting for a token: the rate limit of reads in the subscription is used up", 40.0).progressing


def fold(outcomes: dict[str, Outcome], previous: list[Condition], generation: int = 1) -> dict[str, Condition]:
    """Return the conditions by type. A step that waits for a token could not be observed."""
    results = {name: Result(outcome=outcome, unobserved=outcome is TOKEN) for name, outcome in outcomes.items()}
    assert requeue_after(results, 600, NOW) == (40 if TOKEN in outcomes.values() else 600)
    return {c.type: c for c in fold_conditions(results, previous, generation=generation, now=NOW)}


def test_a_drift_check_that_waits_for_a_token_leaves_a_ready_platform_ready() -> None:
    before = list(fold({"Group": Ready(), "Cluster": Ready(), "Hub": Ready()}, []).values())
    after = fold({"Group": Ready(), "Cluster": TOKEN, "Hub": Waiting(on=("Cluster",))}, before)
    assert {c.type: c.status for c in after.values()} == {c.type: c.status for c in before}
    assert after["Ready"].status == "True" and after["Stalled"].status == "False"


def test_steps_without_a_condition_that_wait_for_it_leave_a_ready_platform_ready() -> None:
    """After a restart all steps are observed again: those too that the spec has no use for, and a thousand platforms wait for tokens."""
    hidden = Result(outcome=Ready(), wanted=False)
    before = fold_conditions({"Cluster": Result(outcome=Ready()), "Retired": hidden}, [], generation=1, now=NOW)
    waits = Result(outcome=Waiting(on=("Cluster",)))
    results = {"Cluster": Result(outcome=TOKEN, unobserved=True), "Retired": waits, "Metrics": waits}
    after = fold_conditions(results, before, generation=1, now=NOW)
    assert {c.type: c.status for c in after} == {c.type: c.status for c in before}


def test_drift_and_notices_that_were_found_before_stay_while_their_step_waits_for_a_token() -> None:
    change = Change(path="count", action=Action.UPDATE, before=1, after=2)
    notice = Notice(condition=ConditionType.UNKNOWN_NODE_POOLS, reason=Reason.NOT_IN_SPEC, message="The cluster has agent pools")
    found = Result(outcome=Ready(), drift=(change,), notices=(notice,))
    before = fold_conditions({"Pools": found}, [], generation=1, now=NOW)
    waiting = {"Pools": Result(outcome=TOKEN, unobserved=True)}
    assert {c.type: c for c in fold_conditions(waiting, before, generation=1, now=NOW)} == {c.type: c for c in before}
    seen = fold_conditions({"Pools": Result(outcome=Ready())}, before, generation=1, now=NOW)
    assert {c.type: c.status for c in seen}["DriftDetected"] == "False" and "UnknownNodePools" not in {c.type for c in seen}


def test_a_step_that_waits_for_a_token_of_its_creation_is_in_progress_and_names_what_it_waits_for() -> None:
    after = fold({"Group": TOKEN, "Cluster": Waiting(on=("Group",))}, [])
    assert (after["Ready"].status, after["Ready"].reason) == ("False", "Queued")
    assert (after["Reconciling"].status, after["Stalled"].status) == ("True", "False")
    assert after["GroupReady"].message == "Waiting for a token: the rate limit of reads in the subscription is used up"


def test_a_new_spec_is_not_ready_before_it_was_observed() -> None:
    before = list(fold({"Group": Ready(), "Cluster": Ready()}, []).values())
    after = fold({"Group": Ready(), "Cluster": TOKEN}, before, generation=2)
    assert after["Ready"].status == "False" and after["ClusterReady"].reason == "Queued"
