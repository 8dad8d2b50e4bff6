"""What an observation of a release has found: the records of Helm and of the operator, and the release that follows from them.

`helm/observation.py` fills these in; the step of the release plans and applies from them alone. Pure.
"""

from dataclasses import dataclass, field

from notebook_platform.engine import Failed
from notebook_platform.helm.chart_adapter import ReleaseHealth
from notebook_platform.helm.drift import Drift
from notebook_platform.helm.history import History
from notebook_platform.helm.ledger import OwnedRelease
from notebook_platform.helm.plan import RevisionPreview
from notebook_platform.helm.release import Release
from notebook_platform.helm.state import Record, State, Wanted
from notebook_platform.workload.step import WorkloadClusterOutput


@dataclass(frozen=True, kw_only=True)
class Records:
    """The records of a release. `history`: Helm's; `conflict`: why the operator may not change the release."""

    history: History
    conflict: Failed | None = None


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What the spec asks for, and the records read to determine it; None while the cluster does not exist."""

    wanted: Wanted
    records: Records | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """A release as observed.

    Attributes:
        target: the cluster in which it was observed.
        record: what its state follows from; `record.newest` is None when only the ledger has the release, or nothing exists.
        owned: its entry in the ledger; None: it is not ours.
        seen: its health.
        preview: the revision that helm would write next.
        irreversible: why the last good revision may not be restored.
    """

    target: WorkloadClusterOutput
    record: Record = field(default_factory=lambda: Record(newest=None))
    state: State = State.ABSENT
    history: History = field(default_factory=History)
    owned: OwnedRelease | None = None
    drifts: tuple[Drift, ...] = ()
    health: ReleaseHealth = field(default_factory=ReleaseHealth)
    preview: RevisionPreview = field(default_factory=RevisionPreview)
    irreversible: str = ""

    @property
    def release(self) -> Release | None:
        """Return the newest revision."""
        return self.record.newest

    @property
    def adopting(self) -> tuple[Release, ...]:
        """Return the records that become ours with a release without an owner."""
        return adopting(self.history, self.owned)

    @property
    def has_worked(self) -> bool:
        """Return whether Helm has ever completed a revision, as far as is known: only then has it users whom an upgrade disrupts."""
        owned, failed = self.owned, self.state is State.FAILED and self.release is not None and self.release.status == "failed"
        never = failed and owned is not None and not owned.adopted and self.history.good is None
        return not never

    @property
    def is_adopted(self) -> bool:
        """Return whether another Helm wrote the newest revision and the operator adopted it."""
        return self.owned is not None and self.release is not None and self.release.revision in self.owned.adopted


def adopting(history: History, owned: OwnedRelease | None) -> tuple[Release, ...]:
    """Return the records that are adopted with a release without an owner: the newest, and the deployed one if that is another."""
    return tuple(one for one in (history.own, history.good) if one is not None) if owned is None else ()
