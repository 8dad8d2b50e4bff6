"""The rows: what each code means, whether trying again can help (`retry_in` seconds; None: a person is needed), and what to do.

Codes: https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors,
https://learn.microsoft.com/troubleshoot/azure/azure-kubernetes/, https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
`{field}` in a remedy is the member of the spec that the step is about. Codes that mean several things have a row for each text.
"""

from dataclasses import dataclass

from notebook_platform.api.reasons import AnyReason, Reason


@dataclass(frozen=True, kw_only=True)
class Row:
    """One meaning of a code. `contains`: only when the message has this text; `field`: what to name instead."""

    reason: AnyReason
    remedy: str
    retry_in: float | None = None
    contains: str | None = None
    field: str | None = None


_BUSY = "Another operation runs on it; it is tried again when that has ended."
_LATER = "It is tried again."

_BUSY_ROW = Row(reason=Reason.ANOTHER_OPERATION_IN_PROGRESS, retry_in=10, remedy=_BUSY)
_THROTTLED = Row(reason=Reason.THROTTLED, retry_in=30, remedy="Azure limits the rate of calls; it goes on when Azure allows it.")
_UNAVAILABLE = Row(reason=Reason.AZURE_UNAVAILABLE, retry_in=15, remedy=_LATER)
_REPLICATING = Row(
    reason=Reason.PRINCIPAL_REPLICATING,
    retry_in=5,
    remedy="A new principal takes up to a minute to be known everywhere; it is tried again.",
)
_SUBNET = Row(
    reason=Reason.SUBNET_TOO_SMALL,
    remedy="Give spec.network.subnet.addressPrefix more addresses, or use fewer nodes or pods a node.",
)
_QUOTA = Row(
    reason=Reason.QUOTA_EXCEEDED,
    retry_in=300,
    remedy="Ask for more quota in the region (portal: Quotas), or use smaller or fewer nodes in {field}.",
)
_VERSION = Row(
    reason=Reason.VERSION_NOT_OFFERED,
    remedy="Set spec.cluster.kubernetesVersion to a version that `az aks get-versions` lists for the region.",
)
_PERMISSION = Row(
    reason=Reason.PERMISSION_MISSING,
    retry_in=60,
    remedy="Give the principal of spec.azure.credentials a role with that action on that scope; new roles take minutes to work.",
)
_SUBSCRIPTION_OFF = Row(
    reason=Reason.SUBSCRIPTION_DISABLED,
    remedy="Enable the subscription of spec.azure.subscriptionId again (billing); writes are refused until then.",
)
_IMMUTABLE = Row(
    reason=Reason.IMMUTABLE_FIELD, remedy="This cannot change in place: set it back, or create a new platform with it."
)
_SIZE = Row(
    reason=Reason.VM_SIZE_NOT_AVAILABLE, remedy="Choose a vmSize that is offered in spec.azure.location for this subscription."
)
_SERVICE_CIDR = Row(
    reason=Reason.SERVICE_CIDR_OVERLAPS,
    remedy="Choose a spec.cluster.network.serviceCidr that no subnet of the network overlaps.",
)
_INVALID = Row(reason=Reason.INVALID_PARAMETER, remedy="Correct {field} as Azure says above.")

CODES: dict[str, tuple[Row, ...]] = {
    "ResourceGroupNotFound": (
        Row(reason=Reason.RESOURCE_GROUP_NOT_FOUND, retry_in=10, remedy="It is made again on the next pass."),
    ),
    "ResourceNotFound": (Row(reason=Reason.RESOURCE_NOT_FOUND, retry_in=10, remedy="It is looked for again."),),
    "NotFound": (Row(reason=Reason.RESOURCE_NOT_FOUND, retry_in=10, remedy="It is looked for again."),),
    "ResourceGroupBeingDeleted": (
        Row(reason=Reason.RESOURCE_GROUP_BEING_DELETED, retry_in=15, remedy="It is made again when the deletion has ended."),
    ),
    "MissingSubscriptionRegistration": (
        Row(reason=Reason.PROVIDER_NOT_REGISTERED, retry_in=15, remedy="The operator registers the provider; it is tried again."),
    ),
    "SubscriptionNotFound": (
        Row(
            reason=Reason.SUBSCRIPTION_NOT_FOUND,
            field="spec.azure.subscriptionId",
            remedy="Correct spec.azure.subscriptionId, or give the principal of spec.azure.credentials a role on it.",
        ),
    ),
    "InvalidSubscriptionId": (Row(reason=Reason.SUBSCRIPTION_NOT_FOUND, remedy="Correct spec.azure.subscriptionId."),),
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
    "ExpiredAuthenticationToken": (Row(reason=Reason.TOKEN_EXPIRED, retry_in=2, remedy="A new token is asked for."),),
    "InvalidAuthenticationToken": (Row(reason=Reason.TOKEN_REFUSED, retry_in=10, remedy="A new token is asked for."),),
    "AuthenticationFailed": (Row(reason=Reason.TOKEN_REFUSED, retry_in=10, remedy="A new token is asked for."),),
    "RoleAssignmentExists": (Row(reason=Reason.ROLE_ASSIGNMENT_EXISTS, retry_in=5, remedy="The role is given already."),),
    "RoleAssignmentUpdateNotPermitted": (
        Row(
            reason=Reason.ROLE_ASSIGNMENT_TAKEN,
            remedy="A role assignment of that id is for another principal: delete it in Azure.",
        ),
    ),
    "PrincipalNotFound": (_REPLICATING,),
    "ServicePrincipalNotFound": (_REPLICATING,),
    "ServicePrincipalValidationClientError": (
        Row(
            reason=Reason.PRINCIPAL_SECRET_INVALID,
            contains="AADSTS7000222",
            remedy="The secret of the cluster's principal has ended: renew it in the Secret of spec.identity.servicePrincipal.",
        ),
        Row(
            reason=Reason.PRINCIPAL_SECRET_INVALID,
            contains="AADSTS7000215",
            retry_in=30,
            remedy="The secret of the cluster's principal is wrong: correct the Secret of spec.identity.servicePrincipal.",
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
            remedy="Azure has no such machines free in the region or zone; it is tried again.",
        ),
    ),
    "InsufficientSubnetSize": (_SUBNET,),
    "SubnetIsFull": (_SUBNET,),
    "InUseSubnetCannotBeDeleted": (
        Row(reason=Reason.SUBNET_IN_USE, retry_in=20, remedy="Something in the subnet still uses it; it is tried again."),
    ),
    "InUseRouteTableCannotBeDeleted": (
        Row(reason=Reason.NETWORK_IN_USE, retry_in=20, remedy="Something still uses it; it is tried again."),
    ),
    "NetcfgInvalidSubnet": (
        Row(
            reason=Reason.SUBNET_INVALID,
            remedy="spec.network.subnet must lie inside the network and overlap no other subnet.",
        ),
    ),
    "ServiceCidrOverlapExistingSubnetsCidr": (_SERVICE_CIDR,),
    "K8sVersionNotSupported": (_VERSION,),
    "AgentPoolK8sVersionNotSupported": (_VERSION,),
    "NodePoolMcVersionIncompatible": (
        Row(
            reason=Reason.VERSION_SKEW,
            retry_in=30,
            remedy="A pool may be at most three minors older than the control plane, never newer.",
        ),
    ),
    "PropertyChangeNotAllowed": (_IMMUTABLE,),
    "InvalidResourceGroupLocation": (
        Row(
            reason=Reason.IMMUTABLE_FIELD,
            remedy="A resource group cannot move: set spec.azure.location to where it is, or choose another name.",
        ),
    ),
    "InvalidParameter": (_INVALID,),
    "BadRequest": (
        Row(
            reason=Reason.LOCAL_ACCOUNTS_DISABLED,
            contains="disable local accounts",
            remedy="The cluster gives no static credentials; the operator needs a role for Entra ID tokens on it.",
        ),
        _INVALID,
    ),
    "InvalidRequestFormat": (_INVALID,),
    "InvalidTemplateDeployment": (_INVALID,),
    "ScopeLocked": (Row(reason=Reason.LOCKED, retry_in=60, remedy="Remove the lock that Azure names above; it is tried again."),),
    "RequestDisallowedByPolicy": (
        Row(
            reason=Reason.DISALLOWED_BY_POLICY,
            retry_in=300,
            remedy="An Azure Policy forbids it: ask its owner for an exemption, or change {field}.",
        ),
    ),
    "OperationNotAllowed": (
        Row(reason=Reason.ANOTHER_OPERATION_IN_PROGRESS, contains="in progress", retry_in=10, remedy=_BUSY),
        Row(reason=Reason.ANOTHER_OPERATION_IN_PROGRESS, contains="deletion was issued", retry_in=15, remedy=_BUSY),
        Row(
            reason=Reason.CLUSTER_STOPPED,
            contains="not currently running",
            retry_in=60,
            remedy="Start the cluster; nothing can change while it is stopped.",
        ),
        Row(
            reason=Reason.UPGRADE_NOT_ALLOWED,
            contains="Upgrading Kubernetes version",
            remedy="Versions move one minor at a time: choose one of those above.",
        ),
        Row(
            reason=Reason.NODE_PROVISIONING_NOT_ALLOWED,
            contains="nodeProvisioningProfile.mode",
            retry_in=300,
            remedy="For Auto, correct the member that Azure names above. For Manual, set spec.limits.cpu of every Karpenter NodePool "
            "to 0 and remove its nodes (`kubectl get nodes -l karpenter.sh/nodepool`) first; keep Auto until then.",
        ),
        Row(reason=Reason.QUOTA_EXCEEDED, contains="quota", retry_in=300, remedy=_QUOTA.remedy),
        Row(reason=Reason.OPERATION_NOT_ALLOWED, retry_in=60, remedy="Azure's own words are above; it is tried again."),
    ),
    "AlreadyInUse": (
        Row(reason=Reason.NAME_TAKEN, remedy="The name is unique in all of Azure and somebody has it: choose another {field}."),
    ),
    "Conflict": (Row(reason=Reason.CONFLICT, retry_in=10, remedy=_LATER),),
    "PreconditionFailed": (
        Row(reason=Reason.CONCURRENT_CHANGE, retry_in=2, remedy="Somebody else changed it meanwhile; it is read again."),
    ),
    "AnotherOperationInProgress": (_BUSY_ROW,),
    "RetryableError": (_BUSY_ROW,),
    "ReferencedResourceNotProvisioned": (_BUSY_ROW,),
    "AKSOperationPreempted": (
        Row(reason=Reason.PREEMPTED, retry_in=10, remedy="Another operation took precedence; it is tried again."),
    ),
    "AKSOperationPreemptedByDelete": (Row(reason=Reason.PREEMPTED, retry_in=10, remedy="A deletion took precedence."),),
    "Canceled": (Row(reason=Reason.CANCELED, retry_in=15, remedy="Somebody stopped the operation; it is started again."),),
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
            remedy="The principal of spec.azure.credentials needs Application.ReadWrite.OwnedBy in Microsoft Graph, or give an existing "
            "principal in spec.identity.servicePrincipal.secretRef.",
        ),
    ),
}

AADSTS: dict[str, Row] = {
    "7000215": Row(
        reason=Reason.WRONG_CREDENTIALS, remedy="Put the right clientSecret into the Secret of {field}; it is picked up at once."
    ),
    "7000222": Row(
        reason=Reason.CREDENTIALS_EXPIRED, remedy="Put a new clientSecret into the Secret of {field}; it is picked up at once."
    ),
    "700016": Row(
        reason=Reason.WRONG_CREDENTIALS, remedy="No such application in the tenant: correct clientId and tenantId of {field}."
    ),
    "90002": Row(reason=Reason.WRONG_CREDENTIALS, remedy="No such tenant: correct tenantId of {field}."),
    "700027": Row(
        reason=Reason.CERTIFICATE_REFUSED,
        remedy="The application does not have this certificate: upload it (az ad app credential reset --cert), or correct "
        "clientCertificate in the Secret.",
        field="spec.azure.credentials.certificateRef",
    ),
    "700024": Row(
        reason=Reason.CLOCK_SKEW,
        remedy="The clock of the operator's machine is off: synchronise it.",
        retry_in=60,
    ),
    "700213": Row(
        reason=Reason.FEDERATION_MISSING,
        remedy="Add a federated credential for the operator's ServiceAccount to the application of {field}.",
    ),
    "50034": Row(reason=Reason.WRONG_CREDENTIALS, remedy="Correct the credentials of {field}."),
}
