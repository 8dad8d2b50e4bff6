"""docs/reference/metrics.md: every metric of the process, from `observability/metrics.py` and `observability/fleet.py`."""

from collections.abc import Iterator

from notebook_platform.observability import metrics
from notebook_platform.observability.fleet import FLEET
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric

from docs.generator.markdown import code, generated, prose, table

OPENING = """Served on `/metrics` (`metrics_port`, 8081) as Prometheus text or OpenMetrics. Labels have few values: no metric names a user, a \
resource or, unless `per_platform_metrics` is set, a platform, so the number of series does not grow with the number of platforms. \
Metrics of the Python process (`process_*`, `python_*`) come with them. With several replicas, sum over the pods: each counts the \
platforms that it reconciles."""

QUESTIONS = {
    "Which platforms need a user?": 'sum by (reason) (notebook_platform_platform_conditions{type="Stalled",status="True"})',
    "How many platforms were reconciled in the last hour?": 'sum(notebook_platform_reconcile_age_seconds_bucket{le="3600.0"})',
    "Do edits wait?": "sum(notebook_platform_platforms_behind) > 0",
    "What does Azure refuse?": 'sum by (resource_type, code) (rate(notebook_platform_azure_requests_total{code!~"2.."}[10m]))',
    "Does the rate limit delay requests?": "min by (kind) (notebook_platform_azure_rate_limit_tokens) < 1",
    "Which steps fail?": 'sum by (step, reason) (rate(notebook_platform_step_outcomes_total{outcome="Failed"}[10m]))',
    "Does anything block the event loop?": "histogram_quantile(0.999, rate(notebook_platform_event_loop_stall_seconds_bucket[10m]))",
}
"""Queries in PromQL."""


def _rows() -> Iterator[tuple[str, str, str, str]]:
    """Yield (name, type, labels, meaning) of every metric."""
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            (described,) = metric.describe()
            yield _row(described, metric._labelnames)
    for described in FLEET.collect():
        yield _row(described, getattr(described, "_labelnames", ()))


def _row(described: Metric, labels: tuple[str, ...]) -> tuple[str, str, str, str]:
    name = f"{described.name}_total" if described.type == "counter" else described.name
    return code(name), described.type, ", ".join(map(code, labels)), prose(described.documentation)


def page() -> str:
    """Return the whole page."""
    parts = [
        generated("Metrics", OPENING),
        table(["Name", "Type", "Labels", "Meaning"], sorted(_rows())),
        "## Questions and queries",
        table(["Question", "Query"], ([question, code(query)] for question, query in QUESTIONS.items())),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"
