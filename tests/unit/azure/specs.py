"""Specs of platforms, and ids of their resources, for tests with and without the simulator."""

from typing import Any

from sandbox.azure.world import SUBSCRIPTION

LECTURE: dict[str, Any] = {
    "name": "lecture",
    "days": ["Monday", "Friday"],
    "start": "08:30",
    "end": "10:00",
    "timeZone": "Europe/Vienna",
    "capacity": {"minimum": 5, "maximum": 6, "default": 5},
}
"""A profile of spec.autoscale for the hours of a class."""


def runbook_spec(**changes: Any) -> dict[str, Any]:
    """Return the runbook's platform, with versions of today's catalog."""
    return {
        "azure": {
            "subscriptionId": SUBSCRIPTION,
            "location": "eastus",
            "resourceGroup": "prd_rg_jhub",
            "credentials": {"secretRef": {"name": "azure-credentials"}},
            "features": ["Microsoft.ContainerService/VMSSPreview"],
        },
        "network": {
            "virtualNetwork": {"name": "prd_vnet_jhub", "addressPrefixes": ["10.0.0.0/8"]},
            "subnet": {"name": "default", "addressPrefix": "10.240.0.0/16"},
        },
        "identity": {"type": "ServicePrincipal", "servicePrincipal": {"name": "sp_aks_jhub", "role": "Contributor"}},
        "cluster": {
            "name": "prd-aks-jhub",
            "nodeResourceGroup": "prd_rg_jhub_infra",
            "kubernetesVersion": "1.35",
            "sshPublicKey": "ssh-rsa AAAAB3NzaC1yc2E= someone@example.org",
            "network": {"dockerBridgeCidr": "172.17.0.1/16"},
        },
        "nodePools": [
            {
                "name": "nodepool1",
                "mode": "System",
                "vmSize": "Standard_D2s_v3",
                "count": 3,
                "autoscaling": {"minCount": 3, "maxCount": 6},
            }
        ],
        "autoscale": [
            {
                "pool": "nodepool1",
                "capacity": {"minimum": 3, "maximum": 6, "default": 3},
                "rules": [
                    {"operator": "GreaterThan", "threshold": 70, "window": "10m", "change": 1},
                    {"operator": "LessThan", "threshold": 5, "window": "10m", "change": -1},
                ],
            }
        ],
        **changes,
    }


def with_cluster(**members: Any) -> dict[str, Any]:
    """Return the runbook's platform with changed members of spec.cluster."""
    spec = runbook_spec()
    spec["cluster"] |= members
    return spec


def group_id(name: str) -> str:
    return f"/subscriptions/{SUBSCRIPTION}/resourcegroups/{name}"
