"""What a person has to approve before it is done: changes of a release that concern users' data and cannot be taken back.

What lies in a change of the chart's version is approved by that version. Any other change has a token of its own, a digest of all
that was found: an approval that was given for one change says nothing about the next.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notebook_platform.engine.outcome import Failed
from notebook_platform.helm.release import Release
from notebook_platform.helm.state import Wanted

APPROVE = "notebookplatform.io/approve"
"""Annotation of a platform: what may be done, with commas between: chart versions, tokens of changes."""

TOKEN = "data-"
DIGITS = 12
SHOWN = 6
"""So many concerns are named; the rest are counted."""


@dataclass(frozen=True, kw_only=True)
class Concern:
    """One thing that a change does to users' data, as a clause that follows "because". `key`: the change in one canonical form, with
    no secret in it; empty: it lies in the chart's version."""

    clause: str
    key: str = ""


def approved(metadata: Mapping[str, Any]) -> frozenset[str]:
    """What an object's annotation approves: chart versions and tokens."""
    given = (metadata.get("annotations") or {}).get(APPROVE, "")
    return frozenset(word for part in given.split(",") if (word := part.strip()))


def token_of(concerns: Sequence[Concern], place: str) -> str:
    """The token that approves these changes of the release at `place` (namespace/name), and no others."""
    keys = sorted({concern.key for concern in concerns if concern.key})
    digest = hashlib.sha256("\0".join([place, *keys]).encode()).hexdigest()
    return f"{TOKEN}{digest[:DIGITS]}"


def asked_for(concerns: Sequence[Concern], version: str, place: str) -> list[str]:
    """What the annotation has to hold for these concerns: the chart's version, a token, or both."""
    versions = [version] if any(not concern.key for concern in concerns) else []
    return versions + ([token_of(concerns, place)] if any(concern.key for concern in concerns) else [])


def in_words(concerns: Sequence[Concern]) -> str:
    """The concerns as one clause."""
    more = len(concerns) - SHOWN
    clauses = [concern.clause for concern in concerns[:SHOWN]]
    return "; ".join([*clauses, f"and {more} more"] if more > 0 else clauses)


def retirement(place: tuple[str, str], concerns: Sequence[Concern], approvals: Collection[str]) -> Failed | None:
    """What has to be approved before the release at `place` (namespace, name) is uninstalled, which the spec no longer asks for; None:
    nothing, or it is approved."""
    namespace, name = place
    token = token_of(concerns, f"{namespace}/{name}")
    if not concerns or token in approvals:
        return None
    return Failed(
        reason="ApprovalNeeded",
        message=f"spec no longer asks for release {name} in namespace {namespace}; its uninstallation waits to be approved, because "
        f"{in_words(concerns)}",
        remedy=f'Put it back into the spec, or approve it with the annotation {APPROVE}: "{token}" on the platform, and take that away '
        "afterwards.",
    )


def needed(
    wanted: Wanted, release: Release, concerns: Sequence[Concern], approvals: Collection[str], field: str
) -> Failed | None:
    """What has to be approved, and how; None: nothing, or it is approved."""
    version = wanted.chart.version
    words = asked_for(concerns, version, f"{wanted.namespace}/{wanted.name}")
    if set(words) <= set(approvals):
        return None
    change = f"from {release.chart_version} to {version}" if release.chart_version != version else "to these values"
    return Failed(
        reason="ApprovalNeeded",
        message=f"{field}: going {change} waits to be approved, because {in_words(concerns)}",
        remedy=f'Approve it with the annotation {APPROVE}: "{",".join(words)}" on the platform, and take it away afterwards.',
    )
