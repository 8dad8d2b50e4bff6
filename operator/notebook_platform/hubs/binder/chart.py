"""BinderHub: the content of the binder's release, with addresses decided before it is installed, and what its health means."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kubernetes.aio import client

from notebook_platform import outputs
from notebook_platform.api.binderhub import BinderHubSpec
from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import Progressing
from notebook_platform.engine.step import Notice
from notebook_platform.helm.chart_adapter import ChartAdapter, ReleaseHealth
from notebook_platform.helm.plan import Concern
from notebook_platform.helm.release import Release
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.state import Wanted
from notebook_platform.helm.values import documents, named_sources
from notebook_platform.hubs import snapshots, upgrades
from notebook_platform.hubs.binder import health
from notebook_platform.hubs.binder.addresses import decide
from notebook_platform.hubs.binder.secrets import binder_secrets, image_registry
from notebook_platform.hubs.binder.values import hub_inside, is_known, jupyterhub_version, names_in, render
from notebook_platform.hubs.field_paths import BINDERHUB
from notebook_platform.hubs.gather import gather_context
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.naming import ReleaseSnapshot, scheme_of
from notebook_platform.hubs.secrets import ExistingRelease
from notebook_platform.hubs.users import user_counts
from notebook_platform.hubs.users.active_servers import query_servers, token_in, with_servers
from notebook_platform.hubs.users.claims import examine, named_claims
from notebook_platform.hubs.users.concerns import data_concerns
from notebook_platform.hubs.users.presence import has_users
from notebook_platform.hubs.users.volumes import DATABASE_CLAIM, Place
from notebook_platform.kube.secrets import SecretStore
from notebook_platform.paths import at
from notebook_platform.workload.step import WorkloadClusterOutput

CHART = "binderhub"


class BinderHub(ChartAdapter):
    """The binder of spec.binderhub and its hub. `hub_context` is their place."""

    name = "BinderHub"
    needs = (WorkloadClusterOutput, outputs.Registry)
    field = BINDERHUB.root

    def __init__(
        self, spec: BinderHubSpec, *, hub_context: HubContext, secrets: SecretStore, helm: Helm, allow_private: bool
    ) -> None:
        self.release, self.namespace, self.remediation = spec.release, spec.namespace, spec.remediation
        self._spec = spec
        self._secrets = secrets
        self._helm = helm
        self._allow_private = allow_private
        self._hub_context = hub_context
        self._addresses = decide(spec.address, names_in(hub_context))

    async def want(self, target: WorkloadClusterOutput, existing: Release | None) -> Wanted:
        spec, named = self._spec, self._spec.chart
        chart = self._helm.charts.find(CHART, named.version, named.repository, f"{BINDERHUB.root}.chart", named.digest)
        before = _hub_of(existing) if existing else None
        hub = ExistingRelease(before.values, target.api, self.namespace, scheme_of(before)) if before else None
        secrets = await binder_secrets(self._secrets, spec, self._addresses, hub)
        registry = await image_registry(self._secrets, spec)
        inside = hub_inside(spec, self._addresses)
        more = await documents(self._secrets, spec.values_from, BINDERHUB.root, spec.values)
        known = replace(self._hub_context, fields=BINDERHUB)
        hub_context = await gather_context(target.api, inside, known, None, allow_private=self._allow_private)
        if existing is not None:  # the class of an existing volume cannot change
            hub_context = replace(hub_context, before=_hub_of(existing), unlockable_classes=frozenset())
        made = render(spec, secrets, registry, target.served_version, more, hub_context)
        return Wanted(
            name=self.release,
            namespace=self.namespace,
            chart=chart,
            values=made.values,
            sources=tuple(named_sources(BINDERHUB.root, spec.values_from, more, spec.values)),
            notices=made.notices,
        )

    async def read_health(self, target: WorkloadClusterOutput, release: Release, wanted: Wanted) -> ReleaseHealth:
        found = await health.read_health(target.api, release)
        issues = found.issues or await health.ask(self._addresses.binder, found.address, allow_private=self._allow_private)
        token = token_in(_inside(release.config))
        servers = (
            None if issues else await query_servers((self._addresses.hub.rstrip("/"),), token, allow_private=self._allow_private)
        )
        users = with_servers(await user_counts.read(target.api, self.namespace), servers)
        url = self._addresses.binder.rstrip("/")
        named = named_claims(_inside(release.config))
        claims = await examine(target.api, self.namespace, named, {}, BINDERHUB.value(""), target.nodes)
        issues = tuple(sorted([*issues, *claims.issues]))
        return ReleaseHealth(issues=issues, url=url, details=users, notices=(*found.notices, *claims.notices))

    def notices(self) -> Sequence[Notice]:
        version = self._spec.chart.version
        if is_known(version):
            return ()
        message = f"{BINDERHUB.root}.chart.version {version} is unknown to this operator; its hub is treated as the nearest known version"
        return [Notice(condition=ConditionType.BINDER_CHART_VERSION_UNKNOWN, reason=Reason.UNTESTED_VERSION, message=message)]

    async def concerns(
        self, target: WorkloadClusterOutput, existing: Release, wanted: Wanted, objects: frozenset[tuple[str, str]]
    ) -> Sequence[Concern]:
        before, after = _hub_of(existing), self._hub_in(wanted)
        if self._spec.auth is None and not _has_accounts(existing):  # who launches without a name leaves nothing behind
            return list(upgrades.empties_database(before, after))
        users = await user_counts.read(target.api, self.namespace)
        urls = (self._addresses.hub.rstrip("/"),)
        hidden = await data_concerns(
            target.api, existing, before, after, urls=urls, allow_private=self._allow_private, origins={}
        )
        return [*upgrades.concerns(before, after, users), *hidden]

    async def save(self, target: WorkloadClusterOutput, existing: Release, wanted: Wanted) -> Progressing | None:
        if self._spec.auth is None:
            return None
        return await snapshots.before_migration(
            target.api, existing, _hub_of(existing).version, self._hub_in(wanted).version, BINDERHUB.root
        )

    def _hub_in(self, wanted: Wanted) -> ReleaseSnapshot:
        chart = self._spec.chart
        return ReleaseSnapshot(jupyterhub_version(wanted.chart.version, chart.jupyterhub_version), _inside(wanted.values))

    def irreversible(self, bad: Release, good: Release) -> str:
        """Return the same as for any hub: without accounts too, the older hub would not start."""
        if not upgrades.goes_back(_hub_of(bad), _hub_of(good)):
            return ""
        return f"chart {bad.chart_version} may have upgraded the database of its hub, which {good.chart_version} cannot read"

    async def unused_claims(self, api: client.ApiClient, release: Release) -> Collection[Place]:
        """Return the database claim of a hub without accounts or users."""
        if self._spec.auth is not None or _has_accounts(release):
            urls, values = (self._addresses.hub.rstrip("/"),), _inside(release.config)
            if await has_users(urls, values, allow_private=self._allow_private):
                return ()
        return ((self.namespace, DATABASE_CLAIM),)

    async def clear(self, api: client.ApiClient) -> None:
        await health.end_all(api, self.namespace)


def _has_accounts(release: Release) -> bool:
    """Return whether users sign in to the installed binder."""
    return bool(at(release.config, "config", "BinderHub", "auth_enabled"))


def _inside(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values of the hub inside a binder's values."""
    found = values.get("jupyterhub")
    return found if isinstance(found, Mapping) else {}


def _hub_of(release: Release) -> ReleaseSnapshot:
    return ReleaseSnapshot(jupyterhub_version(release.chart_version, None), _inside(release.config))
