"""What all models of the resource share: camelCase on the wire, snake_case in Python, frozen.

A model builds its validator when it is used for the first time (`defer_build`): a command that reads one part of the resource, or none,
starts without those of the other hundred models.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class SpecModel(BaseModel):
    """A part of the spec. Unknown members are dropped as the API server drops them."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        defer_build=True,
    )


class StatusModel(BaseModel):
    """A part of the status; absent rather than null on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore", defer_build=True)

    def wire(self) -> dict[str, Any]:
        """Return the JSON form, without nulls."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
KEY = r"^[-._a-zA-Z0-9]+$"

ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=SUBDOMAIN)]
"""Name of an object (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names)."""

NamespaceName = Annotated[str, Field(min_length=1, max_length=63, pattern=LABEL)]
"""Name of a namespace (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names)."""

DataKey = Annotated[str, Field(min_length=1, max_length=253, pattern=KEY)]
"""Key of a Secret or a ConfigMap (https://kubernetes.io/docs/concepts/configuration/secret/#restriction-names-data)."""

Time = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]
"""A time of the status, as RFC 3339 has it."""

MAP_TYPE = "x-kubernetes-map-type"
"""How server-side apply merges an object: `atomic` as one value (as core/v1 has its SecretKeySelector), else by its fields."""

SENTENCES = {
    SUBDOMAIN: "must be the name of an object: lower-case letters, digits, - and ., with a letter or digit at both ends",
    LABEL: "must be the name of a namespace: lower-case letters, digits and -, with a letter or digit at both ends",
    KEY: "must be a key of a Secret or ConfigMap: letters, digits, -, _ and .",
}
"""What a pattern is refused with, after the field."""


class LocalRef(SpecModel):
    """An object in the namespace of the platform. One manager owns all of a reference: half of two makes no third."""

    model_config = ConfigDict(json_schema_extra={MAP_TYPE: "atomic"})

    name: ObjectName = Field(description="Name of the object.")

    @property
    def kind_of_object(self) -> str:
        """Return Secret or ConfigMap."""
        return "Secret"


class SecretRef(LocalRef):
    """A Secret in the namespace of the platform."""

    name: ObjectName = Field(description="Name of the Secret.")


class SecretKeyRef(LocalRef):
    """A key of a Secret in the namespace of the platform."""

    name: ObjectName = Field(description="Name of the Secret.")
    key: DataKey = Field(description="Key in the Secret.")
