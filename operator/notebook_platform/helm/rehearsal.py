"""A look ahead at what helm would do: the chart is rendered against the cluster's own API before anything is written.

Helm ends an upgrade at the first thing that the cluster does not take, and a revision is spent by then. What it refuses in the
rehearsal is told at once, in plans too. An answer is kept until chart, values or cluster are others.
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import yaml
from pyhelm3.errors import Error

from notebook_platform.engine.outcome import Failed
from notebook_platform.helm.errors import failure
from notebook_platform.helm.hooks import HOOK, Place
from notebook_platform.helm.removed import REMOVED, Kind, named
from notebook_platform.helm.state import Wanted
from notebook_platform.target.step import Target

CERTAIN = frozenset(
    {"ValuesRefused", "UnsupportedKubernetes", "OwnershipConflict", "ChartNotFound", "RepositoryRefused", "RepositoryUnreachable"}
)
"""What holds for the real run too. Anything else may go well then, or fails there and is counted."""

NO_MATCH = re.compile(r'no matches for kind "(\w+)" in version "([^"]+)"')


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """How it went: `refused` says why the real one would fail; `objects` are what it would leave, hooks apart."""

    refused: Failed | None = None
    objects: frozenset[Place] = frozenset()


class Rehearsals:
    """The last rehearsal of each release. `rehearse` runs helm: (kubeconfig, what is wanted, whether it is an upgrade) -> manifests."""

    def __init__(self, rehearse: Callable[[str, Wanted, bool], Awaitable[str]]) -> None:
        self._rehearse = rehearse
        self._kept: dict[str, tuple[str, Rehearsal]] = {}

    async def of(self, target: Target, wanted: Wanted, field: str, *, upgrade: bool) -> Rehearsal:
        """The rehearsal for what is wanted now; helm is run when that, or the cluster's version, has changed."""
        release = f"{target.cluster_id}/{wanted.namespace}/{wanted.name}"
        about = [str(wanted.chart), wanted.values, target.served_version, upgrade]
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
        before, known = self._kept.get(release, ("", Rehearsal()))
        if before == digest:
            return known
        try:
            rendered = await self._rehearse(target.kubeconfig, wanted, upgrade)
            found = Rehearsal(objects=frozenset(_objects(rendered)))
        except Error as error:
            found = Rehearsal(refused=refusal(error.stderr.decode(errors="replace"), wanted, target.served_version, field))
        if found.refused is None or found.refused.retry_in is None:
            self._kept[release] = digest, found
        return found


def _objects(rendered: str) -> Iterator[Place]:
    for thing in yaml.safe_load_all(rendered):
        if isinstance(thing, dict) and HOOK not in (thing["metadata"].get("annotations") or {}):
            yield thing["kind"], thing["metadata"]["name"]


def refusal(words: str, wanted: Wanted, kubernetes: tuple[int, int], field: str) -> Failed | None:
    """What helm's words mean, if they hold for the real run too. Kinds of custom resources are left to that: a chart may bring
    their definitions along. Pure."""
    unserved: list[Kind] = [(version, kind) for kind, version in NO_MATCH.findall(words)]
    if gone := sorted({kind for kind in unserved if kind in REMOVED}):
        chart, served = f"{wanted.chart.name}-{wanted.chart.version}", ".".join(map(str, kubernetes))
        return Failed(
            reason="UnsupportedKubernetes",
            message=f"{field}.chart: {chart} makes {', '.join(map(named, gone))}, which Kubernetes {served} no longer serves",
            remedy=f"Choose a newer {field}.chart.version, or switch off what makes it.",
        )
    if unserved:
        return None
    told = failure(words, field)
    return told if told.reason in CERTAIN else None
