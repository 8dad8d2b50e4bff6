"""Node auto-provisioning waits until no agent pool has the cluster autoscaler, which excludes it. Pure.

https://learn.microsoft.com/azure/aks/node-auto-provisioning#limitations-and-unsupported-features
"""

from collections.abc import Sequence

from notebook_platform import outputs
from notebook_platform.api.drift_ignore import ignored_by
from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.engine.outcome import Deferred

COMMAND = "az aks nodepool update --disable-cluster-autoscaler --resource-group GROUP --cluster-name CLUSTER --name POOL"


def autoscaler_first(spec: NotebookPlatformSpec, pools: Sequence[str], output: outputs.Cluster | None) -> Deferred:
    """Return that node auto-provisioning waits for the cluster autoscaler of `pools`. A user has to turn it off where the operator does
    not: in a pool that the spec does not name, or that spec.driftIgnore leaves to another client."""
    message = f"Node auto-provisioning waits until the cluster autoscaler of the agent pools {', '.join(pools)} is off"
    named, ignored = {pool.name for pool in spec.node_pools}, ignored_by(spec.drift_ignore)
    left = [p for p in pools if p not in named or ignored("NodePools", f"agentPools[{p}].enableAutoScaling")]
    if left:
        message += f". The operator does not change it in {', '.join(left)}: turn it off with `{COMMAND}`"
    elif spec.drift_policy == "Warn":
        message += f". Where another client has turned it on, spec.driftPolicy: Warn leaves it: turn it off with `{COMMAND}`"
    return Deferred(output=output, reason=Reason.UPDATING, message=message, needs_user=bool(left))
