"""Microsoft.ContainerService: managed clusters. A real API server stands behind each, given by the backend."""

from typing import Any

from sandbox.azure import aks_bodies as bodies
from sandbox.azure import aks_rules as rules
from sandbox.azure.aks_admission import BUSY, Admission, check_idle
from sandbox.azure.aks_api import BASE, TYPE, aks_id, operations_path, versioned
from sandbox.azure.aks_identity import give_identity
from sandbox.azure.core.errors import ArmError, not_found
from sandbox.azure.core.operations import BOTH, Operation
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.core.store import Resource
from sandbox.azure.graph import Graph
from sandbox.azure.nodes import inline, node_group_id, pools_of, require_node_group, show_nodes, write_scale_set
from sandbox.azure.world import World

CREATE, UPDATE, UPGRADE, DELETE, POWER = 240.0, 90.0, 420.0, 200.0, 120.0
"""Simulated seconds."""


class ContainerService:
    """Clusters keep their pools as resources of their own; a GET shows them inline."""

    def __init__(self, world: World, graph: Graph) -> None:
        self._world = world
        self._graph = graph
        self.admission = Admission(world)
        self.at_work: dict[str, Operation] = {}
        self._unborn: set[str] = set()
        """Clusters that were never made to the end: their node resource group is still to come."""

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        one = f"{BASE}/{{name}}"
        routes.add(
            "GET", "/subscriptions/{sub}/providers/Microsoft.ContainerService/locations/{loc}/kubernetesVersions", self.versions
        )
        routes.add("GET", "/subscriptions/{sub}/providers/Microsoft.ContainerService/managedClusters", versioned(self.list_all))
        routes.add("GET", BASE, versioned(self.in_group))
        routes.add("GET", one, versioned(self.get))
        routes.add("PUT", one, versioned(self.put))
        routes.add("PATCH", one, versioned(self.patch))
        routes.add("DELETE", one, self.delete)

    def cluster(self, call: Call) -> Resource:
        """The cluster of a call. Raises ResourceNotFound."""
        group = self._world.group(call)
        found = self._world.store.get(aks_id(group, call["name"]))
        if found is None:
            raise not_found(f"Microsoft.ContainerService/managedClusters/{call['name']}", call["rg"])
        return found

    async def versions(self, call: Call) -> Answer:
        """What the region offers."""
        return Answer({"values": bodies.versions(self._world.catalog)})

    async def list_all(self, call: Call) -> Answer:
        """The clusters of a subscription."""
        found = self._world.store.under(f"/subscriptions/{call['sub']}", TYPE)
        return Answer({"value": [inline(self._world, c) for c in found]})

    async def in_group(self, call: Call) -> Answer:
        """The clusters of a group."""
        found = self._world.store.under(self._world.group(call).id, TYPE)
        return Answer({"value": [inline(self._world, c) for c in found]})

    async def get(self, call: Call) -> Answer:
        """One cluster."""
        return Answer(inline(self._world, self.cluster(call)))

    async def put(self, call: Call) -> Answer:
        """Create, or change."""
        group = self._world.group(call, writing=True)
        id_ = aks_id(group, call["name"])
        old = self._world.store.get(id_)
        if old is None:
            if call.headers.get("if-match"):
                raise rules.refusal("PreconditionFailed", "The cluster does not exist.", status=412)
            return await self._create(call, id_)
        if call.headers.get("if-none-match") == "*":
            raise rules.refusal("PreconditionFailed", "The cluster exists already.", status=412)
        return await self._update(call, old)

    async def _create(self, call: Call, id_: str) -> Answer:
        given: dict[str, Any] = call.body["properties"]
        pools: list[dict[str, Any]] = given.get("agentPoolProfiles") or []
        location = call.body["location"].replace(" ", "").lower()
        version = self.admission.check_new(call, given, pools, location)
        node_group = bodies.node_group_of(given, group=call["rg"], name=call["name"], location=location)
        if self._world.store.get(f"/subscriptions/{call['sub']}/resourceGroups/{node_group}"):
            message = f"The resource group '{node_group}' for the nodes exists already; choose another nodeResourceGroup."
            raise rules.refusal("InvalidParameter", message, target="nodeResourceGroup")
        etag = self._world.store.guid()
        body = bodies.new_cluster(call.body, id_=id_, node_group=node_group, version=version, etag=etag)
        if "identity" in call.body:
            give_identity(self._world, self._graph, call, body)
        cluster = self._world.store.put(id_, body)
        for pool in pools:
            surge = {"maxSurge": "10%", **(pool.get("upgradeSettings") or {})}
            self.add_pool(cluster, {"orchestratorVersion": version, **pool, "upgradeSettings": surge}, "Creating")
        operation = self.at_work[cluster.id] = self._birth(call, cluster, location, version)
        return self._world.operations.answer(
            operation, operations_path(call, location), status=201, body=inline(self._world, cluster)
        )

    def _birth(self, call: Call, cluster: Resource, location: str, version: str) -> Operation:
        world = self._world
        self._unborn.add(cluster.id)

        async def start_api() -> None:
            await world.backend.create(cluster.id, name=call["name"], location=location, kubernetes_version=version)

        async def born() -> None:
            self._make_node_group(cluster)
            self._unborn.discard(cluster.id)
            self.settle(cluster, "Succeeded")
            await self._equip(cluster)
            await show_nodes(world, cluster)

        async def failed() -> None:
            self.settle(cluster, "Failed")

        return world.operations.start(CREATE, born, fail=failed, call=call, meanwhile=start_api)

    def _make_node_group(self, cluster: Resource) -> None:
        self._world.store.put(node_group_id(cluster), bodies.node_group_body(cluster))

    def add_pool(self, cluster: Resource, given: dict[str, Any], state: str) -> Resource:
        """Store a pool with what AKS fills in."""
        world, properties = self._world, cluster.body["properties"]
        version = given.get("orchestratorVersion") or properties["currentKubernetesVersion"]
        patch = world.catalog.patch(version) or version
        body = bodies.new_pool(given, properties, version=version, patch=patch, state=state, etag=world.store.guid())
        return world.store.put(f"{cluster.id}/agentPools/{given['name']}", body)

    def settle(self, cluster: Resource, state: str) -> None:
        """The end of an operation: cluster and pools are in this state."""
        cluster.body["properties"]["provisioningState"] = state
        cluster.body["eTag"] = self._world.store.guid()
        for pool in pools_of(self._world, cluster):
            pool.body["properties"]["provisioningState"] = state
            if state == "Succeeded":
                write_scale_set(self._world, cluster, pool)

    async def _update(self, call: Call, cluster: Resource) -> Answer:
        self._check_can_change(call, cluster)
        old, given = cluster.body["properties"], dict(call.body["properties"])
        target = self.admission.check_change(call, cluster, given)
        pools = {pool["name"]: pool for pool in given.pop("agentPoolProfiles", None) or []}
        current, location = old["currentKubernetesVersion"], cluster.body["location"]
        was_failed = old["provisioningState"] in ("Failed", "Canceled")
        seconds, word = (UPGRADE, "Upgrading") if target != current else (UPDATE, "Updating")
        upgraded = self._take_goal(call, cluster, given, pools)
        self._say(cluster, word)

        async def done() -> None:
            if cluster.id in self._unborn:
                self._make_node_group(cluster)
                self._unborn.discard(cluster.id)
            require_node_group(self._world, cluster)
            old["currentKubernetesVersion"] = target
            bodies.give_issuer(old, location, cluster.id)
            self._replace_identity(call, cluster)
            for pool in upgraded:
                self.reach_version(pool)
            self.settle(cluster, "Succeeded")
            await self._equip(cluster)
            await show_nodes(self._world, cluster)

        async def revive() -> None:
            if was_failed:
                name = cluster.body["name"]
                await self._world.backend.create(cluster.id, name=name, location=location, kubernetes_version=target)

        async def failed() -> None:
            self._say(cluster, "Succeeded")
            for thing in (cluster, *upgraded):
                thing.body["properties"]["provisioningState"] = "Failed"

        operation = self._world.operations.start(seconds, done, fail=failed, call=call, meanwhile=revive)
        self.at_work[cluster.id] = operation
        path = operations_path(call, location)
        return self._world.operations.answer(operation, path, status=200, body=inline(self._world, cluster))

    def _check_can_change(self, call: Call, cluster: Resource) -> None:
        """Raise the refusal of a change during an operation, with an outdated etag, or of a stopped cluster."""
        check_idle(self._world, cluster)
        match = (call.headers.get("if-match") or "").strip('"')
        if match and match != cluster.body["eTag"]:
            raise rules.refusal("PreconditionFailed", "The cluster has changed: its etag is another.", status=412)
        if cluster.body["properties"]["powerState"]["code"] == "Stopped":
            message = "managed cluster is not currently running: updating cannot be performed."
            raise rules.refusal("OperationNotAllowed", message, status=409)

    def _replace_identity(self, call: Call, cluster: Resource) -> None:
        """Give the cluster the identity of a request. A user-assigned one is looked up anew: the one with this id may be another by now."""
        given = bodies.identity_of(call.body)
        if given is not None and (given[1] or given != bodies.identity_of(cluster.body)):
            give_identity(self._world, self._graph, call, cluster.body)

    def _take_goal(self, call: Call, cluster: Resource, given: dict[str, Any], pools: dict[str, Any]) -> list[Resource]:
        """Put what is wanted into the bodies; it stays there if the operation fails. Returns the pools that another version comes to."""
        properties = cluster.body["properties"]
        network = {**(properties.get("networkProfile") or {}), **(given.get("networkProfile") or {})}
        properties.update({**given, "networkProfile": network})
        cluster.body.update({key: call.body[key] for key in ("tags", "sku") if key in call.body})
        upgraded = []
        for pool in pools_of(self._world, cluster):
            if wanted := pools.get(pool.body["name"]):
                self.change_pool(pool, wanted)
            if wanted and not self.has_version(pool):
                upgraded.append(pool)
        bodies.fill_autoscaler(properties, [pool.body["properties"] for pool in pools_of(self._world, cluster)])
        return upgraded

    def _say(self, cluster: Resource, state: str) -> None:
        """Show a cluster and its pools in a state."""
        for thing in (cluster, *pools_of(self._world, cluster)):
            thing.body["properties"]["provisioningState"] = state

    def change_pool(self, pool: Resource, wanted: dict[str, Any]) -> None:
        """Put the wanted members into a pool."""
        bodies.change_pool(pool.body["properties"], wanted, self._world.store.guid())

    def reach_version(self, pool: Resource) -> None:
        """The nodes run what the pool was asked for; at the end of an upgrade."""
        properties = pool.body["properties"]
        if not self.has_version(pool):
            version = properties["orchestratorVersion"]
            properties["currentOrchestratorVersion"] = self._world.catalog.patch(version) or version

    def has_version(self, pool: Resource) -> bool:
        """Return whether the nodes run the pool's version."""
        version, current = (pool.body["properties"].get(f"{word}rchestratorVersion") for word in ("o", "currentO"))
        return not version or f"{current}.".startswith(f"{version}.")

    async def patch(self, call: Call) -> Answer:
        """Tags."""
        cluster = self.cluster(call)
        cluster.body["tags"] = call.body.get("tags") or {}
        self._world.store.touch(cluster)
        return Answer(inline(self._world, cluster))

    async def delete(self, call: Call) -> Answer:
        """The cluster goes, and its node resource group with it. A deletion preempts what runs."""
        try:
            cluster = self.cluster(call)
        except ArmError:
            return Answer(None, 204)
        if (preempted := self.at_work.pop(cluster.id, None)) is not None:
            await self._world.operations.cancel(preempted)
        cluster.body["properties"]["provisioningState"] = "Deleting"
        node_group = node_group_id(cluster)

        async def gone() -> None:
            await self._world.backend.delete(cluster.id)
            for item in self._world.store.of_type("microsoft.authorization/roleassignments"):
                if item.id.lower().startswith(node_group.lower()):
                    self._world.store.remove(item.id)
            for id_ in bodies.principals_of(cluster.body):
                self._world.principals.pop(id_, None)
            self._world.store.remove(node_group)
            self._world.store.remove(cluster.id)

        async def kept() -> None:
            self.settle(cluster, "Failed")

        operation = self._world.operations.start(DELETE, gone, fail=kept, call=call)
        path = operations_path(call, cluster.body["location"])
        return self._world.operations.answer(operation, path, status=202, names=BOTH)

    async def abort(self, resource: Resource) -> None:
        """Stop the operation on a cluster or pool where it is; nothing is put back. Raises OperationNotAllowed when none runs."""
        running = self.at_work.pop(resource.id, None)
        if running is None or running.ended:
            message = "The operation cannot be aborted: no operation is in progress, the last one has completed."
            raise rules.refusal("OperationNotAllowed", message, status=409)
        await self._world.operations.cancel(running)
        for stopped in (resource, *pools_of(self._world, resource)):
            if stopped.body["properties"]["provisioningState"] in BUSY:
                stopped.body["properties"]["provisioningState"] = "Canceled"

    async def _equip(self, cluster: Resource) -> None:
        """Groups of Entra ID that administer the cluster, and its metrics agent."""
        properties = cluster.body["properties"]
        for group in (properties.get("aadProfile") or {}).get("adminGroupObjectIDs") or ():
            await self._world.backend.admit(cluster.id, group, "Group")
        if ((properties.get("azureMonitorProfile") or {}).get("metrics") or {}).get("enabled"):
            await self._world.backend.install_metrics_agent(cluster.id)
