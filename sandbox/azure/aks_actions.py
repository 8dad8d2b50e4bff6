"""What can be done to a managed cluster besides PUT and DELETE: credentials, power, abort, another secret for its principal."""

import base64
from collections.abc import Callable

import yaml

from sandbox.azure import aks_rules as rules
from sandbox.azure.aks_admission import check_idle
from sandbox.azure.aks_api import BASE, operations_path
from sandbox.azure.backend import User
from sandbox.azure.containerservice import POWER, UPGRADE, ContainerService
from sandbox.azure.core.operations import BOTH
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.core.store import Resource
from sandbox.azure.nodes import pools_of
from sandbox.azure.world import TENANT, World

AKS_SERVER, AKS_CLIENT = "6dae42f8-4368-4678-94ff-3960e28e3630", "80faf920-1908-4b52-b5ef-a8e7bedfc67a"


class ClusterActions:
    """POSTs on a cluster, and its upgrade profile."""

    def __init__(self, world: World, clusters: ContainerService) -> None:
        self._world = world
        self._clusters = clusters

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        one = f"{BASE}/{{name}}"
        routes.add("GET", f"{one}/upgradeProfiles/default", self.upgrades)
        routes.add("POST", f"{one}/listCluster(?P<user>User|Admin)Credential", self.credentials)
        routes.add("POST", f"{one}/(?P<verb>start|stop)", self.power)
        routes.add("POST", f"{one}/abort", self.abort)
        routes.add("POST", f"{one}/resetServicePrincipalProfile", self.reset_principal)
        routes.add("POST", f"{one}/rotateClusterCertificates", self.rotate)

    async def upgrades(self, call: Call) -> Answer:
        """Where the cluster can go."""
        cluster = self._clusters.cluster(call)
        current = cluster.body["properties"]["currentKubernetesVersion"]
        near = rules.upgrades(self._world.catalog, current)
        upgrades = [{"kubernetesVersion": p, "isPreview": None} for p in near]
        pools = [
            {
                "kubernetesVersion": p.body["properties"]["currentOrchestratorVersion"],
                "osType": "Linux",
                "name": p.body["name"],
                "upgrades": upgrades,
            }
            for p in pools_of(self._world, cluster)
        ]
        properties = {
            "controlPlaneProfile": {"kubernetesVersion": current, "osType": "Linux", "name": None, "upgrades": upgrades},
            "agentPoolProfiles": pools,
        }
        type_ = "Microsoft.ContainerService/managedClusters/upgradeprofiles"
        return Answer({"id": f"{cluster.id}/upgradeprofiles/default", "name": "default", "type": type_, "properties": properties})

    async def credentials(self, call: Call) -> Answer:
        """A kubeconfig; the admin's is refused when local accounts are off."""
        cluster = self._clusters.cluster(call)
        if cluster.body["properties"].get("disableLocalAccounts") and call["user"].lower() == "admin":
            message = "Getting static credential is not allowed because this cluster is set to disable local accounts."
            raise rules.refusal("BadRequest", message)
        profile = cluster.body["properties"].get("aadProfile")
        if cluster.body["properties"].get("disableLocalAccounts") and not profile:
            raise rules.refusal(
                "BadRequest", "Getting credential is not allowed: local accounts are disabled and there is no aadProfile."
            )
        user: User = "clusterAdmin" if call["user"].lower() == "admin" else "clusterUser"
        text = await self._world.backend.kubeconfig(cluster.id, user)
        if profile and user == "clusterUser":
            text = _with_kubelogin(text)
        return Answer({"kubeconfigs": [{"name": user, "value": base64.b64encode(text.encode()).decode()}]})

    async def power(self, call: Call) -> Answer:
        """Start or stop."""
        cluster = self._clusters.cluster(call)
        check_idle(self._world, cluster)
        properties, verb = cluster.body["properties"], call["verb"].lower()
        wanted = {"start": "Running", "stop": "Stopped"}[verb]
        if properties["powerState"]["code"] == wanted:
            problem = "running, starting" if verb == "start" else "not currently running, stopping"
            raise rules.refusal("OperationNotAllowed", f"managed cluster is {problem} cannot be performed.", status=409)
        if verb == "stop" and rules.is_auto(properties):
            # The words: https://github.com/MicrosoftDocs/azure-docs/issues/118661
            message = "since the cluster enables .properties.nodeProvisioningProfile.mode 'Auto'"
            raise rules.refusal("OperationNotAllowed", f"Unable to perform 'stopping' operation {message}")
        properties["provisioningState"] = {"start": "Starting", "stop": "Stopping"}[verb]

        async def done() -> None:
            if verb == "stop":
                await self._world.backend.stop(cluster.id)
            else:
                await self._world.backend.start(cluster.id)
            properties["powerState"] = {"code": wanted}
            self._clusters.settle(cluster, "Succeeded")

        operation = self._clusters.at_work[cluster.id] = self._world.operations.start(POWER, done, call=call)
        path = operations_path(call, cluster.body["location"])
        return self._world.operations.answer(operation, path, status=202, names=BOTH)

    async def abort(self, call: Call) -> Answer:
        """Stop the operation under way where it is."""
        cluster = self._clusters.cluster(call)
        await self._clusters.abort(cluster)
        return Answer(None, 204)

    async def reset_principal(self, call: Call) -> Answer:
        """Another secret for the principal; every node is rolled."""
        cluster = self._clusters.cluster(call)
        check_idle(self._world, cluster)
        self._clusters.admission.check_principal(call.body)

        def change() -> None:
            cluster.body["properties"]["servicePrincipalProfile"] = dict(call.body)

        return self._roll(call, cluster, change)

    async def rotate(self, call: Call) -> Answer:
        """New certificates; every node is made anew."""
        cluster = self._clusters.cluster(call)
        check_idle(self._world, cluster)
        return self._roll(call, cluster)

    def _roll(self, call: Call, cluster: Resource, change: Callable[[], None] = lambda: None) -> Answer:
        """Accept what takes as long as an upgrade does; `change` is made at its end."""
        cluster.body["properties"]["provisioningState"] = "Updating"

        async def done() -> None:
            change()
            self._clusters.settle(cluster, "Succeeded")

        operation = self._clusters.at_work[cluster.id] = self._world.operations.start(UPGRADE, done, call=call)
        path = operations_path(call, cluster.body["location"])
        return self._world.operations.answer(operation, path, status=202, names=BOTH)


def _with_kubelogin(text: str) -> str:
    """A kubeconfig with no secret in it: kubelogin would get a token of Entra ID."""
    document = yaml.safe_load(text)
    arguments = ["get-token", "--environment", "AzurePublicCloud", "--server-id", AKS_SERVER, "--client-id", AKS_CLIENT]
    arguments += ["--tenant-id", TENANT, "--login", "devicecode"]
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "kubelogin", "args": arguments, "env": None}
    for user in document["users"]:
        user["user"] = {"exec": {**exec_, "provideClusterInfo": False}}
    return str(yaml.safe_dump(document))
