"""What users read: status without signatures and secrets, and one Event for each change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from notebook_platform.api.status import PlatformStatus
from notebook_platform.azure.arm.operations import in_progress, working
from notebook_platform.engine import Action, Change, Degraded, Failed, Operation, Outcome, Progressing, Ready
from notebook_platform.engine.conditions import fold_conditions
from notebook_platform.engine.result import Result
from notebook_platform.events import events
from notebook_platform.helm.chart_adapter import Running
from notebook_platform.hubs.users.user_counts import UserCounts
from notebook_platform.kube.redaction import SecretRedactor
from notebook_platform.outputs import Cluster
from notebook_platform.reconcile_state import ReconcileState
from notebook_platform.sanitizing import sanitized
from notebook_platform.status import platform_status
from notebook_platform.workload.step import WorkloadClusterOutput

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
OPERATION = Operation(
    kind="create managed cluster x",
    url="https://management.azure.com/subscriptions/s/operations/1?api-version=1&t=1&s=SIGNATURE",
    started=NOW,
    expected=300,
    percent=42.7,
)
BUSY = Progressing(reason="Creating", message="Azure operation in progress", requeue_after=5, operation=OPERATION)
BROKEN = Failed(reason="Broken", message="spec.x is broken", remedy="Mend it.", retry_in=5)
CHANGE = Change(path="a", action=Action.UPDATE, before=1, after=2)


def reconcile_events(results: dict[str, Result], before: list, **more: bool) -> tuple[list[tuple[str, str]], list]:
    after = fold_conditions(results, before, generation=1, now=NOW)
    return [(e.type, e.reason) for e in events(results, before, after, **more)], after


def test_status_shows_operations_without_their_signature_in_steps_of_progress() -> None:
    status = platform_status(
        {"Cluster": Result(outcome=BUSY)},
        [],
        previous=PlatformStatus(),
        generation=2,
        operations={"Cluster": OPERATION},
        attempts=(),
        redactor=SecretRedactor(),
    ).wire()
    (operation,) = status["operations"]
    assert operation["url"] == "https://management.azure.com/subscriptions/s/operations/1"
    assert operation["percent"] == 40 and operation["expectedEnd"] == "2026-01-01T12:05:00Z"
    assert "SIGNATURE" not in str(status) and status["next"].startswith("create managed cluster x")


def test_pending_changes_are_shown_and_known_secrets_never() -> None:
    redactor = SecretRedactor()
    redactor.add({"password": "very-secret-value"})
    change = Change(path="values", action=Action.UPDATE, before="very-secret-value", after=["very-secret-value"])
    results = sanitized({"A": Result(outcome=Ready(), changes=(change,))}, redactor)
    conditions = fold_conditions(results, [], generation=1, now=NOW, suspended=True)
    found = platform_status(
        results, conditions, previous=PlatformStatus(), generation=1, operations={}, attempts=(), redactor=redactor
    )
    status = found.wire()
    assert [(p["step"], p["action"], p["path"]) for p in status["plan"]] == [("A", "update", "values")]
    assert "very-secret-value" not in str(status)


def test_a_change_has_one_event_however_long_it_lasts() -> None:
    first, after = reconcile_events({"A": Result(outcome=BUSY)}, [])
    assert first == [("Normal", "Creating")]
    assert reconcile_events({"A": Result(outcome=BUSY)}, after)[0] == []
    broken, after = reconcile_events({"A": Result(outcome=BROKEN)}, after)
    assert broken == [("Warning", "Broken")]
    assert reconcile_events({"A": Result(outcome=BROKEN)}, after)[0] == []
    good, after = reconcile_events({"A": Result(outcome=Ready())}, after)
    assert good == [("Normal", "UpToDate"), ("Normal", "Ready")]
    assert reconcile_events({"A": Result(outcome=Ready())}, after)[0] == []


def test_drift_has_an_event_at_each_correction_and_one_when_it_is_left() -> None:
    _, after = reconcile_events({"A": Result(outcome=Ready())}, [])
    drifted = {"A": Result(outcome=Ready(), changes=(CHANGE,), drift=(CHANGE,), applied=(CHANGE,))}
    corrected, _ = reconcile_events(drifted, after, correcting=True)
    assert corrected == [("Warning", "DriftDetected")]
    left, later = reconcile_events({"A": Result(outcome=Ready(), changes=(CHANGE,), drift=(CHANGE,))}, after, correcting=False)
    assert left == [("Warning", "DriftDetected")]
    assert reconcile_events({"A": Result(outcome=Ready(), changes=(CHANGE,), drift=(CHANGE,))}, later, correcting=False)[0] == []


def test_a_degraded_step_stalls_in_time_and_has_one_event() -> None:
    degraded = Degraded(reason="ImagePullFailed", message="hub: no image", requeue_after=5, stall_after=900)
    results, conditions = (
        {"A": Result(outcome=degraded)},
        fold_conditions({"A": Result(outcome=Ready())}, [], generation=1, now=NOW),
    )
    seen = []
    for minutes in (10, 24, 25, 40):
        before, conditions = conditions, fold_conditions(results, conditions, generation=1, now=NOW + timedelta(minutes=minutes))
        status = {c.type: c.status for c in conditions if c.type in ("Ready", "Reconciling", "Stalled")}
        seen.append((status["Stalled"], status["Reconciling"], [(e.type, e.reason) for e in events(results, before, conditions)]))
        assert status["Ready"] == "False"
    assert seen == [
        ("False", "True", [("Normal", "ImagePullFailed")]),
        ("False", "True", []),
        ("True", "False", [("Warning", "ImagePullFailed")]),
        ("True", "False", []),
    ]
    (stalled,) = [c for c in conditions if c.type == "Stalled"]
    assert (
        stalled.message
        == "A: hub: no image; unchanged since 2026-01-01 12:10 UTC. See https://docs.notebookplatform.io/troubleshooting/#imagepullfailed"
    )
    healed = fold_conditions({"A": Result(outcome=Ready())}, conditions, generation=1, now=NOW + timedelta(minutes=41))
    assert {c.type: c.status for c in healed if c.type in ("Ready", "Stalled")} == {"Ready": "True", "Stalled": "False"}


def stalled_after(outcome: Outcome, lasted: timedelta) -> str | None:
    """Return the message of Stalled; None while it is False."""
    state = ReconcileState()
    state.timed({"A": Result(outcome=outcome)}, NOW)
    results = state.timed({"A": Result(outcome=outcome)}, NOW + lasted)
    conditions = {c.type: c for c in fold_conditions(results, [], generation=1, now=NOW + lasted)}
    assert conditions["Reconciling"].status != conditions["Stalled"].status
    return conditions["Stalled"].message if conditions["Stalled"].status == "True" else None


@pytest.mark.parametrize(
    ("outcome", "least", "most", "remedy"),
    [
        (in_progress(OPERATION, 5), 59, 60, "az aks operation-abort"),
        (in_progress(replace(OPERATION, kind="update agent pool x", expected=1800), 5), 149, 150, "az aks nodepool operation-abort"),
        (in_progress(replace(OPERATION, kind="create virtual network x", expected=50_000), 5), 359, 360, "az monitor activity-log"),
        (working("Updating", "The managed cluster x is Updating", 5, "managed cluster"), 359, 360, "az aks operation-abort"),
    ],
)  # fmt: skip
def test_work_that_does_not_end_stalls_after_a_multiple_of_its_time(outcome: Outcome, least: int, most: int, remedy: str) -> None:
    assert stalled_after(outcome, timedelta(minutes=least)) is None
    message = stalled_after(outcome, timedelta(minutes=most))
    assert message is not None and "unchanged since 2026-01-01 12:00 UTC. " in message and remedy in message


def test_the_time_of_work_that_azure_began_starts_anew_when_it_ended_between() -> None:
    busy = working("Updating", "The managed cluster x is Updating", 5, "managed cluster")
    state, later = ReconcileState(), NOW + timedelta(hours=7)
    state.timed({"A": Result(outcome=busy)}, NOW)
    state.timed({"A": Result(outcome=Ready())}, NOW)
    assert state.timed({"A": Result(outcome=busy)}, later)["A"].outcome == replace(busy, since=later)


def test_a_new_write_restarts_the_time_until_stalled() -> None:
    def stalled(outcome: Outcome) -> str:
        waited = fold_conditions({"A": Result(outcome=BUSY)}, [], generation=1, now=NOW - timedelta(days=1))
        return next(
            c.status
            for c in fold_conditions({"A": Result(outcome=outcome)}, waited, generation=1, now=NOW)
            if c.type == "Stalled"
        )

    old = Degraded(reason="R", message="m", requeue_after=5, stall_after=900, since=NOW - timedelta(minutes=20))
    assert stalled(old) == "True" and stalled(replace(old, since=NOW)) == "False"
    assert stalled(Progressing(reason="R", message="m", requeue_after=5)) == "False"


def test_the_summary_conditions_follow_kstatus() -> None:
    def summary(results: dict[str, Result], **more: bool) -> dict[str, str]:
        found = fold_conditions(results, [], generation=1, now=NOW, **more)
        return {c.type: c.status for c in found if c.type in ("Ready", "Reconciling", "Stalled")}

    stuck = Failed(reason="Stuck", message="m", remedy="r")
    assert summary({"A": Result(outcome=Ready())}) == {"Ready": "True", "Reconciling": "False", "Stalled": "False"}
    assert summary({"A": Result(outcome=BUSY)}) == {"Ready": "False", "Reconciling": "True", "Stalled": "False"}
    assert summary({"A": Result(outcome=BROKEN)}) == {"Ready": "False", "Reconciling": "True", "Stalled": "False"}
    assert summary({"A": Result(outcome=stuck)}) == {"Ready": "False", "Reconciling": "False", "Stalled": "True"}
    assert summary({"A": Result(outcome=BUSY), "B": Result(outcome=stuck)})["Stalled"] == "True"


def test_texts_of_outputs_and_records_are_one_printable_line_and_bounded() -> None:
    nasty = "\x1b[2J\u202e" + "very-secret-value " * 200
    redactor = SecretRedactor()
    redactor.add({"password": "very-secret-value"})
    release = Running(name=nasty, namespace=nasty, chart=nasty, revision=1, state=nasty, url=nasty)
    cluster = Cluster(
        id=nasty,
        name=nasty,
        resource_group=nasty,
        node_resource_group=nasty,
        location=nasty,
        kubernetes_version=nasty,
        power_state=nasty,
        fqdn=nasty,
    )
    status = platform_status(
        {"Cluster": Result(outcome=Ready(output=cluster)), "JupyterHub": Result(outcome=Ready(output=release))},
        [],
        previous=PlatformStatus(),
        generation=1,
        operations={"A": replace(OPERATION, kind=nasty)},
        attempts=(),
        redactor=redactor,
    )
    text = status.model_dump_json()
    assert "very-secret" not in text and "\\u001b" not in text and "\u202e" not in text


TARGET = WorkloadClusterOutput(
    api=None, access=None, cluster_id="c", secret_name="s", served_version=(1, 35), nodes=1, ready_nodes=1
)
HUB = Running(
    name="jhub",
    namespace="jhub",
    chart="jupyterhub-4.4.0",
    revision=1,
    state="deployed",
    url="https://hub.example.org",
    details=UserCounts(servers=2, homes=(("ada", "", "claim-ada"),)),
)


@pytest.mark.parametrize(
    ("results", "url", "releases", "has_hub"),
    [
        ({"Workload": Ready(output=TARGET)}, None, 0, False),
        ({"Workload": Ready(output=TARGET), "JupyterHub": Ready(output=replace(HUB, url=None))}, None, 1, True),
        ({"Workload": Ready(), "JupyterHub": Ready()}, HUB.url, 1, True),
        ({"Workload": Ready(output=TARGET), "JupyterHub": BROKEN}, HUB.url, 1, True),
    ],
    ids=["the hub left the spec", "the hub has no address any more", "the cluster is stopped", "the hub was not observed"],
)
def test_status_keeps_what_was_not_observed_and_drops_what_is_gone(
    results: dict[str, Outcome], url: str | None, releases: int, has_hub: bool
) -> None:
    def status_after(outcomes: dict[str, Outcome], previous: PlatformStatus) -> PlatformStatus:
        found = {name: Result(outcome=outcome) for name, outcome in outcomes.items()}
        redactor = SecretRedactor()
        return platform_status(found, [], previous=previous, generation=1, operations={}, attempts=(), redactor=redactor)

    before = status_after({"Workload": Ready(output=TARGET), "JupyterHub": Ready(output=HUB)}, PlatformStatus())
    after = status_after(results, before)
    assert (after.url, len(after.releases), after.hub is not None) == (url, releases, has_hub)
