"""Alerts and dashboards of the operator's metrics: the files of deploy/monitoring and the page docs/monitoring.md.

An alert or a panel is one value here; the rule, the PrometheusRule, the dashboard and the part of the manual follow from it.
"""

from collections.abc import Callable, Mapping

from docs.generator.monitoring import dashboards, hub_alerts, page, rules

PAGES: Mapping[str, Callable[[], str]] = {
    "deploy/monitoring/rules.yaml": rules.plain,
    "deploy/monitoring/prometheusrule.yaml": rules.prometheus_rule,
    "deploy/chart/files/alerts.yaml": rules.plain,
    **{f"deploy/monitoring/dashboards/{one.uid}.json": one.document for one in dashboards.DASHBOARDS},
    "deploy/monitoring/hub-rules.yaml": hub_alerts.plain,
    "docs/monitoring.md": page.page,
}
"""Files that are generated as a whole."""
