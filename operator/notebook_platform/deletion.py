"""Delete one platform: hold the deletion, release the resources, or delete them step by step.

A deletion is requested by metadata.deletionTimestamp and carried out by the operator, whose finalizer keeps the object until
then. Admission rejects the deletion of a protected platform (deploy/kustomize/base/deletion-protection.yaml), but the API
server does not run admission when it deletes the objects of a CustomResourceDefinition together with it, and a policy can be
removed. So every round reads spec.deletionProtection and spec.deletionPolicy first: both can still be edited while an object
is being deleted. The reconciler calls `Deletion.advance` once a round.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.drift_ignore import ignored_by
from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.api.status import HubStatus, PlatformStatus
from notebook_platform.azure.arm.ownership import untagging
from notebook_platform.clients import SharedClients
from notebook_platform.engine.outcome import Deferred, Failed, Operation, Unblocking, Waiting
from notebook_platform.engine.reconcile import Mode, Policy, reconcile
from notebook_platform.engine.result import Result
from notebook_platform.engine.step import Notice
from notebook_platform.engine.teardown import orphan, teardown
from notebook_platform.engine.traverse import Listener, ignore_result
from notebook_platform.events import EventContent
from notebook_platform.hubs.users.volumes import CONFIRM, UserInventory, deletion_refusal
from notebook_platform.kube.secrets import Platform, SecretStore

HELD, INTERRUPTED = Reason.DELETION_HELD, Reason.DELETION_INTERRUPTED
"""Reasons of the condition: nothing has been deleted yet, or a part was deleted before the protection was set again."""

BEGUN = frozenset({Reason.DELETED, Reason.DELETING})
"""Reasons that a condition has only after the deletion has begun."""


@dataclass(frozen=True, kw_only=True)
class DeletionRequest:
    """The object as read for this round, and the state of earlier rounds.

    `operations`: those that Azure accepted. `backing_off`: steps that are not retried yet. `given_up`: steps that failed as often as their
    failure allows. `on_result` is called with each step's result at once. `refused`: why operations cannot be recorded; then none may be
    started.
    """

    spec: NotebookPlatformSpec
    body: Mapping[str, Any]
    status: PlatformStatus
    operations: Mapping[str, Operation]
    backing_off: Mapping[str, Failed]
    given_up: Collection[str] = ()
    on_result: Listener = ignore_result
    refused: Failed | None = None


@dataclass(frozen=True, kw_only=True)
class DeletionState:
    """The state of the deletion after a round. `finished`: the finalizer may be removed. `protected`: nothing may be deleted."""

    results: Mapping[str, Result] = field(default_factory=dict)
    status: PlatformStatus
    finished: bool = False
    protected: bool = False


class Deletion:
    """Deletes one platform, one round at a time."""

    def __init__(self, platform: Platform, secrets: SecretStore, shared: SharedClients) -> None:
        self._platform = platform
        self._secrets = secrets
        self._shared = shared
        self._homes_may_go = False

    async def advance(self, request: DeletionRequest) -> DeletionState:
        """Do one round and return the state of the deletion. Starts work in Azure and waits for none of it.

        Raises ApiException when the management cluster refuses a request.
        """
        if request.spec.deletion_protection:
            self._homes_may_go = False
            return await self._hold(request)
        if request.spec.deletion_policy == "Orphan":
            return await self._orphan(request)
        return await self._dismantle(request)

    async def _hold(self, request: DeletionRequest) -> DeletionState:
        """Write nothing. Observe as a plan does, so that the health of running resources stays visible."""
        spec = request.spec
        graph = await self._shared.graph(
            self._platform, spec, self._secrets, request.operations, planning=True, refused=request.refused
        )
        policy = Policy(mode=Mode.PLAN, backing_off=request.backing_off, ignored=ignored_by(spec.drift_ignore))
        observed = await reconcile(graph, policy, request.on_result)
        return DeletionState(results={"Deletion": protection(request), **observed}, status=request.status, protected=True)

    async def _orphan(self, request: DeletionRequest) -> DeletionState:
        """Remove the operator's marks, and leave every resource in place."""
        results = await orphan(await self._graph(request), request.given_up)
        finished = _all_done(results)
        if finished:
            await self._secrets.orphan()
        return DeletionState(results=results, status=request.status, finished=finished)

    async def _dismantle(self, request: DeletionRequest) -> DeletionState:
        """Delete what the platform owns, in order, unless it would destroy user data without confirmation."""
        graph = await self._graph(request)
        held_back, status = await self._reason_to_wait(request)
        if held_back is not None:
            waits = Result(outcome=Waiting(on=("Homes",)), exists=True)
            blocked = {"Homes": Result(outcome=held_back, exists=True), **dict.fromkeys(graph.order, waits)}
            return DeletionState(results=blocked, status=status)
        results = await teardown(graph, request.backing_off, request.on_result)
        return DeletionState(results=results, status=status, finished=_all_done(results))

    async def _graph(self, request: DeletionRequest) -> Any:
        return await self._shared.graph(
            self._platform, request.spec, self._secrets, request.operations, deleting=True, refused=request.refused
        )

    async def _reason_to_wait(self, request: DeletionRequest) -> tuple[Failed | None, PlatformStatus]:
        """Return why the deletion is held to protect user data, if it is, and the status with the count of volumes."""
        status = request.status
        if self._homes_may_go:
            return None, status
        reached = status.cluster is not None and status.cluster.kubeconfig_secret is not None
        found = await self._shared.inventory(self._platform, request.spec, self._secrets, reached=reached)
        if found is not None and found != UserInventory():
            status = status.model_copy(update={"hub": HubStatus(servers=found.servers, homes=found.homes)})
        confirmed = (request.body["metadata"].get("annotations") or {}).get(CONFIRM)
        held_back = deletion_refusal(found, confirmed)
        self._homes_may_go = held_back is None
        return held_back, status


def protection(request: DeletionRequest) -> Result:
    """Return the result for spec.deletionProtection: stalled until the spec changes. Pure."""
    begun = any(
        c.reason in BEGUN or (c.type, c.reason) == (ConditionType.DELETION_PROTECTED, INTERRUPTED)
        for c in request.status.conditions
    )
    requested = request.body["metadata"].get("deletionTimestamp")
    if begun:
        message = (
            f"spec.deletionProtection is true: the deletion requested at {requested} was stopped after it had begun. Resources deleted "
            "before are not created again while the object is being deleted, and operations that Azure accepted continue"
        )
    else:
        message = (
            f"spec.deletionProtection is true: the deletion requested at {requested} is blocked, and nothing has been deleted"
        )
    failed = Failed(
        reason=Reason.DELETION_PROTECTED,
        message=message,
        remedy="To keep everything, set spec.deletionPolicy: Orphan and spec.deletionProtection: false, then apply the platform "
        "again with spec.adoption: IfUnowned. To delete everything, set spec.deletionProtection: false.",
    )
    notice = Notice(condition=ConditionType.DELETION_PROTECTED, reason=INTERRUPTED if begun else HELD, message=message)
    return Result(outcome=failed, exists=True, notices=(notice,))


def _all_done(results: Mapping[str, Result]) -> bool:
    return all(isinstance(result.outcome, Unblocking) for result in results.values())


def marks_left(results: Mapping[str, Result], owner_tag: str) -> EventContent | None:
    """Return the Event about owner tags that an orphaned platform leaves; None: it leaves none. Pure.

    They do not hold the object, but no platform adopts a resource that has the tag of another one.
    """
    left = {name: result.outcome for name, result in results.items() if isinstance(result.outcome, Deferred)}
    if not left:
        return None
    causes = "; ".join(dict.fromkeys(outcome.message.rstrip(". ") for outcome in left.values()))
    message = (
        f"Resources of {', '.join(left)} keep the owner tag, so that no platform can adopt them: {causes}. {untagging(owner_tag)}; for agent "
        "pools, `az aks nodepool update --tags` sets other tags"
    )
    return EventContent(type="Warning", reason=Reason.OWNER_TAGS_LEFT, message=message)
