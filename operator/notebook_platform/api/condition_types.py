"""Condition types: the names of the conditions in status beside those of the steps, `<Step>Ready`, with their meaning.

They are part of the API, as reasons are (`reasons`).
"""

from notebook_platform.api.words import Word


class ConditionType(Word):
    """Types of conditions beside `<Step>Ready`. Those after Throttled exist only while they are True."""

    READY = "Ready", "The platform is as the spec asks and works (kstatus)."
    RECONCILING = "Reconciling", "Work is in progress, or is retried without a user (kstatus)."
    STALLED = "Stalled", "A user has to act (kstatus)."
    DRIFT_DETECTED = "DriftDetected", "An object that matched the spec differs from it now."
    DELETION_PROTECTED = "DeletionProtected", "A deletion was requested and spec.deletionProtection blocks it."
    THROTTLED = "Throttled", "The platform was reconciled too often; further reconciles are spread out."
    AUTOSCALERS_COMPETE = "AutoscalersCompete", "The cluster autoscaler and autoscale rules both change one pool's node count."
    BINDER_CHART_VERSION_UNKNOWN = "BinderChartVersionUnknown", "This binderhub chart version was not tested with the operator."
    CHART_VERSION_UNKNOWN = "ChartVersionUnknown", "This jupyterhub chart version was not tested with the operator."
    CERTIFICATE_EXPIRING = "CertificateExpiring", "The hub's certificate ends soon and no newer one is served."
    CERTIFICATE_NAME_MISMATCH = "CertificateNameMismatch", "The hub serves a certificate for another name."
    CLAIM_NOT_SHARED = "ClaimNotShared", "A volume claim for all users cannot be mounted on several nodes."
    DNS_MISMATCH = "DnsMismatch", "The hub's name resolves to another address than the hub's."
    DOCKER_BRIDGE_IGNORED = "DockerBridgeIgnored", "spec.cluster.network.dockerBridgeCidr no longer has an effect on AKS."
    DRAIN_BLOCKED = "DrainBlocked", "A PodDisruptionBudget allows no disruption; node drains will block."
    DRIFT_UNKNOWN = "DriftUnknown", "Objects of a release cannot be compared with its manifest, so drift in them is not found."
    DUPLICATE_HOMES = "DuplicateHomes", "A user has more than one home volume."
    FOREIGN_RELEASE_RECORDS = "ForeignReleaseRecords", "Helm records exist that the operator did not write; they are ignored."
    SERVICE_CIDR_IN_NETWORK = "ServiceCidrInNetwork", "The service addresses lie inside the virtual network."
    USERNAME_CLAIM_UNSURE = (
        "UsernameClaimUnsure",
        "The claim that is used as the user name may be missing or not unique.",
    )
    REPOSITORIES_OPEN = (
        "RepositoriesOpen",
        "Some providers launch allowed repositories only, and the binder's other providers launch any.",
    )
    VALUES_IGNORED = "ValuesIgnored", "Values of the running release have no effect."
    UNKNOWN_NODE_POOLS = "UnknownNodePools", "The cluster has node pools that spec.nodePools does not list."
