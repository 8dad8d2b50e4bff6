"""Kubernetes versions as AKS moves them: one minor at a time, the control plane first.

https://learn.microsoft.com/azure/aks/supported-kubernetes-versions and .../upgrade-aks-cluster
"""

from notebook_platform.api.reasons import Reason
from notebook_platform.engine import Failed


def parts(version: str) -> tuple[int, ...]:
    """Parse a version: `1.34.2` gives (1, 34, 2)."""
    return tuple(int(part) for part in version.removeprefix("v").split("."))


def satisfies(current: str, wanted: str) -> bool:
    """Return whether the running version is the wanted one: any patch satisfies `1.34`."""
    return parts(current)[: len(parts(wanted))] == parts(wanted)


def downgrade(current: str, wanted: str, field: str) -> Failed | None:
    """Return why `wanted` is impossible (VersionDowngrade): it is older than the running version. None: it is not."""
    if parts(wanted) >= parts(current)[: len(parts(wanted))]:
        return None
    return Failed(
        reason=Reason.VERSION_DOWNGRADE,
        message=f"{field} is {wanted} but {current} runs, and AKS does not go back",
        remedy=f"Set {field} to {current} or later.",
    )


def next_version(current: str, wanted: str) -> str:
    """Return the version to request next on the way to `wanted`: itself, or the next minor when it is further away."""
    (_, minor, *_), (_, target, *_) = parts(current), parts(wanted)
    return wanted if target - minor <= 1 else f"1.{minor + 1}"


def follows(wanted: str, control_plane: str, current: str = "") -> str:
    """Return the version that a pool may be upgraded to while the control plane runs another: never a newer minor than that.

    Returns `wanted`, or the control plane's version when that is older. Empty when the pool, which runs `current`, is there
    already and has to wait.
    """
    if parts(wanted)[:2] <= parts(control_plane)[:2]:
        return wanted
    return "" if current and parts(current)[:2] >= parts(control_plane)[:2] else control_plane
