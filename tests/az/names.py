"""The runbook's names, which the commands of this directory use."""

from sandbox.azure.world import SUBSCRIPTION

GROUP, NODES, CLUSTER, NETWORK = "prd_rg_jhub", "prd_rg_jhub_infra", "prd-aks-jhub", "prd_vnet_jhub"
GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
NETWORK_ID = f"{GROUP_ID}/providers/Microsoft.Network/virtualNetworks/{NETWORK}"
CLUSTER_ID = f"{GROUP_ID}/providers/Microsoft.ContainerService/managedClusters/{CLUSTER}"
IN_GROUP, AKS = f"-g {GROUP}", f"-g {GROUP} -n {CLUSTER}"
POOL = f"-g {GROUP} --cluster-name {CLUSTER}"
