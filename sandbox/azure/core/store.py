"""What there is: resources by id, without regard to case, as Resource Manager treats ids."""

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Resource:
    """A resource: its canonical id and its body in wire form."""

    id: str
    body: dict[str, Any]

    @property
    def type(self) -> str:
        """`microsoft.network/virtualnetworks`; lower case."""
        parts = self.id.lower().split("/providers/", 1)
        if len(parts) == 1:
            return "microsoft.resources/resourcegroups"
        segments = self.id.lower().rsplit("/providers/", 1)[1].split("/")
        return "/".join([segments[0], *segments[1::2]])

    @property
    def group(self) -> str:
        """Name of the resource group, lower case."""
        parts = self.id.lower().split("/")
        return parts[4] if len(parts) > 4 and parts[3] == "resourcegroups" else ""

    @property
    def tracked(self) -> bool:
        """Whether a listing of the group shows it: no child resource, no role assignment or lock on something."""
        _, *providers = self.id.lower().split("/providers/")
        return len(providers) == 1 and len(providers[0].split("/")) == 3 and not self.type.startswith("microsoft.authorization/")


@dataclass
class Store:
    """All resources."""

    resources: dict[str, Resource] = field(default_factory=dict)
    _etags: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def get(self, id_: str) -> Resource | None:
        """By id, in any case."""
        return self.resources.get(id_.lower().rstrip("/"))

    def put(self, id_: str, body: dict[str, Any]) -> Resource:
        """Create or replace; an existing resource keeps the case of its id."""
        old = self.get(id_)
        resource = Resource(old.id if old else id_, body)
        body["id"] = resource.id
        self.resources[id_.lower()] = resource
        return resource

    def remove(self, id_: str) -> None:
        """Remove with all that is below it."""
        root = id_.lower()
        for key in [k for k in self.resources if k == root or k.startswith(f"{root}/")]:
            del self.resources[key]

    def under(self, prefix: str, type_: str | None = None) -> Iterator[Resource]:
        """All below an id, of one type if given."""
        start = prefix.lower().rstrip("/") + "/"
        for key, resource in list(self.resources.items()):
            if key.startswith(start) and (type_ is None or resource.type == type_.lower()):
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
