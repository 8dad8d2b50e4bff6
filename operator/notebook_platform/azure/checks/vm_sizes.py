"""Checks of the pools' VM sizes: whether the region offers them, in the wanted zones, with what the pool asks for."""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from azure.core.utils import CaseInsensitiveDict

from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.answer import all_items
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.resource_types import wire
from notebook_platform.azure.checks.finding import LISTS_LAST, Finding
from notebook_platform.azure.scope import AzureScope

GIB = 1024**3
_NAME = re.compile(r"standard_(?P<family>[a-z]+)(?P<vcpus>\d{1,4})(-(?P<available>\d{1,4}))?(?![0-9-])", re.IGNORECASE)
"""https://learn.microsoft.com/azure/virtual-machines/vm-naming-conventions"""

LEAST_VCPUS, LEAST_SYSTEM_GIB = 2, 4.0
"""https://learn.microsoft.com/azure/aks/quotas-skus-regions#restricted-vm-sizes and .../use-system-pools#system-and-user-node-pools"""


@dataclass(frozen=True)
class Size:
    """A VM size that the subscription may use in the region. `family` is the quota that its vCPUs count against (lower case);
    `zones` are those in which the subscription may use it; `capabilities` are Azure's own words.

    https://learn.microsoft.com/rest/api/compute/resource-skus/list
    """

    name: str
    family: str = ""
    zones: frozenset[str] = frozenset()
    capabilities: Mapping[str, str] = field(default_factory=dict)

    def number(self, capability: str) -> float:
        """Return a capability as a number; 0 when Azure does not show it."""
        try:
            return float(self.capabilities.get(capability, 0))
        except ValueError:
            return 0.0

    @property
    def vcpus(self) -> int:
        """Return the number of vCPUs that a node has: some sizes use a part of the cores that they are billed for."""
        return int(self.number("vCPUsAvailable") or self.number("vCPUs"))

    @property
    def quota_vcpus(self) -> int:
        """Return the number of vCPUs that count against the quota."""
        return int(self.number("vCPUs"))

    @property
    def memory_gib(self) -> float:
        """Return the memory in GiB."""
        return self.number("MemoryGB")

    @property
    def gpus(self) -> int:
        """Return the number of graphics processors."""
        return int(self.number("GPUs"))

    def lacks(self, capability: str) -> bool:
        """Return whether Azure says that the size lacks a capability; it does not tell each capability of each size."""
        return self.capabilities.get(capability, "").lower() == "false"


Sizes = Mapping[str, Size]
"""The sizes of a region, by name in any case; empty when Azure does not show them."""


async def sizes_of(scope: AzureScope, fresh: bool) -> Sizes:
    """Return the VM sizes that the subscription may use in the region. Raises StepError."""
    location = scope.spec.azure.location

    async def ask() -> Sizes:
        listed = scope.session.compute.resource_skus.list(filter=f"location eq '{location}'")
        skus = [wire(sku) async for sku in all_items(listed) if sku.resource_type == "virtualMachines"]
        return CaseInsensitiveDict({sku["name"]: size_of(sku, location) for sku in skus if not _is_closed(sku)})

    async with azure_errors("spec.nodePools"):
        cache = scope.cache
        found: Sizes = await cache.cached_call(f"sizes/{location}", ask, max_age=LISTS_LAST, fresh=fresh)
    return found


def size_of(sku: Mapping[str, Any], location: str) -> Size:
    """Parse an entry of the list of SKUs. Pure."""
    offered = {
        str(zone)
        for place in sku.get("locationInfo") or ()
        if str(place.get("location", "")).replace(" ", "").lower() == location
        for zone in place.get("zones") or ()
    }
    closed = {
        str(zone)
        for restriction in _restrictions(sku, "zone")
        for zone in (restriction.get("restrictionInfo") or {}).get("zones") or ()
    }
    told = {str(c["name"]): str(c.get("value", "")) for c in sku.get("capabilities") or ()}
    return Size(str(sku["name"]), str(sku.get("family") or "").lower(), frozenset(offered - closed), told)


def _restrictions(sku: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    return [
        one for one in sku.get("restrictions") or () if str(getattr(one.get("type"), "value", one.get("type"))).lower() == kind
    ]


def _is_closed(sku: Mapping[str, Any]) -> bool:
    """Return whether the subscription may not use the size in the region (https://aka.ms/azureskunotavailable)."""
    return bool(_restrictions(sku, "location"))


async def sizes(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Check the VM size of each pool."""
    known, pools, location = await sizes_of(scope, fresh), scope.spec.node_pools, scope.spec.azure.location
    if not known:
        return [Finding(sentence=f"Azure does not show the VM sizes of {location}", reason=Reason.UNKNOWN, blocks=False)]
    problems = [finding for pool in pools for finding in size_findings(pool, known, location)]
    return problems or [Finding(sentence=f"{', '.join(dict.fromkeys(p.vm_size for p in pools))} offered in {location}")]


def similar(wanted: str, known: Sizes) -> list[str]:
    """Return at most three of the known sizes that can stand in for a size that is not known, the nearest first. Pure.

    A size's name has its family and its vCPUs; sizes of a family have the same memory for each vCPU. So a size of the same family is
    near in both when its vCPUs are between half and twice as many. A name of another form (a spelling mistake) has none but those
    spelled nearly the same.
    """
    if (parts := _parts(wanted)) is None:
        return difflib.get_close_matches(wanted, list(known), n=3, cutoff=0.9)
    family, vcpus = parts
    near = {
        name: abs(found[1] - vcpus)
        for name in known
        if (found := _parts(name)) and found[0] == family and vcpus / 2 <= found[1] <= vcpus * 2
    }
    likeness = difflib.SequenceMatcher(b=wanted.lower())

    def distance(name: str) -> tuple[int, float]:
        likeness.set_seq1(name.lower())
        return near[name], -likeness.ratio()

    return sorted(near, key=distance)[:3]


def _parts(name: str) -> tuple[str, int] | None:
    """Return the family and the vCPUs of a size by its name; None for a name of another form."""
    found = _NAME.match(name)
    return (found["family"].upper(), int(found["available"] or found["vcpus"])) if found else None


def size_findings(pool: NodePool, known: Sizes, location: str) -> Iterator[Finding]:
    """Yield what the region's list says against the VM size of a pool. Pure."""
    place = f"spec.nodePools[{pool.name}]"
    if (size := known.get(pool.vm_size)) is None:
        near = similar(pool.vm_size, known)
        yield Finding(
            sentence=f"{place}.vmSize {pool.vm_size} is not offered in {location}"
            + (f"; similar: {', '.join(near)}" if near else ""),
            reason=Reason.VM_SIZE_NOT_AVAILABLE,
            remedy=f"Choose a size that `az vm list-skus --location {location}` lists without a restriction.",
            pool=pool.name,
        )
        return
    if missing := [zone for zone in pool.availability_zones if zone not in size.zones]:
        has = f"only in zone {', '.join(sorted(size.zones))}" if size.zones else "without zones"
        yield Finding(
            sentence=f"{place}.availabilityZones {', '.join(missing)}: {location} offers {pool.vm_size} to the subscription {has}",
            reason=Reason.ZONE_NOT_OFFERED,
            remedy=f"Set {place}.availabilityZones to zones of that list, or choose another {place}.vmSize.",
            pool=pool.name,
        )
    for lacks, member, words in _UNSUITABLE:
        if lacks(pool, size):
            yield Finding(
                sentence=f"{place}.{member}: {pool.vm_size} {words}",
                reason=Reason.VM_SIZE_UNSUITABLE,
                remedy=f"Choose another {place}.vmSize" + (f", or remove {place}.{member}." if member != "vmSize" else "."),
                pool=pool.name,
            )


def _disk_too_large(pool: NodePool, size: Size) -> bool:
    """Return whether an ephemeral OS disk of the wanted size fits none of the places that the size has for it
    (https://learn.microsoft.com/azure/virtual-machines/ephemeral-os-disks#placement-options-for-ephemeral-os-disks)."""
    places = (
        size.number("CachedDiskBytes") / GIB,
        size.number("MaxResourceVolumeMB") / 1024,
        size.number("NvmeDiskSizeInMiB") / 1024,
    )
    return pool.os_disk_type == "Ephemeral" and 0 < max(places) < (pool.os_disk_size_gb or 0)


_UNSUITABLE: Sequence[tuple[Callable[[NodePool, Size], bool], str, str]] = (
    (lambda pool, size: 0 < size.vcpus < LEAST_VCPUS, "vmSize", "has less than the 2 vCPUs that AKS needs"),
    (
        lambda pool, size: pool.mode == "System" and 0 < size.memory_gib < LEAST_SYSTEM_GIB,
        "vmSize",
        "has less than the 4 GiB of memory that a System pool needs",
    ),
    (lambda pool, size: pool.spot is not None and size.lacks("LowPriorityCapable"), "spot", "is not offered as Spot"),
    (
        lambda pool, size: pool.os_disk_type == "Ephemeral" and size.lacks("EphemeralOSDiskSupported"),
        "osDiskType",
        "has no ephemeral OS disk",
    ),
    (_disk_too_large, "osDiskSizeGB", "has less room for an ephemeral OS disk"),
    (
        lambda pool, size: pool.gpu is not None and "GPUs" in size.capabilities and size.gpus == 0,
        "gpu",
        "has no graphics processors",
    ),
)
"""(whether the size cannot carry the pool, the member of the pool that asks for it, what the size lacks)."""
