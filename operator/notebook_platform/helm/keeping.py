"""Whose the releases of a platform are, and what may be touched."""

from dataclasses import dataclass

from notebook_platform.engine.outcome import Failed
from notebook_platform.helm.chart_adapter import ChartAdapter
from notebook_platform.helm.marker import Marker
from notebook_platform.helm.ownership import OwnedRelease, ReleaseLedger
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.storage import History


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """How the releases of one platform are kept: whose they are, where that is written down, with which helm, what may be taken over, to
    which versions of charts a person lets them go."""

    owner: str
    uid: str
    helm: Helm
    ledger: ReleaseLedger
    adoption: str
    deleting: bool
    approved: frozenset[str] = frozenset()


def objection(
    content: ChartAdapter, keeping: Keeping, history: History, owned: OwnedRelease | None, mark: Marker | None
) -> Failed | None:
    """Why a release may not be touched; None: it is ours, or nobody's and may be adopted, or there is none. Pure.

    What the ledger has is ours whatever a marker says. A marker of ours without an entry proves nothing.
    """
    if owned is not None:
        return None
    place = content.field
    where = f"release {content.release!r} in namespace {content.namespace!r} of the cluster"
    if mark is not None and mark.owner != keeping.owner:
        return Failed(
            reason="OwnedByAnother",
            message=f"{place}: {where} belongs to another platform",
            remedy="Choose another name or namespace. It is not touched.",
        )
    if history.present and keeping.adoption == "Never":
        return Failed(
            reason="NotOwned",
            message=f"{place}: {where} exists already and has no owner",
            remedy="Choose another name, or set spec.adoption: IfUnowned to take it over.",
        )
    if history.unreadable:
        return Failed(
            reason="ReleaseRecordUnreadable",
            message=f"{place}: Helm's record of {where} cannot be read: {history.unreadable}",
            remedy=f"Restore that Secret, or delete it; find out who may write Secrets in namespace {content.namespace}.",
            retry_in=60,
        )
    return None
