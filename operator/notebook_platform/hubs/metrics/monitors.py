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
HUB, PROXY, BINDER = "notebook-platform-hub", "notebook-platform-proxy", "notebook-platform-binder"
NAMES = (HUB, PROXY, BINDER)
LIMITS = {"labelLimit": 63, "labelNameLengthLimit": 511, "labelValueLengthLimit": 1023}

OF_BINDER = "binderhub_(build|launch)_time_seconds_(bucket|count|sum)|binderhub_inprogress_(builds|launches)"
"""The metrics of a binder that the agent keeps. Its counters have a series for each repository that a visitor names, and for each refused
request one with the browser's own name: visitors would decide how much is stored and what it costs."""


@dataclass(frozen=True, kw_only=True)
class ScrapedHub:
    """A hub to scrape: its release, the version of its jupyterhub chart, and its path without a slash at the end. `binder_path`: that of
    the binder in the same release; None: there is none."""

    namespace: str
    release: str
    version: str
    base_path: str = ""
    binder_path: str | None = None


def pod_monitors(hub: ScrapedHub, owner: str) -> Sequence[Object]:
    """Return the PodMonitors of a hub. `owner`: the tag of the platform."""
    found = [_monitor(HUB, hub, owner, "hub", _of_hub(hub))]
    if parse(hub.version) >= PROXY_METRICS:
        found.append(_monitor(PROXY, hub, owner, "proxy", _of_proxy()))
    if hub.binder_path is not None:
        found.append(_monitor(BINDER, hub, owner, "binder", _of_binder(hub.binder_path)))
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


def _of_binder(path: str) -> Object:
    """Return the binder's endpoint. BinderHub serves its metrics to everyone who reaches it, without a token, and the chart has no network
    policy for its pod."""
    keep = {"action": "keep", "sourceLabels": ["__name__"], "regex": OF_BINDER}
    return {"port": "binder", "path": f"{path}/metrics", "metricRelabelings": [keep]}
