"""Defaults of AKS and Azure Monitor for members that no field of the spec sets. Pure.

`import` leaves members at their default out of a patch, and the operator sets a member back to it that was taken out of one.
"""

from collections.abc import Mapping
from typing import Any

DEFAULTS: Mapping[str, Any] = {
    "kubeletDiskType": "OS",
    "networkProfile.ipFamilies": ["IPv4"],
    "networkProfile.loadBalancerProfile.backendPoolType": "nodeIPConfiguration",
    "networkProfile.loadBalancerProfile.managedOutboundIPs.count": 1,
    "networkProfile.natGatewayProfile.idleTimeoutInMinutes": 4,
    "networkProfile.natGatewayProfile.managedOutboundIPProfile.count": 1,
    "nodeResourceGroupProfile.restrictionLevel": "Unrestricted",
    "osSKU": "Ubuntu",
    "podIPAllocationMode": "DynamicIndividual",
    "predictiveAutoscalePolicy.scaleMode": "Disabled",
    "publicNetworkAccess": "Enabled",
    "scaleDownMode": "Delete",
    "securityProfile.sshAccess": "LocalUser",
    "serviceMeshProfile.mode": "Disabled",
    "storageProfile.diskCSIDriver.enabled": True,
    "storageProfile.diskCSIDriver.version": "v1",
    "storageProfile.fileCSIDriver.enabled": True,
    "storageProfile.snapshotController.enabled": True,
    "upgradeSettings.maxUnavailable": "0",
    "workloadAutoScalerProfile.verticalPodAutoscaler.addonAutoscaling": "Disabled",
    "workloadRuntime": "OCIContainer",
}
"""The defaults as Azure returns them, by the dotted path below `properties`; of all other members it is false or nothing. Sources:
https://learn.microsoft.com/rest/api/aks/managed-clusters/create-or-update,
https://learn.microsoft.com/rest/api/aks/agent-pools/create-or-update,
https://learn.microsoft.com/rest/api/monitor/autoscale-settings/create-or-update"""

AUTOSCALER_DEFAULTS: Mapping[str, str] = {
    "balance-similar-node-groups": "false",
    "expander": "random",
    "max-graceful-termination-sec": "600",
    "max-node-provision-time": "15m",
    "scale-down-delay-after-add": "10m",
    "scale-down-unneeded-time": "10m",
    "scale-down-utilization-threshold": "0.5",
    "scan-interval": "10s",
    "skip-nodes-with-local-storage": "false",
    "skip-nodes-with-system-pods": "true",
}
"""https://learn.microsoft.com/azure/aks/cluster-autoscaler#cluster-autoscaler-profile-settings"""

DEFAULT_SURGE = "10%"
"""https://learn.microsoft.com/azure/aks/upgrade-aks-cluster#customize-node-surge-upgrade"""

OF_FIELDS: Mapping[str, Any] = {
    "upgradeSettings.maxSurge": DEFAULT_SURGE,
    **{f"autoScalerProfile.{name}": value for name, value in AUTOSCALER_DEFAULTS.items()},
}
"""The defaults of members that have an optional field, and that a patch may set in its place."""
