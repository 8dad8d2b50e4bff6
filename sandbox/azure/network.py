"""Microsoft.Network: virtual networks and subnets. All writes to one network exclude each other."""

import uuid
from ipaddress import ip_network
from typing import Any

from sandbox.azure.core.errors import ArmError, not_found
from sandbox.azure.core.operations import BOTH, DOCUMENT
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.core.store import Resource
from sandbox.azure.world import World

WRITE_SECONDS = 6.0
SUBNET = {"delegations": [], "privateEndpointNetworkPolicies": "Disabled", "privateLinkServiceNetworkPolicies": "Enabled"}
"""What every subnet holds."""

ZONES = "/subscriptions/{sub}/resourcegroups/{rg}/providers/Microsoft.Network/privateDnsZones/{name}"
TYPE = "microsoft.network/virtualnetworks"


class Network:
    """Networks hold their subnets inline; a subnet has an address of its own too."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        base = "/subscriptions/{sub}/resourcegroups/{rg}/providers/Microsoft.Network/virtualNetworks"
        routes.add("GET", "/subscriptions/{sub}/providers/Microsoft.Network/virtualNetworks", self.list_all)
        names = "/subscriptions/{sub}/providers/Microsoft.Network/locations/{location}/CheckDnsNameAvailability"
        routes.add("GET", names, self.check_label)
        routes.add("GET", ZONES, self.zone)
        routes.add("GET", base, self.in_group)
        routes.add("GET", f"{base}/{{name}}", self.get)
        routes.add("PUT", f"{base}/{{name}}", self.put)
        routes.add("PATCH", f"{base}/{{name}}", self.patch)
        routes.add("DELETE", f"{base}/{{name}}", self.delete)
        routes.add("GET", f"{base}/{{name}}/subnets", self.subnets)
        routes.add("GET", f"{base}/{{name}}/subnets/{{subnet}}", self.get_subnet)
        routes.add("PUT", f"{base}/{{name}}/subnets/{{subnet}}", self.put_subnet)
        routes.add("DELETE", f"{base}/{{name}}/subnets/{{subnet}}", self.delete_subnet)

    async def zone(self, call: Call) -> Answer:
        """A private DNS zone."""
        return Answer(
            self._world.resource(f"{self._world.group(call).id}/providers/Microsoft.Network/privateDnsZones/{call['name']}").body
        )

    def _id(self, call: Call) -> str:
        group = self._world.group(call)
        return f"{group.id}/providers/Microsoft.Network/virtualNetworks/{call['name']}"

    def _network(self, call: Call) -> Resource:
        found = self._world.store.get(self._id(call))
        if found is None:
            raise not_found(f"Microsoft.Network/virtualNetworks/{call['name']}", call["rg"])
        return found

    async def list_all(self, call: Call) -> Answer:
        """All networks of the subscription."""
        return Answer({"value": [n.body for n in self._world.store.under(f"/subscriptions/{call['sub']}", TYPE)]})

    async def in_group(self, call: Call) -> Answer:
        """All networks of a group."""
        return Answer({"value": [n.body for n in self._world.store.under(self._world.group(call).id, TYPE)]})

    async def get(self, call: Call) -> Answer:
        """One network."""
        return Answer(self._network(call).body)

    async def check_label(self, call: Call) -> Answer:
        """Whether no public address of the region has a DNS label."""
        label, location = call.query["domainNameLabel"].lower(), call["location"].lower()
        everywhere = self._world.store.under("/subscriptions", "microsoft.network/publicipaddresses")
        there = [one.body for one in everywhere if one.body.get("location", "").lower() == location]
        taken = {str((one["properties"].get("dnsSettings") or {}).get("domainNameLabel")).lower() for one in there}
        return Answer({"available": label not in taken})

    def _idle(self, network: Resource, call: Call) -> None:
        if network.body["properties"]["provisioningState"] in ("Updating", "Deleting"):
            message = (
                "Another operation on this or dependent resource is in progress. To retrieve status of the operation use uri: "
                f"{self._world.base()}/subscriptions/{call['sub']}/providers/Microsoft.Network/operations/x"
            )
            raise _refused("AnotherOperationInProgress", message, status=409)
        wanted = call.headers.get("if-match")
        if wanted and wanted not in ("*", network.body["etag"]):
            raise _refused("PreconditionFailed", f"The etag of {network.id} is not {wanted}.", status=412)

    def _subnet(self, network_id: str, given: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
        properties = {**SUBNET, **(old or {}).get("properties", {}), **given.get("properties", {})}
        properties["provisioningState"] = "Succeeded"
        return {
            "name": given["name"],
            "id": f"{network_id}/subnets/{given['name']}",
            "etag": self._world.store.etag(),
            "type": "Microsoft.Network/virtualNetworks/subnets",
            "properties": properties,
        }

    def _check(self, prefixes: list[str], subnets: list[dict[str, Any]]) -> None:
        spaces = [ip_network(prefix, strict=False) for prefix in prefixes]
        taken: list[tuple[str, Any]] = []
        for subnet in subnets:
            properties = subnet["properties"]
            given = properties.get("addressPrefix") or (properties.get("addressPrefixes") or [""])[0]
            address = ip_network(given, strict=False)
            if not any(address.subnet_of(space) for space in spaces):  # type: ignore[arg-type]
                raise _refused("NetcfgInvalidSubnet", f"Subnet '{subnet['name']}' is not valid in virtual network.")
            for name, other in taken:
                if address.overlaps(other):
                    message = (
                        f"Subnet '{subnet['name']}' is not valid because its IP address range overlaps with that of '{name}'."
                    )
                    raise _refused("NetcfgInvalidSubnet", message)
            taken.append((subnet["name"], address))

    async def put(self, call: Call) -> Answer:
        """Create or change; `subnets` replaces them all, without it they stay."""
        self._world.group(call, writing=True)
        id_ = self._id(call)
        old = self._world.store.get(id_)
        if old:
            self._idle(old, call)
        given = call.body.get("properties", {})
        before = {s["name"].lower(): s for s in (old.body["properties"]["subnets"] if old else [])}
        subnets = list(before.values())
        if "subnets" in given:
            wanted = given["subnets"]
            names = {s["name"].lower() for s in wanted}
            for name in set(before) - names:
                self._unused(id_, name)
            subnets = [self._subnet(old.id if old else id_, s, before.get(s["name"].lower())) for s in wanted]
        space = given.get("addressSpace") or (old.body["properties"]["addressSpace"] if old else {"addressPrefixes": []})
        self._check(space["addressPrefixes"], subnets)
        body = {
            "name": old.body["name"] if old else call["name"],
            "type": "Microsoft.Network/virtualNetworks",
            "location": call.body["location"],
            **({"tags": call.body["tags"]} if call.body.get("tags") is not None else {}),
            "etag": self._world.store.etag(),
            "properties": {
                "resourceGuid": old.body["properties"].get("resourceGuid") if old else str(uuid.uuid4()),
                "enableDdosProtection": False,
                "virtualNetworkPeerings": [],
                **given,
                "addressSpace": space,
                "subnets": subnets,
                "provisioningState": "Updating",
            },
        }
        network = self._world.store.put(id_, body)
        return self._accept(call, network, 200 if old else 201)

    async def patch(self, call: Call) -> Answer:
        """Tags."""
        network = self._network(call)
        network.body["tags"] = call.body.get("tags") or {}
        network.body["etag"] = self._world.store.etag()
        return Answer(network.body)

    def _accept(self, call: Call, network: Resource, status: int, body: Any = None) -> Answer:
        async def done() -> None:
            network.body["properties"]["provisioningState"] = "Succeeded"

        async def failed() -> None:
            network.body["properties"]["provisioningState"] = "Failed"

        network.body["properties"]["provisioningState"] = "Updating"
        operation = self._world.operations.start(WRITE_SECONDS, done, fail=failed, call=call)
        path = f"/subscriptions/{call['sub']}/providers/Microsoft.Network/locations/{network.body['location']}"
        if call.method == "DELETE":
            return self._world.operations.answer(operation, path, status=status, names=BOTH)
        return self._world.operations.answer(operation, path, status=status, body=body or network.body, names=(DOCUMENT,))

    def _unused(self, network_id: str, subnet: str) -> None:
        used = f"{network_id}/subnets/{subnet}".lower()
        for pool in self._world.store.under("/subscriptions", "microsoft.containerservice/managedclusters/agentpools"):
            if str(pool.body["properties"].get("vnetSubnetID", "")).lower() == used:
                message = f"Subnet {subnet} is in use by {pool.id} and cannot be deleted."
                raise _refused("InUseSubnetCannotBeDeleted", message)

    async def delete(self, call: Call) -> Answer:
        """StepError while a subnet is in use."""
        network = self._network(call)
        self._idle(network, call)
        for subnet in network.body["properties"]["subnets"]:
            self._unused(network.id, subnet["name"])

        async def gone() -> None:
            self._world.store.remove(network.id)

        async def kept() -> None:
            network.body["properties"]["provisioningState"] = "Failed"

        network.body["properties"]["provisioningState"] = "Deleting"
        operation = self._world.operations.start(WRITE_SECONDS, gone, fail=kept, call=call)
        path = f"/subscriptions/{call['sub']}/providers/Microsoft.Network/locations/{network.body['location']}"
        return self._world.operations.answer(operation, path, status=202, names=BOTH)

    def _find(self, call: Call) -> tuple[Resource, dict[str, Any] | None]:
        network = self._network(call)
        subnets = network.body["properties"]["subnets"]
        return network, next((s for s in subnets if s["name"].lower() == call["subnet"].lower()), None)

    async def subnets(self, call: Call) -> Answer:
        """All subnets of a network."""
        return Answer({"value": self._network(call).body["properties"]["subnets"]})

    async def get_subnet(self, call: Call) -> Answer:
        """One subnet."""
        network, subnet = self._find(call)
        if subnet is None:
            raise _refused("NotFound", f"Resource {network.id}/subnets/{call['subnet']} not found.", status=404)
        return Answer(subnet)

    async def put_subnet(self, call: Call) -> Answer:
        """Create or change one subnet."""
        network, old = self._find(call)
        self._idle(network, Call(call.method, call.path, {}, None, {}, call.variables))
        new = self._subnet(network.id, {**call.body, "name": old["name"] if old else call["subnet"]}, old)
        others = [s for s in network.body["properties"]["subnets"] if s is not old]
        self._check(network.body["properties"]["addressSpace"]["addressPrefixes"], [*others, new])
        network.body["properties"]["subnets"] = [*others, new]
        network.body["etag"] = self._world.store.etag()
        return self._accept(call, network, 200 if old else 201, new)

    async def delete_subnet(self, call: Call) -> Answer:
        """StepError while it is in use."""
        network, old = self._find(call)
        if old is None:
            return Answer(None, 204)
        self._idle(network, Call(call.method, call.path, {}, None, {}, call.variables))
        self._unused(network.id, call["subnet"])
        network.body["properties"]["subnets"] = [s for s in network.body["properties"]["subnets"] if s is not old]
        return self._accept(call, network, 202)


def _refused(code: str, message: str, *, status: int = 400) -> ArmError:
    """A refusal of this service, which lists details even where there are none."""
    return ArmError(status, code, message, details=[])
