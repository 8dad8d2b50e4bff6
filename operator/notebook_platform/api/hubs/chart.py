"""Which chart is installed, and values of the chart from elsewhere."""

from typing import Annotated, Literal

from pydantic import Field

from notebook_platform.api.base import DataKey, LocalRef, ObjectName, SpecModel
from notebook_platform.api.lists import Atomic, SetOf

Digest = Annotated[
    str | None,
    Field(
        max_length=71,
        description="SHA-256 of the chart's package, as `sha256:` and 64 lower-case hexadecimal digits (`sha256sum` of the .tgz; for an OCI "
        "repository that of the chart's layer, not of the manifest). If set, the operator checks the digest before it renders "
        "the chart, and gives Helm the checked file.",
    ),
]


class Chart(SpecModel):
    """Which chart is installed."""

    version: str = Field(max_length=64, description="Exact version of the chart.")
    repository: str | None = Field(
        None,
        max_length=512,
        description="Chart repository; the operator's configuration must allow it. Default: the operator's.",
    )
    digest: Digest = None


class ValuesFrom(LocalRef):
    """Values of the chart from a Secret or a ConfigMap in the namespace of the platform."""

    kind: Literal["Secret", "ConfigMap"] = Field(description="Kind of the object.")
    name: ObjectName = Field(description="Name of the object.")
    key: DataKey = Field("values.yaml", description="Key whose value is YAML.")

    @property
    def kind_of_object(self) -> str:
        return self.kind


Needs = Annotated[
    SetOf[Annotated[str, Field(max_length=50)]],
    Field(
        max_length=16,
        description="Names of releases that must be ready first and are uninstalled afterwards, such as an ingress controller or cert-manager.",
    ),
]
"""What a hub waits for."""

MoreValues = Annotated[
    Atomic[ValuesFrom],
    Field(
        max_length=16,
        description="Chart values from Secrets and ConfigMaps. They override the typed fields; later entries override earlier ones.",
    ),
]
"""Values of a hub's chart beside `values`."""
