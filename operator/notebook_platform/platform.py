"""The whole platform on one page: the steps, and who needs whom.

Credentials ── Providers ── Preflight ── ResourceGroup ─┬─ Network ──┬─ RoleAssignment ─┐
                                                        └─ Identity ─┘                  │
   ClusterRoles, MaintenanceWindow, PrincipalSecret ──┬──────────────────────── Cluster ─┘
   (RolePruning comes after both that give roles)     │
                                         NodePools ───┘
                                           ├─ Autoscale
                                           └─ TargetCluster ─┬─ JupyterHub
   ResourceGroup ── Registry ── ClusterRoles, BinderHub      ├─ BinderHub
                                                             ├─ Release<Name> for each of spec.releases (each after its `needs`)
                                                             └─ RetiredReleases
"""

import asyncio
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.cloud import CLOUDS, Cloud
from notebook_platform.azure.arm.credentials import sign_in
from notebook_platform.azure.arm.grants import Scope, allowed
from notebook_platform.azure.arm.ownership import Owner
from notebook_platform.azure.arm.paths import SCOPE
from notebook_platform.azure.arm.session import CORRELATION, AzureSession, Sessions
from notebook_platform.azure.autoscale import Autoscale
from notebook_platform.azure.cluster import Cluster
from notebook_platform.azure.cluster_body import default_node_group
from notebook_platform.azure.credentials import Credentials
from notebook_platform.azure.identity import identity
from notebook_platform.azure.maintenance import Maintenance
from notebook_platform.azure.network import network
from notebook_platform.azure.node_pools import NodePools
from notebook_platform.azure.preflight import Preflight
from notebook_platform.azure.principal_secret import PrincipalSecret
from notebook_platform.azure.providers import FEATURES_DOCS, Providers
from notebook_platform.azure.registry import Registry
from notebook_platform.azure.resource_group import ResourceGroup
from notebook_platform.azure.role_assignment import ClusterRoles, RoleAssignment
from notebook_platform.azure.role_pruning import RolePruning
from notebook_platform.azure.scope import AzureContext
from notebook_platform.clients import ClusterClients
from notebook_platform.config import OperatorConfig
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Failed, Operation, Refused
from notebook_platform.engine.reconcile import Result
from notebook_platform.engine.step import Step
from notebook_platform.helm.chart_adapter import Content
from notebook_platform.helm.charts import ChartSource
from notebook_platform.helm.keeping import Keeping
from notebook_platform.helm.ownership import ReleaseLedger
from notebook_platform.helm.prune import RetiredReleases
from notebook_platform.helm.releases import AnyChart, in_order
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.step import ReleaseStep
from notebook_platform.hubs.binder.chart import BinderHub
from notebook_platform.hubs.binder.health import end_all
from notebook_platform.hubs.inputs import Around
from notebook_platform.hubs.jupyterhub import JupyterHub
from notebook_platform.hubs.users.active_servers import counted, of_hub
from notebook_platform.hubs.users.census import Census, end_servers, everywhere
from notebook_platform.hubs.users.retirement import retirement_concerns
from notebook_platform.hubs.users.volumes import UserInventory
from notebook_platform.inventory import count_volumes
from notebook_platform.kube.operation_record import OperationScope
from notebook_platform.kube.secrets import Platform, ReadOnlySecrets, SecretStore
from notebook_platform.pace import Limits
from notebook_platform.policy import interval_of, occupied
from notebook_platform.workload.client import build_models

OLDEST_LOOK = 300.0
"""Seconds. A look at a subscription that platforms share is never older."""

TOKEN_REFUSED = frozenset({"TokenExpired", "TokenRefused"})


def cloud_of(config: OperatorConfig) -> Cloud:
    """The Azure that the operator's configuration names."""
    known = CLOUDS[config.cloud]
    return Cloud(
        resource_manager=(config.resource_manager_url or known.resource_manager).rstrip("/"),
        authority=(config.authority_url or known.authority).rstrip("/"),
        graph=(config.graph_url or known.graph).rstrip("/"),
        public_names=known.public_names,
        ca_file=config.ca_file,
        kubelogin_environment=known.kubelogin_environment,
    )


class Workshop:
    """What all platforms of a process share: Azure sessions, clients of target clusters, helm. Makes each pass its graph."""

    def __init__(self, config: OperatorConfig, *, is_operator: bool = True) -> None:
        """`is_operator` is false for commands of people, who sign in with rights of their own: the allow-list of identities holds for
        them only when their configuration has one."""
        self._config = config
        self._is_operator = is_operator
        self.limits = Limits(least_interval=config.least_interval, per_minute=config.passes_per_minute, burst=config.pass_burst)
        self._sessions = Sessions(cloud_of(config))
        self._clusters = ClusterClients()
        self._directory = tempfile.TemporaryDirectory(prefix="notebook-platform-")
        work_dir = config.work_dir or Path(self._directory.name)
        charts = ChartSource(
            directory=config.charts,
            repository=config.chart_repository,
            allowed=(config.chart_repository, *config.allowed_chart_repositories),
        )
        self._helm = Helm(executable=config.helm, work_dir=work_dir, charts=charts, timeout=config.helm_timeout)
        self._open: dict[str, AzureSession] = {}
        self._ledgers: dict[str, ReleaseLedger] = {}

    async def warm_up(self) -> None:
        """Load beside the loop what the first pass will need."""
        await self._sessions.warm_up()
        await asyncio.to_thread(build_models)

    async def graph(
        self,
        platform: Platform,
        spec: NotebookPlatformSpec,
        secrets: SecretStore,
        operations: Mapping[str, Operation],
        *,
        deleting: bool = False,
        planning: bool = False,
        approved: frozenset[str] = frozenset(),
        refused: Failed | None = None,
    ) -> Graph:
        """The steps of one platform for one pass. `planning`: nothing is written anywhere, not even to Secrets; `approved`: versions
        of charts that a person lets releases go to; `refused`: why operations cannot be recorded, so that none may be started."""
        context = await self.azure(platform, spec, secrets, operations, deleting=deleting, planning=planning, refused=refused)
        return Graph([*azure_steps(context), *self._hub_steps(context, approved)])

    async def azure(
        self,
        platform: Platform,
        spec: NotebookPlatformSpec,
        secrets: SecretStore,
        operations: Mapping[str, Operation] | None = None,
        *,
        deleting: bool = False,
        planning: bool = False,
        refused: Failed | None = None,
    ) -> AzureContext:
        """What the Azure steps work with for one pass."""
        CORRELATION.set(str(uuid.uuid4()))
        owner = self._owner(platform)
        secrets = ReadOnlySecrets(secrets) if planning else secrets
        context = AzureContext(
            spec=spec,
            owner=owner,
            signed_in=refused or await self._signed_in(platform, spec, secrets),
            secrets=secrets,
            operations=operations or {},
            deleting=deleting,
            planning=planning,
            max_age=min(interval_of(spec, self.limits) / 2, OLDEST_LOOK),
        )
        return replace(context, drain=self._clusters.drain(context), leaves=self._clusters.leaves(context))

    def operation_scope(self, spec: NotebookPlatformSpec) -> OperationScope:
        """Where the operations of a platform with this spec are."""
        return OperationScope(
            resource_manager=self._sessions.cloud.resource_manager,
            subscription_id=spec.azure.subscription_id,
            resource_groups=tuple(g for g in (spec.azure.resource_group, spec.cluster.node_resource_group) if g),
            markers={Providers.name: FEATURES_DOCS},
        )

    def _owner(self, platform: Platform) -> Owner:
        return Owner(cluster_id=self._config.cluster_id, namespace=platform.namespace, name=platform.name, uid=platform.uid)

    def _hub_steps(self, context: AzureContext, approved: frozenset[str]) -> list[Step[Any, Any]]:
        keeping = Keeping(
            owner=context.owner.tag,
            uid=context.owner.uid,
            helm=self._helm,
            ledger=self._ledger(context.owner, context.secrets, planning=context.planning),
            adoption=context.spec.adoption,
            deleting=context.deleting,
            approved=approved,
        )
        contents = self._contents(context)
        places = [(content.namespace, content.release) for content in contents]
        concerns = partial(retirement_concerns, allow_private=self._config.allow_private_addresses)
        clear = {JupyterHub.name: end_servers, BinderHub.name: end_all}
        retired = RetiredReleases(keeping, places, clear, concerns)
        return [self._clusters.step(context), *(ReleaseStep(content, keeping) for content in contents), retired]

    def _ledger(self, owner: Owner, secrets: SecretStore, *, planning: bool) -> ReleaseLedger:
        """The releases that a platform owns. Runs of helm write to it between reconciles, so there is one of it; a plan has its own."""
        if planning:
            return ReleaseLedger(secrets, owner.tag)
        if owner.uid not in self._ledgers:
            self._ledgers[owner.uid] = ReleaseLedger(secrets, owner.tag)
        return self._ledgers[owner.uid]

    def _contents(self, context: AzureContext) -> list[Content]:
        """The releases that the spec asks for, each after those that it needs."""
        spec, allow_private = context.spec, self._config.allow_private_addresses
        found: dict[str, Content] = {}
        needs = {release.name: release.needs for release in spec.releases}
        if spec.binderhub is not None:
            names = f"{spec.azure.location}.{cloud_of(self._config).public_names}"
            needs["binderhub"] = spec.binderhub.needs
            found["binderhub"] = BinderHub(
                spec.binderhub, secrets=context.secrets, helm=self._helm, allow_private=allow_private, azure_names=names
            )
        if spec.jupyterhub is not None:
            needs["jupyterhub"] = spec.jupyterhub.needs
            found["jupyterhub"] = JupyterHub(
                spec.jupyterhub,
                around=self._around(spec),
                secrets=context.secrets,
                helm=self._helm,
                allow_private=allow_private,
            )
        for release in spec.releases:
            found[release.name] = AnyChart(release, secrets=context.secrets, helm=self._helm)
        return in_order(found, needs)

    def scope(self, platform: Platform, spec: NotebookPlatformSpec) -> Scope | Failed | None:
        """Where the platform may use the identity that it names, as the operator's configuration has it (`grants.allowed`)."""
        if not self._config.identities and not self._is_operator:
            return None  # whoever runs a command signs in with rights of their own
        node_group = spec.cluster.node_resource_group or default_node_group(spec)
        return allowed(self._config.identities, platform.namespace, spec, node_group)

    def refuses(self, platform: Platform, spec: NotebookPlatformSpec) -> bool:
        """Whether nothing of the platform can be made, because it may not use its identity: then nothing holds its deletion up."""
        return isinstance(self.scope(platform, spec), Failed)

    async def _signed_in(self, platform: Platform, spec: NotebookPlatformSpec, secrets: SecretStore) -> AzureSession | Failed:
        scope = self.scope(platform, spec)
        if isinstance(scope, Failed):
            return scope
        SCOPE.set(scope)
        try:
            wanted = await sign_in(spec.azure.credentials, self._sessions.cloud, secrets)
            session = self._sessions.of(wanted, spec.azure.subscription_id)
        except Refused as refused:
            return refused.failed
        before, self._open[platform.uid] = self._open.get(platform.uid), session
        if before is not None and before not in self._open.values():
            await self._sessions.drop(before)  # the Secret has changed, and nobody else signs in the old way
        return session

    async def inventory(
        self, platform: Platform, spec: NotebookPlatformSpec, secrets: SecretStore, *, reached: bool
    ) -> UserInventory | None:
        """The volumes that a deletion of the platform destroys with its cluster; None when they cannot be counted. `reached`: the
        platform had a cluster that answered."""
        context = await self.azure(platform, spec, secrets)
        ledger = self._ledger(context.owner, context.secrets, planning=context.planning)
        return await count_volumes(context, self._clusters, self._contents(context), ledger, reached=reached)

    def occupied(
        self, platform: Platform, spec: NotebookPlatformSpec, secrets: SecretStore
    ) -> Callable[[], Awaitable[str]] | None:
        """Asks what changes that people at work would notice have to wait for, once for all steps of a pass; None: the spec does not
        ask for that."""
        if spec.disruption != "NoServers":
            return None
        asked: list[asyncio.Task[Census | None]] = []

        async def words() -> str:
            if not asked:
                asked.append(asyncio.create_task(self._at_work(platform, spec, secrets)))
            return occupied(await asyncio.shield(asked[0]))

        return words

    async def _at_work(self, platform: Platform, spec: NotebookPlatformSpec, secrets: SecretStore) -> Census | None:
        """The census, with what the hub itself says."""
        connection = await self._clusters.own_cluster(await self.azure(platform, spec, secrets))
        users = await everywhere(connection.api) if connection else None
        if connection is None or users is None or spec.jupyterhub is None:
            return users
        allow_private = self._config.allow_private_addresses
        ledger = self._ledger(self._owner(platform), secrets, planning=False)
        servers = await of_hub(connection.api, ledger, spec.jupyterhub, self._around(spec), allow_private=allow_private)
        return counted(users, servers)

    def _around(self, spec: NotebookPlatformSpec) -> Around:
        return Around(location=spec.azure.location, label_suffix=cloud_of(self._config).public_names)

    async def after(self, platform: Platform, results: Mapping[str, Result]) -> None:
        """A token that Azure refused is not used again: the next pass signs in anew."""
        outcomes = [r.outcome for r in results.values() if isinstance(r.outcome, Failed)]
        if any(failed.reason in TOKEN_REFUSED for failed in outcomes) and platform.uid in self._open:
            await self._sessions.drop(self._open.pop(platform.uid))

    async def forget(self, platform: Platform) -> None:
        """A platform is gone: its clients are closed."""
        self._open.pop(platform.uid, None)
        self._ledgers.pop(platform.uid, None)
        await self._clusters.drop(platform.uid)

    async def close(self) -> None:
        """End everything that is open."""
        await self._helm.close()
        await self._clusters.close()
        await self._sessions.close()
        self._directory.cleanup()


def azure_steps(context: AzureContext) -> list[Step[Any, Any]]:
    """The steps on the Azure side."""
    return [
        Credentials(context),
        Providers(context),
        Preflight(context),
        ResourceGroup(context),
        network(context),
        identity(context),
        Registry(context),
        RoleAssignment(context),
        Cluster(context),
        ClusterRoles(context),
        RolePruning(context),
        Maintenance(context),
        NodePools(context),
        PrincipalSecret(context),
        Autoscale(context),
    ]
