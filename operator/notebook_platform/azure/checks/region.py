"""Checks of what the subscription and the region offer: the region itself, resource providers, versions of Kubernetes."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notebook_platform.api.cluster import LTS, OFFICIAL
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.answer import document_of
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.checks.finding import LISTS_LAST, Finding, oldest
from notebook_platform.azure.checks.permissions import SUBSCRIPTIONS_API, Need, lacking
from notebook_platform.azure.providers import REGISTERED, Providers
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Inputs
from notebook_platform.versions import parse

FIELD = "spec.azure.location"


async def locations(scope: AzureScope, fresh: bool) -> frozenset[str]:
    """Return the regions of the subscription; empty when Azure does not show them. Raises StepError.

    https://learn.microsoft.com/rest/api/resources/subscriptions/list-locations
    """
    path = f"/subscriptions/{scope.spec.azure.subscription_id}/locations"

    async def ask() -> frozenset[str]:
        listed = document_of(await scope.session.send("GET", path, api_version=SUBSCRIPTIONS_API)).get("value") or ()
        return frozenset(str(one["name"]).lower() for one in listed if _is_physical(one))

    async with azure_errors(FIELD):
        known: frozenset[str] = await scope.cache.cached_call("locations", ask, max_age=LISTS_LAST, fresh=fresh)
    return known


async def region(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Check whether the region exists for the subscription."""
    wanted, known = scope.spec.azure.location, await locations(scope, fresh)
    if not known:
        return [Finding(sentence="Azure does not show its regions", reason=Reason.UNKNOWN, blocks=False)]
    if wanted in known:
        return [Finding(sentence=f"{wanted} is a region of the subscription")]
    near = difflib.get_close_matches(wanted, sorted(known), n=3)
    meant = f"; similar: {', '.join(near)}" if near else ""
    return [
        Finding(
            sentence=f"{FIELD} {wanted} is not a region that the subscription can use{meant}",
            reason=Reason.LOCATION_NOT_OFFERED,
            remedy=f"Create the platform with another {FIELD}, one that `az account list-locations` shows.",
        )
    ]


def _is_physical(listed: Mapping[str, Any]) -> bool:
    """Return whether a location holds resources: `europe` and `global` do not. Older versions of the list have no metadata."""
    return str((listed.get("metadata") or {}).get("regionType", "Physical")) == "Physical"


async def providers(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Check resource providers and preview features; the operator registers the missing ones."""
    states = (await Providers(scope).observe(Inputs(), fresh=fresh)).found or {}
    missing = [name for name, state in states.items() if state != REGISTERED]
    if not missing:
        return [Finding(sentence=f"{', '.join(states)} are registered")]
    sentence = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not registered yet"
    found = [
        Finding(sentence=sentence, reason=Reason.PROVIDER_NOT_REGISTERED, remedy="The operator registers them.", blocks=False)
    ]
    subscription = f"/subscriptions/{scope.spec.azure.subscription_id}"
    wanted = [Need(f"{name}/register/action", subscription) for name in dict.fromkeys(n.split("/")[0] for n in missing)]
    return [*found, *(finding for finding in await lacking(scope, wanted, fresh) if finding.blocks)]


@dataclass(frozen=True)
class Offer:
    """A minor version of a region: its patches, and the support plans that it is offered for."""

    version: str
    patches: frozenset[str]
    plans: frozenset[str]
    preview: bool = False

    def has(self, wanted: str) -> bool:
        """Return whether `wanted` is this minor version, unless it is a preview, or one of its patches."""
        return wanted in self.patches or (wanted == self.version and not self.preview)


async def version_offers(scope: AzureScope, fresh: bool) -> Sequence[Offer]:
    """Return the minor versions of Kubernetes that the region offers. Raises StepError."""
    location, clusters = scope.spec.azure.location, scope.session.container_service.managed_clusters

    async def ask() -> Sequence[Offer]:
        answer: Mapping[str, Any] = (await clusters.list_kubernetes_versions(location)).as_dict()
        return tuple(_offers(answer.get("values", ())))

    async with azure_errors("spec.cluster.kubernetesVersion"):
        cache = scope.cache
        offers: Sequence[Offer] = await cache.cached_call(f"versions/{location}", ask, max_age=oldest(scope), fresh=fresh)
    return offers


async def version(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Check whether the region offers the wanted version for the wanted support plan."""
    offers, cluster = await version_offers(scope, fresh), scope.spec.cluster
    return [version_finding(offers, cluster.kubernetes_version, cluster.support_plan, scope.spec.azure.location)]


def _offers(values: Sequence[Mapping[str, Any]]) -> Iterator[Offer]:
    """Parse the list (https://learn.microsoft.com/rest/api/aks/managed-clusters/list-kubernetes-versions); an entry without
    plans is of the time before there were several."""
    for value in values:
        plans = (value.get("capabilities") or {}).get("supportPlan") or (OFFICIAL,)
        patches = frozenset(value.get("patchVersions") or {})
        yield Offer(str(value["version"]), patches, frozenset(plans), bool(value.get("isPreview")))


def version_finding(offers: Sequence[Offer], wanted: str, plan: str, location: str) -> Finding:
    """Return what the offers say about a version under a support plan. Pure."""
    field = "spec.cluster.kubernetesVersion"
    shown = sorted((o.version for o in offers if plan in o.plans and not o.preview), key=parse)
    mine = [offer for offer in offers if offer.has(wanted)]
    if any(plan in offer.plans for offer in mine):
        others = ", ".join(version for version in shown if version != wanted)
        return Finding(sentence=f"{wanted} is offered in {location}, as are {others}")
    if any(LTS in offer.plans for offer in mine):
        return Finding(
            sentence=f"{field} {wanted} is offered in {location} with long-term support only",
            reason=Reason.VERSION_NOT_OFFERED,
            remedy=f"Set spec.cluster.supportPlan: {LTS} and spec.cluster.tier: Premium, or {field} to one of {', '.join(shown)}.",
        )
    terms = f" for spec.cluster.supportPlan {plan}" if mine else ""
    return Finding(
        sentence=f"{field} {wanted} is not offered in {location}{terms}; offered: {', '.join(shown)}",
        reason=Reason.VERSION_NOT_OFFERED,
        remedy=f"Set {field} to one of those.",
    )
