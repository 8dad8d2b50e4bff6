"""Share the clients of a process between its platforms: Azure sessions, connections to workload clusters, Helm.

Each reconcile gets its graph of steps from `SharedClients.graph`. The reconciler and the commands use this module; it is the
only place that combines the operator's configuration with a platform's spec.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.api.status import PlatformStatus
from notebook_platform.azure.arm.credentials import sign_in
from notebook_platform.azure.arm.grants import Scope, allowed
from notebook_platform.azure.arm.ownership import Owner
from notebook_platform.azure.arm.paths import SCOPE
from notebook_platform.azure.arm.session_pool import SessionPool, SignedIn
from notebook_platform.azure.cluster_body import default_node_group
from notebook_platform.azure.providers import FEATURES_DOCS, Providers
from notebook_platform.azure.scope import AzureScope
from notebook_platform.cloud_choice import cloud_of
from notebook_platform.cluster_clients import ClusterClients
from notebook_platform.config import OperatorConfig
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Failed, Operation, StepError
from notebook_platform.engine.result import Result
from notebook_platform.engine.trace import Verify
from notebook_platform.hubs.users.active_servers import query_hub, with_servers
from notebook_platform.hubs.users.user_counts import UserCounts, count_users
from notebook_platform.hubs.users.volumes import UserInventory
from notebook_platform.kube.applied import Records
from notebook_platform.kube.operation_record import OperationScope
from notebook_platform.kube.read_only_secrets import ReadOnlySecrets
from notebook_platform.kube.secrets import Platform, SecretStore
from notebook_platform.observability.context import CORRELATION, renew_correlation_id
from notebook_platform.pace import Limits
from notebook_platform.policy import interval_of, oldest_read, server_gate
from notebook_platform.release_clients import ReleaseClients
from notebook_platform.slots import Slots
from notebook_platform.steps import azure_steps
from notebook_platform.volume_count import count_volumes
from notebook_platform.workload.client import build_models
from notebook_platform.workload.stored_access import AccessStore

TOKEN_REFUSED = frozenset({Reason.TOKEN_EXPIRED, Reason.TOKEN_REFUSED})


class SharedClients:
    """The Azure sessions, workload cluster clients and Helm that all platforms of a process share."""

    def __init__(self, config: OperatorConfig, *, is_operator: bool = True, store: AccessStore | None = None) -> None:
        """Create the clients. `store`: where access to clusters is kept for the next process.

        `is_operator` is False for commands, whose users sign in with their own rights: the allow-list of identities applies
        to them only if their configuration has one.
        """
        self._config = config
        self._is_operator = is_operator
        self.limits = Limits(
            least_interval=config.least_interval,
            per_minute=config.passes_per_minute,
            burst=config.pass_burst,
            docs_url=config.docs_url,
        )
        self.slots = Slots(config.concurrent_reconciles)
        self._sessions = SessionPool(cloud_of(config))
        self._clusters = ClusterClients(store)
        self._releases = ReleaseClients(config, self._sessions.cloud)

    async def warm_up(self) -> None:
        """Load in a thread what the first reconcile needs."""
        await self._sessions.warm_up()
        for build in (build_models, NotebookPlatformSpec.model_rebuild, PlatformStatus.model_rebuild):
            await asyncio.to_thread(build)

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
        applied: Records | None = None,
        edited: bool = False,
    ) -> Graph:
        """Return the steps of one platform for one reconcile.

        `planning`: write nothing, not even Secrets. `approved`: chart versions that a user has approved upgrades to.
        `refused`: why operations cannot be recorded; then none may be started. `applied`: what was applied last. `edited`: by the user, just now.
        """
        scope = await self.azure(
            platform,
            spec,
            secrets,
            operations,
            deleting=deleting,
            planning=planning,
            refused=refused,
            applied=applied,
            edited=edited,
        )
        return Graph([*azure_steps(scope), self._clusters.step(scope), *self._releases.steps(scope, approved)])

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
        applied: Records | None = None,
        edited: bool = False,
    ) -> AzureScope:
        """Return what the Azure steps of one reconcile work with. The arguments are those of `graph`."""
        if not CORRELATION.get():  # a command: the reconciler sets one for each reconcile
            renew_correlation_id()
        owner = self.owner(platform)
        secrets = ReadOnlySecrets(secrets) if planning else secrets
        scope = AzureScope(
            spec=spec,
            owner=owner,
            signed_in=refused or await self._signed_in(platform, spec, secrets),
            secrets=secrets,
            operations=operations or {},
            deleting=deleting,
            planning=planning,
            applied=applied or {},
            max_age=self._max_age(spec, edited=edited),
        )
        return replace(scope, drain=self._clusters.drain(scope), find_removed_apis=self._clusters.find_removed_apis(scope))

    def operation_scope(self, spec: NotebookPlatformSpec) -> OperationScope:
        """Return where the operations of a platform with this spec may be."""
        return OperationScope(
            resource_manager=self._sessions.cloud.resource_manager,
            subscription_id=spec.azure.subscription_id,
            resource_groups=tuple(g for g in (spec.azure.resource_group, spec.cluster.node_resource_group) if g),
            placeholders={Providers.name: FEATURES_DOCS},
        )

    def owner(self, platform: Platform) -> Owner:
        """Return the platform as the owner of Azure resources."""
        return Owner(cluster_id=self._config.cluster_id, namespace=platform.namespace, name=platform.name, uid=platform.uid)

    def scope(self, platform: Platform, spec: NotebookPlatformSpec) -> Scope | Failed | None:
        """Return where the platform may use the identity that its spec names, by the operator's configuration
        (`grants.allowed`)."""
        if not self._config.identities and not self._is_operator:
            return None  # the user of a command signs in with their own rights
        node_group = spec.cluster.node_resource_group or default_node_group(spec)
        return allowed(self._config.identities, platform.namespace, spec, node_group)

    def refuses(self, platform: Platform, spec: NotebookPlatformSpec) -> bool:
        """Return whether the platform may not use its identity. Then it has created nothing, and nothing blocks its deletion."""
        return isinstance(self.scope(platform, spec), Failed)

    async def _signed_in(self, platform: Platform, spec: NotebookPlatformSpec, secrets: SecretStore) -> SignedIn | Failed:
        if isinstance(scope := self.scope(platform, spec), Failed):
            return scope
        SCOPE.set(scope)
        named = repr((spec.azure.credentials, spec.azure.subscription_id))
        if recent := self._sessions.recent(platform.uid, named):
            return recent
        try:
            wanted = await sign_in(spec.azure.credentials, self._sessions.cloud, secrets)
            return await self._sessions.hold(platform.uid, wanted, spec.azure.subscription_id, named)
        except StepError as refused:
            return refused.failed

    async def inventory(
        self, platform: Platform, spec: NotebookPlatformSpec, secrets: SecretStore, *, reached: bool
    ) -> UserInventory | None:
        """Return the volumes that a deletion of the platform destroys with its cluster; None when they cannot be counted.

        `reached`: the platform had a cluster that answered.
        """
        scope = await self.azure(platform, spec, secrets)
        ledger = self._releases.ledger(scope.owner, scope.secrets, planning=scope.planning)
        return await count_volumes(scope, self._clusters, self._releases.adapters(scope), ledger, reached=reached)

    def query_gate(
        self, platform: Platform, spec: NotebookPlatformSpec, secrets: SecretStore
    ) -> Callable[[], Awaitable[str]] | None:
        """Return a call that names what disruptive changes are deferred until; None when the spec does not ask for it.

        The call counts the servers once for all steps of a reconcile.
        """
        if spec.disruption != "NoServers":
            return None
        asked: list[asyncio.Task[UserCounts | None]] = []

        async def words() -> str:
            if not asked:
                asked.append(asyncio.create_task(self._at_work(platform, spec, secrets)))
            return server_gate(await asyncio.shield(asked[0]))

        return words

    async def _at_work(self, platform: Platform, spec: NotebookPlatformSpec, secrets: SecretStore) -> UserCounts | None:
        """Return the users and servers of the cluster, with the servers that the hub reports."""
        connection = await self._clusters.own_cluster(await self.azure(platform, spec, secrets))
        users = await count_users(connection.api) if connection else None
        if connection is None or users is None or spec.jupyterhub is None:
            return users
        releases = self._releases
        ledger, hub_context = releases.ledger(self.owner(platform), secrets, planning=False), releases.hub_context(spec)
        servers = await query_hub(connection.api, ledger, spec.jupyterhub, hub_context, allow_private=releases.allow_private)
        return with_servers(users, servers)

    def verify(self, platform: Platform, spec: NotebookPlatformSpec) -> Verify:
        """Return the call that verifies what the platform's steps have read from Azure (`engine/trace.py`)."""
        return self._sessions.verify(platform.uid, self._max_age(spec))

    def _max_age(self, spec: NotebookPlatformSpec, *, edited: bool = False) -> float:
        return oldest_read(interval_of(spec, self.limits), edited=edited)

    async def after(self, platform: Platform, results: Mapping[str, Result]) -> None:
        """Drop the session of a token that Azure refused, so that the next reconcile signs in again."""
        if any(isinstance(r.outcome, Failed) and r.outcome.reason in TOKEN_REFUSED for r in results.values()):
            await self._sessions.refuse(platform.uid)

    def reread(self, platform: Platform) -> None:
        """Read the platform's credentials again in its next reconcile: a Secret has changed."""
        self._sessions.reread(platform.uid)

    def turn_of(self, label: str) -> float:
        """Return the seconds until a platform (namespace/name) may send one of the requests that wait for a token; 0: now, or none
        waits."""
        return self._sessions.buckets.turn_of(label)

    def rest(self, platform: Platform) -> None:
        """Close the connections to the platform's cluster before a long wait."""
        self._clusters.rest(platform.uid)
        self._releases.rest(platform.uid)

    def abort(self, platform: Platform) -> None:
        """Cancel the helm processes of a platform; returns before they have ended."""
        self._releases.abort(platform.uid)

    async def delete_access(self, platform: Platform) -> None:
        """Delete the access to the cluster that is kept outside the platform's namespace. Raises ApiException."""
        await self._clusters.delete_access(platform.uid)

    async def delete_left_access(self, platform: Platform) -> None:
        """Delete the access of a platform that no longer exists: its finalizer may have been removed by hand. Logs a failure."""
        await self._clusters.delete_left_access(platform.uid)

    async def forget(self, platform: Platform) -> None:
        """End the helm processes and close the clients of a platform that is deleted, or that another replica reconciles."""
        await self._releases.forget(platform.uid)
        self._sessions.buckets.forget(f"{platform.namespace}/{platform.name}")
        await self._sessions.release(platform.uid)
        await self._clusters.drop(platform.uid)

    async def close(self) -> None:
        """Close all clients."""
        await self._releases.close()
        await self._clusters.close()
        await self._sessions.close()
        self._releases.remove_directory()
