"""spec.releases: other charts on the cluster (cert-manager, an ingress controller, monitoring, dask-gateway)."""

from typing import Annotated, Any

from pydantic import Field

from notebook_platform.api.base import SpecModel
from notebook_platform.api.hubs import ValuesFrom
from notebook_platform.api.hubs.chart import Digest
from notebook_platform.api.lists import Atomic, SetOf
from notebook_platform.api.remediation import Remediation

HUBS = ("jupyterhub", "binderhub")
"""What `needs` may name besides releases, if the spec has it."""


class ReleaseChart(SpecModel):
    """Which chart is installed."""

    name: str = Field(min_length=1, max_length=128, description="Name of the chart.")
    version: str = Field(max_length=64, description="Exact version of the chart.")
    repository: str | None = Field(
        None,
        max_length=512,
        description="Chart repository (https or oci), one that the operator's configuration allows. Default: the operator's.",
    )
    digest: Digest = None


class ReleaseSpec(SpecModel):
    """One Helm release. The operator uninstalls a release that is removed from the spec, and keeps the volumes that Helm does not delete."""

    name: str = Field(min_length=1, max_length=50, description="Name of the Helm release.")
    namespace: str = Field(min_length=1, max_length=63, description="Namespace of the release; created if absent.")
    chart: ReleaseChart = Field(description="Chart and version.")
    needs: SetOf[Annotated[str, Field(max_length=50)]] = Field(
        default_factory=list,
        max_length=16,
        description="Releases that must be ready first and are uninstalled afterwards, by name; `jupyterhub` and `binderhub` are those of the spec.",
    )
    values: dict[str, Any] = Field(default_factory=dict, description="Values of the chart; they override valuesFrom.")
    values_from: Atomic[ValuesFrom] = Field(
        default_factory=list,
        max_length=16,
        description="Values from Secrets and ConfigMaps; later entries override earlier ones.",
    )
    remediation: Remediation = Field(default_factory=Remediation, description="What the operator does when helm fails.")
