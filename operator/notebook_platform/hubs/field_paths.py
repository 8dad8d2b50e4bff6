"""Field paths: where the fields of a hub stand in the spec.

A hub is that of spec.jupyterhub or the one inside spec.binderhub, which has few typed fields and otherwise values of the hub's chart.
A message about a hub takes its paths from here (`HubContext.fields`), so that users find the field in their own spec. Pure.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from notebook_platform.api.binderhub import BinderHubSpec
from notebook_platform.api.hubs import JupyterHubSpec, ValuesFrom
from notebook_platform.helm.values import Source, named_sources
from notebook_platform.hubs.chart.value_map import ROWS

OTHER_FIELDS = {"expose.ingress": "address.ingress", "host": "address"}
"""Fields of a hub that a binder has under other names."""

OTHER_VALUES = {
    "network.blockMetadata": "singleuser.cloudMetadata.blockWithIptables: false",
    "singleUser.storage.keepOnUserDelete": "hub.config.KubeSpawner.delete_pvc: false",
}
"""Settings whose value in the chart differs from that of the field."""


@dataclass(frozen=True)
class HubFields:
    """The paths of one kind of hub. `root` is its part of the spec; `inside` precedes the path of a value of the hub's chart."""

    root: str
    spec: type[BaseModel]
    inside: str = ""

    def path(self, name: str) -> str:
        """Return the path of the hub's field `name` (`network.blockMetadata`): the typed field, or else the value of the hub's chart."""
        if _exists(self.spec, name):
            return f"{self.root}.{name}"
        if other := OTHER_FIELDS.get(name):
            return f"{self.root}.{other}"
        return self.value(OTHER_VALUES[name].partition(":")[0] if name in OTHER_VALUES else _place(name))

    def setting(self, name: str, value: str) -> str:
        """Return what sets the hub's field `name` to `value`: `spec.jupyterhub.culling.users: false`."""
        if name in OTHER_VALUES and not _exists(self.spec, name):
            return self.value(OTHER_VALUES[name])
        return f"{self.path(name)}: {value}"

    def value(self, path: str) -> str:
        """Return the path of a value of the hub's chart."""
        return f"{self.root}.values.{self.inside}{path}".rstrip(".")

    def sources(
        self, values_from: Sequence[ValuesFrom], documents: Sequence[Mapping[str, Any]], inline: Mapping[str, Any]
    ) -> Iterator[Source]:
        """Yield (place, values) for each document of valuesFrom and for `values`; see `named_sources`."""
        for place, values in named_sources(self.root, values_from, documents, inline):
            yield place.replace("{path}", f"{self.inside}{{path}}"), values


def _place(name: str) -> str:
    """Return the path of a field's value in the newest chart; empty: the field has no value of its own."""
    places = [place for _, place in ROWS.get(name, ()) if isinstance(place, str)]
    return places[-1] if places else ""


@lru_cache(maxsize=2048)
def _exists(model: Any, name: str) -> bool:
    """Return whether a model has a member at a path of names of the CRD."""
    first, _, below = re.sub(r"\[\w*\]", "", name).partition(".")
    members: dict[str, Any] = {}
    for kind in _models(model):
        members |= {info.alias or member: info.annotation for member, info in kind.model_fields.items()}
    return first in members and (not below or _exists(members[first], below))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models of an annotation, also of optional members and lists."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType, list, tuple):
        for kind in get_args(annotation):
            yield from _models(kind)


JUPYTERHUB = HubFields("spec.jupyterhub", JupyterHubSpec)
BINDERHUB = HubFields("spec.binderhub", BinderHubSpec, inside="jupyterhub.")
