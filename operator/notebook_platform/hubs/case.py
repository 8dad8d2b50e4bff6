"""A case: the values of one hub as they would go to Helm, with what a check may need to know about them.

Judged are the final values, so that `values` and `valuesFrom` are no way around the typed fields; a message names the origin of a
value. `validation`, `sign_in` and `roles` have the checks. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from notebook_platform.api.hubs import Auth, JupyterHubSpec
from notebook_platform.helm.values import Path, path_of
from notebook_platform.hubs.chart.traits import hub_classes
from notebook_platform.hubs.chart.value_map import OIDC_CA
from notebook_platform.hubs.chart.versions import Generation, generation
from notebook_platform.hubs.field_paths import HubFields
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.naming import ReleaseSnapshot
from notebook_platform.paths import at
from notebook_platform.versions import parse


@dataclass(frozen=True)
class Case:
    """What a check may use."""

    spec: JupyterHubSpec
    chosen: Generation
    kubernetes: tuple[int, ...]
    hub_context: HubContext
    values: Mapping[str, Any]
    origins: Mapping[tuple[str, ...], str]

    @property
    def fields(self) -> HubFields:
        """Return the paths of the hub's fields in the spec."""
        return self.hub_context.fields

    @cached_property
    def version(self) -> tuple[int, ...]:
        """Return the chart's version."""
        return max(parse(self.spec.chart.version), self.chosen.first)

    def at(self, path: str) -> Any:
        """Return the value at a path; None when there is none."""
        return at(self.values, *path_of(path))

    def value(self, path: Path) -> Any:
        """Return the value at a path in keys; None when there is none."""
        return at(self.values, *path)

    def from_(self, *paths: str) -> str:
        """Return the origin of the first of these values that is set; the field for `values` when none is."""
        for path in paths:
            keys = path_of(path)
            if found := sorted(p for p in self.origins if p[: len(keys)] == keys):
                return self.origins[found[0]].removesuffix(" (default)")
        return self.fields.value(paths[0])

    def exactly(self, path: Path) -> str:
        """Return the origin of the value at a path in keys; of a map, without what stands below it."""
        leaf = min((known for known in self.origins if known[: len(path)] == path), default=path)
        origin = self.origins.get(leaf, self.fields.value(".".join(path))).removesuffix(" (default)")
        below = ".".join(leaf[len(path) :])
        return origin.removesuffix(f".{below}") if below else origin

    def config(self, section: str) -> Mapping[str, Any]:
        """Return hub.config of a class."""
        found = (self.at("hub.config") or {}).get(section) if isinstance(self.at("hub.config"), Mapping) else None
        return found if isinstance(found, Mapping) else {}

    def sections(self) -> tuple[str, ...]:
        """Return the sections of hub.config that the authenticator reads, the most specific first."""
        known = hub_classes(self.chosen.name)
        found = known.class_of(self.authenticator or "")
        return known.lineage(found) if found else ()

    def trait(self, name: str) -> Any:
        """Return the value of a trait of the authenticator; None when no section sets it."""
        return next((self.config(section)[name] for section in self.sections() if name in self.config(section)), None)

    def of(self, release: ReleaseSnapshot) -> "Case":
        """Return the case of an installed release."""
        return replace(self, chosen=generation(release.version), values=release.values, origins={})

    @property
    def coded(self) -> bool:
        """Return whether code or a Secret, which is not checked here, may set more than the values."""
        files = self.at("hub.extraFiles")
        more = set(files) - {OIDC_CA} if isinstance(files, Mapping) else files
        return bool(more) or any(self.at(f"hub.{place}") for place in ("extraConfig", "existingSecret"))

    @property
    def authenticator(self) -> str | None:
        """Return the authenticator; None: it may be chosen elsewhere than in the values."""
        chosen = self.config("JupyterHub").get("authenticator_class")
        if chosen is not None:
            return str(chosen)
        return None if self.coded or self.spec.auth == Auth() else "dummy"


Violation = tuple[str, str]
"""(sentence, remedy)."""
