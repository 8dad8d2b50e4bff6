"""List what each Azure error code means: reason, remedy, and `retry_in` in seconds (None: no retry helps until a user acts).

Codes: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors,
https://learn.microsoft.com/troubleshoot/azure/azure-kubernetes/,
https://learn.microsoft.com/entra/identity-platform/reference-error-codes. `{field}` in a remedy is the member of the spec
that the step reconciles. A code with several meanings has a row for each text.
"""

from dataclasses import dataclass

from notebook_platform.api.reasons import AnyReason, Reason


@dataclass(frozen=True, kw_only=True)
class Row:
    """One meaning of a code. `contains`: only if the message has this text; `field`: the field to name instead of the step's."""

    reason: AnyReason
    remedy: str
    retry_in: float | None = None
    contains: str | None = None
    field: str | None = None


_BUSY = "The operator retries when the other operation has ended."
_LATER = "The operator retries."

_BUSY_ROW = Row(reason=Reason.ANOTHER_OPERATION_IN_PROGRESS, retry_in=10, remedy=_BUSY)
_THROTTLED = Row(reason=Reason.THROTTLED, retry_in=30, remedy="The operator retries when Azure's rate limit allows it.")
_UNAVAILABLE = Row(reason=Reason.AZURE_UNAVAILABLE, retry_in=15, remedy=_LATER)
_REPLICATING = Row(
    reason=Reason.PRINCIPAL_REPLICATING,
    retry_in=5,
    remedy="The operator retries. A new principal takes up to a minute to replicate.",
)
_SUBNET = Row(
    reason=Reason.SUBNET_TOO_SMALL,
    remedy="Give spec.network.subnet.addressPrefix more addresses, or use fewer nodes or pods a node.",
)
_QUOTA = Row(
    reason=Reason.QUOTA_EXCEEDED,
    retry_in=300,
    remedy="Request more quota in the region (portal: Quotas), or use smaller or fewer nodes in {field}.",
)
_VERSION = Row(
    reason=Reason.VERSION_NOT_OFFERED,
    remedy="Set spec.cluster.kubernetesVersion to a version that `az aks get-versions` lists for the region.",
)
_PERMISSION = Row(
    reason=Reason.PERMISSION_MISSING,
    retry_in=60,
    remedy="Give the principal of spec.azure.credentials a role with that action on that scope; new roles take effect after minutes.",
)
_SUBSCRIPTION_OFF = Row(
    reason=Reason.SUBSCRIPTION_DISABLED,
    remedy="Enable the subscription of spec.azure.subscriptionId again (billing); writes are refused until then.",
)
_IMMUTABLE = Row(reason=Reason.IMMUTABLE_FIELD, remedy="Restore the previous value, or create a new platform with the new one.")
_SIZE = Row(
    reason=Reason.VM_SIZE_NOT_AVAILABLE, remedy="Choose a vmSize that is offered in spec.azure.location for this subscription."
)
_SERVICE_CIDR = Row(
    reason=Reason.SERVICE_CIDR_OVERLAPS,
    remedy="Delete this platform and create one with a spec.cluster.network.serviceCidr, which cannot change, that no subnet of "
    "the network overlaps.",
)
_INVALID = Row(reason=Reason.INVALID_PARAMETER, remedy="Correct {field} as Azure's message describes.")

CODES: dict[str, tuple[Row, ...]] = {
    "ResourceGroupNotFound": (Row(reason=Reason.RESOURCE_GROUP_NOT_FOUND, retry_in=10, remedy="The operator creates it again."),),
    "ResourceNotFound": (Row(reason=Reason.RESOURCE_NOT_FOUND, retry_in=10, remedy="The operator reads it again."),),
    "NotFound": (Row(reason=Reason.RESOURCE_NOT_FOUND, retry_in=10, remedy="The operator reads it again."),),
    "ResourceGroupBeingDeleted": (
        Row(
            reason=Reason.RESOURCE_GROUP_BEING_DELETED,
            retry_in=15,
            remedy="The operator creates it again when the deletion has ended.",
        ),
    ),
    "MissingSubscriptionRegistration": (
        Row(reason=Reason.PROVIDER_NOT_REGISTERED, retry_in=15, remedy="The operator registers the provider and retries."),
    ),
    "SubscriptionNotFound": (
        Row(
            reason=Reason.SUBSCRIPTION_NOT_FOUND,
            field="spec.azure.subscriptionId",
            remedy="Give the principal of spec.azure.credentials a role on the subscription. If the id is wrong, delete this platform "
            "with spec.deletionPolicy: Orphan and create one with the right spec.azure.subscriptionId, which cannot change.",
        ),
    ),
    "InvalidSubscriptionId": (
        Row(
            reason=Reason.SUBSCRIPTION_NOT_FOUND,
            remedy="Delete this platform with spec.deletionPolicy: Orphan and create one with the right spec.azure.subscriptionId, "
            "which cannot change.",
        ),
    ),
    "ReadOnlyDisabledSubscription": (_SUBSCRIPTION_OFF,),
    "SubscriptionNotRegistered": (_SUBSCRIPTION_OFF,),
    "AuthorizationFailed": (_PERMISSION,),
    "LinkedAuthorizationFailed": (_PERMISSION,),
    "InvalidAuthenticationTokenTenant": (
        Row(
            reason=Reason.WRONG_TENANT,
            remedy="The subscription belongs to another tenant: correct tenantId in the Secret of spec.azure.credentials.",
        ),
    ),
    "ExpiredAuthenticationToken": (Row(reason=Reason.TOKEN_EXPIRED, retry_in=2, remedy="The operator requests a new token."),),
    "InvalidAuthenticationToken": (Row(reason=Reason.TOKEN_REFUSED, retry_in=10, remedy="The operator requests a new token."),),
    "AuthenticationFailed": (Row(reason=Reason.TOKEN_REFUSED, retry_in=10, remedy="The operator requests a new token."),),
    "RoleAssignmentExists": (Row(reason=Reason.ROLE_ASSIGNMENT_EXISTS, retry_in=5, remedy="The role is already assigned."),),
    "RoleAssignmentUpdateNotPermitted": (
        Row(
            reason=Reason.ROLE_ASSIGNMENT_TAKEN,
            remedy="Delete the role assignment of that id in Azure: it is for another principal.",
        ),
    ),
    "PrincipalNotFound": (_REPLICATING,),
    "ServicePrincipalNotFound": (_REPLICATING,),
    "ServicePrincipalValidationClientError": (
        Row(
            reason=Reason.PRINCIPAL_SECRET_INVALID,
            contains="AADSTS7000222",
            remedy="Renew the expired secret of the cluster's principal in the Secret of spec.identity.servicePrincipal.",
        ),
        Row(
            reason=Reason.PRINCIPAL_SECRET_INVALID,
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
            reason=Reason.NO_CAPACITY,
            retry_in=300,
            remedy="The operator retries. Azure has no free capacity of this size in the region or zone.",
        ),
    ),
    "InsufficientSubnetSize": (_SUBNET,),
    "SubnetIsFull": (_SUBNET,),
    "InUseSubnetCannotBeDeleted": (
        Row(reason=Reason.SUBNET_IN_USE, retry_in=20, remedy="The operator retries. A resource still uses the subnet."),
    ),
    "InUseRouteTableCannotBeDeleted": (
        Row(reason=Reason.NETWORK_IN_USE, retry_in=20, remedy="The operator retries. A resource still uses the network."),
    ),
    "NetcfgInvalidSubnet": (
        Row(
            reason=Reason.SUBNET_INVALID,
            remedy="Choose a spec.network.subnet inside the network that overlaps no other subnet.",
        ),
    ),
    "ServiceCidrOverlapExistingSubnetsCidr": (_SERVICE_CIDR,),
    "K8sVersionNotSupported": (_VERSION,),
    "AgentPoolK8sVersionNotSupported": (_VERSION,),
    "NodePoolMcVersionIncompatible": (
        Row(
            reason=Reason.VERSION_SKEW,
            retry_in=30,
            remedy="Choose a version at most three minors older than the control plane, and not newer.",
        ),
    ),
    "PropertyChangeNotAllowed": (_IMMUTABLE,),
    "InvalidResourceGroupLocation": (
        Row(
            reason=Reason.IMMUTABLE_FIELD,
            remedy="Delete this platform and create one with the group's spec.azure.location or another spec.azure.resourceGroup, which "
            "cannot change.",
        ),
    ),
    "InvalidParameter": (_INVALID,),
    "BadRequest": (
        Row(
            reason=Reason.LOCAL_ACCOUNTS_DISABLED,
            contains="disable local accounts",
            remedy="Give the operator a role for Entra ID tokens on the cluster, which issues no static credentials.",
        ),
        _INVALID,
    ),
    "InvalidRequestFormat": (_INVALID,),
    "InvalidTemplateDeployment": (_INVALID,),
    "ScopeLocked": (
        Row(reason=Reason.LOCKED, retry_in=60, remedy="Remove the lock that Azure's message names. The operator retries."),
    ),
    "RequestDisallowedByPolicy": (
        Row(
            reason=Reason.DISALLOWED_BY_POLICY,
            retry_in=300,
            remedy="Request an exemption from the owner of the Azure Policy that forbids it, or change {field}.",
        ),
    ),
    "OperationNotAllowed": (
        Row(reason=Reason.ANOTHER_OPERATION_IN_PROGRESS, contains="in progress", retry_in=10, remedy=_BUSY),
        Row(reason=Reason.ANOTHER_OPERATION_IN_PROGRESS, contains="deletion was issued", retry_in=15, remedy=_BUSY),
        Row(
            reason=Reason.CLUSTER_STOPPED,
            contains="not currently running",
            retry_in=60,
            remedy="Start the cluster; it cannot be changed while it is stopped.",
        ),
        Row(
            reason=Reason.UPGRADE_NOT_ALLOWED,
            contains="Upgrading Kubernetes version",
            remedy="Choose one of the versions in Azure's message: upgrades move one minor at a time.",
        ),
        Row(
            reason=Reason.NODE_PROVISIONING_NOT_ALLOWED,
            contains="nodeProvisioningProfile.mode",
            retry_in=300,
            remedy="For Auto, correct the member that Azure names above. For Manual, set limits.cpu of every Karpenter NodePool "
            "to 0 and remove its nodes (`kubectl get nodes -l karpenter.sh/nodepool`) first; keep Auto until then.",
        ),
        Row(reason=Reason.QUOTA_EXCEEDED, contains="quota", retry_in=300, remedy=_QUOTA.remedy),
        Row(reason=Reason.OPERATION_NOT_ALLOWED, retry_in=60, remedy="Check Azure's message. The operator retries."),
    ),
    "AlreadyInUse": (
        Row(reason=Reason.NAME_TAKEN, remedy="Choose another {field}: the name is unique in all of Azure, and taken."),
    ),
    "Conflict": (Row(reason=Reason.CONFLICT, retry_in=10, remedy=_LATER),),
    "PreconditionFailed": (
        Row(reason=Reason.CONCURRENT_CHANGE, retry_in=2, remedy="The operator reads it again: another client has changed it."),
    ),
    "AnotherOperationInProgress": (_BUSY_ROW,),
    "RetryableError": (_BUSY_ROW,),
    "ReferencedResourceNotProvisioned": (_BUSY_ROW,),
    "AKSOperationPreempted": (
        Row(reason=Reason.PREEMPTED, retry_in=10, remedy="The operator retries. Another operation took precedence."),
    ),
    "AKSOperationPreemptedByDelete": (
        Row(reason=Reason.PREEMPTED, retry_in=10, remedy="The operator retries. A deletion took precedence."),
    ),
    "Canceled": (
        Row(reason=Reason.CANCELED, retry_in=15, remedy="The operator starts the operation again: it was canceled in Azure."),
    ),
    "Failed": (Row(reason=Reason.OPERATION_FAILED, retry_in=30, remedy=_LATER),),
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
            reason=Reason.PERMISSION_MISSING,
            retry_in=60,
            remedy="Give the principal of spec.azure.credentials Application.ReadWrite.OwnedBy in Microsoft Graph, or name an existing "
            "principal in spec.identity.servicePrincipal.secretRef.",
        ),
    ),
}

AADSTS: dict[str, Row] = {
    "7000215": Row(
        reason=Reason.WRONG_CREDENTIALS,
        remedy="Put the right clientSecret into the Secret of {field}; the operator reads it at once.",
    ),
    "7000222": Row(
        reason=Reason.CREDENTIALS_EXPIRED,
        remedy="Put a new clientSecret into the Secret of {field}; the operator reads it at once.",
    ),
    "700016": Row(
        reason=Reason.WRONG_CREDENTIALS, remedy="Correct clientId and tenantId of {field}: the tenant has no such application."
    ),
    "90002": Row(reason=Reason.WRONG_CREDENTIALS, remedy="Correct tenantId of {field}: the tenant does not exist."),
    "700027": Row(
        reason=Reason.CERTIFICATE_REFUSED,
        remedy="Upload the certificate to the application (az ad app credential reset --cert), or correct "
        "clientCertificate in the Secret.",
        field="spec.azure.credentials.certificateRef",
    ),
    "700024": Row(
        reason=Reason.CLOCK_SKEW,
        remedy="Synchronise the clock of the operator's machine.",
        retry_in=60,
    ),
    "700213": Row(
        reason=Reason.FEDERATION_MISSING,
        remedy="Add a federated credential for the operator's ServiceAccount to the application of {field}.",
    ),
    "50034": Row(reason=Reason.WRONG_CREDENTIALS, remedy="Correct the credentials of {field}."),
}
