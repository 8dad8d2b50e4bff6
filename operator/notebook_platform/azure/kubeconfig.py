"""Access to a managed cluster, as Azure issues it: a client certificate while local accounts are enabled, else a token of Entra
ID.

https://learn.microsoft.com/azure/aks/kubelogin-authentication
"""

import base64

from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.session import AzureSession
from notebook_platform.engine.outcome import StepError
from notebook_platform.workload.access import ClusterKey
from notebook_platform.workload.kubeconfig import (
    AKS_SERVER,
    ClusterAccess,
    kubelogin_kubeconfig,
    parse_address,
    parse_kubeconfig,
)


def cluster_key(session: AzureSession, cluster: outputs.Cluster) -> ClusterKey:
    """Return the cache key of access to the cluster in this session."""
    return ClusterKey(
        cluster_id=cluster.id.lower(),
        fqdn=cluster.fqdn,
        resource_uid=cluster.resource_uid,
        local_accounts=cluster.local_accounts,
        credential=session.digest,
    )


async def cluster_access(session: AzureSession, cluster: outputs.Cluster, known: ClusterAccess | None = None) -> ClusterAccess:
    """Ask Azure for access: one request, unless it is `known`, and one for a token without local accounts.

    Raises StepError (KubeconfigRefused, and as the error table says).
    """
    clusters = session.container_service.managed_clusters
    async with azure_errors("spec.cluster"):
        if cluster.local_accounts:
            if known is not None:
                return known
            answer = await clusters.list_cluster_admin_credentials(cluster.resource_group, cluster.name)
            return parse_kubeconfig(_text(answer))
        if known is None:
            answer = await clusters.list_cluster_user_credentials(cluster.resource_group, cluster.name)
        # The users in it run kubelogin; the operator has a token of its own.
        address = known or parse_address(_text(answer))
        token = await session.token(f"{AKS_SERVER}/.default")
    return ClusterAccess(
        server=address.server,
        ca_data=address.ca_data,
        token=token.token,
        expires=float(token.expires_on),
        stored=known is not None,
    )


def published_kubeconfig(session: AzureSession, cluster: outputs.Cluster, access: ClusterAccess) -> str:
    """Render the kubeconfig for users of the cluster. Without local accounts it holds no credential: the operator's token would
    open every cluster that the operator has a role on."""
    if cluster.local_accounts:
        return access.kubeconfig(cluster.name, f"{cluster.name}-admin")
    return kubelogin_kubeconfig(
        access,
        environment=session.cloud.kubelogin_environment,
        tenant_id=cluster.tenant_id,
        cluster=cluster.name,
        user=f"{cluster.name}-user",
    )


def _text(answer: object) -> bytes:
    kubeconfigs = getattr(answer, "kubeconfigs", None) or []
    value = kubeconfigs[0].value if kubeconfigs else None
    if not value:
        raise StepError(
            Reason.KUBECONFIG_REFUSED,
            "spec.cluster: Azure returned no kubeconfig for the managed cluster",
            "`az aks show --resource-group GROUP --name CLUSTER --query powerState.code` prints whether the cluster runs.",
            retry_in=30,
        )
    return bytes(value) if isinstance(value, bytes | bytearray) else base64.b64decode(value)
