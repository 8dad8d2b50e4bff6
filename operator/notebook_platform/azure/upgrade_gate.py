"""The gate of an upgrade of Kubernetes: what Azure would refuse, and what in the cluster does not work with the new version.

The checks are those of `checks.BEFORE_UPGRADE`. Their result is the gate of the one change that they are about, so that an upgrade that
cannot be made holds up nothing else, and `plan` shows it on that change.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.checks import BEFORE_UPGRADE
from notebook_platform.azure.checks.finding import failure, run
from notebook_platform.azure.cluster_body import Wire, busy_pools, cluster_output, current_version, lagging_pools, power_state
from notebook_platform.azure.scope import AzureScope
from notebook_platform.azure.versions import ignores_pool_version, ignores_version, reached
from notebook_platform.engine.change import Gate, Impossible, NeedsApproval
from notebook_platform.engine.outcome import Deferred, Failed

FIELD = "spec.cluster"


async def upgrade_gate(scope: AzureScope, body: Mapping[str, Any]) -> Gate | None:
    """Return what holds the upgrade that the spec asks for; None: nothing does, or it asks for none. `body`: the cluster in wire
    form. Raises StepError."""
    wanted, current = scope.spec.cluster.kubernetes_version, current_version(body)
    if (
        scope.deleting
        or ignores_version(scope.spec)
        or reached(current, wanted, floor=scope.spec.cluster.upgrades.moves_version)
        or power_state(dict(body)) != "Running"
    ):
        return None
    if refused := failure(await run(scope, BEFORE_UPGRADE, True)):
        return Impossible(refused, disruptive=True)
    obstacle = await _obstacle(scope, body, current, wanted)
    return NeedsApproval(obstacle, disruptive=True) if obstacle else None


def awaits_pools(spec: NotebookPlatformSpec, body: Wire, names: Collection[str]) -> bool:
    """Return whether the next upgrade waits for agent pools, of which the operator upgrades each that is behind. Pure."""
    behind = lagging_pools(body, names)
    return bool(behind or busy_pools(body)) and not any(ignores_pool_version(spec, pool) for pool in behind)


def idle_pools_first(pools: Sequence[str], output: outputs.Cluster | None) -> Deferred:
    """Return that a change of the control plane waits for the work on `pools`. Pure."""
    sentence = f"The control plane waits for the agent pools {', '.join(pools)}, which have operations in progress"
    return Deferred(output=output, reason=Reason.UPDATING, message=sentence)


def pools_first(
    spec: NotebookPlatformSpec, behind: Sequence[str], current: str, wanted: str, output: outputs.Cluster | None
) -> Deferred:
    """Return that the control plane waits for the agent pools `behind`, which are a minor version behind `current`. Pure."""
    message = f"The agent pools {', '.join(behind)} are upgraded to {current} before the control plane is upgraded to {wanted}"
    if left := [pool for pool in behind if ignores_pool_version(spec, pool)]:
        message += f". spec.driftIgnore keeps the operator from upgrading {', '.join(left)}: upgrade them, or remove the path"
    return Deferred(output=output, reason=Reason.UPGRADING, message=message, needs_user=bool(left))


async def _obstacle(scope: AzureScope, body: Mapping[str, Any], current: str, wanted: str) -> Failed | None:
    """Return why Kubernetes may not be upgraded yet: the releases in the cluster are checked before anything happens."""
    if scope.find_removed_apis is None:
        return None
    in_use = await scope.find_removed_apis(cluster_output(dict(body), scope.group), current, wanted)
    if in_use is None:
        return None
    return Failed(
        reason=Reason.REMOVED_APIS_IN_USE,
        message=f"{FIELD}.kubernetesVersion {wanted} is deferred, because {in_use}",
        remedy="Upgrade those charts first to versions without these APIs; Kubernetes is upgraded afterwards.",
    )
