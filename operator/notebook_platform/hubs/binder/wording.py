"""Rename the fields of a hub in a sentence to those of a binder, whose hub has few typed fields and otherwise values of its chart. Pure."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from notebook_platform.api.binderhub import BinderHubSpec
from notebook_platform.engine.outcome import StepError
from notebook_platform.hubs.chart.value_map import ROWS
from notebook_platform.hubs.inputs import FIELD as HUB_FIELD

FIELD = "spec.binderhub"
OF_CHART = f"{FIELD}.values.jupyterhub"

_VALUE = re.compile(re.escape(HUB_FIELD) + r"\.values(?:\.|From\[\d+\](?: \(\w+ [-.\w]+\))?: )")
"""What precedes the path of a value of the hub's chart in a sentence."""

_TYPED = re.compile(re.escape(HUB_FIELD) + r"((?:\.[A-Za-z]+)+)(: [A-Za-z]+)?")

OTHER_VALUES = {
    "network.blockMetadata": "singleuser.cloudMetadata.blockWithIptables: false",
    "singleUser.storage.keepOnUserDelete": "hub.config.KubeSpawner.delete_pvc: false",
}
"""What a remedy means in the chart where it has another value than the field."""


@contextmanager
def about_binder() -> Iterator[None]:
    """Rename the fields of a hub's error to the binder's."""
    try:
        yield
    except StepError as refused:
        failed = refused.failed
        renamed = replace(failed, message=of_binder(failed.message), remedy=of_binder(failed.remedy))
        raise StepError.of(renamed) from None


def of_binder(text: str) -> str:
    """Return a sentence about a hub with the fields of the binder: the typed field of that name, or else the value of the hub's chart."""
    return _TYPED.sub(_renamed, _VALUE.sub(lambda found: f"{found[0].replace(HUB_FIELD, FIELD)}jupyterhub.", text)).replace(
        HUB_FIELD, FIELD
    )


def _renamed(found: re.Match[str]) -> str:
    name, value = found[1][1:], found[2] or ""
    if _exists(BinderHubSpec, name.split(".")):
        return f"{FIELD}.{name}{value}"
    if other := OTHER_VALUES.get(name):
        return f"{OF_CHART}.{other if value else other.partition(':')[0]}"
    places = [place for _, place in ROWS.get(name, ()) if isinstance(place, str)]
    return f"{OF_CHART}.{places[-1]}{value}" if places else f"{OF_CHART}{value}"


def _exists(model: Any, path: list[str]) -> bool:
    """Return whether a model has a member at a path of names of the CRD."""
    if not path:
        return True
    if get_origin(model) in (Union, UnionType):
        return any(_exists(kind, path) for kind in get_args(model))
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return False
    members = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
    return path[0] in members and _exists(members[path[0]], path[1:])
