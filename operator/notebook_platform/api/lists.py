"""List types: how Kubernetes merges a list when several managers (kubectl, Argo CD, Flux) own parts of it.

Server-side apply treats a list without a type as one value, so that the manager that applies last replaces the entries of every
other one. Each list of the API therefore names its type here, in its annotation, and the CRD cannot be made without it.
Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

TYPE, KEYS = "x-kubernetes-list-type", "x-kubernetes-list-map-keys"

Item = TypeVar("Item")


@dataclass(frozen=True)
class ListType:
    """Marks a list with its type and, for a map, with the fields (as JSON names them) whose values identify an item."""

    type: Literal["atomic", "set", "map"]
    keys: tuple[str, ...] = ()

    def __get_pydantic_json_schema__(self, source: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        keys: dict[str, Any] = {KEYS: list(self.keys)} if self.keys else {}
        return {**handler(source), TYPE: self.type, **keys}


Atomic = Annotated[list[Item], ListType("atomic")]
"""One value with one owner: the order matters, or the items have no identity."""

SetOf = Annotated[list[Item], ListType("set")]
"""Unique scalars, each with its own owners; the API server refuses a duplicate."""

MapByName = Annotated[list[Item], ListType("map", ("name",))]
"""Objects identified by `name`, each with its own owners; the API server refuses a second one of the same name."""
