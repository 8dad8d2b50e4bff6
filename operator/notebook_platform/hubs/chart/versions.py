"""Generations of the z2jh chart: their requirements, and what no longer works on which Kubernetes version. Data; the value
paths are in `value_map`.

Sources: the chart's changelog (https://z2jh.jupyter.org/en/stable/changelog.html) and its Chart.yaml.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from notebook_platform.hubs.chart.value_map import OLDEST, ROWS, Place, Rows
from notebook_platform.versions import Version, parse

FOR_EVER: Version = (999,)


@dataclass(frozen=True, kw_only=True)
class Generation:
    """Chart versions from `first` up to the next generation's. `hub` is their JupyterHub version, `kubernetes` the oldest
    version of Kubernetes that they support.

    The remaining members are the Kubernetes versions from which on a part of the chart no longer works: its user-scheduler and its
    placeholders (their APIs are gone: policy/v1beta1 with 1.25, CSIStorageCapacity v1beta1 with 1.27), its Ingress.
    `needs_allow_rule`: which authenticators admit no user without a rule: none, OAuth's, all.
    """

    name: str
    first: Version
    hub: str
    kubernetes: Version
    scheduler_ends: Version = FOR_EVER
    placeholders_end: Version = FOR_EVER
    ingress_ends: Version = FOR_EVER
    needs_allow_rule: str = "none"


GENERATIONS = (
    Generation(
        name="0.11",
        first=OLDEST,
        hub="1.3",
        kubernetes=(1, 14),
        scheduler_ends=(1, 25),
        placeholders_end=(1, 25),
        ingress_ends=(1, 22),
    ),
    Generation(name="1", first=(1, 0), hub="1.5", kubernetes=(1, 17), scheduler_ends=(1, 25), placeholders_end=(1, 25)),
    Generation(name="2", first=(2, 0), hub="3", kubernetes=(1, 20), scheduler_ends=(1, 27)),
    Generation(name="3", first=(3, 0), hub="4", kubernetes=(1, 23), needs_allow_rule="oauth"),
    Generation(name="4", first=(4, 0), hub="5", kubernetes=(1, 28), needs_allow_rule="all"),
)

NEWEST_KNOWN: Version = (4, 4)
"""Newer charts are taken for the last generation, and the status says so."""

RENAMED: Mapping[str, tuple[Version, str | None]] = {
    "auth": (OLDEST, "hub.config"),
    "hub.extraConfigMap": ((1, 0), "custom"),
    "hub.uid": ((1, 0), "hub.containerSecurityContext.runAsUser"),
    "hub.publicURL": ((1, 0), None),
    "hub.imagePullSecret": ((1, 0), "imagePullSecret"),
    "singleuser.imagePullSecret": ((1, 0), "imagePullSecret"),
    "singleuser.cloudMetadata.enabled": ((1, 0), "singleuser.cloudMetadata.blockWithIptables (inverted)"),
    "proxy.pdb": ((1, 0), "proxy.chp.pdb"),
    "proxy.networkPolicy": ((1, 0), "proxy.chp.networkPolicy"),
    "proxy.containerSecurityContext": ((1, 0), "proxy.chp.containerSecurityContext"),
    "rbac.enabled": ((2, 0), "rbac.create"),
    "hub.fsGid": ((2, 0), "hub.podSecurityContext.fsGroup"),
}
"""Values that the charts refuse, or no longer read, from a version on, and what took their place; None: nothing."""


@dataclass(frozen=True)
class Knowledge:
    """Everything known about the charts. A new generation is one more entry and some rows."""

    generations: tuple[Generation, ...] = GENERATIONS
    rows: Rows = field(default_factory=lambda: ROWS)

    def generation(self, version: str) -> Generation:
        """Return the generation of a chart version; an older one than the oldest counts as the oldest."""
        wanted = parse(version)
        return next((g for g in reversed(self.generations) if wanted >= g.first), self.generations[0])

    def place(self, name: str, version: str) -> Place | None:
        """Return the path of a row's value in a chart version; None: the chart has no such value."""
        wanted = max(parse(version), self.generations[0].first)
        return next((place for first, place in reversed(self.rows[name]) if wanted >= first), None)


KNOWN = Knowledge()


def generation(version: str) -> Generation:
    """Return the generation of a chart version; an older one than the oldest counts as the oldest."""
    return KNOWN.generation(version)


def rules_are_alternatives(version: str) -> bool:
    """Return whether a user needs only one of several allow rules; before, authenticators required all of them."""
    return KNOWN.generation(version).needs_allow_rule != "none"


def is_ahead(version: str) -> bool:
    """Return whether a chart has a newer major version than the operator was tested with."""
    return parse(version)[:1] > NEWEST_KNOWN[:1]


def migrates(before: str, after: str) -> bool:
    """Return whether a change of the chart version changes the hub's database schema, or may: with JupyterHub's major versions,
    and with untested charts."""
    if is_ahead(before) or is_ahead(after):
        return parse(before)[0] != parse(after)[0]
    return parse(generation(before).hub)[0] != parse(generation(after).hub)[0]


def is_known(version: str) -> bool:
    """Return whether the operator was tested with the version's minor."""
    return GENERATIONS[0].first <= parse(version)[:2] <= NEWEST_KNOWN


def suits(chart: str, kubernetes: str) -> bool:
    """Return whether a chart version supports a Kubernetes version."""
    return parse(kubernetes)[:2] >= generation(chart).kubernetes


def newest_for(kubernetes: str) -> Generation:
    """Return the newest generation that a Kubernetes version supports."""
    able = [g for g in GENERATIONS if parse(kubernetes)[:2] >= g.kubernetes]
    return able[-1] if able else GENERATIONS[0]
