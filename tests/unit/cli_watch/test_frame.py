"""The frame that `notebook-platform watch` draws on a terminal."""

from datetime import timedelta
from io import StringIO
from typing import Any

from notebook_platform.cli.changes import EventLine
from notebook_platform.cli.frame import Frame
from notebook_platform.cli.timeline import Timeline
from notebook_platform.cli.view import View, format_duration
from rich.console import Console

from tests.unit.cli_watch.bodies import (
    ATTEMPT,
    CREATING,
    NOT_READY,
    NOW,
    OPERATION,
    PROGRESSING,
    UP_TO_DATE,
    WHOLE,
    at,
    body,
    condition,
)


def generated(
    document: dict[str, Any], *events: EventLine, width: int = 110, height: int = 50, note: str = "", hint: str = ""
) -> list[str]:
    """Return the lines of a frame without surrounding spaces."""
    timeline, view = Timeline(), View.of(document)
    timeline.record(view, NOW)
    output = StringIO()
    console = Console(file=output, width=width, height=height, color_system=None, legacy_windows=False)
    console.print(Frame(view=view, events=events, timeline=timeline, now=NOW, note=note, hint=hint))
    return [line.rstrip() for line in output.getvalue().splitlines()]


def test_a_reconciling_platform_shows_each_step_and_the_progress_of_azure() -> None:
    event = EventLine(
        when=NOW - timedelta(seconds=30), type="Normal", reason="Creating", message="Cluster: Azure operation in progress"
    )
    assert generated(PROGRESSING, event) == [
        "◐ platforms/hub  Creating",
        "",
        "  step        state     time  what",
        "● Network     UpToDate",
        "◐ Cluster     Creating  30 s  Azure operation in progress: create managed cluster aks",
        "○ JupyterHub  Waiting         Waiting for Cluster",
        "",
        "  operation",
        "  create managed cluster aks  ━━━━━━━━━━━━                    40 %  expected end 12:03:20Z, in 3 min 20 s",
        "",
        "  30 s ago  Creating  Cluster: Azure operation in progress",
    ]


def test_a_ready_platform_shows_where_the_hub_is_its_nodes_releases_and_users_servers() -> None:
    assert generated(WHOLE) == [
        "● platforms/hub  Ready: Up to date",
        "",
        "  step        state     time  what",
        "● Network     UpToDate",
        "● Cluster     UpToDate",
        "● JupyterHub  UpToDate",
        "",
        "  hub                https://hub.example.org",
        "  cluster            aks, Kubernetes 1.35.1, Running",
        "  nodes              2/3 ready",
        "  users              12 servers running",
        "  release jhub/jhub  jupyterhub-4.4.0, revision 2, deployed",
    ]


def test_the_last_line_says_how_to_leave() -> None:
    assert generated(WHOLE, hint="Ctrl-C ends watch")[-2:] == ["", "Ctrl-C ends watch"]


def test_users_servers_are_shown_only_where_the_operator_counts_them() -> None:
    assert not [line for line in generated(body(NOT_READY, hub=None)) if "servers" in line]
    assert [line for line in generated(body(NOT_READY, hub={"servers": 0, "homes": 0})) if "servers" in line] == [
        "  users  0 servers running"
    ]


def test_a_failing_step_has_its_own_sign_and_shows_the_next_try() -> None:
    failing = condition("ClusterReady", "False", "QuotaExceeded", "spec.nodePools needs 12 vCPUs. Ask for more.")
    lines = generated(body(NOT_READY, failing, attempts=[ATTEMPT]))
    assert "✗ Cluster  QuotaExceeded  60 s  spec.nodePools needs 12 vCPUs. Ask for more." in lines
    assert "  retry Cluster  failed 2 times (QuotaExceeded), next try at 12:01:30Z" in lines


def test_notices_stand_under_the_headline() -> None:
    drift = condition("DriftDetected", "True", "Drifted", "Autoscale: rules is 1, wanted 2")
    quiet = condition("AutoscalersCompete", "False", "NoLonger", "-")
    lines = generated(body(NOT_READY, CREATING, drift, quiet), note="Events cannot be read: 403 Forbidden")
    assert lines[1:3] == ["! DriftDetected: Autoscale: rules is 1, wanted 2", "! Events cannot be read: 403 Forbidden"]
    assert not [line for line in lines if "AutoscalersCompete" in line]


def test_an_operation_without_reported_progress_is_drawn_by_its_usual_duration() -> None:
    silent = {**OPERATION, "expectedEnd": at(30)}
    del silent["percent"]
    (line,) = [line for line in generated(body(NOT_READY, CREATING, operations=[silent])) if "~" in line]
    assert "~50 %" in line
    late = {**silent, "expectedEnd": at(-10)}
    (line,) = [line for line in generated(body(NOT_READY, CREATING, operations=[late])) if "~" in line]
    assert "~99 %" in line and line.endswith("expected end 11:59:50Z, 10 s ago")


def test_on_a_low_terminal_the_quiet_steps_share_lines() -> None:
    steps = [condition(f"Step{n}Ready", "True", "UpToDate", "Up to date") for n in range(8)]
    later = [condition(f"Later{n}Ready", "Unknown", "Waiting", "Waiting for Cluster") for n in range(3)]
    lines = generated(body(NOT_READY, *steps, CREATING, *later), height=12)
    assert lines[1:3] == [
        "● Step0, Step1, Step2, Step3, Step4, Step5, Step6, Step7: up to date",
        "○ Later0, Later1, Later2: waiting",
    ]
    assert "◐ Cluster  Creating  30 s  Azure operation in progress: create managed cluster aks" in lines


def test_a_message_cannot_steer_the_terminal_nor_be_read_as_markup() -> None:
    nasty = condition("ClusterReady", "False", "Creating", "[red]a\x1b[2J\x07[/nonsense]\nb\u202ec")
    (line,) = [line for line in generated(body(NOT_READY, UP_TO_DATE, nasty)) if "Cluster" in line and "step" not in line]
    assert line.endswith("[red]a[/nonsense] bc")


def test_a_platform_without_a_status_is_shown_as_such() -> None:
    assert generated(body()) == ["○ platforms/hub  the operator has not reported a status yet"]
    assert generated(body(NOT_READY, generation=2))[0] == (
        "◐ platforms/hub  the operator has not observed generation 2 of the spec yet"
    )
    assert generated(body(NOT_READY, CREATING, deleting=True))[0] == "◐ platforms/hub  Creating  (is being deleted)"


def test_durations_have_two_parts_at_most() -> None:
    times = [0.04, 9.96, 89, 200, 7500, 273600, -3]
    assert [format_duration(t) for t in times] == ["0.0 s", "10 s", "89 s", "3 min 20 s", "2 h 5 min", "3 d 4 h", "0.0 s"]


def test_the_timeline_has_the_duration_of_each_step_and_omits_earlier_ones() -> None:
    timeline = Timeline()
    old = condition("NetworkReady", "True", "UpToDate", "Up to date", since=-3600)
    young = condition("IdentityReady", "True", "UpToDate", "Up to date", since=-40)
    timeline.record(View.of(body(NOT_READY, old, young, CREATING)), NOW)
    done = condition("ClusterReady", "True", "UpToDate", "Up to date", since=60)
    at_once = condition("NodePoolsReady", "True", "UpToDate", "Up to date", since=60)
    timeline.record(View.of(body(NOT_READY, old, young, done, at_once)), NOW + timedelta(seconds=60.5))
    assert timeline.rows() == [
        ("Identity", "", "20 s"),
        ("Cluster", "1 min 30 s", "2 min 0 s"),
        ("NodePools", "0.0 s", "2 min 0 s"),
    ]


def test_a_step_that_is_taken_up_again_is_timed_anew() -> None:
    timeline = Timeline()
    timeline.record(View.of(WHOLE), NOW)
    assert timeline.rows() == []
    again = View.of(body(NOT_READY, UP_TO_DATE, CREATING))
    timeline.record(again, NOW + timedelta(seconds=5))
    (cluster,) = [step for step in again.steps if step.name == "Cluster"]
    assert timeline.took(cluster, NOW + timedelta(seconds=9)) == "4.0 s"
    timeline.record(View.of(WHOLE), NOW + timedelta(seconds=12))
    assert timeline.rows() == [("Cluster", "7.0 s", "12 s")]
