"""Kubernetes versions as AKS moves them: one minor at a time, the control plane first.

https://learn.microsoft.com/azure/aks/supported-kubernetes-versions and .../upgrade-aks-cluster
"""

from notebook_platform.api.drift_ignore import ignored_by
from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.engine import Failed
from notebook_platform.versions import minor, parse


def satisfies(current: str, wanted: str) -> bool:
    """Return whether the running version is the wanted one: any patch satisfies `1.34`."""
    return parse(current)[: len(parse(wanted))] == parse(wanted)


def reached(current: str, wanted: str, *, floor: bool) -> bool:
    """Return whether the running version needs no change to the wanted one. `floor`: a newer one does not either."""
    return satisfies(current, wanted) or (floor and parse(current) > parse(wanted))


def downgrade(current: str, wanted: str, field: str) -> Failed | None:
    """Return why `wanted` is impossible (VersionDowngrade): it is older than the running version. None: it is not."""
    if parse(wanted) >= parse(current)[: len(parse(wanted))]:
        return None
    return Failed(
        reason=Reason.VERSION_DOWNGRADE,
        message=f"{field} is {wanted} but {current} runs, and AKS cannot downgrade",
        remedy=f"Set {field} to {current} or later; with an upgrade channel (spec.cluster.upgrades.channel) it is the oldest version "
        "that may run.",
    )


def ignores_version(spec: NotebookPlatformSpec) -> bool:
    """Return whether spec.driftIgnore leaves the version of the control plane to another client."""
    return ignored_by(spec.drift_ignore)("Cluster", "properties.kubernetesVersion")


def ignores_pool_version(spec: NotebookPlatformSpec, pool: str) -> bool:
    """Return whether spec.driftIgnore leaves the version of an agent pool to another client."""
    return ignored_by(spec.drift_ignore)("NodePools", f"agentPools[{pool}].orchestratorVersion")


def next_version(current: str, wanted: str) -> str:
    """Return the version to request next on the way to `wanted`: itself, or the next minor when it is further away."""
    (_, now), (_, target) = minor(current), minor(wanted)
    return wanted if target - now <= 1 else f"1.{now + 1}"


def follows(wanted: str, control_plane: str, current: str = "", *, floor: bool = False) -> str:
    """Return the version that a pool may be upgraded to while the control plane runs another: never a newer minor than that.

    Returns `wanted`, or the control plane's version when that is older; with `floor` also when it is newer, since AKS may no longer
    offer `wanted`. Empty when the pool, which runs `current`, is there already and has to wait.
    """
    if floor and parse(control_plane) > parse(wanted):
        return control_plane
    if minor(wanted) <= minor(control_plane):
        return wanted
    return "" if current and minor(current) >= minor(control_plane) else control_plane
