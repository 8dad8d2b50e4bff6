"""Each query of an alert or a panel uses metrics, labels and values that the operator serves, and each alert has a part of the manual."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

import pytest
import yaml
from notebook_platform.api.condition_types import ConditionType
from notebook_platform.engine import outcome
from notebook_platform.observability import metrics
from notebook_platform.observability.fleet import FLEET
from notebook_platform.work_queue import Priority
from prometheus_client.metrics import MetricWrapperBase

ROOT = Path(__file__).parent.parent.parent.parent
MONITORING = ROOT / "deploy" / "monitoring"
RULES = yaml.safe_load((MONITORING / "rules.yaml").read_text())
MANUAL = (ROOT / "docs" / "monitoring.md").read_text()

SCRAPED = {"instance", "pod", "job", "namespace"}
"""Labels that Prometheus adds to each series of a target."""

SUFFIXES = {"histogram": ("_bucket", "_count", "_sum"), "gaugehistogram": ("_bucket", "_gcount", "_gsum")}
METRIC = re.compile(r"\b(notebook_platform_[a-z_]+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'([a-z_]+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\bby \(([^)]*)\)")

VALUES: Mapping[str, set[str]] = {
    "type": set(map(str, ConditionType)),
    "status": {"True", "False", "Unknown"},
    "priority": {priority.label for priority in Priority},
    "outcome": {one.__name__ for one in get_args(outcome.Outcome)},
    "result": {"completed", "failed", "succeeded", "stopped"},
}
"""Values of labels that queries name; a regular expression names several."""


def served() -> dict[str, set[str]]:
    """Return the labels of each series of the operator by its name."""
    found: dict[str, set[str]] = {}
    described = [
        (*metric.describe(), metric._labelnames) for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)
    ]
    described += [(metric, getattr(metric, "_labelnames", ())) for metric in FLEET.collect()]
    for metric, labels in described:
        names = [
            f"{metric.name}{suffix}" for suffix in SUFFIXES.get(metric.type, ("_total" if metric.type == "counter" else "",))
        ]
        found |= {name: {*labels, *({"le"} if name.endswith("_bucket") else ())} for name in names}
    return found


def queries() -> Iterator[tuple[str, str]]:
    """Yield (its place, PromQL) of all alerts and panels."""
    for group in RULES["groups"]:
        yield from ((rule["alert"], rule["expr"]) for rule in group["rules"])
    for path in sorted((MONITORING / "dashboards").glob("*.json")):
        board = json.loads(path.read_text())
        for panel in board["panels"]:
            yield from ((f"{board['title']}: {panel['title']}", target["expr"]) for target in panel["targets"])
        for variable in board["templating"]["list"][1:]:
            yield (
                f"{board['title']}: ${variable['name']}",
                variable["query"]["query"].removeprefix("label_values(").rpartition(",")[0],
            )


QUERIES = list(queries())


@pytest.mark.parametrize(("place", "query"), QUERIES, ids=[place for place, _ in QUERIES])
def test_a_query_uses_metrics_labels_and_values_that_are_served(place: str, query: str) -> None:
    series, used = served(), METRIC.findall(query)
    assert used, query
    known: set[str] = set()
    for name, matchers in used:
        assert name in series, name
        known |= series[name]
        for label, value in MATCHER.findall(matchers):
            assert label in series[name], (name, label)
            if not value.startswith("$"):
                assert set(value.split("|")) <= VALUES.get(label, set(value.split("|"))), (name, label, value)
    for labels in GROUPED.findall(query):
        assert {label.strip() for label in labels.split(",")} <= known | SCRAPED, query


@pytest.mark.parametrize(("place", "query"), [(place, query) for place, query in QUERIES if "vector(0)" in query])
def test_only_a_query_without_labels_has_a_zero_for_no_series(place: str, query: str) -> None:
    """Beside series with labels, `or vector(0)` is one more series, which no legend names."""
    assert not GROUPED.search(query), place


@pytest.mark.parametrize("rule", [rule for group in RULES["groups"] for rule in group["rules"]], ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_its_part_of_the_manual(rule: Mapping[str, Mapping[str, str]]) -> None:
    address, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert address.endswith("/monitoring/") and f"### {rule['alert']}\n" in MANUAL and anchor == str(rule["alert"]).lower()
    assert rule["labels"]["severity"] in ("critical", "warning")


def test_links_inside_the_page_have_a_target() -> None:
    anchors = {line.lstrip("# ").lower() for line in MANUAL.splitlines() if line.startswith("#")}
    assert set(re.findall(r"\]\(#([^)]+)\)", MANUAL)) <= anchors


def test_the_chart_and_the_prometheus_rule_have_the_same_rules() -> None:
    rule = yaml.safe_load((MONITORING / "prometheusrule.yaml").read_text())
    chart = yaml.safe_load((ROOT / "deploy" / "chart" / "files" / "alerts.yaml").read_text())
    assert rule["kind"] == "PrometheusRule" and rule["spec"] == chart == RULES
