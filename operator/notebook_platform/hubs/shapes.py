"""Check the shapes of a hub's values, before they are merged: where the chart, and the operator, read a mapping or a list.

A value of another shape replaces a whole mapping when values are merged, the typed fields below it too, and Helm only warns about it. Each
source is checked on its own, so that the message names it. Members of the mappings are not judged here. Pure.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import StepError
from notebook_platform.helm.values import Path, has, kind_of, path_of
from notebook_platform.hubs.chart.value_map import ROWS
from notebook_platform.paths import at

ANY = "*"
"""Every key of a mapping that users name."""

MAPPINGS = (
    "hub.config.*",
    "hub.services.*",
    "hub.loadRoles.*",
    "hub.extraFiles.*",
    "hub.db.pvc.annotations",
    "hub.image",
    "hub.resources",
    "ingress.annotations",
    "httpRoute.annotations",
    "prePuller.extraImages.*",
    "proxy.service.annotations",
    "proxy.chp.resources",
    "proxy.https.manual",
    "proxy.https.secret",
    "singleuser.image",
    "singleuser.storage.dynamic",
    "singleuser.storage.static",
)
"""Mappings beside those above the values of the typed fields."""

LISTS = (
    "httpRoute.hostnames",
    "httpRoute.parentRefs",
    "imagePullSecrets",
    "ingress.hosts",
    "proxy.https.hosts",
    "proxy.service.loadBalancerSourceRanges",
    "singleuser.networkPolicy.egress",
)
LISTS_OF_MAPPINGS = ("ingress.tls",)

OF_BINDER = ("config", "dind", "imageCleaner", "ingress.annotations", "pink", "registry", "service.annotations")
"""Mappings of the binderhub chart."""

REQUIRED_BY_BINDER = ("config", "config.BinderHub", "jupyterhub", "registry")
"""Mappings without which no binder starts."""

ACCEPTED: Mapping[str, type | tuple[type, ...]] = {"mapping": Mapping, "list": list, "list of mappings": list}

Shapes = Mapping[Path, str]
"""Path -> what the chart reads there: a mapping, a list, a list of mappings."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A value at `path` that is not a `wanted` (mapping, list)."""

    path: Path
    value: Any
    wanted: str


def _and_above(texts: Iterable[str]) -> Iterator[Path]:
    for path in map(path_of, texts):
        yield from (path[:length] for length in range(1, len(path) + 1))


def _of_hub() -> Shapes:
    fields = [
        place.rpartition("[")[0] or place.rpartition(".")[0]
        for row in ROWS.values()
        for _, place in row
        if isinstance(place, str)
    ]
    mappings = _and_above([*fields, *MAPPINGS])
    lists = dict.fromkeys(map(path_of, LISTS), "list") | dict.fromkeys(map(path_of, LISTS_OF_MAPPINGS), "list of mappings")
    return dict.fromkeys(mappings, "mapping") | lists


HUB = _of_hub()
BINDER = dict.fromkeys(_and_above([*OF_BINDER, "jupyterhub"]), "mapping") | {
    ("jupyterhub", *path): kind for path, kind in HUB.items()
}


def faults(values: Mapping[str, Any], shapes: Shapes, above: Path = (), pattern: Path = ()) -> Iterator[Fault]:
    """Yield the values of another shape than the chart reads; null is none of them, since it removes a default."""
    for key, value in values.items():
        path = (*above, str(key))
        known = next((one for one in ((*pattern, str(key)), (*pattern, ANY)) if one in shapes), None)
        if known is None or value is None:
            continue
        wanted = shapes[known]
        items = value if wanted == "list of mappings" and isinstance(value, list) else ()
        if not isinstance(value, ACCEPTED[wanted]) or not all(isinstance(item, Mapping) for item in items):
            yield Fault(path=path, value=value, wanted=wanted)
        elif isinstance(value, Mapping):
            yield from faults(value, shapes, path, known)


def nulls(values: Mapping[str, Any], below: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    """Yield the paths at which `values` set null where `below`, which they are merged into, has a mapping with members."""
    for key, value in values.items():
        old, path = below.get(key), (*above, str(key))
        if value is None and isinstance(old, Mapping) and old:
            yield path
        elif isinstance(value, Mapping) and isinstance(old, Mapping):
            yield from nulls(value, old, path)


def check_shapes(values: Mapping[str, Any], source: str, shapes: Shapes = HUB) -> None:
    """Raise StepError (ValuesRefused) for the first value of another shape than the chart reads. `source`: the place of a value in the
    spec, with `{path}` for its path."""
    for fault in faults(values, shapes):
        where = source.format(path=".".join(fault.path))
        raise StepError(
            Reason.VALUES_REFUSED,
            f"{where} is {kind_of(fault.value)}, and the chart reads a {fault.wanted} there",
            f"Write {where} as a {fault.wanted}, or remove it.",
        )


def check_nulls(
    values: Mapping[str, Any], below: Mapping[str, Any], field_of: Callable[[Path], Sequence[str]], source: str
) -> None:
    """Raise StepError (ValuesRefused) if a null removes what fields of the spec, or the operator, set.

    `below`: the values that `values` are merged into; `field_of`: the fields that set the values below a path.
    """
    for path in nulls(values, below):
        if fields := field_of(path):
            raise null_refused(path, fields, source)


def check_binder(values: Mapping[str, Any], source: str) -> None:
    """Raise StepError (ValuesRefused) for the first value of a binder that has another shape than its chart reads, and for a null without
    which the binder cannot start."""
    check_shapes(values, source, BINDER)
    for path in map(path_of, REQUIRED_BY_BINDER):
        if has(values, path) and at(values, *path) is None:
            raise null_refused(path, ["spec.binderhub"], source)


def null_refused(path: Path, fields: Sequence[str], source: str) -> StepError:
    """Return the error for a null that removes the values of these fields."""
    where, more = source.format(path=".".join(path)), f" and {len(fields) - 1} more fields" if len(fields) > 1 else ""
    return StepError(
        Reason.VALUES_REFUSED,
        f"{where} is null (has no value), which removes what {fields[0]}{more} set below it",
        f"Remove {where}, or write members below it.",
    )
