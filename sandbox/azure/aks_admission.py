"""Admission of AKS: what it checks in the rest of the simulated Azure before it accepts a cluster or a change of one."""

from typing import Any

from sandbox.azure import aks_profiles as profiles
from sandbox.azure import aks_rules as rules
from sandbox.azure.authorization import granted
from sandbox.azure.compute import vcpus_in_use
from sandbox.azure.core.routing import Call
from sandbox.azure.core.store import Resource
from sandbox.azure.graph import REPLICATION_SECONDS
from sandbox.azure.nodes import pools_of
from sandbox.azure.world import TENANT, World

READ_ONLY = ("provisioningState", "powerState", "currentKubernetesVersion", "fqdn", "maxAgentPools", "resourceUID")
"""Members of a cluster that a PUT cannot set, though it may carry them as they were read."""

BUSY = ("Creating", "Updating", "Upgrading", "Deleting", "Starting", "Stopping", "Canceling")

KARPENTER_TAG = "karpenter.sh_nodepool"
"""On each VM of node auto-provisioning (https://github.com/Azure/karpenter-provider-azure)."""


def check_idle(world: World, cluster: Resource) -> None:
    """Raises OperationNotAllowed while something runs on the cluster or one of its pools, or while it is stopped."""
    text = (
        "please wait for it to finish before starting a new operation. See https://aka.ms/aks-pending-operation for more details"
    )
    state = cluster.body["properties"]["provisioningState"]
    if state in BUSY:
        message = f"Operation is not allowed: Another operation ({state}) is in progress, {text}"
        raise rules.refusal("OperationNotAllowed", message, status=409)
    for pool in pools_of(world, cluster):
        state = pool.body["properties"].get("provisioningState")
        if state in (*BUSY, "Scaling"):
            name = pool.body["name"]
            message = f"Operation is not allowed: Another agentpool operation ({name} - {state}) is in progress, {text}"
            raise rules.refusal("OperationNotAllowed", message, status=409)


class Admission:
    """Version, pools, network, quota, principal. Each refusal is an ArmError in AKS's words."""

    def __init__(self, world: World) -> None:
        self._world = world

    def check_new(self, call: Call, given: dict[str, Any], pools: list[dict[str, Any]], location: str) -> str:
        """Everything that is checked of a new cluster; returns the patch that will run."""
        world = self._world
        rules.check_name(call["name"])
        version = rules.offered(world.catalog, given.get("kubernetesVersion") or "", location)
        rules.check_support(world.catalog, version, given.get("supportPlan"), (call.body.get("sku") or {}).get("tier"))
        profiles.check_autoscaler(given.get("autoScalerProfile") or {})
        self.check_private_zone(given, call.body.get("identity"), location)
        if not any(pool.get("mode") == "System" for pool in pools):
            raise rules.invalid("Must define at least one system pool.", "agentPoolProfiles")
        for pool in pools:
            pool.setdefault("vmSize", "Standard_D2s_v3")
            rules.check_pool(world.catalog, pool)
        rules.check_node_provisioning(given, pools)
        rules.check_network(given.get("networkProfile") or {}, self.subnets(pools), pools)
        wanted = sum((size.cpu if (size := world.catalog.size(p["vmSize"])) else 0) * p.get("count", 1) for p in pools)
        left = world.catalog.quota - vcpus_in_use(world, call["sub"])
        if wanted > left:
            message = f"Insufficient regional vcpu quota left for location {location}. left regional vcpu quota {left}, requested quota {wanted}."
            raise rules.refusal("ErrCode_InsufficientVCPUQuota", message)
        profile = given.get("servicePrincipalProfile")
        if profile and profile.get("clientId") != "msi":
            self.check_principal(profile)
        return version

    def check_change(self, call: Call, cluster: Resource, given: dict[str, Any]) -> str:
        """Everything that is checked of a change; returns the patch that will run. Takes out of `given` what cannot be set."""
        catalog, old = self._world.catalog, cluster.body["properties"]
        rules.check_immutable(old, given)
        profiles.check_autoscaler(given.get("autoScalerProfile") or {})
        current, plan = old["currentKubernetesVersion"], given.get("supportPlan") or old.get("supportPlan")
        wanted = given.get("kubernetesVersion") or current
        target = rules.check_upgrade(catalog, current, wanted, cluster.body["location"])
        rules.check_support(catalog, target, plan, (call.body.get("sku") or cluster.body["sku"]).get("tier"))
        pools = given.get("agentPoolProfiles") or []
        self.check_node_provisioning(cluster, given, pools)
        self._check_pools(cluster, {pool["name"]: pool for pool in pools}, {wanted, target}, upgraded=target != current)
        profile = {**(old.get("servicePrincipalProfile") or {}), **(given.get("servicePrincipalProfile") or {})}
        if profile.get("secret") and profile["clientId"] != "msi":
            given["servicePrincipalProfile"] = profile
            self.check_principal(profile)
        for key in READ_ONLY:
            given.pop(key, None)
        return target

    def _check_pools(self, cluster: Resource, wanted: dict[str, Any], control_plane: set[str], *, upgraded: bool) -> None:
        before = {pool.body["name"]: pool.body["properties"] for pool in pools_of(self._world, cluster)}
        names = {n: {str(p.get(f"{word}rchestratorVersion")) for word in ("o", "currentO")} for n, p in before.items()}
        versions = {name: str(pool.get("orchestratorVersion") or "") for name, pool in wanted.items()}
        rules.check_pool_versions(names, versions, control_plane)
        for name in before.keys() & wanted.keys():
            rules.check_immutable_pool(before[name], wanted[name])
            if upgraded:
                rules.check_not_scaled(before[name], wanted[name])

    def check_node_provisioning(self, cluster: Resource, given: dict[str, Any], pools: list[dict[str, Any]]) -> None:
        """Check a change of a cluster, or of a pool of it, against node auto-provisioning: to Auto, and back while its VMs run.

        `given` and `pools`: the members that change. The VMs carry the tag of their Karpenter NodePool.
        """
        old, changed = cluster.body["properties"], {pool["name"]: pool for pool in pools}
        before = {pool.body["name"]: pool.body["properties"] for pool in pools_of(self._world, cluster)}
        rules.check_node_provisioning(
            {**old, **given}, [{**before.get(n, {}), **changed.get(n, {})} for n in {**before, **changed}]
        )
        group = f"/subscriptions/{cluster.id.split('/')[2]}/resourceGroups/{old['nodeResourceGroup']}"
        machines = self._world.store.under(group, "microsoft.compute/virtualmachines")
        left = [vm.body["name"] for vm in machines if KARPENTER_TAG in (vm.body.get("tags") or {})]
        if rules.is_auto(old) and not rules.is_auto({**old, **given}) and left:
            message = f".properties.nodeProvisioningProfile.mode cannot be Manual while these nodes exist: {', '.join(left)}."
            raise rules.refusal("OperationNotAllowed", message)

    def check_private_zone(self, given: dict[str, Any], identity: dict[str, Any] | None, location: str) -> None:
        """Check a private DNS zone of the owner's own: its name, and that the cluster's identity may write to it, which one of type
        SystemAssigned cannot before it exists.

        https://learn.microsoft.com/azure/aks/private-clusters#configure-a-private-dns-zone
        """
        zone = str((given.get("apiServerAccessProfile") or {}).get("privateDNSZone") or "")
        if not profiles.is_own_zone(zone):
            return
        profiles.check_zone_name(zone, location)
        if not self._may_write(given, identity, zone):
            message = (
                f"Service principal or user assigned identity must be given permission to read and write to custom private dns zone "
                f"{zone}. Check access result not allowed for action Microsoft.Network/privateDnsZones/read."
            )
            raise rules.refusal("CustomPrivateDNSZoneMissingPermissionError", message)

    def _may_write(self, given: dict[str, Any], identity: dict[str, Any] | None, zone: str) -> bool:
        """Return whether a role at the zone or above it grants one of the cluster's principals that."""
        own = [
            self._world.resource(id_).body["properties"]["principalId"]
            for id_ in (identity or {}).get("userAssignedIdentities", ())
        ]
        client = (given.get("servicePrincipalProfile") or {}).get("clientId") or ""
        if principal := self._world.principal_by_app(client):
            own.append(principal["id"])
        return any(granted(self._world, id_, "Microsoft.Network/privateDnsZones/write", zone) for id_ in own)

    def subnets(self, pools: list[dict[str, Any]]) -> dict[str, str]:
        """Address prefixes of the pools' subnets by lower-case id."""
        found = {}
        for id_ in {str(p["vnetSubnetID"]) for p in pools if p.get("vnetSubnetID")}:
            network = self._world.resource(id_.rsplit("/subnets/", 1)[0])
            name = id_.rsplit("/", 1)[1].lower()
            subnet = next((s for s in network.body["properties"]["subnets"] if s["name"].lower() == name), None)
            if subnet is None:
                raise rules.invalid(f"The subnet {id_} was not found.", "vnetSubnetID")
            found[id_.lower()] = subnet["properties"]["addressPrefix"]
        return found

    def check_principal(self, profile: dict[str, Any]) -> None:
        """The principal is known here by now, and its secret is right."""
        principal = self._world.principal_by_app(profile["clientId"])
        if principal is None or self._world.age(principal["id"]) < REPLICATION_SECONDS:
            message = (
                f"Service principal clientID: {profile['clientId']} not found in Active Directory tenant {TENANT}, "
                "Please see https://aka.ms/aks-sp-help for more details."
            )
            raise rules.refusal("ServicePrincipalNotFound", message)
        application = next(a for a in self._world.applications.values() if a["appId"] == principal["appId"])
        if profile.get("secret") not in [value for value, _ in self._world.secrets[application["id"]].values()]:
            message = (
                "The credentials in ServicePrincipalProfile were invalid. Details: adal: Refresh request failed. Status Code = '401'. "
                "Response body: AADSTS7000215: Invalid client secret provided."
            )
            raise rules.refusal("ServicePrincipalValidationClientError", message)
