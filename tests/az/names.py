"""The runbook's names, which the commands of this directory use."""

import pytest

from sandbox.azure.world import SUBSCRIPTION

STORY = pytest.mark.story("test_1_runbook.py", "test_2_day_two.py", "test_3_count.py")
"""The three files are one transcript: commands on one estate, then their count."""

GROUP, NODES, CLUSTER, NETWORK = "prd_rg_jhub", "prd_rg_jhub_infra", "prd-aks-jhub", "prd_vnet_jhub"
GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
NETWORK_ID = f"{GROUP_ID}/providers/Microsoft.Network/virtualNetworks/{NETWORK}"
CLUSTER_ID = f"{GROUP_ID}/providers/Microsoft.ContainerService/managedClusters/{CLUSTER}"
IN_GROUP, AKS = f"-g {GROUP}", f"-g {GROUP} -n {CLUSTER}"
POOL = f"-g {GROUP} --cluster-name {CLUSTER}"
