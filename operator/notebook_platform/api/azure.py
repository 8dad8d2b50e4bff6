"""spec.azure: where the platform stands, and how the operator signs in."""

from typing import Annotated

from pydantic import AfterValidator, Field

from notebook_platform.api.arm_ids import FeatureName, Guid, Location, ResourceGroupName, SubscriptionId
from notebook_platform.api.base import SecretRef, SpecModel
from notebook_platform.api.lists import SetOf

OWN_TAGS = "notebookplatform-"
"""What the names of the operator's own tags begin with. Azure compares tags' names without regard to case."""


def _no_own_tags(tags: dict[str, str]) -> dict[str, str]:
    if taken := [name for name in tags if name.casefold().startswith(OWN_TAGS)]:
        raise ValueError(f"cannot have the name {taken[0]}: the operator marks what it owns with {OWN_TAGS}*")
    return tags


class WorkloadIdentity(SpecModel):
    """A federated identity: the operator's ServiceAccount token is exchanged for one of Entra ID; no secret is kept."""

    tenant_id: Guid = Field(description="Tenant (directory) id of the application.")
    client_id: Guid = Field(description="Application (client) id.")


class ManagedIdentity(SpecModel):
    """A managed identity of the machine that the operator runs on."""

    client_id: Guid | None = Field(None, description="Client id of a user-assigned identity. Default: the system-assigned one.")


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

    subscription_id: SubscriptionId = Field(description="Id of the Azure subscription. Cannot change.")
    location: Location = Field(description="Azure region, as in `eastus`. Cannot change.")
    resource_group: ResourceGroupName = Field(
        description="Resource group that contains the platform; created if absent. Cannot change."
    )
    credentials: Credentials | None = Field(None, description="How to sign in to Azure. Default: the operator's own identity.")
    features: SetOf[FeatureName] = Field(
        default_factory=list,
        max_length=32,
        description="Preview features to register, each in the form `Namespace/Feature`.",
    )
    tags: Annotated[dict[str, str], AfterValidator(_no_own_tags)] = Field(
        default_factory=dict,
        max_length=15,
        description="Tags on everything that the platform creates. A tag removed from "
        "the spec is removed in Azure; tags that the spec never had stay.",
    )
