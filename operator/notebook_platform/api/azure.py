"""spec.azure, spec.network and spec.identity: where the platform stands and who it is."""

from typing import Annotated, Literal

from pydantic import Field

from notebook_platform.api.base import SecretRef, SpecModel

ServiceRole = Literal["Contributor", "Network Contributor"]


class WorkloadIdentity(SpecModel):
    """A federated identity: the operator's ServiceAccount token is exchanged for one of Entra ID; no secret is kept."""

    tenant_id: str = Field(max_length=36, description="Tenant (directory) id of the application.")
    client_id: str = Field(max_length=36, description="Application (client) id.")


class Credentials(SpecModel):
    """How the operator signs in to Azure for this platform. Exactly one of the members."""

    secret_ref: SecretRef | None = Field(
        None,
        description="A Secret with the keys `tenantId`, `clientId` and `clientSecret` of a service principal.",
    )
    workload_identity: WorkloadIdentity | None = Field(None, description="A federated identity of the operator's ServiceAccount.")


class AzureSpec(SpecModel):
    """The subscription, the place and the credentials."""

    subscription_id: str = Field(max_length=36, description="Id of the Azure subscription. Cannot change.")
    location: str = Field(max_length=64, description="Azure region, as in `eastus`. Cannot change.")
    resource_group: str = Field(
        max_length=90, description="Resource group that holds the platform; created if absent. Cannot change."
    )
    credentials: Credentials | None = Field(
        None, description="How to sign in to Azure; without it the operator's own identity is used."
    )
    features: list[Annotated[str, Field(max_length=128)]] = Field(
        default_factory=list,
        max_length=32,
        description="Preview features to register, each as `Namespace/Feature`.",
    )
    tags: dict[str, str] = Field(default_factory=dict, max_length=15, description="Tags put on everything the platform creates.")


class VirtualNetwork(SpecModel):
    """The virtual network of the nodes."""

    name: str = Field(max_length=64, description="Name of the virtual network. Cannot change.")
    address_prefixes: list[Annotated[str, Field(max_length=18)]] = Field(
        min_length=1, max_length=16, description="Address spaces in CIDR notation, as in `10.0.0.0/8`."
    )


class Subnet(SpecModel):
    """The subnet of the nodes (and, with the azure plugin, of the pods)."""

    name: str = Field("default", max_length=80, description="Name of the subnet. Cannot change.")
    address_prefix: str = Field(max_length=18, description="Addresses of the subnet in CIDR notation.")


class NetworkSpec(SpecModel):
    """The network the cluster lives in; left out, AKS makes one of its own."""

    virtual_network: VirtualNetwork = Field(description="The virtual network to keep.")
    subnet: Subnet = Field(description="The subnet to keep in it.")


class ServicePrincipal(SpecModel):
    """The service principal the cluster acts as: created by the operator, or an existing one from a Secret."""

    name: str | None = Field(
        None, max_length=120, description="Display name of the principal that the operator creates and renews."
    )
    secret_ref: SecretRef | None = Field(
        None, description="An existing principal: a Secret with the keys `clientId` and `clientSecret`."
    )
    role: ServiceRole = Field("Contributor", description="Role that the principal is given on the virtual network.")


class UserAssigned(SpecModel):
    """A user-assigned managed identity, created in the resource group if absent."""

    name: str = Field(max_length=128, description="Name of the identity.")
    role: ServiceRole = Field("Network Contributor", description="Role that the identity is given on the virtual network.")


class IdentitySpec(SpecModel):
    """Who the cluster is towards Azure."""

    type: Literal["ServicePrincipal", "UserAssigned", "SystemAssigned"] = Field(
        "SystemAssigned", description="Kind of identity. Cannot change."
    )
    service_principal: ServicePrincipal | None = Field(None, description="For type ServicePrincipal.")
    user_assigned: UserAssigned | None = Field(None, description="For type UserAssigned.")
