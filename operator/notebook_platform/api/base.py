"""What all models of the resource share: camelCase on the wire, snake_case in Python, frozen."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class SpecModel(BaseModel):
    """A part of the spec. Unknown members are dropped as the API server drops them."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore", use_attribute_docstrings=True
    )


class StatusModel(BaseModel):
    """A part of the status; absent rather than null on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")

    def wire(self) -> dict[str, Any]:
        """The JSON form, with no nulls."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class SecretRef(SpecModel):
    """A Secret in the namespace of the platform."""

    name: str = Field(min_length=1, max_length=253, description="Name of the Secret.")


class SecretKeyRef(SpecModel):
    """A key of a Secret in the namespace of the platform."""

    name: str = Field(min_length=1, max_length=253, description="Name of the Secret.")
    key: str = Field(min_length=1, max_length=253, description="Key in the Secret.")
