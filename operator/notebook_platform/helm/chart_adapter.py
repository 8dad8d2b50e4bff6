"""The chart-specific part of a release, which the step does not know: a hub, a binder, or any other chart."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from kubernetes.aio import client

from notebook_platform.api.remediation import Remediation
from notebook_platform.engine.outcome import Progressing
from notebook_platform.engine.step import Notice
from notebook_platform.helm.claims import dropped_volumes, without_volume
from notebook_platform.helm.health.issues import HealthIssue
from notebook_platform.helm.health.pdb import drain_blocked
from notebook_platform.helm.health.workloads import health_issues
from notebook_platform.helm.hooks import Place, progress
from notebook_platform.helm.plan import Concern
from notebook_platform.helm.release import Release
from notebook_platform.helm.state import Wanted
from notebook_platform.workload.step import WorkloadClusterOutput


@dataclass(frozen=True, kw_only=True)
class Running:
    """The output of a release. `url`: where users reach it; `details`: further facts of the chart."""

    name: str
    namespace: str
    chart: str
    revision: int
    state: str
    url: str | None = None
    details: Any = None


@dataclass(frozen=True, kw_only=True)
class ReleaseHealth:
    """The health of a release: its issues (worst first), its URL, and notices."""

    issues: tuple[HealthIssue, ...] = ()
    url: str | None = None
    details: Any = None
    notices: tuple[Notice, ...] = ()


class ChartAdapter(ABC):
    """One release of the spec. `name`, `needs` and `after` are the step's, `field` is the part of the spec, `release` and
    `namespace` are Helm's; they never change. `needed`: the places (namespace, release) of the releases that it comes after. `circle`:
    releases that wait for each other, this one among them. An instance lives for one reconcile."""

    name: str
    needs: tuple[type, ...] = (WorkloadClusterOutput,)
    after: tuple[str, ...] = ()
    needed: tuple[tuple[str, str], ...] = ()
    circle: tuple[str, ...] = ()
    field: str
    release: str
    namespace: str
    remediation: Remediation

    def comes_after(self, needed: Sequence["ChartAdapter"], circle: Sequence[str]) -> None:
        """Make the release wait for these."""
        self.after, self.circle = tuple(one.name for one in needed), tuple(circle)
        self.needed = tuple(sorted((one.namespace, one.release) for one in needed))

    @abstractmethod
    async def want(self, target: WorkloadClusterOutput, existing: Release | None) -> Wanted:
        """Return chart and values. `existing` is the installed release, if it is the platform's or may be adopted. Raises
        StepError for a missing or invalid input. `target.api` is None while the cluster is only planned."""

    async def read_health(self, target: WorkloadClusterOutput, release: Release, wanted: Wanted) -> ReleaseHealth:
        """Return the health of a release that runs. `wanted`: what `want` returned in the same reconcile."""
        return ReleaseHealth(
            issues=await health_issues(target.api, release), notices=await drain_blocked(target.api, release, self.field)
        )

    def notices(self) -> Sequence[Notice]:
        """Return notices about the wanted release itself."""
        return ()

    async def progress(self, api: client.ApiClient) -> str | None:
        """Return the progress of the hooks while Helm runs; None: nothing to report."""
        return await progress(api, self.namespace)

    async def concerns(
        self, target: WorkloadClusterOutput, existing: Release, wanted: Wanted, objects: frozenset[Place]
    ) -> Sequence[Concern]:
        """Return the effects of an upgrade on users' data that need approval; called before an upgrade. `objects` are those of
        the release after the upgrade."""
        if not any(dropped_volumes(existing, objects)):
            return ()
        return list(dropped_volumes(existing, objects | await without_volume(target.api, existing)))

    async def save(self, target: WorkloadClusterOutput, existing: Release, wanted: Wanted) -> Progressing | None:
        """Back up, right before an upgrade, what it could destroy; None: the upgrade may begin. Raises StepError when that fails."""
        return None

    def irreversible(self, bad: Release, good: Release) -> str:
        """Return why a rollback to `good` is impossible after `bad` was tried; empty: it is possible."""
        return ""

    async def unused_claims(self, api: client.ApiClient, release: Release) -> Collection[tuple[str, str]]:
        """Return the claims of the release, as (namespace, name), that provably hold no users' data."""
        return ()

    async def clear(self, api: client.ApiClient) -> None:
        """Delete what the release created at run time, after Helm has uninstalled it."""
        return
