"""Checks of names that all customers of Azure share, before anything of the platform can have them: DNS labels, registries."""

from collections.abc import Iterator

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.answer import document_of
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.resource_types import REGISTRIES, REGISTRY_API
from notebook_platform.azure.checks.finding import Finding
from notebook_platform.azure.checks.lookup import cluster_exists, look_up
from notebook_platform.azure.scope import AzureScope


async def public_names(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Return findings for names that are taken. Once the cluster exists, its own load balancers have the labels."""
    found: list[Finding] = []
    if not await cluster_exists(scope, fresh):
        for field, label in _labels(scope):
            found += await _label(scope, field, label)
    return found + await _registry(scope, fresh)


def _labels(scope: AzureScope) -> Iterator[tuple[str, str]]:
    """Yield (member of the spec, label)."""
    hub, binder = scope.spec.jupyterhub, scope.spec.binderhub
    if hub is not None and hub.expose.load_balancer is not None and hub.expose.load_balancer.dns_label:
        yield "spec.jupyterhub.expose.loadBalancer.dnsLabel", hub.expose.load_balancer.dns_label
    if binder is not None and binder.address.ingress is not None and binder.address.ingress.dns_label:
        yield "spec.binderhub.address.ingress.dnsLabel", binder.address.ingress.dns_label
    labels = binder.address.dns_labels if binder is not None else None
    if labels is not None:
        yield "spec.binderhub.address.dnsLabels.binder", labels.binder
        yield "spec.binderhub.address.dnsLabels.hub", labels.hub


async def _label(scope: AzureScope, field: str, label: str) -> list[Finding]:
    """Check a DNS label (https://learn.microsoft.com/rest/api/virtualnetwork/check-dns-name-availability)."""
    location = scope.spec.azure.location
    async with azure_errors(field):
        answer = await scope.session.network.check_dns_name_availability(location, domain_name_label=label)
    if answer.available:
        return []
    sentence = f"{field}: the DNS label {label!r} is taken in {location}"
    return [
        Finding(
            sentence=sentence,
            reason=Reason.DNS_LABEL_TAKEN,
            remedy="Choose another label: it must be unique among all customers of Azure in the region.",
        )
    ]


async def _registry(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Check a registry's name (https://learn.microsoft.com/rest/api/container-registry/registries/check-name-availability)."""
    binder, field = scope.spec.binderhub, "spec.binderhub.registry.azure.name"
    if binder is None or binder.registry.azure is None:
        return []
    name = binder.registry.azure.name
    path = f"/subscriptions/{scope.spec.azure.subscription_id}/providers/Microsoft.ContainerRegistry/checkNameAvailability"
    async with azure_errors(field):
        if await look_up(scope, REGISTRIES, name, scope.group, fresh) is not None:
            return []
        body = {"name": name, "type": "Microsoft.ContainerRegistry/registries"}
        answer = document_of(await scope.session.send("POST", path, api_version=REGISTRY_API, json=body))
    if answer.get("nameAvailable"):
        return []
    sentence = f"{field}: the name {name!r} is not available: {str(answer.get('message') or answer.get('reason')).rstrip('.')}"
    return [
        Finding(
            sentence=sentence,
            reason=Reason.NAME_TAKEN,
            remedy="Choose another name: it must be unique among all customers of Azure.",
        )
    ]
