"""Whether a cluster that a deletion leaves in place uses the platform's identity.

A deletion comes to the identity and its roles after the platform's own cluster. A cluster that uses it even then has lost its owner tag, or
belongs to another platform, whose spec may name an identity that this one made: without it its nodes could neither pull images nor mount volumes.
"""

import logging
from collections.abc import Mapping
from typing import Any

from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.resource_types import CLUSTERS
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import StepError

log = logging.getLogger(__name__)

FIELD = "spec.identity"
LISTING = "az aks list --query '[].{id:id,identity:identity,principal:servicePrincipalProfile.clientId}'"
LIST_AGE = 60.0
"""Seconds. Largest age of the list of the subscription's clusters."""


async def check_unused(scope: AzureScope, identity: outputs.Identity | None) -> None:
    """Raise StepError (IdentityInUse) if the cluster of the spec's name, or another one of the subscription, uses the identity."""
    if identity is None:
        return
    name = scope.spec.cluster.name
    async with azure_errors(FIELD):
        own = await scope.get(CLUSTERS, name, fresh=True)
        listed = await scope.cache.list_subscription(CLUSTERS, LIST_AGE)
    if own is not None and _uses(own, identity):
        raise _in_use(f"the managed cluster {name!r}, which the platform does not own,", "that cluster")
    id_ = scope.id_of(CLUSTERS.name, name).lower()
    users = [str(cluster["id"]) for cluster in listed or () if str(cluster["id"]).lower() != id_ and _uses(cluster, identity)]
    if users:
        log.info("%s/%s: %s uses its identity", scope.owner.namespace, scope.owner.name, users[0])
        raise _in_use("another managed cluster of the subscription", f"that cluster, which `{LISTING}` shows")


def _uses(cluster: Mapping[str, Any], identity: outputs.Identity) -> bool:
    principal = ((cluster.get("properties") or {}).get("servicePrincipalProfile") or {}).get("clientId")
    assigned = {id_.lower() for id_ in (cluster.get("identity") or {}).get("userAssignedIdentities") or ()}
    uses_principal = identity.client_id is not None and str(principal).lower() == str(identity.client_id).lower()
    return uses_principal or (identity.identity_id or "").lower() in assigned


def _in_use(cluster: str, which: str) -> StepError:
    return StepError(
        Reason.IDENTITY_IN_USE,
        f"{FIELD}: {cluster} uses the platform's identity",
        f"Delete {which}, or set spec.deletionPolicy: Orphan to keep its identity and roles.",
        retry_in=60,
    )
