"""Check of managed Prometheus: whether the region has Azure Monitor workspaces."""

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.answer import document_of
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.checks.finding import LISTS_LAST, Finding
from notebook_platform.azure.scope import AzureScope

PROVIDER, TYPE = "Microsoft.Monitor", "accounts"
PROVIDERS_API = "2022-09-01"


async def metrics(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Check where the metrics go (https://learn.microsoft.com/rest/api/resources/providers/get)."""
    monitoring, location = scope.spec.managed_prometheus, scope.spec.azure.location
    if monitoring is None:
        return [Finding(sentence="spec.monitoring does not request managed Prometheus")]
    if monitoring.workspace_id is not None:
        return [Finding(sentence=f"metrics go to {monitoring.workspace_id}")]
    known = await _regions(scope, fresh)
    if not known:
        return [
            Finding(sentence="Azure does not show the regions of Azure Monitor workspaces", reason=Reason.UNKNOWN, blocks=False)
        ]
    if location in known:
        return [Finding(sentence=f"{location} has Azure Monitor workspaces")]
    return [
        Finding(
            sentence=f"{location} has no Azure Monitor workspaces, which spec.monitoring.prometheus Managed needs",
            reason=Reason.LOCATION_NOT_OFFERED,
            remedy="Set spec.monitoring.workspaceId to a workspace in another region.",
        )
    ]


async def _regions(scope: AzureScope, fresh: bool) -> frozenset[str]:
    path = f"/subscriptions/{scope.spec.azure.subscription_id}/providers/{PROVIDER}"

    async def ask() -> frozenset[str]:
        types = document_of(await scope.session.send("GET", path, api_version=PROVIDERS_API)).get("resourceTypes") or ()
        listed = next((one.get("locations") or () for one in types if one.get("resourceType") == TYPE), ())
        return frozenset(str(name).replace(" ", "").lower() for name in listed)

    async with azure_errors("spec.monitoring"):
        found: frozenset[str] = await scope.cache.cached_call("monitor regions", ask, max_age=LISTS_LAST, fresh=fresh)
    return found
