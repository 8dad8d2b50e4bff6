"""List the steps of a platform, and nothing else.

The class of a step names the outputs that it needs. docs/reference/steps.md draws the graph of all steps; `make docs`
generates it from the classes.
"""

from collections.abc import Sequence
from functools import partial

from notebook_platform.api.hubs.spec import JupyterHubSpec
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.alert_rules import AlertRules
from notebook_platform.azure.autoscale import Autoscale
from notebook_platform.azure.cluster import Cluster
from notebook_platform.azure.credentials import Credentials
from notebook_platform.azure.data_collection import DataCollection
from notebook_platform.azure.identity import identity
from notebook_platform.azure.maintenance import Maintenance
from notebook_platform.azure.metrics_collection import MetricsCollection
from notebook_platform.azure.monitor_workspace import MonitorWorkspace
from notebook_platform.azure.network import network
from notebook_platform.azure.node_pools import NodePools
from notebook_platform.azure.preflight import Preflight
from notebook_platform.azure.principal_secret import PrincipalSecret
from notebook_platform.azure.providers import Providers
from notebook_platform.azure.registry import Registry
from notebook_platform.azure.resource_group import ResourceGroup
from notebook_platform.azure.role_assignment import ClusterRoles, RoleAssignment
from notebook_platform.azure.role_pruning import RolePruning
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine.step import AnyStep
from notebook_platform.helm.chart_adapter import ChartAdapter
from notebook_platform.helm.ownership import ReleaseScope
from notebook_platform.helm.prune import RetiredReleases
from notebook_platform.helm.releases import AnyChart, in_order
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.step import ReleaseStep
from notebook_platform.hubs.binder.addresses import decide
from notebook_platform.hubs.binder.chart import BinderHub
from notebook_platform.hubs.binder.health import end_all
from notebook_platform.hubs.binder.values import hub_inside, names_in
from notebook_platform.hubs.inputs import HubContext, base_path
from notebook_platform.hubs.jupyterhub import JupyterHub
from notebook_platform.hubs.metrics.monitors import ScrapedHub
from notebook_platform.hubs.metrics.step import HubMetrics
from notebook_platform.hubs.users.retirement import retirement_concerns
from notebook_platform.hubs.users.user_counts import end_servers
from notebook_platform.kube.secrets import SecretStore


def azure_steps(scope: AzureScope) -> list[AnyStep]:
    """Return the steps on the Azure side."""
    return [
        Credentials(scope),
        Providers(scope),
        Preflight(scope),
        ResourceGroup(scope),
        MonitorWorkspace(scope),
        network(scope),
        identity(scope),
        Registry(scope),
        RoleAssignment(scope),
        Cluster(scope),
        ClusterRoles(scope),
        RolePruning(scope),
        Maintenance(scope),
        DataCollection(scope),
        MetricsCollection(scope),
        AlertRules(scope),
        NodePools(scope),
        PrincipalSecret(scope),
        Autoscale(scope),
    ]


def chart_adapters(
    spec: NotebookPlatformSpec, secrets: SecretStore, helm: Helm, hub_context: HubContext, *, allow_private: bool
) -> list[ChartAdapter]:
    """Return the releases that the spec asks for, each after those that it needs.

    `allow_private`: whether requests to addresses that a spec names may reach private addresses.
    """
    found: dict[str, ChartAdapter] = {}
    needs = {release.name: release.needs for release in spec.releases}
    if spec.binderhub is not None:
        needs["binderhub"] = spec.binderhub.needs
        found["binderhub"] = BinderHub(
            spec.binderhub, hub_context=hub_context, secrets=secrets, helm=helm, allow_private=allow_private
        )
    if spec.jupyterhub is not None:
        needs["jupyterhub"] = spec.jupyterhub.needs
        found["jupyterhub"] = JupyterHub(
            spec.jupyterhub, hub_context=hub_context, secrets=secrets, helm=helm, allow_private=allow_private
        )
    for release in spec.releases:
        found[release.name] = AnyChart(release, secrets=secrets, helm=helm)
    return in_order(found, needs)


def release_steps(adapters: Sequence[ChartAdapter], scope: ReleaseScope, *, allow_private: bool) -> list[AnyStep]:
    """Return a step for each release, and the step that removes releases that the spec no longer asks for."""
    places = [(adapter.namespace, adapter.release) for adapter in adapters]
    concerns = partial(retirement_concerns, allow_private=allow_private)
    clear = {JupyterHub.name: end_servers, BinderHub.name: end_all}
    retired = RetiredReleases(scope, places, clear, concerns)
    return [*(ReleaseStep(adapter, scope) for adapter in adapters), retired]


def hub_metrics(scope: AzureScope, hub_context: HubContext) -> HubMetrics:
    """Return the step that has the hubs scraped: after their releases, and deleted before them. Turned off it waits for none."""
    spec = scope.spec
    hubs = {JupyterHub.name: spec.jupyterhub, BinderHub.name: spec.binderhub} if spec.scrapes_hubs else {}
    return HubMetrics(
        scraped_hubs(spec, hub_context) if spec.scrapes_hubs else (),
        owner=scope.owner.tag,
        applied=scope.applied_members(HubMetrics.name),
        after=[name for name, hub in hubs.items() if hub is not None],
        deleting=scope.deleting,
    )


def scraped_hubs(spec: NotebookPlatformSpec, hub_context: HubContext) -> list[ScrapedHub]:
    """Return the hubs of the spec, that of its binder among them. Pure."""
    found = [_scraped(hub, base_path(hub)) for hub in (spec.jupyterhub,) if hub is not None]
    if spec.binderhub is not None:
        addresses = decide(spec.binderhub.address, names_in(hub_context))
        inside = hub_inside(spec.binderhub, addresses)
        found.append(_scraped(inside, addresses.hub_base.rstrip("/"), addresses.binder_base.rstrip("/")))
    return found


def _scraped(hub: JupyterHubSpec, path: str, binder_path: str | None = None) -> ScrapedHub:
    return ScrapedHub(
        namespace=hub.namespace, release=hub.release, version=hub.chart.version, base_path=path, binder_path=binder_path
    )
