"""Microsoft.ContainerService/managedClusters/agentPools: the pools of a cluster, one by one."""

from typing import Any

from sandbox.azure import aks_rules as rules
from sandbox.azure.aks_admission import check_idle
from sandbox.azure.aks_api import BASE, aks_id, operations_path, versioned
from sandbox.azure.containerservice import UPGRADE, ContainerService
from sandbox.azure.core.errors import ArmError
from sandbox.azure.core.operations import BOTH
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.core.store import Resource
from sandbox.azure.nodes import pools_of, require_node_group, scale_set_id, show_nodes
from sandbox.azure.world import World

CREATE, UPDATE, DELETE = 90.0, 40.0, 60.0


class AgentPools:
    """Adding, changing and removing pools; each excludes other work on the cluster."""

    def __init__(self, world: World, clusters: ContainerService) -> None:
        self._world = world
        self._clusters = clusters

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        base = f"{BASE}/{{cluster}}/agentPools"
        routes.add("GET", base, versioned(self.in_group))
        routes.add("GET", f"{base}/{{name}}", versioned(self.get))
        routes.add("PUT", f"{base}/{{name}}", versioned(self.put))
        routes.add("DELETE", f"{base}/{{name}}", self.delete)
        routes.add("POST", f"{base}/{{name}}/abort", self.abort)
        routes.add("GET", f"{BASE}/{{cluster}}/availableAgentPoolVersions", self.available)
        routes.add("GET", f"{base}/{{name}}/upgradeProfiles/default", self.upgrades)

    def _cluster(self, call: Call) -> Resource:
        group = self._world.group(call)
        id_ = aks_id(group, call["cluster"])
        found = self._world.store.get(id_)
        if found is None:
            verb = {"GET": "read", "DELETE": "delete"}.get(call.method, "write")
            message = (
                f"Failed to perform '{verb}' on resource(s) of type 'managedClusters/agentPools', because the parent resource "
                f"'{id_}' could not be found."
            )
            raise ArmError(404, "ParentResourceNotFound", message)
        return found

    def _pool(self, call: Call) -> Resource:
        cluster = self._cluster(call)
        found = self._world.store.get(f"{cluster.id}/agentPools/{call['name']}")
        if found is None:
            message = (
                f"Could not find the agentpool: {call['name']} in subscription: {call['sub']}, resourceGroup: {call['rg']}, "
                f"resourceName: {call['cluster']}."
            )
            raise rules.refusal("NotFound", message, status=404)
        return found

    async def in_group(self, call: Call) -> Answer:
        """The pools of a cluster."""
        return Answer({"value": [pool.body for pool in pools_of(self._world, self._cluster(call))]})

    async def get(self, call: Call) -> Answer:
        """One pool."""
        return Answer(self._pool(call).body)

    async def put(self, call: Call) -> Answer:
        """Create or change."""
        cluster = self._cluster(call)
        check_idle(self._world, cluster)
        if (cluster.body["properties"].get("powerState") or {}).get("code") == "Stopped":
            raise rules.refusal(
                "OperationNotAllowed", "managed cluster is not currently running: updating cannot be performed.", status=409
            )
        given = {**call.body["properties"], "name": call["name"]}
        control_plane = _running(cluster.body["properties"])
        old = self._world.store.get(f"{cluster.id}/agentPools/{call['name']}")
        if old is not None and given.get("orchestratorVersion") in self._unchanged(old):
            given.pop("orchestratorVersion", None)  # as it is, though it may be out of support
        version = self._world.catalog.patch(given.get("orchestratorVersion") or control_plane)
        if version is None and "orchestratorVersion" in given:
            rules.offered(self._world.catalog, given["orchestratorVersion"], "", code="AgentPoolK8sVersionNotSupported")
        same_size = old is not None and old.body["properties"].get("vmSize") == given.get("vmSize")
        rules.check_pool(self._world.catalog, {**given, "vmSize": None if same_size else given.get("vmSize")})
        self._clusters.admission.check_node_provisioning(cluster, {}, [given])
        path = operations_path(call, cluster.body["location"])
        if old is None:
            if len(control_plane) and version:
                rules.check_skew(control_plane, version)
            pool = self._clusters.add_pool(cluster, given, "Creating")
            return self._accept(call, cluster, pool, CREATE, path, 201)
        return self._change(call, cluster, old, given, path)

    def _change(self, call: Call, cluster: Resource, old: Resource, given: dict[str, object], path: str) -> Answer:
        if call.headers.get("if-none-match") == "*":
            raise rules.refusal("PreconditionFailed", "The pool exists already.", status=412)
        properties = old.body["properties"]
        match = (call.headers.get("if-match") or "").strip('"')
        if match and match != properties.get("eTag"):
            raise rules.refusal("PreconditionFailed", "The pool has changed: its etag is another.", status=412)
        rules.check_immutable_pool(properties, given)
        wanted, seconds = str(given.get("orchestratorVersion") or ""), UPDATE
        current = _running(properties)
        if wanted:
            target = rules.check_upgrade(self._world.catalog, current, wanted, cluster.body["location"])
            if target != current:
                rules.check_not_scaled(properties, given)
                rules.check_skew(_running(cluster.body["properties"]), target)
                seconds = UPGRADE
        if properties.get("mode") == "System" and given.get("mode") == "User":
            self._keep_one_system_pool(cluster, old)
        self._clusters.change_pool(old, dict(given))
        properties["provisioningState"] = "Upgrading" if seconds == UPGRADE else "Updating"
        return self._accept(call, cluster, old, seconds, path, 200)

    def _unchanged(self, pool: Resource) -> tuple[object, ...]:
        """Return the versions that change nothing: what the nodes run, and what is declared, unless the nodes are behind it because an
        upgrade has failed."""
        declared, running = _versions(pool)
        behind = (
            declared
            and running
            and not self._clusters.has_version(pool)
            and rules.parts(str(running)) < rules.parts(str(declared))
        )
        return (running,) if behind else (declared, running or declared)

    def _keep_one_system_pool(self, cluster: Resource, pool: Resource) -> None:
        others = [p for p in pools_of(self._world, cluster) if p is not pool and p.body["properties"].get("mode") == "System"]
        if not others:
            message = "There has to be at least one system agent pool."
            raise rules.refusal("OperationNotAllowed", message)

    def _accept(self, call: Call, cluster: Resource, pool: Resource, seconds: float, path: str, status: int) -> Answer:
        properties = pool.body["properties"]

        async def done() -> None:
            require_node_group(self._world, cluster)
            if properties["provisioningState"] == "Upgrading":
                self._clusters.reach_version(pool)
            properties["provisioningState"] = "Succeeded"
            await show_nodes(self._world, cluster)

        async def failed() -> None:
            properties["provisioningState"] = "Failed"

        operation = self._world.operations.start(seconds, done, fail=failed, call=call)
        self._clusters.at_work[pool.id] = operation
        return self._world.operations.answer(operation, path, status=status, body=pool.body)

    async def delete(self, call: Call) -> Answer:
        """Delete a pool and its nodes; refuse the last System pool."""
        cluster = self._cluster(call)
        pool = self._world.store.get(f"{cluster.id}/agentPools/{call['name']}")
        if pool is None:
            return Answer(None, 204)
        check_idle(self._world, cluster)
        if pool.body["properties"]["mode"] == "System":
            self._keep_one_system_pool(cluster, pool)
        pool.body["properties"]["provisioningState"] = "Deleting"

        async def gone() -> None:
            self._world.store.remove(scale_set_id(cluster, pool.body["name"]))
            self._world.store.remove(pool.id)
            await show_nodes(self._world, cluster)

        async def kept() -> None:
            pool.body["properties"]["provisioningState"] = "Failed"

        operation = self._world.operations.start(DELETE, gone, fail=kept, call=call)
        path = operations_path(call, cluster.body["location"])
        return self._world.operations.answer(operation, path, status=202, names=BOTH)

    async def abort(self, call: Call) -> Answer:
        """Stop the operation under way where it is."""
        await self._clusters.abort(self._pool(call))
        return Answer(None, 204)

    async def available(self, call: Call) -> Answer:
        """Versions a pool can have."""
        control_plane = self._cluster(call).body["properties"]["currentKubernetesVersion"]
        versions = [
            {"kubernetesVersion": patch, "default": patch == control_plane, "isPreview": None}
            for patches in self._world.catalog.versions.values()
            for patch in patches
            if 0 <= rules.minor(control_plane) - rules.minor(patch) <= 3 and rules.parts(patch) <= rules.parts(control_plane)
        ]
        return Answer({"properties": {"agentPoolVersions": versions}})

    async def upgrades(self, call: Call) -> Answer:
        """Where a pool can go."""
        pool = self._pool(call)
        properties = pool.body["properties"]
        current = properties["currentOrchestratorVersion"]
        control_plane = self._cluster(call).body["properties"]["currentKubernetesVersion"]
        near = [p for p in rules.upgrades(self._world.catalog, current) if rules.parts(p) <= rules.parts(control_plane)]
        told = {
            "kubernetesVersion": current,
            "osType": "Linux",
            "upgrades": [{"kubernetesVersion": p, "isPreview": None} for p in near],
            "latestNodeImageVersion": properties["nodeImageVersion"],
        }
        return Answer({"id": f"{pool.id}/upgradeProfiles/default", "name": "default", "properties": told})


def _versions(pool: Resource) -> tuple[object, object]:
    """The version that a pool declares and the one that it runs."""
    properties = pool.body["properties"]
    return properties.get("orchestratorVersion"), properties.get("currentOrchestratorVersion")


def _running(properties: dict[str, Any]) -> str:
    """The version that a cluster or a pool runs; older API versions show only the declared one."""
    names = ("currentKubernetesVersion", "kubernetesVersion", "currentOrchestratorVersion", "orchestratorVersion")
    return str(next((properties[name] for name in names if properties.get(name)), ""))
