"""PodMonitors of a hub: what the agent of managed Prometheus scrapes, and with which credential. Pure.

They are of the agent's own API group and otherwise as those of the Prometheus operator. The agent ignores one without the three limits.
https://learn.microsoft.com/azure/azure-monitor/containers/prometheus-metrics-scrape-crd
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notebook_platform.helm.ownership import LABEL, OWNER
from notebook_platform.hubs.metrics.checks import OWN_SECRET, PROXY_METRICS
from notebook_platform.hubs.metrics.values import PROXY_PORT, SCRAPER
from notebook_platform.versions import parse

Object = Mapping[str, Any]

GROUP = ("azmonitoring.coreos.com", "v1")
KIND, PLURAL = "PodMonitor", "podmonitors"
HUB, PROXY = "notebook-platform-hub", "notebook-platform-proxy"
NAMES = (HUB, PROXY)
LIMITS = {"labelLimit": 63, "labelNameLengthLimit": 511, "labelValueLengthLimit": 1023}


@dataclass(frozen=True, kw_only=True)
class ScrapedHub:
    """A hub to scrape: its release, the version of its jupyterhub chart, and its path without a slash at the end."""

    namespace: str
    release: str
    version: str
    base_path: str = ""


def pod_monitors(hub: ScrapedHub, owner: str) -> Sequence[Object]:
    """Return the PodMonitors of a hub. `owner`: the tag of the platform."""
    found = [_monitor(HUB, hub, owner, "hub", _of_hub(hub))]
    if parse(hub.version) >= PROXY_METRICS:
        found.append(_monitor(PROXY, hub, owner, "proxy", _of_proxy()))
    return found


def _monitor(name: str, hub: ScrapedHub, owner: str, component: str, endpoint: Object) -> Object:
    return {
        "apiVersion": "/".join(GROUP),
        "kind": KIND,
        "metadata": {"name": name, "namespace": hub.namespace, "labels": dict(LABEL), "annotations": {OWNER: owner}},
        "spec": {
            **LIMITS,
            "selector": {"matchLabels": {"component": component, "release": hub.release}},
            "podMetricsEndpoints": [endpoint],
        },
    }


def _of_hub(hub: ScrapedHub) -> Object:
    """Return the hub's endpoint with the token of the operator's service, which stands in the chart's own Secret: no copy can be outdated."""
    own = parse(hub.version) >= OWN_SECRET
    secret, key = ("hub", f"hub.services.{SCRAPER}.apiToken") if own else ("hub-secret", f"services.token.{SCRAPER}")
    return {
        "port": "http",
        "path": f"{hub.base_path}/hub/metrics",
        "authorization": {"type": "Bearer", "credentials": {"name": secret, "key": key}},
    }


def _of_proxy() -> Object:
    """Return the proxy's endpoint. The chart declares no port for it, so that a declared one is found and then replaced, without a `$`,
    which the agent may expand as a variable."""
    return {
        "port": "http",
        "path": "/metrics",
        "relabelings": [
            {"targetLabel": "__tmp_port", "replacement": str(PROXY_PORT)},
            {"sourceLabels": ["__meta_kubernetes_pod_ip", "__tmp_port"], "separator": ":", "targetLabel": "__address__"},
        ],
    }
