"""List what each error code of Resource Manager, its services and Microsoft Graph means: reason, remedy, and when to retry.

A code with several meanings has a row for each text. Codes:
https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
"""

from dataclasses import replace

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.aks_error_table import AKS
from notebook_platform.azure.arm.error_rows import (
    BUSY_ROW,
    CAPACITY,
    FAILED,
    INVALID,
    INVALID_HERE,
    LATER,
    LOCATION,
    NETWORK_BUSY,
    NO_MONITOR_WORKSPACE,
    PERMISSION,
    QUOTA,
    REPLICATING,
    SIZE,
    SUBNET_UNFIT,
    SUBSCRIPTION_OFF,
    THROTTLED,
    UNAVAILABLE,
    Row,
)

SUBNETS_OVERLAP = Row(
    reason=Reason.SUBNETS_OVERLAP,
    remedy="Choose ranges for spec.network that overlap no other subnet and no peered network.",
)
PROVIDER = Row(reason=Reason.PROVIDER_NOT_REGISTERED, retry_in=15, remedy="The operator registers the provider and retries.")
TOKEN = Row(reason=Reason.TOKEN_REFUSED, retry_in=10, tries=10, remedy="The operator requests a new token.")
MISSING = Row(reason=Reason.RESOURCE_NOT_FOUND, retry_in=10, tries=10, remedy="The operator reads it again.")
CONCURRENT = Row(
    reason=Reason.CONCURRENT_CHANGE, retry_in=2, remedy="The operator reads it again: another client has changed it."
)
APP_POLICY = Row(
    reason=Reason.DISALLOWED_BY_POLICY,
    remedy="Name an existing principal in spec.identity.servicePrincipal.secretRef, or request an exemption: a policy of the tenant "
    "forbids the new client secret.",
)
CONFLICT = Row(reason=Reason.CONFLICT, retry_in=10, tries=10, vague=True, remedy=LATER)

ARM: dict[str, tuple[Row, ...]] = {
    "ResourceGroupNotFound": (Row(reason=Reason.RESOURCE_GROUP_NOT_FOUND, retry_in=10, remedy="The operator creates it again."),),
    "ResourceNotFound": (MISSING,),
    "NotFound": (MISSING,),
    "ParentResourceNotFound": (MISSING,),
    "InvalidResourceReference": (MISSING,),
    "ResourceGroupBeingDeleted": (
        Row(
            reason=Reason.RESOURCE_GROUP_BEING_DELETED,
            retry_in=15,
            remedy="The operator creates it again when the deletion has ended.",
        ),
    ),
    "MissingSubscriptionRegistration": (PROVIDER,),
    "MissingRegistrationForType": (PROVIDER,),
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
            remedy="The subscription cannot change: delete this platform with spec.deletionPolicy: Orphan and create one with the right "
            "spec.azure.subscriptionId.",
        ),
    ),
    "ReadOnlyDisabledSubscription": (SUBSCRIPTION_OFF,),
    "SubscriptionNotRegistered": (SUBSCRIPTION_OFF,),
    "AuthorizationFailed": (PERMISSION,),
    "LinkedAuthorizationFailed": (PERMISSION,),
    "LinkedAccessCheckFailed": (PERMISSION,),
    "Forbidden": (replace(PERMISSION, vague=True),),
    "InvalidAuthenticationTokenTenant": (
        Row(
            reason=Reason.WRONG_TENANT,
            remedy="The subscription belongs to another tenant: correct tenantId in the Secret of spec.azure.credentials.",
        ),
    ),
    "ExpiredAuthenticationToken": (Row(reason=Reason.TOKEN_EXPIRED, retry_in=2, remedy="The operator requests a new token."),),
    "InvalidAuthenticationToken": (TOKEN,),
    "AuthenticationFailed": (TOKEN,),
    "Unauthorized": (TOKEN,),
    "RoleAssignmentExists": (Row(reason=Reason.ROLE_ASSIGNMENT_EXISTS, retry_in=5, remedy="The role is already assigned."),),
    "RoleAssignmentUpdateNotPermitted": (
        Row(
            reason=Reason.ROLE_ASSIGNMENT_TAKEN,
            remedy="Delete the role assignment with that id (`az role assignment delete --ids ID`): it belongs to another principal.",
        ),
    ),
    "RoleAssignmentNotFound": (MISSING,),
    "RoleDefinitionDoesNotExist": (INVALID,),
    "RoleAssignmentLimitExceeded": (
        Row(
            reason=Reason.QUOTA_EXCEEDED,
            remedy="Remove role assignments that the subscription does not need: it has as many as Azure allows.",
        ),
    ),
    "PrincipalNotFound": (REPLICATING,),
    "FailedIdentityOperation": (replace(REPLICATING, retry_in=15, tries=5),),
    "QuotaExceeded": (QUOTA,),
    "SkuNotAvailable": (SIZE,),
    "AllocationFailed": (CAPACITY,),
    "ZonalAllocationFailed": (CAPACITY,),
    "OverconstrainedAllocationRequest": (CAPACITY,),
    "OverconstrainedZonalAllocationRequest": (CAPACITY,),
    "InUseSubnetCannotBeDeleted": (
        Row(reason=Reason.SUBNET_IN_USE, retry_in=20, remedy="The operator retries. A resource still uses the subnet."),
    ),
    "InUseRouteTableCannotBeDeleted": (NETWORK_BUSY,),
    "InUseNetworkSecurityGroupCannotBeDeleted": (NETWORK_BUSY,),
    "NetworkSecurityGroupInUseByVirtualMachineScaleSet": (NETWORK_BUSY,),
    "LoadBalancerInUseByVirtualMachineScaleSet": (NETWORK_BUSY,),
    "PublicIPAddressCannotBeDeleted": (NETWORK_BUSY,),
    "VirtualNetworkNotInSucceededState": (
        Row(
            reason=Reason.NETWORK_IN_USE,
            retry_in=30,
            tries=10,
            remedy="The operator retries. If the network stays Failed in Azure, repair it (`az network vnet update` without a change).",
        ),
    ),
    "NetcfgInvalidSubnet": (
        Row(
            reason=Reason.SUBNET_INVALID,
            remedy="Choose a spec.network.subnet inside the network that overlaps no other subnet.",
        ),
    ),
    "NetcfgSubnetRangesOverlap": (SUBNETS_OVERLAP,),
    "VnetAddressSpaceOverlapsWithAlreadyPeeredVnet": (SUBNETS_OVERLAP,),
    "SubnetIsDelegated": (SUBNET_UNFIT,),
    "ResourceNotPermittedOnDelegatedSubnet": (SUBNET_UNFIT,),
    "SubnetWithExternalResourcesCannotBeUsedByOtherResources": (SUBNET_UNFIT,),
    "LocationNotAvailableForResourceGroup": (LOCATION,),
    "LocationNotAvailableForResourceType": (NO_MONITOR_WORKSPACE, LOCATION),
    "RequestDisallowedByAzure": (LOCATION,),
    "InvalidResourceGroupLocation": (
        Row(
            reason=Reason.IMMUTABLE_FIELD,
            remedy="Neither field can change: delete this platform and create one with the group's spec.azure.location or another "
            "spec.azure.resourceGroup.",
        ),
    ),
    "InvalidParameter": (INVALID,),
    "BadRequest": (
        Row(
            reason=Reason.LOCAL_ACCOUNTS_DISABLED,
            contains="disable local accounts",
            remedy="Assign the operator a role on the cluster for Entra ID tokens: the cluster issues no static credentials.",
        ),
        Row(reason=Reason.AZURE_UNAVAILABLE, contains="internal server error", retry_in=15, tries=10, remedy=LATER),
        INVALID_HERE,
    ),
    "InvalidRequestFormat": (INVALID,),
    "InvalidRequestContent": (INVALID,),
    "InvalidResourceName": (INVALID,),
    "InvalidResourceGroup": (INVALID,),
    "ReservedResourceName": (INVALID,),
    "NoRegisteredProviderFound": (INVALID,),
    "InvalidTemplateDeployment": (INVALID_HERE,),
    "DeploymentFailed": (FAILED,),
    "ResourceDeploymentFailure": (FAILED,),
    "MultipleErrorsOccurred": (FAILED,),
    "ScopeLocked": (
        Row(
            reason=Reason.LOCKED,
            retry_in=60,
            tries=3,
            remedy="Remove the lock that Azure's message names (`az lock delete --ids ID`). The operator retries.",
        ),
    ),
    "RequestDisallowedByPolicy": (
        Row(
            reason=Reason.DISALLOWED_BY_POLICY,
            retry_in=300,
            tries=3,
            remedy="Request an exemption from the owner of the Azure Policy that forbids it, or change {field}.",
        ),
    ),
    "AlreadyInUse": (
        Row(reason=Reason.NAME_TAKEN, remedy="Choose another {field}: the name has to be unique in all of Azure and is taken."),
    ),
    "Conflict": (CONFLICT,),
    "PreconditionFailed": (
        replace(INVALID_HERE, contains="provisioning of resource"),
        replace(INVALID_HERE, contains="preflight"),
        CONCURRENT,
    ),
    "EtagMismatch": (replace(BUSY_ROW, contains="in progress"), CONCURRENT),
    "AnotherOperationInProgress": (BUSY_ROW,),
    "RetryableErrorDueToAnotherOperation": (BUSY_ROW,),
    "CanceledAndSupersededDueToAnotherOperation": (BUSY_ROW,),
    "RetryableError": (BUSY_ROW,),
    "ReferencedResourceNotProvisioned": (BUSY_ROW,),
    "Canceled": (
        Row(reason=Reason.CANCELED, retry_in=15, remedy="The operator starts the operation again: it was canceled in Azure."),
    ),
    "Failed": (FAILED,),
    "TooManyRequests": (THROTTLED,),
    "SubscriptionRequestsThrottled": (THROTTLED,),
    "Throttled": (THROTTLED,),
    "TooManyRequestsReceived": (THROTTLED,),
    "InternalServerError": (UNAVAILABLE,),
    "InternalOperationError": (UNAVAILABLE,),
    "InternalError": (UNAVAILABLE,),
    "OperationTimedOut": (UNAVAILABLE,),
    "GwmOperationTimeOut": (UNAVAILABLE,),
    "RequestTimeout": (UNAVAILABLE,),
    "ServerTimeout": (UNAVAILABLE,),
    "GatewayTimeout": (UNAVAILABLE,),
    "ServiceUnavailable": (UNAVAILABLE,),
    "Request_ResourceNotFound": (REPLICATING,),
    "Request_BadRequest": (INVALID_HERE,),
    "Directory_ConcurrencyViolation": (CONCURRENT,),
    "Directory_QuotaExceeded": (
        Row(
            reason=Reason.QUOTA_EXCEEDED,
            remedy="Delete applications that the tenant does not need, or name an existing principal in "
            "spec.identity.servicePrincipal.secretRef: the directory allows no more objects.",
        ),
    ),
    "CredentialInvalidLifetimeAsPerAppPolicy": (APP_POLICY,),
    "CredentialTypeNotAllowedAsPerAppPolicy": (APP_POLICY,),
    "Authorization_RequestDenied": (
        Row(
            reason=Reason.PERMISSION_MISSING,
            retry_in=60,
            tries=5,
            remedy="Give the principal of spec.azure.credentials Application.ReadWrite.OwnedBy in Microsoft Graph, or name an existing "
            "principal in spec.identity.servicePrincipal.secretRef.",
        ),
    ),
}

CODES = {**ARM, **AKS}
"""The meanings of every code that is known."""

NODE_GROUP_GONE = Row(
    reason=Reason.NODE_GROUP_MISSING,
    retry_in=60,
    tries=3,
    remedy="Delete the cluster (`az aks delete`); the operator then creates it again. Its node resource group was deleted, with all nodes and "
    "disks, and AKS does not create it again.",
)
"""What `ResourceGroupNotFound` means about the node resource group: the result of an operation of AKS, and a request for what lies in it."""

PHRASES: tuple[tuple[str, str], ...] = (
    ("was disallowed by policy", "RequestDisallowedByPolicy"),
    ("does not have authorization to perform action", "AuthorizationFailed"),
    ("does not have permission to perform action", "LinkedAuthorizationFailed"),
    ("scope(s) are locked", "ScopeLocked"),
    ("exceeding approved", "QuotaExceeded"),
    ("Pod Disruption Budget", "PodDrainFailure"),
    ("PodDisruptionBudget", "PodDrainFailure"),
    ("is not allowed in your subscription in location", "VMSizeNotSupported"),
    ("quota exceeded", "QuotaExceeded"),
    ("insufficient quota", "QuotaExceeded"),
    ("AADSTS7000222", "ServicePrincipalValidationClientError"),
    ("AADSTS7000215", "ServicePrincipalValidationClientError"),
    ("too many requests", "TooManyRequests"),
    ("another operation is in progress", "AnotherOperationInProgress"),
    ("is busy with", "AnotherOperationInProgress"),
    ("internal server error", "InternalServerError"),
    ("due to an internal error", "InternalServerError"),
    ("try again later", "InternalServerError"),
    ("retry after some time", "InternalServerError"),
    ("temporarily unavailable", "ServiceUnavailable"),
)
"""Texts that say what a code would: some services send them below a code of their own."""

STATUSES: dict[int, str] = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "ResourceNotFound",
    409: "Conflict",
    412: "PreconditionFailed",
    413: "InvalidRequestContent",
    429: "TooManyRequests",
}
"""The code that stands for a status without a body."""
