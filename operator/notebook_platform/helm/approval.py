"""What a person has to approve before it is done: changes of a release that concern users' data and cannot be taken back."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from notebook_platform.engine.outcome import Failed
from notebook_platform.helm.release import Release
from notebook_platform.helm.state import Wanted

APPROVE = "notebookplatform.io/approve"
"""Annotation of a platform: chart versions that may be gone to, with commas between."""


def approved(metadata: Mapping[str, Any]) -> frozenset[str]:
    """The versions that an object's annotation approves."""
    given = (metadata.get("annotations") or {}).get(APPROVE, "")
    return frozenset(version for part in given.split(",") if (version := part.strip()))


def needed(wanted: Wanted, release: Release, concerns: Sequence[str], versions: Collection[str], field: str) -> Failed | None:
    """What has to be approved, and how; None: nothing, or it is approved. `concerns` are clauses that go on after `because`."""
    version = wanted.chart.version
    if not concerns or version in versions:
        return None
    change = f"from {release.chart_version} to {version}" if release.chart_version != version else "to these values"
    return Failed(
        reason="ApprovalNeeded",
        message=f"{field}: going {change} waits to be approved, because {'; '.join(concerns)}",
        remedy=f'Approve it with the annotation {APPROVE}: "{version}" on the platform, and take it away afterwards.',
    )
