"""JupyterHub: the content of the hub's release, what else its health means, and what of it outlives helm."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from kubernetes.aio import client

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.durations import parse_duration
from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import Progressing
from notebook_platform.engine.step import Notice
from notebook_platform.helm.chart_adapter import ChartAdapter, ReleaseHealth
from notebook_platform.helm.health.pdb import drain_blocked
from notebook_platform.helm.plan import Concern
from notebook_platform.helm.release import Release
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.state import Wanted
from notebook_platform.helm.values import documents
from notebook_platform.hubs import snapshots, upgrades
from notebook_platform.hubs.chart.versions import is_known
from notebook_platform.hubs.field_paths import JUPYTERHUB
from notebook_platform.hubs.gather import gather_context
from notebook_platform.hubs.health import hub as hub_health
from notebook_platform.hubs.health.certificates import ends_unless_replaced
from notebook_platform.hubs.inputs import HubContext, base_path, url_of
from notebook_platform.hubs.naming import ReleaseSnapshot, scheme_of
from notebook_platform.hubs.net.probe import probe
from notebook_platform.hubs.secrets import ExistingRelease, hub_secrets
from notebook_platform.hubs.users import user_counts
from notebook_platform.hubs.users.active_servers import missed_pod_events, query_servers, token_in, urls_of, with_servers
from notebook_platform.hubs.users.claims import examine, named_claims
from notebook_platform.hubs.users.concerns import data_concerns
from notebook_platform.hubs.users.presence import has_users
from notebook_platform.hubs.users.volumes import DATABASE_CLAIM, Place
from notebook_platform.hubs.values import render_with_origins
from notebook_platform.kube.secrets import SecretStore
from notebook_platform.workload.step import WorkloadClusterOutput

CHART = "jupyterhub"


class JupyterHub(ChartAdapter):
    """The hub of spec.jupyterhub. `around` is its place."""

    name = "JupyterHub"
    field = JUPYTERHUB.root

    def __init__(
        self, spec: JupyterHubSpec, *, hub_context: HubContext, secrets: SecretStore, helm: Helm, allow_private: bool
    ) -> None:
        self.release, self.namespace, self.remediation = spec.release, spec.namespace, spec.remediation
        self._spec = spec
        self._hub_context = hub_context
        self._secrets = secrets
        self._helm = helm
        self._allow_private = allow_private

    async def want(self, target: WorkloadClusterOutput, existing: Release | None) -> Wanted:
        named = self._spec.chart
        chart = self._helm.charts.find(CHART, named.version, named.repository, f"{JUPYTERHUB.root}.chart", named.digest)
        before = ReleaseSnapshot(existing.chart_version, existing.config) if existing else None
        existing_release = ExistingRelease(before.values, target.api, self.namespace, scheme_of(before)) if before else None
        secrets = await hub_secrets(self._secrets, self._spec, existing_release)
        more = await documents(self._secrets, self._spec.values_from, JUPYTERHUB.root, self._spec.values)
        hub_context = await gather_context(target.api, self._spec, self._hub_context, existing, allow_private=self._allow_private)
        made = render_with_origins(self._spec, secrets, target.served_version, more, hub_context)
        return Wanted(
            name=self.release,
            namespace=self.namespace,
            chart=chart,
            values=made.values,
            origins=made.described_origins(),
            sources=tuple(JUPYTERHUB.sources(self._spec.values_from, more, self._spec.values)),
            notices=made.notices,
            urgent=before is not None and ends_unless_replaced(before.values, made.values, datetime.now(UTC)),
        )

    async def read_health(self, target: WorkloadClusterOutput, release: Release, wanted: Wanted) -> ReleaseHealth:
        found = await hub_health.read_health(target.api, release, JUPYTERHUB.root)
        issues, servers = found.issues, None
        door = f"http://{found.address}{base_path(self._spec)}" if found.address else None
        if door and not issues:
            issues = await probe(door, "/hub/health", allow_private=self._allow_private)
        if not issues:
            urls = urls_of(self._spec, self._hub_context, found.address)
            servers = await query_servers(urls, token_in(release.config), allow_private=self._allow_private)
            start_timeout = parse_duration(self._spec.single_user.start_timeout)
            issues = await missed_pod_events(target.api, self.namespace, servers, start_timeout)
        users = with_servers(await user_counts.read(target.api, self.namespace), servers)
        named = named_claims(release.config)
        claims = await examine(target.api, self.namespace, named, wanted.origins, JUPYTERHUB.root, target.nodes)
        issues = tuple(sorted([*issues, *claims.issues]))
        notices = (
            *found.notices,
            *user_counts.notices(users, JUPYTERHUB.root),
            *await drain_blocked(target.api, release, JUPYTERHUB.root),
            *claims.notices,
        )
        return ReleaseHealth(
            issues=issues, url=url_of(self._spec, self._hub_context, found.address), details=users, notices=notices
        )

    def notices(self) -> Sequence[Notice]:
        version = self._spec.chart.version
        if is_known(version):
            return ()
        message = (
            f"{JUPYTERHUB.root}.chart.version {version} is unknown to this operator; it is treated as the nearest known version"
        )
        return [Notice(condition=ConditionType.CHART_VERSION_UNKNOWN, reason=Reason.UNTESTED_VERSION, message=message)]

    async def progress(self, api: client.ApiClient) -> str | None:
        return await hub_health.pulling(api, self.namespace) or await super().progress(api)

    async def concerns(
        self, target: WorkloadClusterOutput, existing: Release, wanted: Wanted, objects: frozenset[tuple[str, str]]
    ) -> Sequence[Concern]:
        users = await user_counts.read(target.api, self.namespace)
        before, after = (
            ReleaseSnapshot(existing.chart_version, existing.config),
            ReleaseSnapshot(wanted.chart.version, wanted.values),
        )
        urls = urls_of(self._spec, self._hub_context, await hub_health.address_of(client.CoreV1Api(target.api), self.namespace))
        hidden = await data_concerns(
            target.api,
            existing,
            before,
            after,
            urls=urls,
            allow_private=self._allow_private,
            origins=wanted.origins,
        )
        return [*upgrades.concerns(before, after, users), *hidden]

    async def save(self, target: WorkloadClusterOutput, existing: Release, wanted: Wanted) -> Progressing | None:
        return await snapshots.before_migration(
            target.api, existing, existing.chart_version, wanted.chart.version, JUPYTERHUB.root
        )

    def irreversible(self, bad: Release, good: Release) -> str:
        """Return why a rollback is impossible: a newer hub upgrades its database at its start, and the older one cannot read
        that."""
        before, after = (ReleaseSnapshot(one.chart_version, one.config) for one in (bad, good))
        if not upgrades.goes_back(before, after):
            return ""
        return (
            f"chart {bad.chart_version} may have upgraded the hub's database, which {good.chart_version} cannot read: restore the "
            "database from its backup first"
        )

    async def unused_claims(self, api: client.ApiClient, release: Release) -> Collection[Place]:
        """Return the database claim of a hub without users."""
        urls = urls_of(self._spec, self._hub_context, await hub_health.address_of(client.CoreV1Api(api), self.namespace))
        known = await has_users(urls, release.config, allow_private=self._allow_private)
        return () if known else ((self.namespace, DATABASE_CLAIM),)

    async def clear(self, api: client.ApiClient) -> None:
        await user_counts.end_servers(api, self.namespace)
