"""How the names of users become names of pods and volumes: chosen once for a hub, then immutable. Pure.

KubeSpawner 7 (chart 4) makes names by another scheme; a hub that changes over gives people new, empty homes
(https://jupyterhub-kubespawner.readthedocs.io/en/latest/templates.html).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import StepError
from notebook_platform.paths import at
from notebook_platform.versions import Version, parse

SAFE, ESCAPE = "safe", "escape"
CHOICE_BEGINS: Version = (4, 0)
"""Older charts escape."""

CLAIMS, VOLUMES = "claim-{username}{servername}", "volume-{username}{servername}"
"""What charts before 4 name volumes."""


@dataclass(frozen=True)
class ReleaseSnapshot:
    """The installed release: its chart version and its values."""

    version: str
    values: Mapping[str, Any] = field(repr=False)


def scheme_of(before: ReleaseSnapshot) -> str:
    """Return the naming scheme of a release."""
    if parse(before.version) < CHOICE_BEGINS:
        return ESCAPE
    return str(at(before.values, "hub", "config", "KubeSpawner", "slug_scheme") or SAFE)


def scheme(chart: str, asked: str | None, before: ReleaseSnapshot | None, kept: str = "") -> str | None:
    """Return the naming scheme for a release of this chart version; None: the chart has only one, and none was requested.

    `asked` is the spec's (`Safe`, `Escape`), `kept` that of the last release, which may be gone. Raises StepError
    (NamingCannotChange) when `asked` is not the one that the release has.
    """
    wanted = asked.lower() if asked else None
    had = scheme_of(before) if before else None
    if wanted and had and wanted != had:
        raise StepError(
            Reason.NAMING_CANNOT_CHANGE,
            f"spec.jupyterhub.naming.scheme {asked}: the existing release names its volumes by {had.capitalize()}, and users would "
            "find new, empty homes",
            f"Remove it, or set it to {had.capitalize()}.",
        )
    if parse(chart) < CHOICE_BEGINS:
        return wanted
    return wanted or had or kept or SAFE
