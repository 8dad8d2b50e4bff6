"""List what each error code of AKS means: reason, remedy, and when to retry.

A code with several meanings has a row for each text. AKS wraps what Compute, Network and the nodes answer: a code such as
`CreateVMSSAgentPoolFailed` is `vague`, and the code inside it is the one to report.
Codes: https://learn.microsoft.com/troubleshoot/azure/azure-kubernetes/error-codes/aks-error-code-page
"""

from dataclasses import replace

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.error_rows import (
    ADDRESS_QUOTA,
    BUSY,
    BUSY_ROW,
    CAPACITY,
    FAILED,
    IMMUTABLE,
    INVALID,
    QUOTA,
    REPLICATING,
    SERVICE_CIDR,
    SIZE,
    SUBNET,
    THROTTLED,
    VERSION,
    Row,
)

EGRESS = Row(
    reason=Reason.EGRESS_BLOCKED,
    retry_in=300,
    tries=3,
    remedy="Let the nodes' subnet reach the API server and the addresses of https://aka.ms/aks-required-ports-and-addresses: check "
    "the firewall, route table, network security group and DNS of spec.network.",
)
PROVISIONING = Row(
    reason=Reason.NODES_NOT_READY,
    retry_in=120,
    tries=3,
    remedy="Check the boot diagnostics of the node that did not start, and the exit code in Azure's message. The operator retries.",
)
DRAIN = Row(
    reason=Reason.DISRUPTION_NOT_ALLOWED,
    retry_in=300,
    tries=3,
    remedy="Let the PodDisruptionBudget that Azure's message names allow a disruption "
    "(`kubectl --kubeconfig workload.kubeconfig edit pdb`), or delete its pods. The operator retries.",
)
ZONE = Row(
    reason=Reason.ZONE_NOT_OFFERED,
    remedy="Choose spec.nodePools[].availabilityZones from those in Azure's message, or another vmSize.",
)
NO_GATEWAY = Row(
    reason=Reason.SUBNET_INVALID,
    field="spec.network.subnet",
    remedy="Associate a NAT gateway with the subnet, or choose another spec.cluster.network.outboundType for a new platform.",
)
ZONE_ACCESS = Row(
    reason=Reason.PERMISSION_MISSING,
    retry_in=60,
    tries=5,
    remedy="Give the cluster's identity the role that Azure's message names on that resource. New roles take minutes to become effective.",
)

AKS: dict[str, tuple[Row, ...]] = {
    "ServicePrincipalNotFound": (REPLICATING,),
    "ServicePrincipalValidationClientError": (
        Row(
            reason=Reason.PRINCIPAL_SECRET_INVALID,
            contains="AADSTS7000222",
            remedy="Renew the expired client secret of the cluster's principal in the Secret of spec.identity.servicePrincipal.",
        ),
        Row(
            reason=Reason.PRINCIPAL_SECRET_INVALID,
            contains="AADSTS7000215",
            retry_in=30,
            tries=5,
            remedy="Correct the client secret of the cluster's principal in the Secret of spec.identity.servicePrincipal.",
        ),
        REPLICATING,
    ),
    "ErrCode_InsufficientVCPUQuota": (QUOTA,),
    "InsufficientVCPUQuota": (QUOTA,),
    "VMSizeNotSupported": (SIZE,),
    "InsufficientSubnetSize": (SUBNET,),
    "SubnetIsFull": (SUBNET,),
    "ServiceCidrOverlapExistingSubnetsCidr": (SERVICE_CIDR,),
    "K8sVersionNotSupported": (VERSION,),
    "AgentPoolK8sVersionNotSupported": (VERSION,),
    "NodePoolMcVersionIncompatible": (
        Row(
            reason=Reason.VERSION_SKEW,
            retry_in=30,
            tries=5,
            remedy="Choose a version at most three minors older than the control plane, and not newer.",
        ),
    ),
    "PropertyChangeNotAllowed": (IMMUTABLE,),
    "OperationNotAllowed": (
        Row(reason=Reason.ANOTHER_OPERATION_IN_PROGRESS, contains="in progress", retry_in=10, remedy=BUSY),
        Row(reason=Reason.ANOTHER_OPERATION_IN_PROGRESS, contains="deletion was issued", retry_in=15, remedy=BUSY),
        Row(
            reason=Reason.CLUSTER_STOPPED,
            contains="not currently running",
            retry_in=60,
            remedy="Set spec.cluster.powerState: Running, or wait until spec.cluster.powerSchedules starts the cluster: a stopped cluster cannot "
            "be changed.",
        ),
        Row(
            reason=Reason.UPGRADE_NOT_ALLOWED,
            contains="Upgrading Kubernetes version",
            remedy="Set spec.cluster.kubernetesVersion to one of the versions in Azure's message: an upgrade moves one minor version at a time.",
        ),
        Row(
            reason=Reason.NODE_PROVISIONING_NOT_ALLOWED,
            contains="nodeProvisioningProfile.mode",
            retry_in=300,
            tries=5,
            remedy="For Auto, correct the member that Azure names above. For Manual, set limits.cpu of every Karpenter NodePool "
            "to 0 and remove its nodes (`kubectl get nodes -l karpenter.sh/nodepool`) first; keep Auto until then.",
        ),
        replace(QUOTA, contains="quota"),
        replace(ADDRESS_QUOTA, contains="PublicIPCountLimitReached"),
        replace(THROTTLED, contains="too many requests"),
        replace(BUSY_ROW, contains="mutually exclusive", retry_in=30, tries=5),
        Row(
            reason=Reason.OPERATION_NOT_ALLOWED,
            retry_in=60,
            tries=5,
            vague=True,
            remedy="Check Azure's message. The operator retries.",
        ),
    ),
    "AKSOperationPreempted": (
        Row(reason=Reason.PREEMPTED, retry_in=10, remedy="The operator retries. Another operation took precedence."),
    ),
    "AKSOperationPreemptedByDelete": (
        Row(reason=Reason.PREEMPTED, retry_in=10, remedy="The operator retries. A deletion took precedence."),
    ),
    "NotLatestOperation": (
        Row(reason=Reason.PREEMPTED, retry_in=10, remedy="The operator retries. Another operation took precedence."),
    ),
    "NotAllAgentPoolOrchestratorVersionSpecifiedAndUnchanged": (
        Row(
            reason=Reason.CONCURRENT_CHANGE,
            retry_in=15,
            tries=5,
            remedy="The operator reads it again: the version of a pool has changed.",
        ),
    ),
    "AvailabilityZoneNotSupported": (ZONE,),
    "AKSCapacityError": (CAPACITY,),
    "AKSCapacityHeavyUsage": (CAPACITY,),
    "AksCapacityHeavyUsage": (CAPACITY,),
    "PublicIPCountLimitReached": (ADDRESS_QUOTA,),
    "InsufficientAgentPoolMaxPodsPerAgentPool": (INVALID,),
    "SubnetsAreNotInSameVnet": (INVALID,),
    "DnsServiceIpOutOfServiceCidr": (INVALID,),
    "DnsServiceIpConflicting": (INVALID,),
    "InvalidLoadBalancerProfileAllocatedOutboundPorts": (INVALID,),
    "InvalidLoadBalancerProfileOutboundIPs": (INVALID,),
    "VMCannotFitEphemeralOSDisk": (INVALID,),
    "CustomRouteTableWithUnsupportedMSIType": (INVALID,),
    "SubnetNotAssociatedWithNATGateway": (NO_GATEWAY,),
    "CustomPrivateDNSZoneMissingPermissionError": (ZONE_ACCESS,),
    "CustomRouteTableMissingPermission": (ZONE_ACCESS,),
    "CreateOrUpdateVirtualNetworkLinkFailed": (replace(ZONE_ACCESS, vague=True),),
    "UnsatisfiablePDB": (DRAIN,),
    "PodDrainFailure": (DRAIN,),
    "UpgradeFailed": (replace(FAILED, retry_in=120, tries=3),),
    "VMExtensionProvisioningError": (
        replace(EGRESS, contains="exit status=50"),
        replace(EGRESS, contains="exit status=51"),
        replace(EGRESS, contains="exit status=52"),
        replace(PROVISIONING, vague=True),
    ),
    "VMExtensionProvisioningTimeout": (PROVISIONING,),
    "VMExtensionError_ProvisioningTimeout": (PROVISIONING,),
    **dict.fromkeys(
        (
            "VMExtensionError_OutboundConnFail",
            "OutboundConnFailVMExtensionError",
            "VMExtensionError_K8SAPIServerConnFail",
            "K8SAPIServerConnFailVMExtensionError",
            "VMExtensionError_K8SAPIServerDNSLookupFail",
            "K8SAPIServerDNSLookupFailVMExtensionError",
            "VMExtensionError_CniDownloadTimeout",
            "CniDownloadTimeoutVMExtensionError",
            "VMExtensionError_K8SDownloadTimeout",
            "VMExtensionError_OrasPullNetworkTimeout",
        ),
        (EGRESS,),
    ),
    **dict.fromkeys(
        (
            "CreateVMSSAgentPoolFailed",
            "UpdateVMSSAgentPoolFailed",
            "ScaleVMSSAgentPoolFailed",
            "UpgradeVMSSAgentPoolFailed",
            "ReconcileVMSSAgentPoolFailed",
            "DeleteVMSSAgentPoolFailed",
            "ReconcileStandardLoadBalancerError",
        ),
        (FAILED,),
    ),
}
