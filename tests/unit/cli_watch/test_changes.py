"""The output of `notebook-platform watch` without a terminal: one line for each change, without repeats."""

from datetime import timedelta
from typing import Any

from notebook_platform.cli.changes import EventLine, changes, repeats

from tests.unit.cli_watch.bodies import (
    ATTEMPT,
    CREATING,
    NOT_READY,
    NOT_STALLED,
    NOW,
    OPERATION,
    PROGRESSING,
    UP_TO_DATE,
    WAITING,
    WHOLE,
    at,
    body,
    condition,
    view,
)


def event(reason: str, message: str, **more: Any) -> EventLine:
    return EventLine.of({"type": "Normal", "reason": reason, "message": message, "lastTimestamp": at(-5), **more})


def test_the_first_view_prints_all_but_waiting_steps() -> None:
    assert changes(None, view(PROGRESSING)) == [
        "platforms/hub: not ready",
        "Network: up to date",
        "Cluster: Creating: Azure operation in progress: create managed cluster aks",
        "operation create managed cluster aks: in progress since 11:59:30Z, expected to end at 12:03:20Z",
    ]


def test_changes_are_printed_and_ready_comes_last() -> None:
    assert changes(view(PROGRESSING), view(WHOLE)) == [
        "operation create managed cluster aks: ended",
        "Cluster: up to date",
        "JupyterHub: up to date",
        "hub: https://hub.example.org",
        "cluster: aks, Kubernetes 1.35.1, Running",
        "nodes: 2/3 ready",
        "users: 12 servers running",
        "release jhub/jhub: jupyterhub-4.4.0, revision 2, deployed",
        "platforms/hub: Ready: Up to date",
    ]


def test_unchanged_subjects_and_progress_print_no_line() -> None:
    further = {**OPERATION, "percent": 65, "expectedEnd": at(150)}
    later = body(NOT_READY, NOT_STALLED, UP_TO_DATE, CREATING, WAITING, operations=[further])
    assert changes(view(PROGRESSING), view(later)) == []


def test_another_message_of_the_same_reason_is_a_change() -> None:
    other = condition("ClusterReady", "False", "Creating", "Azure operation in progress: something else")
    assert changes(view(body(NOT_READY, CREATING)), view(body(NOT_READY, other))) == [
        "Cluster: Creating: Azure operation in progress: something else"
    ]


def test_a_failure_its_next_try_and_a_stall_are_printed() -> None:
    failing = condition("ClusterReady", "False", "QuotaExceeded", "spec.nodePools needs 12 vCPUs. Ask for more.")
    headline = condition("Ready", "False", "QuotaExceeded", "Cluster: spec.nodePools needs 12 vCPUs. Ask for more.")
    stalled = condition("Stalled", "True", "QuotaExceeded", "Cluster: spec.nodePools needs 12 vCPUs. Ask for more.")
    assert changes(view(PROGRESSING), view(body(headline, stalled, UP_TO_DATE, failing, attempts=[ATTEMPT]))) == [
        "operation create managed cluster aks: ended",
        "platforms/hub: not ready and stalled",
        "Cluster: QuotaExceeded: spec.nodePools needs 12 vCPUs. Ask for more.",
        "retry Cluster: failed 2 times (QuotaExceeded), next try at 12:01:30Z",
    ]


def test_the_headline_has_what_no_step_shows() -> None:
    suspended = condition("Ready", "False", "Suspended", "Suspended; nothing would change")
    assert changes(view(WHOLE), view(body(suspended, UP_TO_DATE)))[0] == (
        "platforms/hub: Suspended: Suspended; nothing would change"
    )
    changed = view(body(NOT_READY, generation=2))
    assert changes(None, changed) == ["platforms/hub: the operator has not observed generation 2 of the spec yet"]


def test_drift_is_printed_when_it_begins_and_ends() -> None:
    drift = condition("DriftDetected", "True", "Drifted", "Autoscale: rules is 1, wanted 2")
    none = condition("DriftDetected", "False", "NoDrift", "No drift detected")
    assert changes(view(body(NOT_READY, none)), view(body(NOT_READY, drift))) == [
        "DriftDetected: Drifted: Autoscale: rules is 1, wanted 2"
    ]
    assert changes(view(body(NOT_READY, drift)), view(body(NOT_READY, none))) == ["DriftDetected: no longer true"]


def test_pending_changes_and_the_next_ones_are_printed() -> None:
    change = {"step": "NodePools", "action": "update", "path": "p", "disrupts": True}
    pending = body(NOT_READY, plan=[change, {**change, "disrupts": False}], next="Is stopped at 20:00")
    assert changes(view(body(NOT_READY)), view(pending)) == [
        "pending: 2 changes, 1 of them disruptive",
        "next: Is stopped at 20:00",
    ]


def test_every_turn_is_one_line() -> None:
    broken = condition("ClusterReady", "False", "Creating", "two\nlines\x1b[2J")
    assert changes(None, view(body(NOT_READY, broken)))[1] == "Cluster: Creating: two lines"


def test_an_event_is_a_line_unless_a_condition_has_the_same_text() -> None:
    assert (
        event("Creating", "Cluster: Azure operation in progress").line
        == "event Normal Creating: Cluster: Azure operation in progress"
    )
    assert repeats(event("Creating", "Cluster: Azure operation in progress: create managed cluster aks"), view(PROGRESSING))
    assert repeats(event("UpToDate", "Network: Up to date"), view(PROGRESSING))
    assert repeats(event("Ready", "Up to date"), view(WHOLE))
    assert not repeats(event("DriftDetected", "Autoscale: rules is 1, wanted 2. Putting it right"), view(WHOLE))
    assert not repeats(event("Ready", "Up to date"), None)


def test_an_event_has_the_time_it_was_last_seen_at() -> None:
    assert event("a", "b").when == NOW - timedelta(seconds=5)
    assert event("a", "b", lastTimestamp=None, eventTime="2026-01-01T11:59:00.123456Z").when.minute == 59
    assert event("a", "b", lastTimestamp=None, metadata={"creationTimestamp": at(0)}).when == NOW
    assert event("a", "b", lastTimestamp=None).when is None
