"""HubMetrics: PodMonitors have the agent of managed Prometheus scrape each hub and its proxy.

They come after the releases and are deleted before them. The agent brings their API: until the API server serves it, the step is in
progress. The operator reads them by name, in the namespaces of the spec's hubs and in those that were applied last, so that nothing in the
workload cluster decides what is deleted beside the owner's annotation.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.engine import Action, Change, Failed, Inputs, Observed, Outcome, Progressing, Ready, Step
from notebook_platform.engine.change import compare
from notebook_platform.engine.each import each
from notebook_platform.helm.ownership import OWNER
from notebook_platform.hubs.metrics.checks import TURN_OFF
from notebook_platform.hubs.metrics.monitors import GROUP, KIND, NAMES, PLURAL, Object, ScrapedHub, pod_monitors
from notebook_platform.kube.existing import existing
from notebook_platform.workload import errors
from notebook_platform.workload.step import WorkloadClusterOutput

FIELD = "spec.monitoring"
MANAGER = "notebook-platform"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
AGENT_RECHECK, AGENT_STALL_AFTER = 10.0, 1800.0
"""Seconds. An agent that needs longer does not start without a user."""

Key = tuple[str, str]
"""(namespace, name)."""

COMPARED = ("labels", "annotations")


@dataclass(frozen=True)
class Found:
    """The PodMonitors of the operator's names that exist. `served`: the API server has the kind."""

    target: WorkloadClusterOutput
    objects: Mapping[Key, Object]
    served: bool = True


class HubMetrics(Step[tuple[Object, ...], Found, tuple[Key, ...]]):
    """The PodMonitors of a platform's hubs. `hubs`: those to scrape; `applied`: the namespaces in which there may be PodMonitors;
    `after`: the steps of the hubs' releases."""

    name = "HubMetrics"
    needs = (WorkloadClusterOutput,)
    deleted_with = outputs.Cluster

    def __init__(
        self, hubs: Sequence[ScrapedHub], *, owner: str, applied: Collection[str], after: Sequence[str], deleting: bool
    ) -> None:
        self.after = tuple(after)
        self._hubs = hubs
        self._owner = owner
        self._deleting = deleting
        self._namespaces = sorted({*applied, *(hub.namespace for hub in hubs)})

    def desired(self, inputs: Inputs) -> tuple[Object, ...] | None:
        return tuple(one for hub in self._hubs for one in pod_monitors(hub, self._owner)) or None

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Found]:
        target = inputs.get(WorkloadClusterOutput)
        if target is None or target.api is None or not self._namespaces:
            return Observed()
        custom = client.CustomObjectsApi(target.api)
        keys = [(namespace, name) for namespace in self._namespaces for name in NAMES]
        read = await asyncio.gather(
            *(existing(custom.get_namespaced_custom_object(*GROUP, key[0], PLURAL, key[1])) for key in keys)
        )
        there = {key: one for key, one in zip(keys, read, strict=True) if isinstance(one, Mapping)}
        wanted = {_key(one) for one in self.desired(inputs) or ()}
        if conflict := None if self._deleting else self._conflict(there, wanted):
            return Observed(failed=conflict)
        ours = {key: one for key, one in there.items() if _owner_of(one) == self._owner}
        served = bool(there) or await existing(custom.get_api_resources(*GROUP)) is not None
        return Observed(found=Found(target, ours, served), absent=not ours)

    def _conflict(self, there: Mapping[Key, Object], wanted: Collection[Key]) -> Failed | None:
        """Return why a PodMonitor may not be written: it exists, and the platform does not own it."""
        foreign = sorted(key for key in wanted if key in there and _owner_of(there[key]) != self._owner)
        if not foreign:
            return None
        namespace, name = foreign[0]
        owner = _owner_of(there[foreign[0]])
        message = f"{FIELD}: {KIND} {name!r} in namespace {namespace!r} of the cluster"
        return Failed(
            reason=Reason.OWNED_BY_ANOTHER if owner else Reason.NOT_OWNED,
            message=f"{message} {'belongs to another platform' if owner else 'exists already and has no owner'}",
            remedy=f"Delete it, or {TURN_OFF}. The operator does not change it.",
            retry_in=60,
        )

    def plan(self, desired: tuple[Object, ...] | None, found: Found | None) -> Sequence[Change]:
        there = found.objects if found else {}
        wanted = {_key(one): one for one in desired or ()}
        changes: list[Change] = []
        for key, one in wanted.items():
            if key in there:
                changes += compare(_compared(one), _compared(there[key]), _path(key))
            else:
                changes.append(Change(path=_path(key), action=Action.CREATE, after=one["spec"]))
        gone = [key for key in there if key not in wanted]
        return [*changes, *(Change(path=_path(key), action=Action.DELETE, before="applied") for key in gone)]

    async def apply(self, desired: tuple[Object, ...] | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        assert found is not None
        wanted = {_key(one): one for one in desired or ()}
        now = {change.path for change in changes}
        written = [key for key in wanted if any(path == _path(key) or path.startswith(f"{_path(key)}.") for path in now)]
        custom = client.CustomObjectsApi(found.target.api)
        for key, one in found.objects.items():
            if key not in wanted and _path(key) in now:
                await _delete(custom, key, one)
        if written and not found.served:
            return Progressing(
                reason=Reason.METRICS_AGENT_PENDING,
                message=f"{FIELD}: the cluster does not serve {KIND} ({'/'.join(GROUP)}) yet, which the metrics agent of AKS installs",
                requeue_after=AGENT_RECHECK,
                stall_after=AGENT_STALL_AFTER,
                remedy=f"Check why the pods ama-metrics in namespace kube-system do not run, or {TURN_OFF}.",
            )
        for key in written:
            await _apply(custom, wanted[key], found.objects.get(key))
        return Ready()

    def output(self, found: Found | None) -> tuple[Key, ...] | None:
        return tuple(found.objects) if found and found.objects else None

    def classify_error(self, error: Exception) -> Failed | None:
        return errors.failure(error, FIELD)

    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        custom = client.CustomObjectsApi(found.target.api)
        for key, one in found.objects.items():
            await _delete(custom, key, one)
        return Ready()

    async def orphan(self, found: Found) -> Outcome:
        custom = client.CustomObjectsApi(found.target.api)

        async def release(one: tuple[tuple[str, str], Object]) -> None:
            (namespace, name), found_object = one
            body = {"metadata": {**_version(found_object), "annotations": {OWNER: None}}}
            await custom.patch_namespaced_custom_object(*GROUP, namespace, PLURAL, name, body, _content_type=MERGE)

        return await each(found.objects.items(), release, ApiException)


async def _apply(custom: client.CustomObjectsApi, wanted: Object, found: Object | None) -> None:
    """Apply one, server-side. What exists is overwritten only as it was observed; what appeared meanwhile is not (409)."""
    namespace, name = _key(wanted)
    body = {**wanted, "metadata": {**wanted["metadata"], **(_version(found) if found else {})}}
    force = found is not None
    await custom.patch_namespaced_custom_object(
        *GROUP, namespace, PLURAL, name, body, field_manager=MANAGER, force=force, _content_type=APPLY
    )


async def _delete(custom: client.CustomObjectsApi, key: Key, found: Object) -> None:
    """Delete one as it was observed; its owner may have changed (409)."""
    options = client.V1DeleteOptions(preconditions=client.V1Preconditions(**{_NAMES[k]: v for k, v in _version(found).items()}))
    try:
        await custom.delete_namespaced_custom_object(*GROUP, key[0], PLURAL, key[1], body=options)
    except ApiException as error:
        if error.status != 404:
            raise


_NAMES = {"uid": "uid", "resourceVersion": "resource_version"}


def _version(found: Object) -> dict[str, str]:
    return {name: str(found["metadata"][name]) for name in _NAMES}


def _key(one: Object) -> Key:
    return str(one["metadata"]["namespace"]), str(one["metadata"]["name"])


def _path(key: Key) -> str:
    return f"podMonitors[{key[0]}/{key[1]}]"


def _compared(one: Object) -> dict[str, Any]:
    """Return the members that the operator sets."""
    return {"metadata": {name: one["metadata"].get(name) or {} for name in COMPARED}, "spec": one.get("spec") or {}}


def _owner_of(one: Object) -> str:
    return str((one["metadata"].get("annotations") or {}).get(OWNER, ""))
