"""Changes that a patch of the spec asks for: when they are made, and when the operator stops, because Azure does not keep them.

Azure may accept a member and return another value, or none. Comparing alone would then send the patch without end. A tag of the resource
therefore counts how often the same difference was sent, so that the count survives the operator. Pure.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.patches import Patch
from notebook_platform.engine import Action, Change, Failed
from notebook_platform.engine.change import Disruptive, Impossible

PATCH_TAG = "notebookplatform-patch"
"""`<day>:<digest of a difference>.<count>,...`: when differences were sent last, and how often each."""

TRIES = 2
"""How often the same difference is sent in a row. After that once a day: then it may be drift."""

MOST_COUNTED = 20
"""Azure takes at most 256 characters as a tag's value."""


def judged(
    changes: Sequence[Change],
    patch: Patch,
    tags: Mapping[str, str] | None,
    now: datetime,
    *,
    immutable: Collection[str] = (),
    disruptive: Collection[str] = (),
) -> list[Change]:
    """Return the changes, those of the patch with their gates. `tags`: of the observed resource; `immutable` and `disruptive`: the
    dotted paths of members, or the starts of them, that cannot change or that users notice."""
    sent = _sent(tags, now)

    def gated(change: Change) -> Change:
        return _gated(change, patch, immutable, disruptive, stopped=sent.get(_digest(change), 0) >= TRIES)

    return [gated(change) if patch.sets(change) else change for change in changes if not patch.is_back(change)]


def _gated(change: Change, patch: Patch, immutable: Collection[str], disruptive: Collection[str], *, stopped: bool) -> Change:
    path = ".".join(change.keys)
    if isinstance(change.gate, Impossible) or _below(path, immutable):
        return replace(change, action=Action.REPLACE, gate=Impossible(_immutable(change, patch), disruptive=True))
    if stopped:
        return replace(change, gate=Impossible(_not_kept(change, patch)))
    return replace(change, gate=Disruptive()) if change.gate is None and _below(path, disruptive) else change


def _below(path: str, starts: Collection[str]) -> bool:
    return any(path == start or path.startswith(f"{start}.") for start in starts)


def restoring(field: str, before: object) -> str:
    """Return the beginning of a remedy: how the spec returns to the value that Azure has; None: Azure has none."""
    return f"Remove {field}" if before is None else f"Set {field} to {before!r}"


def _immutable(change: Change, patch: Patch) -> Failed:
    if patch.took_out(change):
        return removal_refused(change, patch)
    return Failed(
        reason=Reason.IMMUTABLE_FIELD,
        message=f"{patch.path_of(change)} is {change.after!r}, but Azure has {change.before!r}, and the member is immutable",
        remedy=f"{restoring(patch.path_of(change), change.before)}, or create another platform with the new value.",
    )


def removal_refused(change: Change, patch: Patch) -> Failed:
    """Return why a member that was taken out of a patch is left in Azure: it cannot change."""
    message = f"{patch.path_of(change)} was removed from the patch, but Azure has {change.before!r}, which is immutable"
    return Failed(reason=Reason.IMMUTABLE_FIELD, message=message, remedy=patch.keeping(change))


def _not_kept(change: Change, patch: Patch) -> Failed:
    if patch.took_out(change):
        kept = f"{patch.path_of(change)} was removed from the patch and reset {TRIES} times, but Azure returns {change.before!r}"
        return Failed(reason=Reason.PATCH_NOT_KEPT, message=kept, remedy=patch.keeping(change))
    accepted = f"{patch.path_of(change)}: Azure accepted {change.after!r} {TRIES} times"
    if change.before is None:
        remedy = "Check its name and place in Azure's REST reference, or remove it from the patch."
        return Failed(reason=Reason.PATCH_NOT_KEPT, message=f"{accepted} but does not return the member", remedy=remedy)
    remedy = "Write the value as Azure returns it, or remove the member from the patch."
    return Failed(reason=Reason.PATCH_NOT_KEPT, message=f"{accepted} and returns {change.before!r}", remedy=remedy)


def sent_tag(changes: Sequence[Change], patch: Patch, tags: Mapping[str, str] | None, now: datetime) -> dict[str, str]:
    """Return the tag to write together with these changes; empty when none is the patch's."""
    sent = _sent(tags, now)
    mine = [_digest(change) for change in changes if patch.sets(change)][:MOST_COUNTED]
    counts = ",".join(f"{digest}.{sent.get(digest, 0) + 1}" for digest in mine)
    return {PATCH_TAG: f"{now:%Y%m%d}:{counts}"} if mine else {}


def _sent(tags: Mapping[str, str] | None, now: datetime) -> dict[str, int]:
    """Return how often each difference was sent, by its digest; at most one less than TRIES on another day than the last time."""
    day, _, counts = (tags or {}).get(PATCH_TAG, "").partition(":")
    found = {digest: int(count) for digest, _, count in (item.partition(".") for item in counts.split(",")) if count.isdecimal()}
    return found if day == f"{now:%Y%m%d}" else {digest: min(count, TRIES - 1) for digest, count in found.items()}


def _digest(change: Change) -> str:
    difference = json.dumps([change.keys, change.before, change.after], default=str)
    return hashlib.sha256(difference.encode()).hexdigest()[:8]
