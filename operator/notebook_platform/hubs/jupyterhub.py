"""JupyterHub: the hub's release is there with the wanted values, its workloads work, and its door answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kubernetes.aio import client

from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.engine import Action, Change, Done, Failed, InProgress, Inputs, Notice, Observed, Outcome, Step
from notebook_platform.engine.change import compare
from notebook_platform.helm import marker
from notebook_platform.helm.actions import ACTIONS, Site, uninstall
from notebook_platform.helm.drift import Drift, drifted
from notebook_platform.helm.errors import failure
from notebook_platform.helm.release import Release, newest
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.state import State, Wanted, state_of
from notebook_platform.hubs.generations import is_known
from notebook_platform.hubs.given import Around, base_path, url_of
from notebook_platform.hubs.health import Health, look, sentence
from notebook_platform.hubs.look_around import look_around
from notebook_platform.hubs.probe import probe
from notebook_platform.hubs.secrets import hub_secrets, more_values
from notebook_platform.hubs.values import FIELD, explain
from notebook_platform.kube.secrets import SecretStore
from notebook_platform.target.step import Target

CHART = "jupyterhub"
RELEASE_SECONDS = 120.0
LOOK_AGAIN, LONGEST_LOOK = 1.5, 30.0
"""Seconds. What has been amiss for long is looked at less often."""


@dataclass(frozen=True, kw_only=True)
class Hub:
    """The running hub, as status tells it."""

    name: str
    namespace: str
    chart: str
    revision: int
    state: str
    url: str | None


@dataclass(frozen=True)
class Found:
    """The release with its state, and how its workloads are. `release` is None when there is none, only our marker."""

    release: Release | None
    state: State
    health: Health = field(default_factory=Health)
    url: str | None = None
    trouble: str | None = None
    drifts: tuple[Drift, ...] = ()
    marked: bool = True


class JupyterHub(Step[Wanted, Found]):
    """One Helm release. Helm runs beside the passes; its end is seen by a later one."""

    name = "JupyterHub"
    needs = ("TargetCluster",)
    goes_with = "Cluster"

    def __init__(
        self,
        *,
        spec: NotebookPlatformSpec,
        owner: str,
        secrets: SecretStore,
        helm: Helm,
        allow_private: bool,
        deleting: bool,
    ) -> None:
        self._spec: JupyterHubSpec | None = spec.jupyterhub
        self._location = spec.azure.location
        self._around = Around(location=spec.azure.location)
        self._origins: Mapping[str, str] = {}
        self._adoption = spec.adoption
        self._owner = owner
        self._secrets = secrets
        self._helm = helm
        self._allow_private = allow_private
        self._deleting = deleting
        self._wanted: Wanted | None = None
        self._target: Target | None = None

    async def prepare(self, inputs: Inputs) -> None:
        """Find the chart and render the values, so that a missing Secret or chart is told before anything is done."""
        target: Target | None = inputs["TargetCluster"]
        if self._spec is None or target is None:
            return
        chart = self._helm.charts.find(CHART, self._spec.chart.version, self._spec.chart.repository, f"{FIELD}.chart")
        existing = await newest(target.api, self._spec.namespace, self._spec.release) if target.api else None
        secrets = await hub_secrets(self._secrets, self._spec, existing.config if existing else None)
        more = await more_values(self._secrets, self._spec)
        around = await look_around(target.api, self._spec, self._location, existing, allow_private=self._allow_private)
        rendered = explain(self._spec, secrets, target.served_version, more, around)
        self._around, self._origins = around, rendered.told()
        plain: dict[str, Any] = json.loads(json.dumps(rendered.values, default=str))
        self._wanted = Wanted(name=self._spec.release, namespace=self._spec.namespace, chart=chart, values=plain)

    def desired(self, inputs: Inputs) -> Wanted | None:
        return self._wanted

    def _key(self) -> str:
        assert self._spec is not None
        return f"{self._secrets.platform.uid}/{self._spec.namespace}/{self._spec.release}"

    async def observe(self, inputs: Inputs) -> Observed[Found]:
        target: Target | None = inputs.get("TargetCluster")
        if self._spec is None or target is None or target.api is None:
            return Observed()
        self._target = target
        if (run := self._helm.run_of(self._key())) is not None:
            if not run.ended:
                message = f"Helm is at work: {run.verb} {self._spec.release} in {self._spec.namespace}"
                reason = {"install": "Installing", "upgrade": "Upgrading"}.get(run.verb, "Uninstalling")
                busy = InProgress(reason="Deleting" if self._deleting else reason, message=message, look_again_in=0.5)
                return Observed(busy=busy)
            if run.words is not None:
                return Observed(failed=failure(run.words, FIELD))
        return await self._look(target)

    async def _look(self, target: Target) -> Observed[Found]:
        assert self._spec is not None
        release = await newest(target.api, self._spec.namespace, self._spec.release)
        mark = await marker.read(target.api, self._spec.namespace, self._spec.release)
        ours = mark is not None and mark.owner == self._owner
        if release is not None and not ours and (mark is not None or self._adoption == "Never"):
            return Observed(failed=self._not_ours(release, mark), ours=False)
        if self._deleting:
            return Observed(found=Found(release, State.IN_LINE) if release or mark else None)
        assert self._wanted is not None
        patience = timedelta(seconds=self._helm.timeout)
        begun = mark.revision if ours and mark else None
        state = state_of(release, self._wanted, our_revision=begun, now=datetime.now(UTC), patience=patience)
        if release is None or state is State.ABSENT:
            return Observed()
        found = replace(await self._with_health(target, release, state), marked=ours)
        return Observed(found=found, notices=tuple(self._notices()))

    def _not_ours(self, release: Release, mark: marker.Marker | None) -> Failed:
        where = f"release {release.name!r} in namespace {release.namespace!r} of the cluster"
        if mark is not None:
            return Failed(
                reason="OwnedByAnother",
                message=f"{FIELD}.release: {where} belongs to another platform ({mark.owner})",
                remedy="Choose another release or namespace. It is not touched.",
            )
        return Failed(
            reason="NotOwned",
            message=f"{FIELD}.release: {where} exists already and has no owner",
            remedy="Choose another name, or set spec.adoption: IfUnowned to take it over.",
        )

    async def _with_health(self, target: Target, release: Release, state: State) -> Found:
        if state is not State.IN_LINE:
            return Found(release, state)
        health = await look(target.api, release)
        url = self._url(health.address)
        asked = f"http://{health.address}{base_path(self._spec)}" if health.address and self._spec else None
        trouble = await probe(asked, allow_private=self._allow_private) if asked and not health.problems else None
        return Found(release, state, health, url, trouble, tuple(await drifted(target.api, release)))

    def _url(self, address: str | None) -> str | None:
        assert self._spec is not None
        return url_of(self._spec, self._around, address)

    def _notices(self) -> list[Notice]:
        assert self._spec is not None
        version = self._spec.chart.version
        if is_known(version):
            return []
        message = f"{FIELD}.chart.version {version} is not one this operator knows; it is treated as the nearest that it knows"
        return [Notice(condition="ChartVersionUnknown", reason="NotTried", message=message)]

    def plan(self, desired: Wanted | None, found: Found | None) -> Sequence[Change]:
        if desired is None:
            return ()
        chart = f"{desired.chart.name}-{desired.chart.version}"
        path = f"releases/{desired.namespace}/{desired.name}"
        if found is None or found.release is None:
            return [Change(path=path, action=Action.CREATE, after=_told(chart, self._origins))]
        if found.state is State.IN_LINE and not found.marked:
            return [Change(path=f"{path}/owner", action=Action.UPDATE, after=self._owner)]
        if found.state is State.IN_LINE:
            return [Change(path=f"{path}/{d.path}", action=Action.UPDATE, before=d.found, after=d.wanted) for d in found.drifts]
        release = found.release
        before = f"{release.chart}-{release.chart_version}"
        if before != chart:
            return [Change(path=f"{path}/chart", action=Action.UPDATE, before=before, after=chart, disrupts=True)]
        if found.state is State.OUTDATED:
            return [
                Change(
                    path=f"{path}/values", action=Action.UPDATE, before=_differing(desired, release, self._origins), disrupts=True
                )
            ]
        return [Change(path=f"{path}/state", action=Action.UPDATE, before=release.status, after="deployed")]

    async def apply(self, desired: Wanted | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        assert desired is not None and self._target is not None
        if found and found.release and not found.marked and found.state is State.IN_LINE:
            owned = marker.Marker(self._owner, found.release.revision)
            await marker.write(self._target.api, desired.namespace, desired.name, owned)
            return Done()
        state = found.state if found else State.ABSENT
        return await ACTIONS[state](self._helm, self._site(), found.release if found else None, desired)

    def _site(self) -> Site:
        assert self._target is not None
        return Site(api=self._target.api, kubeconfig=self._target.kubeconfig, owner=self._owner, field=FIELD, key=self._key())

    def judge(self, found: Found | None) -> Outcome | None:
        if found is None:
            return None
        trouble = sentence(found.health.problems) or found.trouble
        if not trouble:
            return None
        since = found.release.last_deployed if found.release else None
        age = (datetime.now(UTC) - since).total_seconds() if since else 0.0
        wait = min(max(LOOK_AGAIN, age / 10), LONGEST_LOOK)
        return InProgress(reason="Progressing", message=trouble, look_again_in=wait)

    def output(self, found: Found | None) -> Any:
        if found is None or found.release is None:
            return None
        release = found.release
        return Hub(
            name=release.name,
            namespace=release.namespace,
            chart=f"{release.chart}-{release.chart_version}",
            revision=release.revision,
            state=release.status,
            url=found.url,
        )

    def promise(self, desired: Wanted) -> Any:
        return None

    def takes(self, changes: Sequence[Change]) -> float:
        return RELEASE_SECONDS if changes else 0.0

    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        assert self._spec is not None and self._target is not None
        if found.release is not None:
            return uninstall(self._helm, self._site(), found.release)
        core, namespace = client.CoreV1Api(self._target.api), self._spec.namespace
        await core.delete_collection_namespaced_pod(namespace, label_selector="component=singleuser-server")
        await marker.remove(self._target.api, namespace, self._spec.release, self._owner)
        return Done()


def _told(chart: str, origins: Mapping[str, str]) -> Any:
    """The chart, and where each value that it is given comes from."""
    return {"chart": chart, "values": dict(origins)} if origins else chart


def _differing(desired: Wanted, release: Release, origins: Mapping[str, str]) -> list[str]:
    """The paths at which the values differ, and where they come from; the values themselves may be secret."""
    forth = {change.path for change in compare(desired.values, release.config)}
    back = {change.path for change in compare(release.config, desired.values)}
    return [f"{path} ({origins[path]})" if path in origins else path for path in sorted(forth | back)]
