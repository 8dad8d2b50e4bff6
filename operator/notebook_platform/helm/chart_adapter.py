"""What a release is about: the part of it that the step does not know. A hub, a binder, any other chart."""

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
from notebook_platform.helm.health.workloads import troubles
from notebook_platform.helm.hooks import Place, progress
from notebook_platform.helm.plan import Concern
from notebook_platform.helm.release import Release
from notebook_platform.helm.state import Wanted
from notebook_platform.workload.step import WorkloadClusterOutput


@dataclass(frozen=True, kw_only=True)
class Running:
    """A release as later steps and the status take it. `url`: where people find it; `details`: what else its content tells."""

    name: str
    namespace: str
    chart: str
    revision: int
    state: str
    url: str | None = None
    details: Any = None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """How a release is: what is amiss (worst first), where it answers, and what else is to be told."""

    troubles: tuple[HealthIssue, ...] = ()
    url: str | None = None
    details: Any = None
    notices: tuple[Notice, ...] = ()


class ChartAdapter(ABC):
    """One release of the spec. `name`, `needs` and `after` are the step's, `field` is the part of the spec, `release` and `namespace` are
    Helm's; they never change. `circle`: releases that wait for each other, this one among them. An instance lives for one pass."""

    name: str
    needs: tuple[type, ...] = (WorkloadClusterOutput,)
    after: tuple[str, ...] = ()
    circle: tuple[str, ...] = ()
    field: str
    release: str
    namespace: str
    remediation: Remediation

    def comes_after(self, steps: Sequence[str], circle: Sequence[str]) -> None:
        """Let it wait for the releases of these steps."""
        self.after, self.circle = tuple(steps), tuple(circle)

    @abstractmethod
    async def want(self, target: WorkloadClusterOutput, existing: Release | None) -> Wanted:
        """Chart and values. `existing` is what is there, if it is ours or may be taken over. Raises StepError for what is missing or
        cannot be. `target.api` is None while the cluster is only planned."""

    async def look(self, target: WorkloadClusterOutput, release: Release, wanted: Wanted) -> Seen:
        """Return the health of a release that runs. `wanted`: what `want` returned in the same reconcile."""
        return Seen(troubles=await troubles(target.api, release), notices=await drain_blocked(target.api, release, self.field))

    def notices(self) -> Sequence[Notice]:
        """What a person would want to know of the wish itself."""
        return ()

    async def progress(self, api: client.ApiClient) -> str | None:
        """How far the hooks are while helm is at work; None: nothing to tell."""
        return await progress(api, self.namespace)

    async def concerns(
        self, target: WorkloadClusterOutput, existing: Release, wanted: Wanted, objects: frozenset[Place]
    ) -> Sequence[Concern]:
        """What an upgrade does to users' data that a person has to approve; asked before one. `objects` are those of the release as it
        would be."""
        if not any(dropped_volumes(existing, objects)):
            return ()
        return list(dropped_volumes(existing, objects | await without_volume(target.api, existing)))

    async def save(self, target: WorkloadClusterOutput, existing: Release, wanted: Wanted) -> Progressing | None:
        """Keep safe what an upgrade could destroy, right before it; None: it may begin. Raises StepError when that fails."""
        return None

    def irreversible(self, bad: Release, good: Release) -> str:
        """Why `good` may not come back after `bad` was tried; empty: it may."""
        return ""

    async def unused_claims(self, api: client.ApiClient, release: Release) -> Collection[tuple[str, str]]:
        """The claims of the release, as (namespace, name), that provably hold nothing of users."""
        return ()

    async def clear(self, api: client.ApiClient) -> None:
        """After helm has uninstalled it: end what it started itself."""
        return
