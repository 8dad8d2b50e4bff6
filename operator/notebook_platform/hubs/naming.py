"""How names of users become names of pods and volumes: chosen once for a hub, and never changed after. Pure.

KubeSpawner 7 (chart 4) makes names by another scheme; a hub that changes over gives people new, empty homes
(https://jupyterhub-kubespawner.readthedocs.io/en/latest/templates.html).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import StepError
from notebook_platform.helm.values import at
from notebook_platform.hubs.chart.value_map import Version
from notebook_platform.hubs.chart.versions import parse

SAFE, ESCAPE = "safe", "escape"
CHOICE_BEGINS: Version = (4, 0)
"""Older charts escape."""

CLAIMS, VOLUMES = "claim-{username}{servername}", "volume-{username}{servername}"
"""What charts before 4 name volumes."""


@dataclass(frozen=True)
class ReleaseSnapshot:
    """The release that is there: its chart's version and its values."""

    version: str
    values: Mapping[str, Any] = field(repr=False)


def scheme_of(before: ReleaseSnapshot) -> str:
    """The scheme by which a release's names are made."""
    if parse(before.version) < CHOICE_BEGINS:
        return ESCAPE
    return str(at(before.values, "hub", "config", "KubeSpawner", "slug_scheme") or SAFE)


def scheme(chart: str, asked: str | None, before: ReleaseSnapshot | None) -> str | None:
    """The scheme for a release with a chart of this version; None: the chart knows only one, and none was asked for.

    `asked` is the spec's (`Safe`, `Escape`). Raises StepError (NamingCannotChange) when it is not the one that the release has.
    """
    wanted = asked.lower() if asked else None
    had = scheme_of(before) if before else None
    if wanted and had and wanted != had:
        raise StepError(
            Reason.NAMING_CANNOT_CHANGE,
            f"spec.jupyterhub.naming.scheme {asked}: the release there names its volumes by {had.capitalize()}, and people would "
            "find new, empty homes",
            f"Leave it out, or set it to {had.capitalize()}.",
        )
    if parse(chart) < CHOICE_BEGINS:
        return wanted
    return wanted or had or SAFE
