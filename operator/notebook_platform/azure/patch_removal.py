"""Members that were taken out of a patch: set back to Azure's default, or removed. Pure.

A merge patch says nothing of a member that it no longer names. The record of what was applied last (`last_applied.py`) holds the paths of
the members that a patch set, so that the operator sees which ones are gone. Their resets join the patch (`Patch.resets`): they are
compared, planned, applied and counted like its own members.
"""

from collections.abc import Mapping
from typing import Any

from notebook_platform.azure.merge_patch import Keys, leaves, sets
from notebook_platform.azure.patch_defaults import DEFAULTS, OF_FIELDS
from notebook_platform.azure.patches import Patch
from notebook_platform.paths import at

Wire = dict[str, Any]

PLACE = "patch/"
"""Names of the record: this, after a pool's name and a slash if it is the patch of a pool or of its autoscale setting, and the path."""

MOST, LONGEST = 64, 160
"""Members of a patch that are recorded, and characters of a path: the record of all patches has to fit into one Secret."""

ON, OFF, OTHER = "on", "off", "set"
"""What is recorded of a value: a patch may turn out to hold a secret, so the value itself is not."""


def patch_claims(patch: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the record of a patch: the path of each member that it sets, as a JSON pointer (RFC 6901), and what kind of value it has.
    `prefix`: the name of the pool and a slash. Members beyond the limits stay in Azure when they are taken out."""
    found = {}
    for keys, value in leaves(patch):
        name = "/".join(key.replace("~", "~0").replace("/", "~1") for key in keys)
        if value is not None and len(name) <= LONGEST:
            found[f"{prefix}{PLACE}{name}"] = {True: ON, False: OFF}[value] if isinstance(value, bool) else OTHER
    return dict(sorted(found.items())[:MOST])


def resets(members: Mapping[str, str], prefix: str, patch: Patch, body: Wire) -> Wire:
    """Return what sets back the members that the patch no longer has, in the form of a merge patch.

    `members`: the record of the step; `body`: what the spec asks for, with or without the patch. Left out are members that the spec sets
    otherwise, and those that no patch may set: users can edit the record.
    """
    found: Wire = {}
    for name, kind in members.items():
        keys = tuple(key.replace("~1", "/").replace("~0", "~") for key in name.removeprefix(f"{prefix}{PLACE}").split("/"))
        if not name.startswith(f"{prefix}{PLACE}") or not patch.may_set(keys) or sets(patch.document, keys):
            continue
        place = ".".join(keys[1:])
        default = OF_FIELDS.get(place, DEFAULTS.get(place, False if kind == ON else None))
        is_default = kind == OFF and default is None
        if not is_default and at(body, *keys) in (None, default):
            _put(found, keys, default)
    return found


def was_set(members: Mapping[str, str], prefix: str, *keys: str) -> bool:
    """Return whether a patch set a member, by its record."""
    return f"{prefix}{PLACE}{'/'.join(keys)}" in members


def _put(document: Wire, keys: Keys, value: Any) -> None:
    """Set a member, unless something that holds it has a value of its own."""
    *above, last = keys
    for key in above:
        document = document.setdefault(key, {})
        if not isinstance(document, dict):
            return
    document.setdefault(last, value)
