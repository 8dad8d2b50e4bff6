"""The way into a managed cluster: a kubeconfig with a certificate while local accounts are on, else with a token of Entra ID.

https://learn.microsoft.com/azure/aks/kubelogin-authentication
"""

import base64

import yaml

from notebook_platform.azure import outputs
from notebook_platform.azure.arm.errors import speaking_of
from notebook_platform.azure.arm.session import AzureSession
from notebook_platform.target.step import Kubeconfig

AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
"""Application id of AKS's server in every tenant; tokens for it are what the API servers take."""


async def kubeconfig_of(session: AzureSession, cluster: outputs.Cluster) -> Kubeconfig:
    """A kubeconfig for the cluster. Raises Refused as the error table says."""
    clusters = session.container_service.managed_clusters
    async with speaking_of("spec.cluster"):
        if cluster.local_accounts:
            answer = await clusters.list_cluster_admin_credentials(cluster.resource_group, cluster.name)
            return Kubeconfig(_text(answer))
        answer = await clusters.list_cluster_user_credentials(cluster.resource_group, cluster.name)
        token = await session.token(f"{AKS_SERVER}/.default")
    document = yaml.safe_load(_text(answer))
    for user in document["users"]:
        user["user"] = {"token": token.token}
    return Kubeconfig(str(yaml.safe_dump(document)), expires=float(token.expires_on))


def _text(answer: object) -> str:
    value = answer.kubeconfigs[0].value  # type: ignore[attr-defined]
    return (value if isinstance(value, bytes) else base64.b64decode(value)).decode()
