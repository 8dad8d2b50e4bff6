"""Check of a private DNS zone of the user's own, in which AKS writes the address of a private cluster's API server.

https://learn.microsoft.com/azure/aks/private-clusters#configure-a-private-dns-zone
"""

import re

from azure.core.exceptions import HttpResponseError

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.errors import azure_errors, is_missing
from notebook_platform.azure.checks.finding import Finding, oldest
from notebook_platform.azure.scope import AzureScope

FIELD = "spec.cluster.apiServer.privateDNSZone"
API_VERSION = "2020-06-01"


async def private_zone(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Check the zone's name, which AKS prescribes for the region, and that it exists. The step RoleAssignment gives the cluster's identity
    its role there."""
    zone = scope.spec.cluster.api_server.own_zone
    if zone is None:
        return []
    if finding := name_finding(zone, scope.spec.azure.location):
        return [finding]

    async def ask() -> bool:
        try:
            await scope.session.send("GET", zone, api_version=API_VERSION)
        except HttpResponseError as error:
            if is_missing(error):
                return False
            raise
        return True

    async with azure_errors(FIELD):
        exists = await scope.cache.cached_call(f"zone/{zone}", ask, max_age=oldest(scope), fresh=fresh)
    if exists:
        return [Finding(sentence=f"{zone.rsplit('/', 1)[1]} exists")]
    return [
        Finding(
            sentence=f"{FIELD}: the zone {zone} does not exist",
            reason=Reason.PRIVATE_ZONE_NOT_FOUND,
            remedy="Create it (`az network private-dns zone create`), or create the platform with privateDNSZone: system.",
            retry_in=60.0,
        )
    ]


def name_finding(zone: str, location: str) -> Finding | None:
    """Return why AKS refuses the name of a zone in a region; None: it does not. The end of the name differs between clouds. Pure."""
    name = zone.rsplit("/", 1)[1].lower()
    if re.fullmatch(rf"([a-z0-9-]{{1,32}}[.])?(privatelink|private)[.]{re.escape(location)}[.].+", name):
        return None
    return Finding(
        sentence=f"{FIELD}: AKS does not accept the zone {name} in {location}",
        reason=Reason.PRIVATE_ZONE_INVALID,
        remedy=f"Create the platform with a zone privatelink.{location}.azmk8s.io or <name>.privatelink.{location}.azmk8s.io.",
    )
