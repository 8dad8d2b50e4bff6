"""deploy/monitoring/hub-rules.yaml: the alerts of hubs for a Prometheus of one's own, from the values that the operator sends to Azure."""

from typing import Any

import yaml
from notebook_platform.azure.hub_alerts import ALERTS, ERROR, HubAlert

HEAD = "# Written by `make docs` from azure/hub_alerts.py; do not edit. Hubs in other namespaces: replace jhub and binder.\n"
NAMESPACES = ("jhub", "binder")
"""The defaults of spec.jupyterhub.namespace and spec.binderhub.namespace."""


def _rule(alert: HubAlert) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": alert.within(NAMESPACES),
        "for": f"{alert.lasts}m",
        "labels": {"severity": "critical" if alert.severity <= ERROR else "warning"},
        "annotations": {"summary": alert.summary, "description": alert.description, "runbook_url": alert.runbook},
    }


def plain() -> str:
    """Return the rules as Prometheus reads them."""
    document = {"groups": [{"name": "notebook-platform-hubs", "rules": [_rule(alert) for alert in ALERTS]}]}
    return HEAD + yaml.safe_dump(document, sort_keys=False, width=130, allow_unicode=True)
