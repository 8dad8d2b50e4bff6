"""spec.cluster.patch over the body of the managed cluster. Pure."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from notebook_platform.api.cluster import ClusterSpec
from notebook_platform.api.patches import CLUSTER
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.cluster_body import Wire, desired_cluster
from notebook_platform.azure.cluster_changes import IMMUTABLE
from notebook_platform.azure.last_applied import Record
from notebook_platform.azure.patch_changes import judged
from notebook_platform.azure.patch_removal import resets
from notebook_platform.azure.patches import Patch
from notebook_platform.engine import Change

OWNERS = {path: rule.field for path, rule in IMMUTABLE.items()} | {
    "sku.tier": "spec.cluster.tier",
    "properties.aadProfile": "spec.cluster.entra",
    "properties.addonProfiles.omsagent": "spec.cluster.monitoring",
    "properties.apiServerAccessProfile.authorizedIPRanges": "spec.cluster.apiServer.authorizedIPRanges",
    "properties.azureMonitorProfile.metrics.enabled": "spec.monitoring.prometheus",
    "properties.autoScalerProfile": "spec.cluster.autoscalerProfile",
    "properties.autoUpgradeProfile.nodeOSUpgradeChannel": "spec.cluster.upgrades.nodeOSChannel",
    "properties.autoUpgradeProfile.upgradeChannel": "spec.cluster.upgrades.channel",
    "properties.disableLocalAccounts": "spec.cluster.localAccounts",
    "properties.linuxProfile.ssh": "spec.cluster.sshPublicKey",
    "properties.networkProfile.networkDataplane": "spec.cluster.network.policy",
    "properties.networkProfile.networkPolicy": "spec.cluster.network.policy",
    "properties.nodeProvisioningProfile.mode": "spec.cluster.nodeProvisioning",
    "properties.oidcIssuerProfile.enabled": "spec.cluster.oidcIssuer",
    "properties.supportPlan": "spec.cluster.supportPlan",
    "properties.securityProfile.workloadIdentity.enabled": "spec.cluster.workloadIdentity",
}
"""The field of the spec that sets a member, by the member or the object that holds it."""

IMMUTABLE_MEMBERS = frozenset(
    {
        "extendedLocation",
        "properties.diskEncryptionSetID",
        "properties.enableRBAC",
        "properties.fqdnSubdomain",
        "properties.networkProfile.ipFamilies",
        "properties.networkProfile.networkMode",
    }
)
"""Members without a field that cannot change on an existing cluster. Azure itself refuses the rest (PropertyChangeNotAllowed).
Source: https://learn.microsoft.com/azure/templates/microsoft.containerservice/managedclusters"""

REIMAGED = frozenset(
    {
        "properties.httpProxyConfig",
        "properties.networkProfile.networkDataplane",
        "properties.networkProfile.networkPlugin",
        "properties.networkProfile.networkPluginMode",
        "properties.networkProfile.networkPolicy",
        "properties.securityProfile.customCATrustCertificates",
    }
)
"""Members for which AKS reimages all nodes. Sources: https://learn.microsoft.com/azure/aks/http-proxy,
https://learn.microsoft.com/azure/aks/custom-certificate-authority, https://learn.microsoft.com/azure/aks/update-azure-cni"""


def cluster_patch(spec: NotebookPlatformSpec, applied: Record | None = None, body: Wire | None = None) -> Patch:
    """Return spec.cluster.patch with the resets of what was taken out of it. `applied`: what was applied last; `body`: what the spec asks
    for."""
    patch = Patch(
        step="Cluster",
        field="spec.cluster.patch",
        document=spec.cluster.patch,
        guarded=CLUSTER,
        owners=OWNERS,
        top=frozenset({"properties", "sku", "extendedLocation", "kind"}),
    )
    return replace(patch, resets=resets((applied or {}).get("members", {}), "", patch, body or {}))


def patched_cluster(spec: NotebookPlatformSpec, applied: Record | None, **parts: Any) -> Wire:
    """Return `desired_cluster` with the patch and its resets applied, None for each member that they remove. Raises StepError
    (PatchRefused)."""
    body = desired_cluster(spec, **parts)
    patch = cluster_patch(spec, applied, body)
    if not patch.effective:
        return body
    cluster = ClusterSpec(name=spec.cluster.name, kubernetes_version=spec.cluster.kubernetes_version)
    unset = desired_cluster(spec.model_copy(update={"cluster": cluster}), **{**parts, "ssh_key": None})
    return patch.over(body, unset)


def judged_changes(changes: list[Change], patch: Patch, found: Wire | None, now: datetime) -> list[Change]:
    """Return the changes, those of the patch with their gates."""
    tags = found.get("tags") if found else None
    return judged(changes, patch, tags, now, immutable=IMMUTABLE_MEMBERS, disruptive=REIMAGED)
