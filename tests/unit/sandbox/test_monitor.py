"""The decisions of the simulated Azure Monitor, by the vendor's description of autoscale; no clock, no server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.azure.autoscale import OPERATORS, Scene, fires, profile_at, value_of, wanted
from sandbox.azure.autoscale_rules import check_setting
from sandbox.azure.core.errors import ArmError

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday
SCALE_SET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/aks-pool-1-vmss"
CPU = (SCALE_SET.lower(), "Percentage CPU")
PAIRED = '{"name":"Auto created default scale condition","for":"lecture"}'


def rule(operator: str, threshold: float, change: int, **more: Any) -> dict[str, Any]:
    """Return a rule on the CPU over ten minutes; `more` sets members of the trigger, besides type and cooldown."""
    action = {key: more.pop(key, given) for key, given in (("type", "ChangeCount"), ("cooldown", "PT5M"))}
    trigger = {
        "metricName": "Percentage CPU",
        "metricResourceUri": SCALE_SET,
        "timeGrain": "PT1M",
        "statistic": "Average",
        "timeWindow": "PT10M",
        "timeAggregation": "Average",
        "operator": operator,
        "threshold": threshold,
    }
    direction = "Increase" if change > 0 else "Decrease"
    return {"metricTrigger": trigger | more, "scaleAction": {"direction": direction, "value": str(abs(change)), **action}}


def profile(*rules: dict[str, Any], low: int = 1, high: int = 10, default: int = 1, **more: Any) -> dict[str, Any]:
    capacity = {"minimum": str(low), "maximum": str(high), "default": str(default)}
    return {"name": "default", "capacity": capacity, "rules": list(rules), **more}


def weekly(name: str, at: str, *days: str, zone: str = "UTC") -> dict[str, Any]:
    hour, minute = map(int, at.split(":"))
    schedule = {"timeZone": zone, "days": list(days), "hours": [hour], "minutes": [minute]}
    return profile(name=name, recurrence={"frequency": "Week", "schedule": schedule})


def scene(count: int, *values: float, acted: int | None = None, metric: tuple[str, str] = CPU) -> Scene:
    """Return one value a minute, the last at NOW; `acted`: minutes since the last scale action."""
    minutes = [NOW - timedelta(minutes=back) for back in reversed(range(len(values)))]
    since = None if acted is None else NOW - timedelta(minutes=acted)
    return Scene(now=NOW, count=count, acted=since, series={metric: list(zip(minutes, values, strict=True))})


def steady(count: int, value: float, acted: int | None = None) -> Scene:
    return scene(count, *[value] * 30, acted=acted)


OUT, IN = rule("GreaterThan", 70, 1), rule("LessThan", 5, -1)
RUNBOOK = profile(OUT, IN, low=3, high=6, default=3)


@pytest.mark.parametrize(
    ("count", "cpu", "after"),
    [(3, 71, 4), (3, 70, 3), (6, 90, 6), (4, 4.9, 3), (4, 5, 4), (3, 1, 3), (4, 30, 4)],
)
def test_the_runbooks_rules_add_a_node_above_70_percent_and_take_one_below_5_within_their_bounds(
    count: int, cpu: float, after: int
) -> None:
    assert wanted(RUNBOOK, steady(count, cpu)) == after


def test_a_short_peak_does_not_move_the_average_of_ten_minutes() -> None:
    assert wanted(RUNBOOK, scene(3, *[30] * 20, 100, 100)) == 3
    assert wanted(RUNBOOK, scene(3, *[30] * 20, *[100] * 7)) == 4


@pytest.mark.parametrize(
    ("operator", "below", "at", "above"),
    [
        ("Equals", False, True, False),
        ("NotEquals", True, False, True),
        ("GreaterThan", False, False, True),
        ("GreaterThanOrEqual", False, True, True),
        ("LessThan", True, False, False),
        ("LessThanOrEqual", True, True, False),
    ],
)
def test_every_operator_compares_as_it_is_named(operator: str, below: bool, at: bool, above: bool) -> None:
    seen = tuple(fires(rule(operator, 50, 1), steady(3, value)) for value in (49, 50, 51))
    assert seen == (below, at, above) and len(OPERATORS) == 6


@pytest.mark.parametrize(
    ("aggregation", "value"),
    [("Average", 55), ("Minimum", 10), ("Maximum", 100), ("Total", 550), ("Count", 10), ("Last", 100)],
)
def test_the_window_becomes_one_value_by_its_time_aggregation(aggregation: str, value: float) -> None:
    seen = scene(3, *[0] * 5, *range(10, 101, 10))
    assert value_of(rule("GreaterThan", 0, 1, timeAggregation=aggregation), seen) == value


@pytest.mark.parametrize(
    ("statistic", "value"),
    [("Average", 80), ("Min", 60), ("Max", 100), ("Sum", 400), ("Count", 5)],
)
def test_each_time_grain_becomes_one_value_by_its_statistic(statistic: str, value: float) -> None:
    """Ten minutes in grains of five: the last of the two is 60, 70, 80, 90, 100."""
    seen = scene(3, *range(10, 101, 10))
    assert value_of(rule("GreaterThan", 0, 1, timeGrain="PT5M", statistic=statistic, timeAggregation="Last"), seen) == value


def test_a_value_can_be_shared_out_among_the_instances() -> None:
    shared = rule("GreaterThan", 100, 1, dividePerInstance=True)
    assert value_of(shared, steady(4, 600)) == 150 and wanted(profile(shared), steady(4, 600)) == 5


def test_scales_out_when_any_rule_does_and_by_the_largest_step() -> None:
    never, small, large = rule("GreaterThan", 99, 7), rule("GreaterThan", 60, 1), rule("GreaterThan", 70, 3)
    assert wanted(profile(never, small, large), steady(2, 65)) == 3
    assert wanted(profile(never, small, large), steady(2, 75)) == 5


def test_in_only_when_all_rules_for_it_agree_and_by_the_one_that_goes_least_far() -> None:
    slow, fast = rule("LessThan", 20, -1), rule("LessThan", 10, -3)
    assert wanted(profile(slow, fast), steady(8, 15)) == 8, "one of the two does not agree"
    assert wanted(profile(slow, fast), steady(8, 5)) == 7


def test_out_goes_before_in_when_both_fire() -> None:
    assert wanted(profile(rule("GreaterThan", 10, 1), rule("LessThan", 90, -1)), steady(5, 50)) == 6


@pytest.mark.parametrize(("minutes", "after"), [(4, 3), (5, 4), (30, 4)])
def test_after_a_scale_action_a_rule_rests_for_its_cooldown(minutes: int, after: int) -> None:
    assert wanted(RUNBOOK, steady(3, 90, acted=minutes)) == after


def test_the_cooldown_is_the_rules_own() -> None:
    quick = rule("GreaterThan", 70, 2, cooldown="PT1M")
    assert wanted(profile(OUT, quick), steady(3, 90, acted=2)) == 5


@pytest.mark.parametrize(("count", "after"), [(1, 3), (9, 6)])
def test_bounds_hold_without_a_rule_and_without_rest(count: int, after: int) -> None:
    assert wanted(RUNBOOK, steady(count, 30, acted=0)) == after


@pytest.mark.parametrize(
    ("kind", "change", "after"),
    [
        ("ChangeCount", 2, 6),
        ("PercentChangeCount", 50, 6),
        ("PercentChangeCount", 1, 5),
        ("ExactCount", 9, 9),
        ("ExactCount", 2, 4),
        ("ServiceAllowedNextValue", 1, 5),
    ],
)
def test_each_kind_of_change_goes_its_way_and_never_backwards(kind: str, change: int, after: int) -> None:
    assert wanted(profile(rule("GreaterThan", 70, change, type=kind)), steady(4, 90)) == after


def test_no_node_is_taken_that_would_be_asked_for_again_at_once() -> None:
    """The vendor's first example: 28 % on two instances are 56 % on one, which is above 50."""
    rules = (rule("GreaterThan", 50, 1), rule("LessThan", 30, -1))
    assert wanted(profile(*rules), steady(2, 28)) == 2 and wanted(profile(*rules), steady(2, 25)) == 1


def test_fewer_nodes_are_taken_when_all_would_be_too_many() -> None:
    """Its second: ten fewer of thirty would be above 70 % of CPU; 65 % on 30 are 69.6 % on 28 and 72.2 % on 27."""
    requests = {"metricName": "Requests"}
    rules = (rule("GreaterThan", 70, 20), rule("LessThanOrEqual", 50, -10, **requests))
    long_ago = NOW - timedelta(hours=1)
    both = Scene(now=NOW, count=30, series={CPU: [(long_ago, 65)], (CPU[0], "Requests"): [(long_ago, 50)]})
    assert wanted(profile(*rules, high=40), both) == 28


def test_a_metric_that_cannot_be_read_counts_for_the_default_and_takes_nothing() -> None:
    removed_kinds = profile(OUT, IN, low=2, high=9, default=5)
    assert [wanted(removed_kinds, Scene(now=NOW, count=count)) for count in (3, 5, 7)] == [5, 5, 7]
    assert wanted(removed_kinds, scene(3, *[1] * 9)) == 5, "a series younger than the window"
    assert wanted(profile(low=2, high=9, default=5), Scene(now=NOW, count=3)) == 3, "without rules nothing is read"


LECTURE = [profile(), weekly("lecture", "08:30", "Monday", "Tuesday"), weekly(PAIRED, "10:00", "Monday", "Tuesday")]


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        ("2026-11-23T08:29", PAIRED),
        ("2026-11-23T08:30", "lecture"),
        ("2026-11-23T09:59", "lecture"),
        ("2026-11-23T10:00", PAIRED),
        ("2026-11-24T09:00", "lecture"),
        ("2026-11-25T09:00", PAIRED),
    ],
)
def test_a_recurring_profile_begins_at_its_time_and_ends_with_the_one_paired_with_it(moment: str, name: str) -> None:
    assert profile_at(LECTURE, datetime.fromisoformat(moment).replace(tzinfo=UTC))["name"] == name


def test_without_a_pair_a_recurring_profile_lasts_until_another_begins() -> None:
    """The vendor's example: weekdays from Monday 04:00, weekends from Saturday 00:01."""
    week = [weekly("weekday", "04:00", "Monday"), weekly("weekend", "00:01", "Saturday")]
    at = {
        "2026-11-23T03:59": "weekend",
        "2026-11-23T04:00": "weekday",
        "2026-11-28T00:00": "weekday",
        "2026-11-28T00:01": "weekend",
    }
    assert {m: profile_at(week, datetime.fromisoformat(m).replace(tzinfo=UTC))["name"] for m in at} == at


def test_a_fixed_date_goes_before_a_recurring_profile_and_the_first_of_two_wins() -> None:
    exam = {"timeZone": "W. Europe Standard Time", "start": "2026-11-23T09:00:00", "end": "2026-11-23T11:00:00"}
    profiles = [*LECTURE, profile(name="exam", fixedDate=exam), profile(name="other", fixedDate=exam)]
    names = [profile_at(profiles, NOW.replace(hour=hour))["name"] for hour in (7, 8, 9, 11)]
    assert names == [PAIRED, "exam", "exam", PAIRED], "nine in Berlin is eight in UTC, in November"


@pytest.mark.parametrize(("month", "hour"), [(11, 7), (6, 6)])
def test_a_schedule_keeps_to_the_clock_of_its_zone_in_summer_and_winter(month: int, hour: int) -> None:
    profiles = [
        profile(),
        *(weekly(n, at, "Monday", zone="W. Europe Standard Time") for n, at in (("on", "08:30"), ("off", "09:30"))),
    ]
    monday = datetime(2026, month, 22 if month == 6 else 23, tzinfo=UTC)
    names = [profile_at(profiles, monday.replace(hour=hour, minute=minute))["name"] for minute in (29, 30)]
    assert names == ["off", "on"]


@pytest.mark.parametrize(
    ("properties", "target"),
    [
        ({"profiles": []}, "profiles"),
        ({"profiles": [profile()] * 21}, "profiles"),
        ({"profiles": [profile(), profile(name="another")]}, "profiles"),
        ({"profiles": [profile(*[OUT] * 11)]}, "profiles[0].rules"),
        ({"profiles": [profile(low=4, default=3)]}, "profiles[0].capacity"),
        ({"profiles": [profile(high=4, default=5)]}, "profiles[0].capacity"),
        ({"profiles": [profile(rule("Above", 70, 1))]}, "profiles[0].rules[0].metricTrigger.operator"),
        ({"profiles": [profile(rule("LessThan", 70, 1, statistic="Median"))]}, "profiles[0].rules[0].metricTrigger.statistic"),
        ({"profiles": [profile(rule("LessThan", 70, 1, timeWindow="PT4M"))]}, "profiles[0].rules[0].metricTrigger.timeWindow"),
        ({"profiles": [profile(rule("LessThan", 70, 1, timeGrain="PT30S"))]}, "profiles[0].rules[0].metricTrigger.timeGrain"),
        ({"profiles": [profile(rule("LessThan", 70, 1, cooldown="P8D"))]}, "profiles[0].rules[0].scaleAction.cooldown"),
        ({"profiles": [weekly("w", "08:00", "Monday", zone="Europe/Vienna")]}, "profiles[0].recurrence.schedule.timeZone"),
        ({"profiles": [weekly("w", "08:00", "Someday")]}, "profiles[0].recurrence.schedule.days"),
    ],
)
def test_a_setting_that_could_not_be_evaluated_is_refused_and_the_place_is_named(properties: dict[str, Any], target: str) -> None:
    with pytest.raises(ArmError) as refused:
        check_setting(properties)
    assert (refused.value.status, refused.value.target) == (400, target)


rules = st.builds(
    rule,
    st.sampled_from(sorted(OPERATORS)),
    st.integers(0, 100),
    st.integers(-12, 12).filter(bool),
    type=st.sampled_from(["ChangeCount", "PercentChangeCount", "ExactCount"]),
    cooldown=st.sampled_from(["PT1M", "PT5M", "P1D"]),
    timeAggregation=st.sampled_from(["Average", "Minimum", "Maximum", "Last"]),
)
profiles = st.builds(
    lambda given, low, room, default: profile(*given, low=low, high=low + room, default=low + min(default, room)),
    st.lists(rules, max_size=4),
    st.integers(0, 20),
    st.integers(0, 20),
    st.integers(0, 20),
)
scenes = st.builds(
    lambda count, values, acted: scene(count, *values, acted=acted),
    st.integers(0, 50),
    st.lists(st.integers(0, 100), min_size=1, max_size=12),
    st.none() | st.integers(0, 20),
)


@given(profiles, scenes)
def test_whatever_the_rules_the_count_stays_within_bounds_and_the_setting_is_accepted(one: dict[str, Any], seen: Scene) -> None:
    check_setting({"profiles": [one]})
    assert int(one["capacity"]["minimum"]) <= wanted(one, seen) <= int(one["capacity"]["maximum"])


@given(profiles, scenes)
def test_whatever_the_rules_nothing_is_taken_that_a_rule_would_give_back_at_once(one: dict[str, Any], seen: Scene) -> None:
    after, high = wanted(one, seen), int(one["capacity"]["maximum"])
    out = [r for r in one["rules"] if r["scaleAction"]["direction"] == "Increase"]
    if after < min(seen.count, high):
        assert not any(fires(r, seen, after) for r in out)


@given(profiles, scenes)
def test_within_its_bounds_and_resting_nothing_moves(one: dict[str, Any], seen: Scene) -> None:
    low, high = int(one["capacity"]["minimum"]), int(one["capacity"]["maximum"])
    resting = Scene(now=NOW, count=seen.count, acted=NOW, series={CPU: [(NOW - timedelta(hours=1), 50.0)]})
    assert wanted(one, resting) == min(max(seen.count, low), high)
