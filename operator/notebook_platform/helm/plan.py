"""Plan: what a release needs, as Changes, and which of them a user must approve first. Pure.

A change that concerns users' data and cannot be undone needs approval by the annotation `notebookplatform.io/approve`. What a chart version
brings is approved by that version. Any other change has its own token, a digest of all concerns: the approval of one change does not hold
for the next.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from notebook_platform.api.reasons import Reason
from notebook_platform.engine import Action, Change, Failed
from notebook_platform.engine.change import Disruptive, Gate, Impossible, NeedsApproval, compare
from notebook_platform.helm.deprecated_apis import REMOVED, Kind, named
from notebook_platform.helm.drift import Drift
from notebook_platform.helm.ledger import OwnedRelease
from notebook_platform.helm.release import Release
from notebook_platform.helm.state import State, Wanted

PATHS_SHOWN = 1000
"""Paths of values that differ; status shows fewer."""

WRITES = frozenset({State.ABSENT, State.OUT_OF_SYNC, State.FAILED})
"""States in which helm writes a new revision from chart and values."""

APPROVE = "notebookplatform.io/approve"
"""Annotation of a platform: approved chart versions and tokens of changes, separated by commas."""

TOKEN = "data-"
DIGITS = 12
CONCERNS_SHOWN = 6
"""Number of concerns that a message names; the rest are counted."""


@dataclass(frozen=True, kw_only=True)
class Concern:
    """One effect of a change on users' data, as a clause that follows "because". `key`: the change in one canonical form without
    secrets; empty: the effect follows from the chart's version."""

    clause: str
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class RevisionPreview:
    """What is known of a revision before helm writes it. `refused`: why it would fail; `awaits`: the approval that it needs;
    `renewed`: kinds in the last revision's manifest that the cluster no longer serves; `hooks`: objects (kind, name) that a hook made
    and that become part of the release; `unknown`: helm still renders it."""

    refused: Failed | None = None
    awaits: Failed | None = None
    renewed: frozenset[Kind] = frozenset()
    hooks: tuple[tuple[str, str], ...] = ()
    unknown: bool = False


def path_of(wanted: Wanted) -> str:
    """Return the path of a release in plans."""
    return f"releases/{wanted.namespace}/{wanted.name}"


def installs(wanted: Wanted, preview: RevisionPreview, owned: OwnedRelease | None) -> list[Change]:
    """Return the change of a release that does not exist. Another client has uninstalled one of ours; with another chart or other values than
    those that ran, the spec has changed since, which is no drift."""
    chart = f"{wanted.chart.name}-{wanted.chart.version}"
    after = {"chart": chart, "values": dict(wanted.origins)} if wanted.origins else chart
    gate: Gate | None = NeedsApproval(preview.awaits) if preview.awaits else None
    if preview.refused:
        gate = Impossible(preview.refused)
    edited = owned is not None and owned.wish not in (None, wanted.digest)
    return [Change(path=path_of(wanted), action=Action.CREATE, after=after, gate=gate, drift=False if edited else None)]


def upgrades(
    wanted: Wanted, release: Release, owned: OwnedRelease | None, preview: RevisionPreview, *, worked: bool
) -> list[Change]:
    """Return the changes of a release with another chart or other values than wanted; what must happen before the upgrade is first.

    They are no drift: records that another client wrote are ignored, so chart or values differ because what is wanted has changed.
    """
    chart, before = f"{wanted.chart.name}-{wanted.chart.version}", f"{release.chart}-{release.chart_version}"
    begun = owned is not None and owned.unfinished and owned.wish == wanted.digest  # an interrupted upgrade is completed
    if before != chart:
        upgrade = Change(path=f"{path_of(wanted)}/chart", action=Action.UPDATE, before=before, after=chart)
    else:
        upgrade = Change(path=f"{path_of(wanted)}/values", action=Action.UPDATE, before=_differing(wanted, release))
    gate = _gate(preview, begun=begun, worked=worked and not wanted.urgent)
    return [replace(change, gate=gate, drift=False) for change in (*_beside(wanted, preview), upgrade)]


def _gate(preview: RevisionPreview, *, begun: bool, worked: bool) -> Gate | None:
    """Return the gate of an upgrade. `begun`: the upgrade was interrupted and continues without a gate. Without `worked` no revision
    has ever run, so that no user is disrupted."""
    disruptive = worked and not begun
    if preview.refused:
        return Impossible(preview.refused, disruptive=disruptive)
    if preview.awaits and not begun:
        return NeedsApproval(preview.awaits, disruptive=disruptive)
    return Disruptive() if disruptive else None


def _beside(wanted: Wanted, preview: RevisionPreview) -> Iterator[Change]:
    path = path_of(wanted)
    for kind in sorted(preview.renewed):
        successor = REMOVED[kind].successor or "nothing"
        yield Change(path=f"{path}/manifest/{named(kind)}", action=Action.UPDATE, before=kind[0], after=successor)
    for kind_, name in preview.hooks:
        yield Change(path=f"{path}/{kind_}/{name}", action=Action.UPDATE, before="a hook's", after="part of the release")


def drift(drifts: Iterable[Drift], *, interrupted: bool = False) -> list[Change]:
    """Return the changes that make live objects equal to the last revision's manifest again. `interrupted`: our own Helm, which died before
    the end of a revision, has made the differences."""
    undoes = not interrupted
    return [Change(path=one.path, action=Action.UPDATE, before=one.found, after=one.wanted, drift=undoes) for one in drifts]


def with_gate_of(revision: Sequence[Change], drifts: Iterable[Change]) -> list[Change]:
    """Return drifts of a release whose manifest another Helm wrote: only the changes that write the next `revision` correct them, so they
    wait for the same."""
    return [replace(change, gate=revision[-1].gate) for change in drifts]


def of_revision(wanted: Wanted, changes: Iterable[Change]) -> bool:
    """Return whether helm must write a revision for any of the changes. Drift of live objects is corrected without one."""
    return any(change.path.startswith(path_of(wanted)) for change in changes)


def _differing(desired: Wanted, release: Release) -> list[str]:
    """Return the paths at which the values differ, and their origins; the values themselves may be secret."""
    forth = {change.path for change in islice(compare(desired.values, release.config), PATHS_SHOWN)}
    back = {change.path for change in islice(compare(release.config, desired.values), PATHS_SHOWN)}
    return [f"{path} ({desired.origins[path]})" if path in desired.origins else path for path in sorted(forth | back)]


def changes(
    wanted: Wanted,
    release: Release,
    state: State,
    owned: OwnedRelease | None,
    preview: RevisionPreview,
    owner: str,
    *,
    worked: bool,
) -> Sequence[Change]:
    """Return the changes of a release that exists, without drift of live objects. `worked`: Helm has once completed a revision of it.

    A lock, a failure of Helm, an interrupted Helm and an adoption undo nothing that another client has changed; a revision that another helm
    has superseded may. A release in sync has a change if its entry in the ledger tells of an uninstallation, of failures of other values, or of
    other needs.
    """
    path = path_of(wanted)
    if state in (State.IN_SYNC, State.DRIFTED):
        failed_before = owned is not None and owned.failures > 0 and owned.wish != wanted.digest
        outdated = owned is not None and (owned.removing or failed_before or owned.needs != wanted.needs)
        return [Change(path=f"{path}/record", action=Action.UPDATE, after="up to date", drift=False)] if outdated else ()
    if state is State.UNMANAGED:
        return [Change(path=f"{path}/owner", action=Action.UPDATE, after=owner, drift=False)]
    if state in WRITES and not wanted.is_in(release):
        return upgrades(wanted, release, owned, preview, worked=worked)
    gate = Impossible(preview.refused) if preview.refused and state in WRITES else None
    undoes = None if state is State.OUT_OF_SYNC and not (owned and owned.unfinished) else False
    return [Change(path=f"{path}/state", action=Action.UPDATE, before=release.status, after="as wanted", gate=gate, drift=undoes)]


def approved(metadata: Mapping[str, Any]) -> frozenset[str]:
    """Return the chart versions and tokens that an object's annotation approves."""
    given = (metadata.get("annotations") or {}).get(APPROVE, "")
    return frozenset(word for part in given.split(",") if (word := part.strip()))


def token_of(concerns: Sequence[Concern], place: str) -> str:
    """Return the token that approves exactly these concerns of the release at `place` (namespace/name)."""
    keys = sorted({concern.key for concern in concerns if concern.key})
    digest = hashlib.sha256("\0".join([place, *keys]).encode()).hexdigest()
    return f"{TOKEN}{digest[:DIGITS]}"


def _approvals_for(concerns: Sequence[Concern], version: str, place: str) -> list[str]:
    """Return what the annotation must contain for these concerns: the chart's version, a token, or both."""
    versions = [version] if any(not concern.key for concern in concerns) else []
    return versions + ([token_of(concerns, place)] if any(concern.key for concern in concerns) else [])


def _clause(concerns: Sequence[Concern]) -> str:
    """Join the concerns to one clause."""
    more = len(concerns) - CONCERNS_SHOWN
    clauses = [concern.clause for concern in concerns[:CONCERNS_SHOWN]]
    return "; ".join([*clauses, f"and {more} more"] if more > 0 else clauses)


def uninstall_approval(place: tuple[str, str], concerns: Sequence[Concern], approvals: Collection[str]) -> Failed | None:
    """Return the approval that is missing for the uninstallation of the release at `place` (namespace, name); None: none is missing."""
    namespace, name = place
    token = token_of(concerns, f"{namespace}/{name}")
    if not concerns or token in approvals:
        return None
    return Failed(
        reason=Reason.APPROVAL_NEEDED,
        message=f"release {name} in namespace {namespace} is no longer in the spec; its uninstallation requires approval, because "
        f"{_clause(concerns)}",
        remedy=f"Add it to the spec again, or approve it with `kubectl annotate nbp NAME {APPROVE}={token}`, and remove the "
        "annotation afterwards.",
    )


def install_approval(wanted: Wanted, approvals: Collection[str], field: str) -> Failed | None:
    """Return the approval that is missing to install a changed release whose records are gone; None: none is missing."""
    version = wanted.chart.version
    if version in approvals:
        return None
    return Failed(
        reason=Reason.APPROVAL_NEEDED,
        message=f"{field}: the installation of {wanted.chart.name} {version} requires approval, because Helm's records of release "
        f"{wanted.name} are gone from namespace {wanted.namespace}, which holds volumes, and the spec has changed since",
        remedy=f"Restore the Secrets sh.helm.release.v1.{wanted.name}.*, or approve it with `kubectl annotate nbp NAME "
        f"{APPROVE}={version}`, and remove the annotation afterwards.",
    )


def upgrade_approval(
    wanted: Wanted, release: Release, concerns: Sequence[Concern], approvals: Collection[str], field: str
) -> Failed | None:
    """Return the approval that is missing for an upgrade of `release`; None: none is missing."""
    version = wanted.chart.version
    words = _approvals_for(concerns, version, f"{wanted.namespace}/{wanted.name}")
    if set(words) <= set(approvals):
        return None
    change = f"from {release.chart_version} to {version}" if release.chart_version != version else "to these values"
    return Failed(
        reason=Reason.APPROVAL_NEEDED,
        message=f"{field}: the upgrade {change} requires approval, because {_clause(concerns)}",
        remedy=f"Approve it with `kubectl annotate nbp NAME {APPROVE}={','.join(words)}`, and remove the annotation afterwards.",
    )
