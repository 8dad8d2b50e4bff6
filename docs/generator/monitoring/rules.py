"""deploy/monitoring/rules.yaml, for a Prometheus that reads files, and prometheusrule.yaml, for the Prometheus Operator."""

from typing import Any

import yaml

from docs.generator.monitoring.alerts import ALERTS, Alert

HEAD = "# Written by `make docs` from docs/generator/monitoring/alerts.py; do not edit.\n"


def _rule(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.expression,
        "for": alert.lasts,
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "description": alert.description, "runbook_url": alert.runbook},
    }


def groups() -> dict[str, Any]:
    """Return the rules as Prometheus reads them."""
    return {"groups": [{"name": "notebook-platform", "rules": [_rule(alert) for alert in ALERTS]}]}


def plain() -> str:
    """Return rules.yaml."""
    return HEAD + _yaml(groups())


def prometheus_rule() -> str:
    """Return the PrometheusRule (https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.PrometheusRule)."""
    metadata = {"name": "notebook-platform", "namespace": "notebook-platform"}
    document = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": metadata, "spec": groups()}
    return HEAD + _yaml(document)


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, width=130, allow_unicode=True)
