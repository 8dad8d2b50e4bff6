"""What doctor finds in the spec of the hubs, without a question to Azure. Pure."""

from notebook_platform.api.hubs.spec import JupyterHubSpec
from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.checks import Finding
from notebook_platform.hubs.chart.versions import generation, newest_for, suits
from notebook_platform.hubs.metrics.checks import PROXY_METRICS, TURN_OFF
from notebook_platform.hubs.metrics.values import SCRAPER
from notebook_platform.versions import parse


def chart_findings(spec: NotebookPlatformSpec) -> list[Finding]:
    """Check that the hub's chart supports the Kubernetes version."""
    if spec.jupyterhub is None:
        return []
    chart, kubernetes = spec.jupyterhub.chart.version, spec.cluster.kubernetes_version
    best = newest_for(kubernetes).name
    if suits(chart, kubernetes):
        return [Finding(sentence=f"jupyterhub {chart} supports Kubernetes {kubernetes}, as do charts up to {best}.x")]
    least = ".".join(map(str, generation(chart).kubernetes))
    sentence = f"spec.jupyterhub.chart.version {chart} needs Kubernetes {least} or newer, not {kubernetes}"
    remedy = f"Choose a chart of generation {best}, or a newer spec.cluster.kubernetesVersion."
    return [Finding(sentence=sentence, reason=Reason.CHART_TOO_NEW, remedy=remedy)]


def scraping_findings(spec: NotebookPlatformSpec) -> list[Finding]:
    """Return what the agent of managed Prometheus scrapes of each hub; without the agent or without a hub nothing."""
    if spec.managed_prometheus is None or not spec.hub_namespaces:
        return []
    if not spec.scrapes_hubs:
        return [Finding(sentence="spec.monitoring.hubMetrics is false: no hub is scraped, and the alert HubStartsFail is silent")]
    found = [_hub_scraping(hub) for hub in (spec.jupyterhub,) if hub is not None]
    if spec.binderhub is not None:
        sentence = f"spec.binderhub: the binder, its hub and its proxy are scraped in namespace {spec.binderhub.namespace}"
        found.append(Finding(sentence=sentence))
    return found


def _hub_scraping(hub: JupyterHubSpec) -> Finding:
    for kind, names in (("services", [one.name for one in hub.services]), ("roles", [one.name for one in hub.roles])):
        if SCRAPER in names:
            where = f"spec.jupyterhub.{kind}[{names.index(SCRAPER)}].name"
            return Finding(
                sentence=f"{where}: with {SCRAPER!r} spec.monitoring scrapes the hub",
                reason=Reason.METRICS_CONFLICT,
                remedy=f"Choose another name, or {TURN_OFF}.",
            )
    if parse(hub.chart.version) < PROXY_METRICS:
        return Finding(
            sentence=f"spec.jupyterhub: the hub is scraped in namespace {hub.namespace}, but the proxy of chart {hub.chart.version} serves "
            "no metrics",
            reason=Reason.NO_EFFECT,
            remedy="Charts from 1.0 on have them.",
            blocks=False,
        )
    return Finding(sentence=f"spec.jupyterhub: the hub and its proxy are scraped in namespace {hub.namespace}")
