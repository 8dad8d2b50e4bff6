"""Which chart is installed, and values of the chart from elsewhere."""

from typing import Literal

from pydantic import Field

from notebook_platform.api.base import SpecModel


class Chart(SpecModel):
    """Which chart is installed."""

    version: str = Field(max_length=64, description="Exact version of the chart.")
    repository: str | None = Field(
        None,
        max_length=512,
        description="Chart repository, one that the operator's configuration allows. Left out: the operator's default.",
    )


class ValuesFrom(SpecModel):
    """Values of the chart from a Secret or a ConfigMap in the namespace of the platform."""

    kind: Literal["Secret", "ConfigMap"] = Field(description="Kind of the object.")
    name: str = Field(max_length=253, description="Name of the object.")
    key: str = Field("values.yaml", max_length=253, description="Key that holds YAML.")
