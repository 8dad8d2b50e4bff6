"""Values of a hub that the agent of managed Prometheus scrapes: a service with a token, and the way through the network policies. Pure.

JupyterHub serves its metrics at `/hub/metrics` to whom has the scope `read:metrics`; before JupyterHub 2, to any service. The proxy serves
them without a token on a port of its own, so that only the network policy keeps other pods away.
https://jupyterhub.readthedocs.io/en/stable/reference/metrics.html, https://github.com/jupyterhub/configurable-http-proxy#readme
"""

from collections.abc import Mapping
from typing import Any

from notebook_platform.hubs.fields.hub import service_token
from notebook_platform.hubs.inputs import HubSecrets

SCRAPER = "notebook-platform-metrics"
"""The service, and the role, of the metrics agent in each hub."""

SCOPE = "read:metrics"
PROXY_PORT = 8002
"""The ports before it are those of the chart: 8000 for users, 8001 for the hub."""

PORT_FLAG = "--metrics-port"
PREFIX, ORIGIN = "monitoring#", "spec.monitoring"
"""How the rows of these values begin (`chart/value_map.py`), and what their origin is called."""

AGENT = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
"""The agent's pods. Whoever may create pods in kube-system administers the cluster anyway."""


def metrics_values(secrets: HubSecrets) -> Mapping[str, Any]:
    """Return the rows; None: not set. The token follows from the hub's own key, as those of all services."""
    token = service_token(SCRAPER, secrets)
    return {
        f"{PREFIX}service": {SCRAPER: {"apiToken": token}} if token else None,
        f"{PREFIX}hidden": {SCRAPER: {"display": False}},
        f"{PREFIX}role": {SCRAPER: {"scopes": [SCOPE], "services": [SCRAPER]}},
        f"{PREFIX}hub": [{"from": [AGENT], "ports": [{"port": "http", "protocol": "TCP"}]}],
        f"{PREFIX}proxy": [{"from": [AGENT], "ports": [{"port": PROXY_PORT, "protocol": "TCP"}]}],
        f"{PREFIX}flags": [f"{PORT_FLAG}={PROXY_PORT}"],
    }


def completed(found: Any, wanted: Any) -> list[Any] | None:
    """Return a list of the values with the wanted elements at its end; None: it has them, or one of the two is no list."""
    if not isinstance(found, list) or not isinstance(wanted, list):
        return None
    missing = [element for element in wanted if element not in found]
    return [*found, *missing] if missing else None
