"""What there is: resources by id, without regard to case, as Resource Manager treats ids."""

import itertools
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass
class Resource:
    """A resource: its canonical id, which does not change, and its body in wire form."""

    id: str
    body: dict[str, Any]

    @cached_property
    def type(self) -> str:
        """`microsoft.network/virtualnetworks`; lower case."""
        parts = self.id.lower().split("/providers/", 1)
        if len(parts) == 1:
            return "microsoft.resources/resourcegroups"
        segments = self.id.lower().rsplit("/providers/", 1)[1].split("/")
        return "/".join([segments[0], *segments[1::2]])

    @cached_property
    def group(self) -> str:
        """Name of the resource group, lower case."""
        parts = self.id.lower().split("/")
        return parts[4] if len(parts) > 4 and parts[3] == "resourcegroups" else ""

    @property
    def tracked(self) -> bool:
        """Whether a listing of the group shows it: no child resource, no role assignment or lock on something."""
        _, *providers = self.id.lower().split("/providers/")
        return len(providers) == 1 and len(providers[0].split("/")) == 3 and not self.type.startswith("microsoft.authorization/")


def _group_of(key: str) -> str:
    """The id of the resource group that a lower-case id lies in, or names; empty outside of groups."""
    parts = key.split("/", 5)
    return "/".join(parts[:5]) if len(parts) > 4 and parts[3] == "resourcegroups" else ""


class Store:
    """All resources, indexed by type and by resource group: a subscription can have many thousands."""

    def __init__(self) -> None:
        self._all: dict[str, Resource] = {}
        self._types: dict[str, dict[str, Resource]] = {}
        self._groups: dict[str, dict[str, Resource]] = {}
        self._etags = itertools.count(1)

    @property
    def resources(self) -> Mapping[str, Resource]:
        """All by their ids in lower case."""
        return self._all

    def get(self, id_: str) -> Resource | None:
        """By id, in any case."""
        return self._all.get(id_.lower().rstrip("/"))

    def put(self, id_: str, body: dict[str, Any]) -> Resource:
        """Create or replace; an existing resource keeps the case of its id."""
        old, key = self.get(id_), id_.lower()
        resource = Resource(old.id if old else id_, body)
        body["id"] = resource.id
        for index in (self._all, self._types.setdefault(resource.type, {}), self._groups.setdefault(_group_of(key), {})):
            index[key] = resource
        return resource

    def remove(self, id_: str) -> None:
        """Remove with all that is below it."""
        root = id_.lower()
        group = _group_of(root)
        for key in [k for k in (self._groups.get(group, {}) if group else self._all) if k == root or k.startswith(f"{root}/")]:
            resource = self._all.pop(key)
            del self._types[resource.type][key], self._groups[_group_of(key)][key]

    def clear(self) -> None:
        """Remove everything."""
        for index in (self._all, self._types, self._groups):
            index.clear()

    def of_type(self, type_: str) -> list[Resource]:
        """All of one type, given in lower case."""
        return list(self._types.get(type_, {}).values())

    def under(self, prefix: str, type_: str | None = None) -> Iterator[Resource]:
        """All below an id, of one type if given."""
        start = prefix.lower().rstrip("/") + "/"
        type_ = type_.lower() if type_ else None
        group = _group_of(start.rstrip("/"))
        of_type = self._all if type_ is None else self._types.get(type_, {})
        among = self._groups.get(group, {}) if group else of_type
        for key, resource in list(among.items()):
            if key.startswith(start) and (type_ is None or resource.type == type_):
                yield resource

    def etag(self) -> str:
        """A new etag."""
        return f'W/"{self.guid()}"'

    def guid(self) -> str:
        """A new etag as AKS writes them: without quotes."""
        return str(uuid.UUID(int=next(self._etags)))

    def touch(self, resource: Resource) -> None:
        """Give a changed resource another etag, if it has one."""
        for key, new in (("etag", self.etag), ("eTag", self.guid)):
            if key in resource.body:
                resource.body[key] = new()
