"""Whose the releases of a platform are, and what may be touched."""

from dataclasses import dataclass

from notebook_platform.engine.outcome import Failed
from notebook_platform.helm.content import Content
from notebook_platform.helm.marker import Marker
from notebook_platform.helm.release import Release
from notebook_platform.helm.runner import Helm


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """How the releases of one platform are kept: whose they are, with which helm, what may be taken over, to which versions of
    charts a person lets them go."""

    owner: str
    uid: str
    helm: Helm
    adoption: str
    deleting: bool
    approved: frozenset[str] = frozenset()


def objection(content: Content, keeping: Keeping, release: Release | None, mark: Marker | None) -> Failed | None:
    """Why a release may not be touched; None: it is ours, nobody's and to be taken over, or not there. Pure."""
    place = content.field
    where = f"release {content.release!r} in namespace {content.namespace!r} of the cluster"
    if mark is not None and mark.owner != keeping.owner:
        return Failed(
            reason="OwnedByAnother",
            message=f"{place}: {where} belongs to another platform ({mark.owner})",
            remedy="Choose another name or namespace. It is not touched.",
        )
    if mark is None and release is not None and keeping.adoption == "Never":
        return Failed(
            reason="NotOwned",
            message=f"{place}: {where} exists already and has no owner",
            remedy="Choose another name, or set spec.adoption: IfUnowned to take it over.",
        )
    return None
