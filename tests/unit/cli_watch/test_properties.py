"""Any status can be shown, whatever it holds."""

from datetime import timedelta
from io import StringIO

from hypothesis import given, settings
from hypothesis import strategies as st
from notebook_platform.api.conditions import Condition
from notebook_platform.api.status import (
    AttemptStatus,
    ClusterStatus,
    HubStatus,
    NodeCounts,
    OperationStatus,
    PlannedChange,
    PlatformStatus,
    ReleaseStatus,
)
from notebook_platform.cli.changes import EventLine, changes
from notebook_platform.cli.frame import Frame
from notebook_platform.cli.timeline import Timeline
from notebook_platform.cli.view import View
from notebook_platform.cli.wait import evaluate
from notebook_platform.cli.watch_stream import Place
from rich.console import Console

from tests.unit.cli_watch.bodies import NOW, at

TEXT = st.text(max_size=40)
TIME = st.one_of(st.integers(-(10**7), 10**7).map(at), st.text(max_size=32))
NUMBER = st.integers(-(2**31), 2**31)
COUNT = st.integers(0, 2**31)
STEPS = st.sampled_from(["Credentials", "Cluster", "NodePools", "JupyterHub", ""])
TYPES = st.one_of(
    st.sampled_from(["Ready", "Reconciling", "Stalled", "DriftDetected"]), STEPS.map(lambda s: f"{s}Ready"), st.text(max_size=64)
)

CONDITIONS = st.builds(
    Condition,
    type=TYPES,
    status=st.sampled_from(["True", "False", "Unknown"]),
    reason=TEXT,
    message=TEXT,
    observed_generation=st.integers(0, 3),
    last_transition_time=TIME,
)
STATUSES = st.builds(
    PlatformStatus,
    observed_generation=st.none() | st.integers(0, 3),
    conditions=st.lists(CONDITIONS, max_size=8),
    url=st.none() | TEXT,
    cluster=st.none()
    | st.builds(
        ClusterStatus,
        id=st.none() | TEXT,
        fqdn=st.none() | TEXT,
        kubernetes_version=st.none() | st.text(max_size=16),
        power_state=st.none() | st.text(max_size=16),
        nodes=st.none() | st.builds(NodeCounts, ready=COUNT, total=COUNT),
    ),
    releases=st.lists(
        st.builds(ReleaseStatus, name=TEXT, namespace=TEXT, chart=TEXT, revision=NUMBER, state=st.text(max_size=32)), max_size=3
    ),
    operations=st.lists(
        st.builds(
            OperationStatus,
            step=STEPS,
            kind=TEXT,
            started=TIME,
            url=TEXT,
            percent=st.none() | NUMBER,
            expected_end=st.none() | TIME,
        ),
        max_size=3,
    ),
    attempts=st.lists(st.builds(AttemptStatus, step=STEPS, reason=TEXT, count=NUMBER, retry_at=TIME), max_size=3),
    plan=st.lists(
        st.builds(PlannedChange, step=STEPS, action=st.text(max_size=16), path=TEXT, disrupts=st.booleans()), max_size=3
    ),
    next=st.none() | TEXT,
    hub=st.none() | st.builds(HubStatus, servers=NUMBER, homes=NUMBER),
)
EVENTS = st.lists(
    st.fixed_dictionaries({}, optional={"lastTimestamp": TIME, "type": TEXT, "reason": TEXT, "message": TEXT}).map(EventLine.of),
    max_size=7,
)


@st.composite
def documents(draw: st.DrawFn) -> dict:
    metadata = {"name": "hub", "namespace": "platforms", "uid": "u", "generation": draw(st.integers(1, 3))}
    if draw(st.booleans()):
        metadata["deletionTimestamp"] = draw(TIME)
    return {"metadata": metadata, "status": draw(STATUSES).wire()}


@settings(deadline=None)
@given(documents(), documents(), EVENTS, st.integers(1, 160), st.integers(1, 60), st.floats(-1e7, 1e7))
def test_any_status_can_be_drawn_and_printed(
    first: dict, second: dict, events: list[EventLine], width: int, height: int, later: float
) -> None:
    timeline, views = Timeline(), [View.of(first), View.of(second)]
    now = NOW + timedelta(seconds=later)
    output = StringIO()
    console = Console(file=output, width=width, height=height, legacy_windows=False)
    for view in views:
        timeline.record(view, now)
        console.print(Frame(view=view, events=events, timeline=timeline, now=now))
    assert output.getvalue()
    assert all(len(row) == 3 for row in timeline.rows())


@settings(deadline=None)
@given(documents(), documents(), EVENTS)
def test_turns_are_single_printable_lines_and_a_platform_that_stays_as_it_is_has_none(
    first: dict, second: dict, events: list[EventLine]
) -> None:
    before, after = View.of(first), View.of(second)
    for line in [*changes(None, before), *changes(before, after), *(event.line for event in events)]:
        assert line and line.isprintable()
    assert changes(after, after) == []


@settings(deadline=None)
@given(documents(), TYPES)
def test_a_wait_succeeds_exactly_when_the_condition_holds(document: dict, wanted: str) -> None:
    view = View.of(document)
    verdict = evaluate(Place("platforms", "hub"), view, wanted)
    assert (verdict.code == 0) == view.holds(wanted)
    assert verdict.sentence.isprintable()
