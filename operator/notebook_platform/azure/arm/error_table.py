"""List what each Azure error code means: reason, remedy, and `retry_in` in seconds (None: no retry helps until a user acts).

Codes: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors,
https://learn.microsoft.com/troubleshoot/azure/azure-kubernetes/,
https://learn.microsoft.com/entra/identity-platform/reference-error-codes. `{field}` in a remedy is the member of the spec
that the step reconciles. A code with several meanings has a row for each text.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One meaning of a code. `contains`: only if the message has this text; `field`: the field to name instead of the step's."""

    reason: str
    remedy: str
    retry_in: float | None = None
    contains: str | None = None
    field: str | None = None


_BUSY = "The operator retries when the other operation has ended."
_LATER = "The operator retries."

_BUSY_ROW = Row(reason="AnotherOperationInProgress", retry_in=10, remedy=_BUSY)
_THROTTLED = Row(reason="Throttled", retry_in=30, remedy="The operator retries when Azure's rate limit allows it.")
_UNAVAILABLE = Row(reason="AzureUnavailable", retry_in=15, remedy=_LATER)
_REPLICATING = Row(
    reason="PrincipalReplicating",
    retry_in=5,
    remedy="The operator retries. A new principal takes up to a minute to replicate.",
)
_SUBNET = Row(
    reason="SubnetTooSmall", remedy="Give spec.network.subnet.addressPrefix more addresses, or use fewer nodes or pods a node."
)
_QUOTA = Row(
    reason="QuotaExceeded",
    retry_in=300,
    remedy="Request more quota in the region (portal: Quotas), or use smaller or fewer nodes in {field}.",
)
_VERSION = Row(
    reason="VersionNotOffered",
    remedy="Set spec.cluster.kubernetesVersion to a version that `az aks get-versions` lists for the region.",
)
_PERMISSION = Row(
    reason="PermissionMissing",
    retry_in=60,
    remedy="Give the principal of spec.azure.credentials a role with that action on that scope; new roles take effect after minutes.",
)
_SUBSCRIPTION_OFF = Row(
    reason="SubscriptionDisabled",
    remedy="Enable the subscription of spec.azure.subscriptionId again (billing); writes are refused until then.",
)
_IMMUTABLE = Row(reason="ImmutableField", remedy="Restore the previous value, or create a new platform with the new one.")
_SIZE = Row(reason="VmSizeNotAvailable", remedy="Choose a vmSize that is offered in spec.azure.location for this subscription.")
_SERVICE_CIDR = Row(
    reason="ServiceCidrOverlaps", remedy="Choose a spec.cluster.network.serviceCidr that no subnet of the network overlaps."
)
_INVALID = Row(reason="InvalidParameter", remedy="Correct {field} as Azure's message describes.")

CODES: dict[str, tuple[Row, ...]] = {
    "ResourceGroupNotFound": (Row(reason="ResourceGroupNotFound", retry_in=10, remedy="The operator creates it again."),),
    "ResourceNotFound": (Row(reason="ResourceNotFound", retry_in=10, remedy="The operator reads it again."),),
    "NotFound": (Row(reason="ResourceNotFound", retry_in=10, remedy="The operator reads it again."),),
    "ResourceGroupBeingDeleted": (
        Row(reason="ResourceGroupBeingDeleted", retry_in=15, remedy="The operator creates it again when the deletion has ended."),
    ),
    "MissingSubscriptionRegistration": (
        Row(reason="ProviderNotRegistered", retry_in=15, remedy="The operator registers the provider and retries."),
    ),
    "SubscriptionNotFound": (
        Row(
            reason="SubscriptionNotFound",
            field="spec.azure.subscriptionId",
            remedy="Correct spec.azure.subscriptionId, or give the principal of spec.azure.credentials a role on it.",
        ),
    ),
    "InvalidSubscriptionId": (Row(reason="SubscriptionNotFound", remedy="Correct spec.azure.subscriptionId."),),
    "ReadOnlyDisabledSubscription": (_SUBSCRIPTION_OFF,),
    "SubscriptionNotRegistered": (_SUBSCRIPTION_OFF,),
    "AuthorizationFailed": (_PERMISSION,),
    "LinkedAuthorizationFailed": (_PERMISSION,),
    "InvalidAuthenticationTokenTenant": (
        Row(
            reason="WrongTenant",
            remedy="The subscription belongs to another tenant: correct tenantId in the Secret of spec.azure.credentials.",
        ),
    ),
    "ExpiredAuthenticationToken": (Row(reason="TokenExpired", retry_in=2, remedy="The operator requests a new token."),),
    "InvalidAuthenticationToken": (Row(reason="TokenRefused", retry_in=10, remedy="The operator requests a new token."),),
    "AuthenticationFailed": (Row(reason="TokenRefused", retry_in=10, remedy="The operator requests a new token."),),
    "RoleAssignmentExists": (Row(reason="RoleAssignmentExists", retry_in=5, remedy="The role is already assigned."),),
    "RoleAssignmentUpdateNotPermitted": (
        Row(
            reason="RoleAssignmentTaken",
            remedy="Delete the role assignment of that id in Azure: it is for another principal.",
        ),
    ),
    "PrincipalNotFound": (_REPLICATING,),
    "ServicePrincipalNotFound": (_REPLICATING,),
    "ServicePrincipalValidationClientError": (
        Row(
            reason="PrincipalSecretInvalid",
            contains="AADSTS7000222",
            remedy="Renew the expired secret of the cluster's principal in the Secret of spec.identity.servicePrincipal.",
        ),
        Row(
            reason="PrincipalSecretInvalid",
            contains="AADSTS7000215",
            retry_in=30,
            remedy="Correct the wrong secret of the cluster's principal in the Secret of spec.identity.servicePrincipal.",
        ),
        _REPLICATING,
    ),
    "QuotaExceeded": (_QUOTA,),
    "ErrCode_InsufficientVCPUQuota": (_QUOTA,),
    "InsufficientVCPUQuota": (_QUOTA,),
    "SkuNotAvailable": (_SIZE,),
    "VMSizeNotSupported": (_SIZE,),
    "AllocationFailed": (
        Row(
            reason="NoCapacity",
            retry_in=300,
            remedy="The operator retries. Azure has no free capacity of this size in the region or zone.",
        ),
    ),
    "InsufficientSubnetSize": (_SUBNET,),
    "SubnetIsFull": (_SUBNET,),
    "InUseSubnetCannotBeDeleted": (
        Row(reason="SubnetInUse", retry_in=20, remedy="The operator retries. A resource still uses the subnet."),
    ),
    "InUseRouteTableCannotBeDeleted": (
        Row(reason="NetworkInUse", retry_in=20, remedy="The operator retries. A resource still uses the network."),
    ),
    "NetcfgInvalidSubnet": (
        Row(
            reason="SubnetInvalid",
            remedy="Choose a spec.network.subnet inside the network that overlaps no other subnet.",
        ),
    ),
    "ServiceCidrOverlapExistingSubnetsCidr": (_SERVICE_CIDR,),
    "K8sVersionNotSupported": (_VERSION,),
    "AgentPoolK8sVersionNotSupported": (_VERSION,),
    "NodePoolMcVersionIncompatible": (
        Row(
            reason="VersionSkew",
            retry_in=30,
            remedy="Choose a version at most three minors older than the control plane, and not newer.",
        ),
    ),
    "PropertyChangeNotAllowed": (_IMMUTABLE,),
    "InvalidResourceGroupLocation": (
        Row(
            reason="ImmutableField",
            remedy="Set spec.azure.location to the group's location, or choose another name: a resource group cannot move.",
        ),
    ),
    "InvalidParameter": (_INVALID,),
    "BadRequest": (
        Row(
            reason="LocalAccountsDisabled",
            contains="disable local accounts",
            remedy="Give the operator a role for Entra ID tokens on the cluster, which issues no static credentials.",
        ),
        _INVALID,
    ),
    "InvalidRequestFormat": (_INVALID,),
    "InvalidTemplateDeployment": (_INVALID,),
    "ScopeLocked": (
        Row(reason="Locked", retry_in=60, remedy="Remove the lock that Azure's message names. The operator retries."),
    ),
    "RequestDisallowedByPolicy": (
        Row(
            reason="DisallowedByPolicy",
            retry_in=300,
            remedy="Request an exemption from the owner of the Azure Policy that forbids it, or change {field}.",
        ),
    ),
    "OperationNotAllowed": (
        Row(reason="AnotherOperationInProgress", contains="in progress", retry_in=10, remedy=_BUSY),
        Row(reason="AnotherOperationInProgress", contains="deletion was issued", retry_in=15, remedy=_BUSY),
        Row(
            reason="ClusterStopped",
            contains="not currently running",
            retry_in=60,
            remedy="Start the cluster; it cannot be changed while it is stopped.",
        ),
        Row(
            reason="UpgradeNotAllowed",
            contains="Upgrading Kubernetes version",
            remedy="Choose one of the versions in Azure's message: upgrades move one minor at a time.",
        ),
        Row(reason="QuotaExceeded", contains="quota", retry_in=300, remedy=_QUOTA.remedy),
        Row(reason="OperationNotAllowed", retry_in=60, remedy="Check Azure's message. The operator retries."),
    ),
    "AlreadyInUse": (Row(reason="NameTaken", remedy="Choose another {field}: the name is unique in all of Azure, and taken."),),
    "Conflict": (Row(reason="Conflict", retry_in=10, remedy=_LATER),),
    "PreconditionFailed": (
        Row(reason="ChangedMeanwhile", retry_in=2, remedy="The operator reads it again: another client has changed it."),
    ),
    "AnotherOperationInProgress": (_BUSY_ROW,),
    "RetryableError": (_BUSY_ROW,),
    "ReferencedResourceNotProvisioned": (_BUSY_ROW,),
    "AKSOperationPreempted": (
        Row(reason="Preempted", retry_in=10, remedy="The operator retries. Another operation took precedence."),
    ),
    "AKSOperationPreemptedByDelete": (
        Row(reason="Preempted", retry_in=10, remedy="The operator retries. A deletion took precedence."),
    ),
    "Canceled": (
        Row(reason="Canceled", retry_in=15, remedy="The operator starts the operation again: it was canceled in Azure."),
    ),
    "Failed": (Row(reason="OperationFailed", retry_in=30, remedy=_LATER),),
    "TooManyRequests": (_THROTTLED,),
    "SubscriptionRequestsThrottled": (_THROTTLED,),
    "Throttled": (_THROTTLED,),
    "InternalServerError": (_UNAVAILABLE,),
    "InternalOperationError": (_UNAVAILABLE,),
    "ServerTimeout": (_UNAVAILABLE,),
    "GatewayTimeout": (_UNAVAILABLE,),
    "ServiceUnavailable": (_UNAVAILABLE,),
    "Request_ResourceNotFound": (_REPLICATING,),
    "Authorization_RequestDenied": (
        Row(
            reason="PermissionMissing",
            retry_in=60,
            remedy="Give the principal of spec.azure.credentials Application.ReadWrite.OwnedBy in Microsoft Graph, or name an existing "
            "principal in spec.identity.servicePrincipal.secretRef.",
        ),
    ),
}

AADSTS: dict[str, Row] = {
    "7000215": Row(
        reason="WrongCredentials", remedy="Put the right clientSecret into the Secret of {field}; the operator reads it at once."
    ),
    "7000222": Row(
        reason="CredentialsExpired", remedy="Put a new clientSecret into the Secret of {field}; the operator reads it at once."
    ),
    "700016": Row(
        reason="WrongCredentials", remedy="Correct clientId and tenantId of {field}: the tenant has no such application."
    ),
    "90002": Row(reason="WrongCredentials", remedy="Correct tenantId of {field}: the tenant does not exist."),
    "700027": Row(
        reason="CertificateRefused",
        remedy="Upload the certificate to the application (az ad app credential reset --cert), or correct "
        "clientCertificate in the Secret.",
        field="spec.azure.credentials.certificateRef",
    ),
    "700024": Row(
        reason="ClockSkew",
        remedy="Synchronise the clock of the operator's machine.",
        retry_in=60,
    ),
    "700213": Row(
        reason="FederationMissing",
        remedy="Add a federated credential for the operator's ServiceAccount to the application of {field}.",
    ),
    "50034": Row(reason="WrongCredentials", remedy="Correct the credentials of {field}."),
}
