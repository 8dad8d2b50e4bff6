"""What would be done about a release, as changes. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from notebook_platform.engine import Action, Change, Failed
from notebook_platform.engine.change import Disruptive, Gate, Impossible, NeedsApproval, compare
from notebook_platform.helm.deprecated_apis import REMOVED, Kind, named
from notebook_platform.helm.drift import Drift
from notebook_platform.helm.ownership import OwnedRelease
from notebook_platform.helm.release import Release
from notebook_platform.helm.state import State, Wanted

SHOWN = 1000
"""Paths of values that differ; status shows fewer."""

WRITES = frozenset({State.ABSENT, State.OUT_OF_SYNC, State.FAILED})
"""States in which helm is given chart and values anew."""


@dataclass(frozen=True, kw_only=True)
class RevisionPreview:
    """What is known of a revision before it is begun. `refused`: why it would fail; `awaits`: what a person has to approve first;
    `renewed`: kinds in the last revision's manifest that are gone from the cluster's Kubernetes; `hooks`: what was a hook's until
    now and becomes part of the release, as (kind, name). `unknown`: it is still being looked at."""

    refused: Failed | None = None
    awaits: Failed | None = None
    renewed: frozenset[Kind] = frozenset()
    hooks: tuple[tuple[str, str], ...] = ()
    unknown: bool = False


def path_of(wanted: Wanted) -> str:
    """Where a release stands in plans."""
    return f"releases/{wanted.namespace}/{wanted.name}"


def installs(wanted: Wanted, preview: RevisionPreview) -> list[Change]:
    """It is not there."""
    chart = f"{wanted.chart.name}-{wanted.chart.version}"
    told = {"chart": chart, "values": dict(wanted.origins)} if wanted.origins else chart
    return [
        Change(
            path=path_of(wanted), action=Action.CREATE, after=told, gate=Impossible(preview.refused) if preview.refused else None
        )
    ]


def upgrades(wanted: Wanted, release: Release, owned: OwnedRelease | None, preview: RevisionPreview) -> list[Change]:
    """It has another chart or other values; what has to be done for that beside it comes first."""
    chart, before = f"{wanted.chart.name}-{wanted.chart.version}", f"{release.chart}-{release.chart_version}"
    begun = owned is not None and owned.unfinished and owned.wish == wanted.digest  # what was broken off is not left half done
    if before != chart:
        told = Change(path=f"{path_of(wanted)}/chart", action=Action.UPDATE, before=before, after=chart)
    else:
        told = Change(path=f"{path_of(wanted)}/values", action=Action.UPDATE, before=_differing(wanted, release))
    gate = _gate(preview, begun=begun)
    return [replace(change, gate=gate) for change in (*_beside(wanted, preview), told)]


def _gate(preview: RevisionPreview, *, begun: bool) -> Gate | None:
    """Return what an upgrade waits for. `begun`: it was interrupted, so it waits for nothing again."""
    if preview.refused:
        return Impossible(preview.refused, disruptive=not begun)
    if begun:
        return None
    return NeedsApproval(preview.awaits, disruptive=True) if preview.awaits else Disruptive()


def _beside(wanted: Wanted, preview: RevisionPreview) -> Iterator[Change]:
    path = path_of(wanted)
    for kind in sorted(preview.renewed):
        successor = REMOVED[kind].successor or "nothing"
        yield Change(path=f"{path}/manifest/{named(kind)}", action=Action.UPDATE, before=kind[0], after=successor)
    for kind_, name in preview.hooks:
        yield Change(path=f"{path}/{kind_}/{name}", action=Action.UPDATE, before="a hook's", after="part of the release")


def drift(drifts: Iterable[Drift]) -> list[Change]:
    """Live objects are not what the last revision's manifest says."""
    return [Change(path=one.path, action=Action.UPDATE, before=one.found, after=one.wanted) for one in drifts]


def of_revision(wanted: Wanted, changes: Iterable[Change]) -> bool:
    """Whether helm has to write a revision for any of the changes; live objects are put right without."""
    return any(change.path.startswith(path_of(wanted)) for change in changes)


def _differing(desired: Wanted, release: Release) -> list[str]:
    """The paths at which the values differ, and where they come from; the values themselves may be secret."""
    forth = {change.path for change in islice(compare(desired.values, release.config), SHOWN)}
    back = {change.path for change in islice(compare(release.config, desired.values), SHOWN)}
    return [f"{path} ({desired.origins[path]})" if path in desired.origins else path for path in sorted(forth | back)]


def changes(
    wanted: Wanted, release: Release, state: State, owned: OwnedRelease | None, preview: RevisionPreview, owner: str
) -> Sequence[Change]:
    """What is done about a release that is there; drift apart."""
    path = path_of(wanted)
    if state is State.IN_SYNC:
        return ()
    if state is State.UNMANAGED:
        return [Change(path=f"{path}/owner", action=Action.UPDATE, after=owner)]
    if state in WRITES and not wanted.is_in(release):
        return upgrades(wanted, release, owned, preview)
    gate = Impossible(preview.refused) if preview.refused and state in WRITES else None
    return [Change(path=f"{path}/state", action=Action.UPDATE, before=release.status, after="as wanted", gate=gate)]
