"""Metrics have Prometheus' names, labels from bounded sets, and count what platforms and requests are."""

import re
from datetime import UTC, datetime

import pytest
from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.conditions import Condition, condition
from notebook_platform.api.reasons import Reason
from notebook_platform.observability.fleet import Fleet
from notebook_platform.observability.labels import MOST_TYPES, OTHER, ResourceTypes, action_label, reason_label, step_label
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import Metric

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000001"
GROUP = f"{SUBSCRIPTION}/resourceGroups/lab"
OURS = [metric for metric in REGISTRY.collect() if metric.name.startswith("notebook_platform_")]
FORBIDDEN_UNITS = re.compile(r"_(ms|millis|milliseconds|minutes|hours|sec|kb|mb|kilobytes)(_|$)")


def lint(metric: Metric) -> list[str]:
    """Return what promtool's linter would report (https://github.com/prometheus/client_golang, promlint/validations)."""
    name, problems = metric.name, []
    if not metric.documentation:
        problems.append("no help text")
    if metric.type == "counter" and not all(s.name.endswith("_total") for s in metric.samples):
        problems.append('counter metrics should have "_total" suffix')
    if metric.type != "counter" and name.endswith("_total"):
        problems.append('non-counter metrics should not have "_total" suffix')
    if metric.type not in ("histogram", "gaugehistogram", "summary") and name.endswith(("_count", "_sum", "_bucket")):
        problems.append('non-histogram metrics should not have "_count", "_sum" or "_bucket" suffix')
    if re.search(r"_(counter|gauge|histogram|summary)(_|$)", name):
        problems.append("metric name should not include its type")
    if FORBIDDEN_UNITS.search(name):
        problems.append("use base units")
    if "histogram" in metric.type and not name.endswith(("_seconds", "_bytes")):
        problems.append("a histogram has a base unit as its suffix")
    if re.search(r"[a-z][A-Z]|[^a-z0-9_]", name):
        problems.append("names are snake_case")
    return problems


def test_names_and_help_texts_follow_prometheus_conventions() -> None:
    assert len(OURS) >= 20
    assert {metric.name: problems for metric in OURS if (problems := lint(metric))} == {}


@pytest.mark.parametrize(
    ("path", "label"),
    [
        (f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/a", "Microsoft.ContainerService/managedClusters"),
        (f"{SUBSCRIPTION}/providers/Microsoft.ContainerService/managedClusters", "Microsoft.ContainerService/managedClusters"),
        (
            f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/a/listClusterUserCredential",
            "Microsoft.ContainerService/managedClusters/listClusterUserCredential",
        ),
        (f"{GROUP}/providers/Microsoft.Network/virtualNetworks/a/subnets/b", "Microsoft.Network/virtualNetworks/subnets"),
        (
            f"{GROUP}/providers/Microsoft.Network/virtualNetworks/a/providers/Microsoft.Authorization/roleAssignments/b",
            "Microsoft.Authorization/roleAssignments",
        ),
        (f"{SUBSCRIPTION}/providers/Microsoft.Compute", "Microsoft.Compute"),
        (f"{SUBSCRIPTION}/providers", "providers"),
        (GROUP, "resourceGroups"),
        (SUBSCRIPTION, "subscriptions"),
        ("/v1.0/applications(appId='x')", "applications"),
        ("/v1.0/servicePrincipals/x/appRoleAssignments", "servicePrincipals"),
        (f'{GROUP}/providers/evil"}}/x/y', OTHER),
        ("/", OTHER),
    ],
)
def test_a_request_counts_under_its_resource_type_without_names(path: str, label: str) -> None:
    assert ResourceTypes().label(path) == label


def test_resource_types_are_bounded_and_compared_without_case() -> None:
    types = ResourceTypes()
    labels = {types.label(f"/subscriptions/s/providers/Microsoft.X/{'a' * (n // 26)}{chr(97 + n % 26)}s/n") for n in range(500)}
    assert len(labels) == MOST_TYPES + 1 and OTHER in labels
    types = ResourceTypes()
    assert types.label("/subscriptions/s/resourceGroups/a") == types.label("/subscriptions/s/resourcegroups/b")


def test_names_that_users_or_azure_chose_become_a_fixed_word() -> None:
    assert step_label("ReleaseMySecretProject") == "Release" and step_label("Cluster") == "Cluster"
    assert reason_label("MadeUpByAzure") == OTHER and reason_label(Reason.QUOTA_EXCEEDED) == "QuotaExceeded"
    assert action_label("create managed cluster x") == "create" and action_label("x") == OTHER


def conditions(status: bool, reason: Reason) -> list[Condition]:
    """Return a Ready condition and one of a step."""
    ready = condition(ConditionType.READY, status, reason, "", generation=1, now=NOW)
    return [ready, condition("ReleasePrivateReady", status, reason, "", generation=1, now=NOW)]


def scraped(fleet: Fleet) -> list[str]:
    """Return the lines of samples that Prometheus reads."""
    registry = CollectorRegistry()
    registry.register(fleet)
    return [line for line in generate_latest(registry).decode().splitlines() if not line.startswith("#")]


def test_platforms_are_counted_by_condition_and_the_series_do_not_grow_with_them() -> None:
    time = 1000.0
    fleet = Fleet(clock=lambda: time)
    states = {}
    for n in range(500):
        states[f"uid-{n}"] = fleet.begin(f"uid-{n}", f"team/hub-{n}")
        fleet.expect(f"uid-{n}", 2)
        fleet.report(f"uid-{n}", conditions(True, Reason.READY), ["ReleasePrivate", "NodePools/gpu"], 2)
    fleet.report("uid-7", conditions(False, Reason.QUOTA_EXCEEDED), [], 1)
    time += 100
    fleet.completed("uid-7")
    lines = scraped(fleet)
    assert "notebook_platform_platforms 500.0" in lines
    assert "notebook_platform_platforms_behind 1.0" in lines
    assert 'notebook_platform_platform_conditions{reason="Ready",status="True",type="Ready"} 499.0' in lines
    assert 'notebook_platform_platform_conditions{reason="QuotaExceeded",status="False",type="Ready"} 1.0' in lines
    assert 'notebook_platform_azure_operations_in_progress{step="Release"} 499.0' in lines
    assert 'notebook_platform_reconcile_age_seconds_bucket{le="60.0"} 1.0' in lines
    assert 'notebook_platform_reconcile_age_seconds_bucket{le="300.0"} 500.0' in lines
    assert not [line for line in lines if "team" in line or "Private" in line]
    assert len(lines) < 30
    for uid, state in states.items():
        fleet.end(uid, state)
    assert [line for line in scraped(fleet) if "conditions" in line or "operations" in line] == []


def test_series_by_name_are_bounded() -> None:
    fleet = Fleet()
    fleet.per_platform = 2
    for n in (3, 1, 2):
        fleet.begin(f"uid-{n}", f"team/hub-{n}")
    fleet.report("uid-1", conditions(True, Reason.READY), [], 0)
    assert [line for line in scraped(fleet) if "platform_ready" in line] == [
        'notebook_platform_platform_ready{name="hub-1",namespace="team"} 1.0',
        'notebook_platform_platform_ready{name="hub-2",namespace="team"} 0.0',
    ]


@pytest.mark.parametrize(
    ("series", "labels"),
    [
        ("notebook_platform_reconciles_total", {"result": "failed"}),
        *(
            ("notebook_platform_helm_action_duration_seconds_count", {"action": action, "result": "failed"})
            for action in ("install", "upgrade", "rollback", "uninstall")
        ),
    ],
)
def test_failures_that_alerts_count_begin_at_zero(series: str, labels: dict[str, str]) -> None:
    """`increase` does not count the first sample of a series."""
    assert REGISTRY.get_sample_value(series, labels) is not None
