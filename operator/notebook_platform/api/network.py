"""spec.network and spec.identity: the network of the nodes, and who the cluster is towards Azure."""

from typing import Annotated, Literal

from pydantic import Field

from notebook_platform.api.arm_ids import IdentityName, SubnetId, SubnetName, UserAssignedIdentityId, VirtualNetworkName
from notebook_platform.api.base import SecretRef, SpecModel
from notebook_platform.api.lists import MapByName, SetOf

ServiceRole = Literal["Contributor", "Network Contributor"]
RoleScope = Literal["VirtualNetwork", "Subnet", "None"]


class VirtualNetwork(SpecModel):
    """The virtual network of the nodes."""

    name: VirtualNetworkName = Field(description="Name of the virtual network. Cannot change.")
    address_prefixes: SetOf[Annotated[str, Field(max_length=18)]] = Field(
        min_length=1, max_length=16, description="Address spaces in CIDR notation, as in `10.0.0.0/8`."
    )


class Subnet(SpecModel):
    """The subnet of the nodes (and, with the azure plugin, of the pods)."""

    name: SubnetName = Field("default", description="Name of the subnet. Cannot change.")
    address_prefix: str = Field(max_length=18, description="Address range of the subnet in CIDR notation.")


class PoolSubnet(Subnet):
    """An additional subnet for the pools that name it."""

    name: SubnetName = Field(description="Name of the subnet.")


class NetworkSpec(SpecModel):
    """The network the cluster lives in: kept by the platform, or an existing subnet. Left out, AKS makes one of its own."""

    virtual_network: VirtualNetwork | None = Field(
        None, description="The virtual network that the operator creates and maintains."
    )
    subnet: Subnet | None = Field(None, description="Subnet of the virtual network for all pools that name no other subnet.")
    subnets: MapByName[PoolSubnet] = Field(
        default_factory=list, max_length=20, description="Additional subnets for pools (`nodePools[].subnet`)."
    )
    subnet_id: SubnetId | None = Field(None, description="ARM id of an existing subnet to use instead; it is not changed.")


class ServicePrincipal(SpecModel):
    """The service principal the cluster acts as: created by the operator, or an existing one from a Secret."""

    name: str | None = Field(
        None, max_length=120, description="Display name of the principal that the operator creates and renews."
    )
    secret_ref: SecretRef | None = Field(
        None, description="An existing principal: a Secret with the keys `clientId` and `clientSecret`."
    )
    role: ServiceRole = Field("Contributor", description="Role on the network that the operator assigns to the principal.")
    secret_lifetime: str = Field("365d", max_length=8, description="Validity of a secret that the operator creates.")
    renew_before: str = Field(
        "30d",
        max_length=8,
        description="How long before its expiry a secret is renewed. The renewal replaces the cluster's nodes.",
    )


class UserAssigned(SpecModel):
    """A user-assigned managed identity: created in the resource group if absent, or an existing one by id."""

    name: IdentityName | None = Field(None, description="Name of the identity that the operator creates and maintains.")
    resource_id: UserAssignedIdentityId | None = Field(
        None, description="ARM id of an existing identity; the operator does not change it."
    )
    role: ServiceRole = Field("Network Contributor", description="Role on the network that the operator assigns to the identity.")


class IdentitySpec(SpecModel):
    """Identity of the cluster in Azure."""

    type: Literal["ServicePrincipal", "UserAssigned", "SystemAssigned"] = Field(
        "SystemAssigned", description="Kind of identity. Cannot change."
    )
    service_principal: ServicePrincipal | None = Field(None, description="For type ServicePrincipal.")
    user_assigned: UserAssigned | None = Field(None, description="For type UserAssigned.")
    role_scope: RoleScope = Field(
        "VirtualNetwork",
        description="Scope of the role on the network: the whole network, or only the subnet. `None`: you assign the roles yourself; the operator "
        "assigns none, neither to this identity nor, where `cluster.entra` needs it, to itself on the cluster.",
    )
