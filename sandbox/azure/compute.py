"""Microsoft.Compute: the scale sets behind agent pools, VM sizes, quota."""

from typing import Any

from sandbox.azure.core.catalog import Size
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.world import World

BASE = "/subscriptions/{sub}/resourcegroups/{rg}/providers/Microsoft.Compute/virtualMachineScaleSets"
TYPE = "microsoft.compute/virtualmachinescalesets"


class Compute:
    """Scale sets are made and changed by the container service; here they are read."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        sub = "/subscriptions/{sub}/providers/Microsoft.Compute"
        routes.add("GET", BASE, self.in_group)
        routes.add("GET", f"{BASE}/{{name}}", self.get)
        routes.add("GET", f"{sub}/virtualMachineScaleSets", self.list_all)
        routes.add("GET", f"{sub}/skus", self.skus)
        routes.add("GET", f"{sub}/locations/{{loc}}/usages", self.usages)

    async def in_group(self, call: Call) -> Answer:
        """The scale sets of a group."""
        return Answer({"value": [s.body for s in self._world.store.under(self._world.group(call).id, TYPE)]})

    async def list_all(self, call: Call) -> Answer:
        """The scale sets of a subscription."""
        return Answer({"value": [s.body for s in self._world.store.under(f"/subscriptions/{call['sub']}", TYPE)]})

    async def get(self, call: Call) -> Answer:
        """One scale set."""
        group = self._world.group(call)
        return Answer(self._world.resource(f"{group.id}/providers/Microsoft.Compute/virtualMachineScaleSets/{call['name']}").body)

    async def skus(self, call: Call) -> Answer:
        """The VM sizes on offer."""
        location = call.query.get("$filter", "location eq 'eastus'").split("'")[1]
        value = []
        for name, size in self._world.catalog.sizes.items():
            told: dict[str, object] = {"vCPUs": size.cpu, "MemoryGB": size.memory, "MaxDataDiskCount": size.disks}
            told |= {**({"GPUs": size.gpus} if size.gpus else {}), **size.capabilities}
            value.append(
                {
                    "resourceType": "virtualMachines",
                    "name": name,
                    "tier": "Standard",
                    "size": name.removeprefix("Standard_"),
                    "family": "standardFamily",
                    "locations": [location],
                    "locationInfo": [{"location": location, "zones": size.zones, "zoneDetails": []}],
                    "capabilities": [{"name": key, "value": str(number)} for key, number in told.items()],
                    "restrictions": _restrictions(location, size),
                }
            )
        return Answer({"value": value})

    async def usages(self, call: Call) -> Answer:
        """vCPUs in use and allowed."""
        used = vcpus_in_use(self._world, call["sub"])
        name = {"value": "cores", "localizedValue": "Total Regional vCPUs"}
        return Answer({"value": [{"unit": "Count", "currentValue": used, "limit": self._world.catalog.quota, "name": name}]})


def _restrictions(location: str, size: Size) -> list[dict[str, Any]]:
    """What the subscription may not use (https://learn.microsoft.com/rest/api/compute/resource-skus/list)."""
    if not size.closed_zones:
        return []
    info = {"locations": [location], "zones": size.closed_zones}
    return [{"type": "Zone", "values": [location], "restrictionInfo": info, "reasonCode": "NotAvailableForSubscription"}]


def vcpus_in_use(world: World, sub: str) -> int:
    """vCPUs of all scale sets."""
    used = 0
    for scale_set in world.store.under(f"/subscriptions/{sub}", TYPE):
        sku: dict[str, Any] = scale_set.body.get("sku") or {}
        size = world.catalog.size(sku.get("name", ""))
        used += (size.cpu if size else 0) * sku.get("capacity", 0)
    return used
