"""Whether a cluster that a deletion leaves in place uses the platform's identity.

A deletion comes to the identity and its roles after the platform's own cluster. A cluster that is there even then has lost its owner tag, or
belongs to another platform: without its identity its nodes could neither pull images nor mount volumes.
"""

from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.resource_types import CLUSTERS
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import StepError

FIELD = "spec.identity"


async def check_unused(scope: AzureScope, identity: outputs.Identity | None) -> None:
    """Raise StepError (IdentityInUse) if the cluster of the spec's name exists and uses the identity."""
    if identity is None:
        return
    name = scope.spec.cluster.name
    async with azure_errors(FIELD):
        cluster = await scope.get(CLUSTERS, name, fresh=True)
    if cluster is None:
        return
    principal = (cluster["properties"].get("servicePrincipalProfile") or {}).get("clientId")
    assigned = {id_.lower() for id_ in (cluster.get("identity") or {}).get("userAssignedIdentities") or ()}
    uses_principal = identity.client_id is not None and str(principal).lower() == str(identity.client_id).lower()
    if uses_principal or (identity.identity_id or "").lower() in assigned:
        raise StepError(
            Reason.IDENTITY_IN_USE,
            f"{FIELD}: the managed cluster {name!r}, which the platform does not own, uses the platform's identity",
            "Delete that cluster, or set spec.deletionPolicy: Orphan to keep its identity and roles.",
            retry_in=60,
        )
