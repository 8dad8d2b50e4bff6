"""spec.nodePools: the agent pools."""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from notebook_platform.api.arm_ids import PoolName, SubnetId
from notebook_platform.api.base import SpecModel
from notebook_platform.api.lists import Atomic, SetOf
from notebook_platform.api.numbers import DecimalNumber
from notebook_platform.api.patches import POOL, declared
from notebook_platform.api.schedules import Recurring


class Autoscaling(SpecModel):
    """Bounds of AKS's cluster autoscaler for a pool."""

    min_count: int = Field(ge=0, le=1000, description="Minimum number of nodes.")
    max_count: int = Field(ge=1, le=1000, description="Maximum number of nodes.")


class PoolSchedule(Recurring):
    """A recurring time with other limits for the cluster autoscaler."""

    min_count: int = Field(ge=0, le=1000, description="Minimum number of nodes.")
    max_count: int = Field(ge=1, le=1000, description="Maximum number of nodes.")


class Spot(SpecModel):
    """Nodes that Azure may take back at any time, for a lower price."""

    max_price: DecimalNumber = Field(
        Decimal(-1),
        ge=-1,
        le=1000,
        json_schema_extra={"default": -1},
        description='Maximum price for an hour, in US dollars: an integer, or a decimal as text (`"0.5"`); -1: at most the pay-as-you-go price.',
    )
    eviction_policy: Literal["Delete", "Deallocate"] = Field("Delete", description="What Azure does with an evicted node.")


class Gpu(SpecModel):
    """GPUs of a pool."""

    driver: Literal["Install", "None"] = Field("Install", description="Whether AKS installs the driver.")
    instance_profile: Literal["MIG1g", "MIG2g", "MIG3g", "MIG4g", "MIG7g"] | None = Field(
        None, description="How each GPU is partitioned."
    )


class NodePool(SpecModel):
    """One AKS agent pool."""

    name: PoolName = Field(description="Name: 1-12 lower-case letters and digits, starting with a letter.")
    mode: Literal["System", "User"] = Field("User", description="System pools run the cluster's own pods.")
    purpose: Literal["Core", "User"] | None = Field(
        None,
        description="The hub's use of the pool: sets the label hub.jupyter.org/node-purpose and, for User, the taint that "
        "keeps all pods except users' servers away.",
    )
    vm_size: str = Field(max_length=64, description="VM size, such as `Standard_D2s_v3`. Cannot change in place.")
    count: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="Number of nodes. With `autoscaling` or an item of spec.autoscale it applies only at creation: later the "
        "autoscaler owns the number. Default: 1 at creation; the operator does not change it later.",
    )
    autoscaling: Autoscaling | None = Field(None, description="Let AKS's cluster autoscaler choose the count.")
    schedules: Atomic[PoolSchedule] = Field(
        default_factory=list,
        max_length=20,
        description="Recurring times with other limits for `autoscaling`, for example for a lecture.",
    )
    max_pods: int | None = Field(None, ge=10, le=250, description="Maximum number of pods on a node. Cannot change in place.")
    max_surge: str | None = Field(
        None, max_length=4, description="Additional nodes during an upgrade, such as `1` or `33%`. Default: AKS's, 10%."
    )
    os_disk_size_gb: int | None = Field(
        None, alias="osDiskSizeGB", ge=30, le=2048, description="Size of the OS disk. Cannot change in place."
    )
    os_disk_type: Literal["Managed", "Ephemeral"] | None = Field(None, description="Type of OS disk. Cannot change in place.")
    os_sku: Literal["Ubuntu", "AzureLinux"] | None = Field(
        None, alias="osSKU", description="Operating system of the nodes. Cannot change in place."
    )
    availability_zones: SetOf[Annotated[str, Field(max_length=1)]] = Field(
        default_factory=list, max_length=3, description="Zones of the nodes. Cannot change in place."
    )
    spot: Spot | None = Field(None, description="Spot nodes, for mode User. Cannot change in place.")
    gpu: Gpu | None = Field(None, description="GPU settings of a pool whose VM size has GPUs. Cannot change in place.")
    subnet: str | None = Field(
        None, max_length=80, description="Name of a subnet of spec.network for the nodes. Cannot change in place."
    )
    subnet_id: SubnetId | None = Field(None, description="ARM id of an existing subnet for the nodes. Cannot change in place.")
    node_labels: dict[str, str] = Field(
        default_factory=dict, max_length=32, description="Labels of the nodes; other labels are removed."
    )
    node_taints: SetOf[Annotated[str, Field(max_length=256)]] = Field(
        default_factory=list,
        max_length=16,
        description="Taints of the nodes, such as `key=value:NoSchedule`; other taints are removed. Users' servers tolerate "
        "the taints of pools with purpose User (if no pool has it, of pools with mode User). If a profile selects a pool by `nodeSelector` "
        "or `gpus`, only servers of that profile tolerate its taints.",
    )
    replacement: Literal["Refuse", "Rotate"] = Field(
        "Refuse",
        description="What to do when an immutable property of a pool changes. `Refuse`: report it. `Rotate`: move the pods to a temporary "
        "pool, create the pool again, and move the pods back, within the PodDisruptionBudgets.",
    )
    patch: dict[str, Any] = Field(
        default_factory=dict,
        json_schema_extra=declared(POOL),
        description="JSON merge patch (RFC 7396) over the body of the agent pool, for members without a field here, such "
        "as `properties: {kubeletConfig: {cpuCfsQuota: false}}`; null removes. The rules are those of spec.cluster.patch. A change of an "
        "immutable member replaces the pool as `replacement` says.",
    )
