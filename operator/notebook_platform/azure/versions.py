"""Kubernetes versions as AKS moves them: one minor at a time, the control plane first.

https://learn.microsoft.com/azure/aks/supported-kubernetes-versions and .../upgrade-aks-cluster
"""

from notebook_platform.api.reasons import Reason
from notebook_platform.engine import Failed


def parts(version: str) -> tuple[int, ...]:
    """`1.34.2` -> (1, 34, 2)."""
    return tuple(int(part) for part in version.removeprefix("v").split("."))


def satisfies(current: str, wanted: str) -> bool:
    """Whether what runs is what is wanted: `1.34` is satisfied by any patch of it."""
    return parts(current)[: len(parts(wanted))] == parts(wanted)


def downgrade(current: str, wanted: str, field: str) -> Failed | None:
    """Why `wanted` cannot be had (VersionDowngrade): it lies behind what runs. None: it does not."""
    if parts(wanted) >= parts(current)[: len(parts(wanted))]:
        return None
    return Failed(
        reason=Reason.VERSION_DOWNGRADE,
        message=f"{field} is {wanted} but {current} runs, and AKS does not go back",
        remedy=f"Set {field} to {current} or later.",
    )


def next_version(current: str, wanted: str) -> str:
    """The version to ask for next on the way to `wanted`: itself, or the next minor when it is further away."""
    (_, minor, *_), (_, target, *_) = parts(current), parts(wanted)
    return wanted if target - minor <= 1 else f"1.{minor + 1}"


def follows(wanted: str, control_plane: str, current: str = "") -> str:
    """The version a pool may be asked for while the control plane runs another: never a newer minor than that one's.

    Returns `wanted`, or the control plane's version when that is older. Empty when the pool, which runs `current`, is there
    already and has to wait.
    """
    if parts(wanted)[:2] <= parts(control_plane)[:2]:
        return wanted
    return "" if current and parts(current)[:2] >= parts(control_plane)[:2] else control_plane
