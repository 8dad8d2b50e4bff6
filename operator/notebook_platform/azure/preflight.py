"""Preflight: what Azure would refuse later, found before anything costs money. Each finding names the field and the remedy."""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.agent_pools import initial_count
from notebook_platform.azure.arm.errors import is_missing, speaking_of
from notebook_platform.azure.cluster_body import current_version
from notebook_platform.azure.context import AzureContext
from notebook_platform.azure.versions import satisfies
from notebook_platform.engine import Check, Failed, Inputs, Observed

RESERVED_ADDRESSES = 5
"""Azure keeps so many of each subnet (https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq)."""

DEFAULT_MAX_PODS = 30
SURGE = 1

Finding = tuple[str, str, str]
"""(reason, sentence, remedy)."""


class Preflight(Check[str]):
    """Looks only while the cluster is not there yet, or runs another version than the spec wants."""

    name = "Preflight"
    needs = ("Credentials", "Providers")

    def __init__(self, context: AzureContext) -> None:
        self._context = context
        self._spec = context.spec

    def desired(self, inputs: Inputs) -> str:
        return self._spec.cluster.kubernetes_version

    async def observe(self, inputs: Inputs) -> Observed[str]:
        running = await self._running_version()
        wanted = self._spec.cluster.kubernetes_version
        if self._context.deleting or (running is not None and satisfies(running, wanted)):
            return Observed(found=wanted)
        findings = [*await self._versions(running)]
        if running is None:
            findings += [*subnet_findings(self._spec), *await self._sizes(), *await self._quota()]
        if not findings:
            return Observed(found=wanted)
        reasons, sentences, remedies = zip(*findings, strict=True)
        failed = Failed(reason=reasons[0], message="; ".join(sentences), remedy=" ".join(dict.fromkeys(remedies)))
        return Observed(failed=failed)

    async def _running_version(self) -> str | None:
        clusters = self._context.session.container_service.managed_clusters
        async with speaking_of("spec.cluster"):
            try:
                found = await clusters.get(self._context.group, self._spec.cluster.name)
            except HttpResponseError as error:
                if is_missing(error):
                    return None
                raise
        return current_version(found.as_dict())

    async def _versions(self, running: str | None) -> list[Finding]:
        location, wanted = self._spec.azure.location, self._spec.cluster.kubernetes_version
        async with speaking_of("spec.cluster.kubernetesVersion"):
            clusters = self._context.session.container_service.managed_clusters
            answer = (await clusters.list_kubernetes_versions(location)).as_dict()
        offered = [str(v["version"]) for v in answer.get("values", ()) if not v.get("isPreview")]
        patches = {patch for v in answer.get("values", ()) for patch in v.get("patchVersions") or {}}
        if wanted in offered or wanted in patches:
            return []
        shown = ", ".join(sorted(offered, key=_minor))
        sentence = f"spec.cluster.kubernetesVersion {wanted} is not offered in {location}; offered: {shown}"
        return [("VersionNotOffered", sentence, "Set spec.cluster.kubernetesVersion to one of those.")]

    async def _sizes(self) -> list[Finding]:
        known = await self._vm_sizes()
        if not known:
            return []
        return [
            (
                "VmSizeNotAvailable",
                f"spec.nodePools[{pool.name}].vmSize {pool.vm_size} is not offered in {self._spec.azure.location}",
                "Choose a size that `az vm list-skus` lists for the region.",
            )
            for pool in self._spec.node_pools
            if pool.vm_size.lower() not in known
        ]

    async def _vm_sizes(self) -> Mapping[str, int]:
        """vCPUs by size in the region, names in lower case."""
        async with speaking_of("spec.nodePools"):
            listed = self._context.session.compute.resource_skus.list(filter=f"location eq '{self._spec.azure.location}'")
            return {
                sku.name.lower(): next((int(c.value) for c in sku.capabilities or () if c.name == "vCPUs"), 0)
                async for sku in listed
                if sku.resource_type == "virtualMachines"
            }

    async def _quota(self) -> list[Finding]:
        sizes = await self._vm_sizes()
        wanted = sum(sizes.get(pool.vm_size.lower(), 0) * initial_count(pool) for pool in self._spec.node_pools)
        async with speaking_of("spec.nodePools"):
            usages = self._context.session.compute.usage.list(self._spec.azure.location)
            left = {u.name.value: u.limit - u.current_value async for u in usages}
        free = left.get("cores")
        if free is None or wanted <= free:
            return []
        sentence = f"spec.nodePools ask for {wanted} vCPUs but only {free} are left in {self._spec.azure.location}"
        return [("QuotaExceeded", sentence, "Ask for more quota (portal: Quotas), or use fewer or smaller nodes.")]


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def subnet_findings(spec: NotebookPlatformSpec) -> Iterator[Finding]:
    """Whether the subnet has an address for every node and pod (azure plugin without overlay), and clashes with no service.

    https://learn.microsoft.com/azure/aks/azure-cni-overview
    """
    if spec.network is None:
        return
    subnet = ip_network(spec.network.subnet.address_prefix, strict=False)
    service = ip_network(spec.cluster.network.service_cidr, strict=False)
    if subnet.overlaps(service):
        sentence = f"spec.cluster.network.serviceCidr {service} overlaps spec.network.subnet.addressPrefix {subnet}"
        yield "ServiceCidrOverlaps", sentence, "Choose addresses apart from each other."
    if spec.cluster.network.plugin != "azure" or spec.cluster.network.plugin_mode == "overlay":
        return
    most: Callable[[Any], int] = lambda pool: pool.autoscaling.max_count if pool.autoscaling else initial_count(pool)  # noqa: E731
    needed = sum((most(p) + SURGE) * ((p.max_pods or DEFAULT_MAX_PODS) + 1) for p in spec.node_pools)
    room = subnet.num_addresses - RESERVED_ADDRESSES
    if needed > room:
        sentence = (
            f"spec.network.subnet.addressPrefix {subnet} has {room} addresses but spec.nodePools can need {needed}: "
            "one for each node and pod, with one more node a pool for upgrades"
        )
        yield "SubnetTooSmall", sentence, "Make the subnet larger, or lower maxCount or maxPods, or use pluginMode: overlay."
