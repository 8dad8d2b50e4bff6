"""spec.azure: where the platform stands, and how the operator signs in."""

from typing import Annotated

from pydantic import Field

from notebook_platform.api.base import SecretRef, SpecModel


class WorkloadIdentity(SpecModel):
    """A federated identity: the operator's ServiceAccount token is exchanged for one of Entra ID; no secret is kept."""

    tenant_id: str = Field(max_length=36, description="Tenant (directory) id of the application.")
    client_id: str = Field(max_length=36, description="Application (client) id.")


class ManagedIdentity(SpecModel):
    """A managed identity of the machine that the operator runs on."""

    client_id: str | None = Field(
        None, max_length=36, description="Client id of a user-assigned identity; left out: the system-assigned one."
    )


class Credentials(SpecModel):
    """How the operator signs in to Azure for this platform. Exactly one of the members."""

    secret_ref: SecretRef | None = Field(
        None,
        description="A Secret with the keys `tenantId`, `clientId` and `clientSecret` of a service principal.",
    )
    certificate_ref: SecretRef | None = Field(
        None,
        description="A Secret with the keys `tenantId`, `clientId` and `clientCertificate`: certificate and private key in PEM "
        "(`clientCertificatePassword` if the key has one).",
    )
    workload_identity: WorkloadIdentity | None = Field(None, description="A federated identity of the operator's ServiceAccount.")
    managed_identity: ManagedIdentity | None = Field(None, description="A managed identity of the operator's node or pod.")


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
