"""spec.cluster, spec.nodePools and spec.autoscale: the managed cluster and its agent pools."""

from typing import Annotated, Literal

from pydantic import Field

from notebook_platform.api.base import SecretKeyRef, SpecModel


class ClusterNetwork(SpecModel):
    """networkProfile of the managed cluster. Cannot change but for `policy`."""

    plugin: Literal["azure", "kubenet", "none"] = Field("azure", description="Network plugin.")
    plugin_mode: Literal["overlay"] | None = Field(
        None, description="`overlay`: pods get addresses of their own range instead of the subnet's."
    )
    policy: Literal["azure", "calico", "cilium", "none"] = Field("azure", description="Network policy engine.")
    service_cidr: str = Field("10.0.0.0/16", max_length=18, description="Addresses of Services, in CIDR notation.")
    dns_service_ip: str = Field(
        "10.0.0.10", alias="dnsServiceIP", max_length=15, description="Address of the cluster's DNS, inside serviceCidr."
    )
    pod_cidr: str | None = Field(None, max_length=18, description="Addresses of pods (overlay and kubenet).")
    docker_bridge_cidr: str | None = Field(
        None, max_length=18, description="Accepted for old runbooks and without effect: AKS runs containerd."
    )


class ClusterSpec(SpecModel):
    """The AKS managed cluster."""

    name: str = Field(max_length=63, description="Name of the managed cluster. Cannot change.")
    node_resource_group: str | None = Field(
        None, max_length=80, description="Group AKS makes for nodes, disks and addresses. Cannot change."
    )
    kubernetes_version: str = Field(max_length=16, description='Version as offered in the region: "1.34" or "1.34.2".')
    dns_prefix: str | None = Field(None, max_length=54, description="Start of the API server's name. Cannot change.")
    admin_username: str = Field("azureuser", max_length=32, description="Login on the nodes. Cannot change.")
    ssh_public_key: str | None = Field(None, max_length=16384, description="Public key for the login on the nodes.")
    ssh_public_key_from: SecretKeyRef | None = Field(None, description="The public key, from a Secret.")
    tier: Literal["Free", "Standard", "Premium"] = Field("Free", description="Tier of the control plane (uptime SLA).")
    network: ClusterNetwork = Field(default_factory=ClusterNetwork, description="Network profile.")


class Autoscaling(SpecModel):
    """Bounds of AKS's cluster autoscaler for a pool."""

    min_count: int = Field(ge=0, le=1000, description="Fewest nodes.")
    max_count: int = Field(ge=1, le=1000, description="Most nodes.")


class NodePool(SpecModel):
    """One AKS agent pool."""

    name: str = Field(max_length=12, description="Name: 1-12 lower-case letters and digits, starting with a letter.")
    mode: Literal["System", "User"] = Field("User", description="System pools carry the cluster's own pods.")
    vm_size: str = Field(max_length=64, description="VM size, as in `Standard_D2s_v3`. Cannot change in place.")
    count: int | None = Field(None, ge=0, le=1000, description="Number of nodes; with autoscaling only the number at creation.")
    autoscaling: Autoscaling | None = Field(None, description="Let AKS's cluster autoscaler choose the count.")
    max_pods: int | None = Field(None, ge=10, le=250, description="Most pods on a node. Cannot change in place.")
    os_disk_size_gb: int | None = Field(
        None, alias="osDiskSizeGB", ge=30, le=2048, description="Size of the OS disk. Cannot change in place."
    )
    availability_zones: list[Annotated[str, Field(max_length=1)]] = Field(
        default_factory=list, max_length=3, description="Zones of the nodes. Cannot change in place."
    )
    node_labels: dict[str, str] = Field(default_factory=dict, max_length=32, description="Labels on the nodes.")
    node_taints: list[Annotated[str, Field(max_length=256)]] = Field(
        default_factory=list, max_length=16, description="Taints on the nodes, as `key=value:NoSchedule`."
    )


class AutoscaleCapacity(SpecModel):
    """Bounds of a custom autoscale profile."""

    minimum: int = Field(ge=0, le=1000, description="Fewest nodes.")
    maximum: int = Field(ge=1, le=1000, description="Most nodes.")
    default: int = Field(ge=0, le=1000, description="Nodes when the metric is missing.")


class AutoscaleRule(SpecModel):
    """One metric rule of a custom autoscale profile."""

    metric: str = Field("Percentage CPU", max_length=128, description="Metric of the scale set.")
    operator: Literal["Equals", "NotEquals", "GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual"] = Field(
        description="Comparison of the metric with the threshold."
    )
    threshold: float = Field(description="Value to compare with.")
    window: str = Field("10m", max_length=8, description="How long is looked back, as `10m` (5m to 12h).")
    change: int = Field(ge=-1000, le=1000, description="Nodes to add (positive) or to take (negative).")
    cooldown: str = Field("5m", max_length=8, description="Rest after the rule has acted, as `5m` (1m to 1w).")


class Autoscale(SpecModel):
    """A custom autoscale setting on a pool's scale set (Azure Monitor)."""

    pool: str = Field(max_length=12, description="Name of the node pool.")
    capacity: AutoscaleCapacity = Field(description="Bounds.")
    rules: list[AutoscaleRule] = Field(default_factory=list, max_length=10, description="Metric rules.")
