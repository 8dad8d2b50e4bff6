"""Share Helm and the records of releases between the platforms of a process, and build what the release steps of one reconcile work with.

`SharedClients` uses this module, as it does `ClusterClients` for the connections to workload clusters.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.azure.arm.ownership import Owner
from notebook_platform.azure.scope import AzureScope
from notebook_platform.cluster_clients import ClusterClients
from notebook_platform.config import OperatorConfig
from notebook_platform.engine.step import AnyStep
from notebook_platform.helm.chart_adapter import ChartAdapter
from notebook_platform.helm.charts import ChartSource
from notebook_platform.helm.compared import ComparedObjects
from notebook_platform.helm.ledger import ReleaseLedger
from notebook_platform.helm.ownership import Draft, ReleaseScope
from notebook_platform.helm.runner import Helm
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.kube.read_only_secrets import ReadOnlySecrets
from notebook_platform.kube.secrets import SecretStore
from notebook_platform.steps import chart_adapters, hub_metrics, release_steps


class ReleaseClients:
    """Helm, and for each platform the releases that it owns."""

    def __init__(self, config: OperatorConfig, cloud: Cloud) -> None:
        self._cloud = cloud
        self.allow_private = config.allow_private_addresses
        self._directory = tempfile.TemporaryDirectory(prefix="notebook-platform-")
        charts = ChartSource(
            directory=config.charts,
            repository=config.chart_repository,
            allowed=(config.chart_repository, *config.allowed_chart_repositories),
        )
        work_dir = config.work_dir or Path(self._directory.name)
        self._helm = Helm(executable=config.helm, work_dir=work_dir, charts=charts, timeout=config.helm_timeout)
        self._ledgers: dict[str, ReleaseLedger] = {}
        self._drafts: dict[str, ReadOnlySecrets] = {}
        self._compared = ComparedObjects()

    def steps(self, scope: AzureScope, approved: frozenset[str]) -> list[AnyStep]:
        """Return the steps of the releases of one platform. `approved`: chart versions that a user has approved upgrades to."""
        adapters = self.adapters(scope)

        def drafted() -> Mapping[str, ChartAdapter]:
            drafts = adapters
            if not scope.planning:
                secrets = self._drafts.setdefault(scope.owner.uid, ReadOnlySecrets(scope.secrets))
                drafts = self.adapters(replace(scope, secrets=secrets))
            return {adapter.name: adapter for adapter in drafts}

        releases = ReleaseScope(
            owner=scope.owner.tag,
            uid=scope.owner.uid,
            helm=self._helm,
            ledger=self.ledger(scope.owner, scope.secrets, planning=scope.planning),
            adoption=scope.spec.adoption,
            deleting=scope.deleting,
            approved=approved,
            compared=self._compared,
            planning=scope.planning,
            wanted=frozenset((adapter.namespace, adapter.release) for adapter in adapters),
            draft=Draft(cluster=ClusterClients.planned(scope), adapters=drafted),
        )
        metrics = hub_metrics(scope, self.hub_context(scope.spec))
        return [*release_steps(adapters, releases, allow_private=self.allow_private), metrics]

    def adapters(self, scope: AzureScope) -> Sequence[ChartAdapter]:
        """Return the releases that the spec asks for."""
        hub_context = self.hub_context(scope.spec)
        return chart_adapters(scope.spec, scope.secrets, self._helm, hub_context, allow_private=self.allow_private)

    def ledger(self, owner: Owner, secrets: SecretStore, *, planning: bool) -> ReleaseLedger:
        """Return the releases that a platform owns. Helm runs write to the ledger between reconciles, so there is one; a plan
        has its own."""
        if planning:
            return ReleaseLedger(secrets, owner.tag)
        if owner.uid not in self._ledgers:
            self._ledgers[owner.uid] = ReleaseLedger(secrets, owner.tag)
        return self._ledgers[owner.uid]

    def hub_context(self, spec: NotebookPlatformSpec) -> HubContext:
        """Return the place of the spec's hubs."""
        return HubContext(
            location=spec.azure.location,
            pools=tuple(spec.node_pools),
            label_suffix=self._cloud.public_names,
            authority=self._cloud.authority,
            scraped=spec.scrapes_hubs,
        )

    def rest(self, uid: str) -> None:
        """Drop what only the creation of a platform needs."""
        self._drafts.pop(uid, None)

    def abort(self, uid: str) -> None:
        """Cancel the helm processes of a platform; returns before they have ended."""
        self._helm.abort(uid)

    async def forget(self, uid: str) -> None:
        """End the helm processes of a platform, and drop its records."""
        await self._helm.end(uid)
        self.rest(uid)
        self._ledgers.pop(uid, None)

    async def close(self) -> None:
        """End all helm processes."""
        await self._helm.close()

    def remove_directory(self) -> None:
        """Remove the temporary directory of helm's files, after everything is closed."""
        self._directory.cleanup()
