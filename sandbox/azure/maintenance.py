"""Microsoft.ContainerService/managedClusters/maintenanceConfigurations: the windows of AKS' automatic upgrades."""

from sandbox.azure.aks_api import BASE
from sandbox.azure.containerservice import ContainerService
from sandbox.azure.core.errors import ArmError, not_found
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.world import World

NAMES = ("default", "aksManagedAutoUpgradeSchedule", "aksManagedNodeOSUpgradeSchedule")


class Maintenance:
    """Kept with the cluster; nothing acts on them here."""

    def __init__(self, world: World, clusters: ContainerService) -> None:
        self._world = world
        self._clusters = clusters

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        base = f"{BASE}/{{name}}/maintenanceConfigurations"
        routes.add("GET", base, self.listed)
        routes.add("GET PUT DELETE", f"{base}/{{config}}", self.one)

    async def listed(self, call: Call) -> Answer:
        """Those of a cluster."""
        cluster = self._clusters.cluster(call)
        type_ = "microsoft.containerservice/managedclusters/maintenanceconfigurations"
        return Answer({"value": [r.body for r in self._world.store.under(cluster.id, type_)]})

    async def one(self, call: Call) -> Answer:
        """One of the three that AKS knows."""
        cluster = self._clusters.cluster(call)
        id_ = f"{cluster.id}/maintenanceConfigurations/{call['config']}"
        old = self._world.store.get(id_)
        if call.method == "PUT":
            if call["config"] not in NAMES:
                raise ArmError(400, "InvalidParameter", f"The maintenance configuration name must be one of {', '.join(NAMES)}.")
            window = (call.body["properties"].get("maintenanceWindow") or {}) if call["config"] != "default" else {}
            if window and int(window.get("durationHours", 0)) < 4:
                raise ArmError(
                    400, "InvalidParameter", "durationHours must be 4 to 24.", target="maintenanceWindow.durationHours"
                )
            type_ = "Microsoft.ContainerService/managedClusters/maintenanceConfigurations"
            body = {"name": call["config"], "type": type_, "properties": call.body["properties"]}
            return Answer(self._world.store.put(id_, body).body, 200 if old else 201)
        if call.method == "DELETE":
            self._world.store.remove(id_)
            return Answer(None, 200 if old else 204)
        if old is None:
            raise not_found(f"managedClusters/{call['name']}/maintenanceConfigurations/{call['config']}", call["rg"])
        return Answer(old.body)
