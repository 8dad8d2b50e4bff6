"""The dashboards, as Grafana reads them (https://grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model).

Plain dictionaries: of Grafana's model the panels need a dozen members. Each panel has the queries, a unit and a sentence on how to read it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
SCHEMA = 39
"""The version of the model; newer Grafanas convert it."""

COLUMNS, HEIGHT = 24, 8
STAT, LINES, TABLE = "stat", "timeseries", "table"
PLATFORM = 'namespace="$namespace",name="$name"'


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel. `queries`: (legend, PromQL). `width` is in 24ths of the page."""

    title: str
    reading: str
    queries: Sequence[tuple[str, str]]
    kind: str = LINES
    unit: str = "short"
    width: int = 12


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A choice at the top of the dashboard: the values of a label."""

    name: str
    query: str


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """One dashboard; `uid` is its address in Grafana and its file's name."""

    uid: str
    title: str
    about: str
    panels: Sequence[Panel]
    variables: Sequence[Variable] = ()

    def document(self) -> str:
        """Return the JSON that Grafana imports."""
        panels, x, y = [], 0, 0
        for number, panel in enumerate(self.panels, start=1):
            if x + panel.width > COLUMNS:
                x, y = 0, y + HEIGHT
            panels.append(_panel(panel, number, x, y))
            x += panel.width
        document = {
            "uid": self.uid,
            "title": self.title,
            "description": self.about,
            "tags": ["notebook-platform"],
            "schemaVersion": SCHEMA,
            "editable": True,
            "refresh": "1m",
            "time": {"from": "now-6h", "to": "now"},
            "templating": {"list": [_source(), *map(_variable, self.variables)]},
            "panels": panels,
        }
        return json.dumps(document, indent=2) + "\n"


def _panel(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    instant = panel.kind != LINES
    targets = [
        {
            "refId": chr(ord("A") + index),
            "datasource": SOURCE,
            "expr": query,
            "legendFormat": legend,
            "instant": instant,
            "range": not instant,
            **({"format": "table"} if panel.kind == TABLE else {}),
        }
        for index, (legend, query) in enumerate(panel.queries)
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.reading,
        "datasource": SOURCE,
        "gridPos": {"h": HEIGHT, "w": panel.width, "x": x, "y": y},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": targets,
    }


def _source() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _variable(variable: Variable) -> dict[str, Any]:
    query = {"query": variable.query, "refId": variable.name}
    return {"name": variable.name, "type": "query", "datasource": SOURCE, "query": query, "refresh": 2, "sort": 1}


def _quantile(of: float, metric: str, by: str = "", where: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({of}, sum by ({labels}) (rate({metric}_bucket{where}[10m])))"


FLEET = Dashboard(
    uid="notebook-platform-fleet",
    title="NotebookPlatform: fleet",
    about="All platforms of the operator: which ones need a user, and whether reconciles keep up.",
    panels=(
        Panel(
            title="Platforms",
            reading="Platforms that the replicas reconcile.",
            queries=(("platforms", "sum(notebook_platform_platforms)"),),
            kind=STAT,
            width=6,
        ),
        Panel(
            title="Ready",
            reading="Platforms whose condition Ready is True.",
            queries=(("ready", 'sum(notebook_platform_platform_conditions{type="Ready",status="True"}) or vector(0)'),),
            kind=STAT,
            width=6,
        ),
        Panel(
            title="Need a user",
            reading="Platforms whose condition Stalled is True.",
            queries=(("stalled", 'sum(notebook_platform_platform_conditions{type="Stalled",status="True"}) or vector(0)'),),
            kind=STAT,
            width=6,
        ),
        Panel(
            title="Specs not observed yet",
            reading="Platforms whose status does not describe the current spec yet.",
            queries=(("behind", "sum(notebook_platform_platforms_behind)"),),
            kind=STAT,
            width=6,
        ),
        Panel(
            title="Conditions",
            reading="Platforms by Ready, Reconciling and Stalled.",
            queries=(
                (
                    "{{type}} {{status}}",
                    'sum by (type, status) (notebook_platform_platform_conditions{type=~"Ready|Reconciling|Stalled"})',
                ),
            ),
        ),
        Panel(
            title="Reasons of platforms that are not Ready",
            reading="docs/reference/reasons.md explains each reason.",
            queries=(
                (
                    "{{reason}}",
                    'sum by (reason) (notebook_platform_platform_conditions{type="Ready",status!="True"})',
                ),
            ),
            kind=TABLE,
        ),
        Panel(
            title="Time since the last reconcile",
            reading="Platforms reconciled within this time. The last line is all platforms.",
            queries=(("within {{le}} s", "sum by (le) (notebook_platform_reconcile_age_seconds_bucket)"),),
        ),
        Panel(
            title="Reconciles",
            reading="Reconciles a second by their result.",
            queries=(("{{result}}", "sum by (result) (rate(notebook_platform_reconciles_total[5m]))"),),
            unit="ops",
        ),
        Panel(
            title="Duration of a reconcile",
            reading="Without the time in the queue.",
            queries=(
                ("median", _quantile(0.5, "notebook_platform_reconcile_duration_seconds")),
                ("99 %", _quantile(0.99, "notebook_platform_reconcile_duration_seconds")),
            ),
            unit="s",
        ),
        Panel(
            title="Wait in the queue",
            reading="Time that nine of ten reconciles wait at most, by priority. Urgent: a user changed something.",
            queries=(("{{priority}}", _quantile(0.9, "notebook_platform_queue_wait_seconds", "priority")),),
            unit="s",
        ),
        Panel(
            title="Outcomes of steps",
            reading="Steps a second that did not end Ready.",
            queries=(
                (
                    "{{step}}: {{outcome}}",
                    'sum by (step, outcome) (rate(notebook_platform_step_outcomes_total{outcome!="Ready"}[5m]))',
                ),
            ),
            unit="ops",
        ),
        Panel(
            title="Operations of Azure in progress",
            reading="By the step that began them.",
            queries=(("{{step}}", "sum by (step) (notebook_platform_azure_operations_in_progress)"),),
        ),
        Panel(
            title="Helm",
            reading="Median duration of helm's actions by result.",
            queries=(
                ("{{action}} {{result}}", _quantile(0.5, "notebook_platform_helm_action_duration_seconds", "action, result")),
            ),
            unit="s",
        ),
        Panel(
            title="Event loop",
            reading="Delay of the event loop. Above a second the pod lacks processor time, or code blocks.",
            queries=(("99.9 %", _quantile(0.999, "notebook_platform_event_loop_stall_seconds")),),
            unit="s",
        ),
        Panel(
            title="Leases",
            reading="Leases that each replica holds: it reconciles their shards.",
            queries=(("{{pod}} {{instance}}", "notebook_platform_leases_held"),),
        ),
        Panel(
            title="Memory and processor",
            reading="Of each replica: bytes, and cores in use.",
            queries=(
                ("{{instance}} bytes", "process_resident_memory_bytes and on (instance) notebook_platform_build_info"),
                ("{{instance}} cores", "rate(process_cpu_seconds_total[5m]) and on (instance) notebook_platform_build_info"),
            ),
            kind=TABLE,
        ),
    ),
)

PLATFORM_BOARD = Dashboard(
    uid="notebook-platform-platform",
    title="NotebookPlatform: one platform",
    about="One platform, chosen above. The operator must run with per_platform_metrics.",
    variables=(
        Variable(name="namespace", query="label_values(notebook_platform_platform_ready, namespace)"),
        Variable(name="name", query='label_values(notebook_platform_platform_ready{namespace="$namespace"}, name)'),
    ),
    panels=(
        Panel(
            title="Ready",
            reading="1 when the platform is Ready.",
            queries=(("ready", f"max(notebook_platform_platform_ready{{{PLATFORM}}})"),),
            kind=STAT,
            width=8,
        ),
        Panel(
            title="Ready over time",
            reading="A step down is an outage or a change in progress.",
            queries=(("ready", f"max(notebook_platform_platform_ready{{{PLATFORM}}})"),),
            width=16,
        ),
        Panel(
            title="Part of the time it was Ready",
            reading="In the last day. A platform without an hour of change is near 100 %.",
            queries=(("ready", f"avg_over_time(max(notebook_platform_platform_ready{{{PLATFORM}}})[1d:1m])"),),
            kind=STAT,
            unit="percentunit",
            width=8,
        ),
        Panel(
            title="Changes of Ready",
            reading="Times that Ready changed in an hour: more than two, and something comes and goes.",
            queries=(("changes", f"changes(max(notebook_platform_platform_ready{{{PLATFORM}}})[1h:1m])"),),
            width=16,
        ),
        Panel(
            title="All platforms of the namespace",
            reading="To compare: is it this platform, or all of them?",
            queries=(("{{name}}", 'max by (name) (notebook_platform_platform_ready{namespace="$namespace"})'),),
            kind=TABLE,
            width=24,
        ),
    ),
)

AZURE = Dashboard(
    uid="notebook-platform-azure",
    title="NotebookPlatform: Azure throttling",
    about="Requests to Azure, what Azure refuses, and how much of the limits is left.",
    panels=(
        Panel(
            title="Requests a minute",
            reading="By HTTP status. 429: Azure throttles.",
            queries=(("{{code}}", "60 * sum by (code) (rate(notebook_platform_azure_requests_total[5m]))"),),
        ),
        Panel(
            title="Throttled requests a minute",
            reading="Answers 429 by resource type. The operator waits as Azure asks.",
            queries=(
                (
                    "{{resource_type}}",
                    '60 * sum by (resource_type) (rate(notebook_platform_azure_requests_total{code="429"}[5m]))',
                ),
            ),
        ),
        Panel(
            title="What is left of the rate limits",
            reading="Requests that may be sent at once, of the fullest bucket of each kind. At 0 requests wait. Kinds in use only.",
            queries=(("{{kind}}", "min by (kind) (notebook_platform_azure_rate_limit_tokens) < +Inf"),),
        ),
        Panel(
            title="Reconciles delayed",
            reading="Reconciles a minute that the rate limit of their platform delayed.",
            queries=(("delayed", "60 * sum(rate(notebook_platform_throttled_reconciles_total[5m]))"),),
        ),
        Panel(
            title="Requests by resource type",
            reading="A minute, the ten most frequent.",
            queries=(
                ("{{resource_type}}", "topk(10, 60 * sum by (resource_type) (rate(notebook_platform_azure_requests_total[5m])))"),
            ),
        ),
        Panel(
            title="Errors by resource type",
            reading="A minute, all but 2xx and 404. `none`: no answer came.",
            queries=(
                (
                    "{{resource_type}} {{code}}",
                    '60 * sum by (resource_type, code) (rate(notebook_platform_azure_requests_total{code!~"2..|404"}[5m]))',
                ),
            ),
        ),
        Panel(
            title="Duration of a request",
            reading="Nine of ten requests take at most this long.",
            queries=(("{{method}}", _quantile(0.9, "notebook_platform_azure_request_duration_seconds", "method")),),
            unit="s",
        ),
        Panel(
            title="Duration of operations",
            reading="Median time until Azure ends a long-running operation.",
            queries=(
                ("{{step}} {{action}}", _quantile(0.5, "notebook_platform_azure_operation_duration_seconds", "step, action")),
            ),
            unit="s",
        ),
    ),
)

DASHBOARDS = (FLEET, PLATFORM_BOARD, AZURE)
