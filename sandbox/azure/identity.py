"""Microsoft.ManagedIdentity: user-assigned identities. A new one is answered with a Location that is relative, and no operation."""

from sandbox.azure.core.errors import not_found
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.graph import Graph
from sandbox.azure.world import TENANT, World

BASE = "/subscriptions/{sub}/resourcegroups/{rg}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
TYPE = "microsoft.managedidentity/userassignedidentities"


class Identities:
    """An identity is a principal in the directory too."""

    def __init__(self, world: World, graph: Graph) -> None:
        self._world = world
        self._graph = graph

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        routes.add("GET", BASE, self.in_group)
        routes.add("GET", "/subscriptions/{sub}/providers/Microsoft.ManagedIdentity/userAssignedIdentities", self.listed)
        routes.add("GET PUT PATCH DELETE", f"{BASE}/{{name}}", self.one)

    async def in_group(self, call: Call) -> Answer:
        """All identities of a group."""
        return Answer({"value": [i.body for i in self._world.store.under(self._world.group(call).id, TYPE)]})

    async def listed(self, call: Call) -> Answer:
        """All identities of a subscription."""
        return Answer({"value": [i.body for i in self._world.store.under(f"/subscriptions/{call['sub']}", TYPE)]})

    async def one(self, call: Call) -> Answer:
        """One identity."""
        group = self._world.group(call, writing=call.method == "PUT")
        root = group.id.replace("/resourceGroups/", "/resourcegroups/")
        id_ = f"{root}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{call['name']}"
        old = self._world.store.get(id_)
        if call.method == "DELETE":
            if old:
                self._world.principals.pop(old.body["properties"]["principalId"], None)
                client = old.body["properties"]["clientId"]
                applications = self._world.applications
                for key in [key for key, known in applications.items() if known["appId"] == client]:
                    del applications[key]
                self._world.store.remove(id_)
            return Answer(None, 200 if old else 204)
        if call.method == "GET" or (call.method == "PATCH" and old is None):
            if old is None:
                raise not_found(f"Microsoft.ManagedIdentity/userAssignedIdentities/{call['name']}", call["rg"])
            return Answer(old.body)
        if old is None:
            application = {
                "appId": self._graph.create_application({"displayName": call["name"]})["appId"],
                "displayName": call["name"],
            }
            principal = self._graph.create_principal(application)
            properties = {"tenantId": TENANT, "principalId": principal["id"], "clientId": principal["appId"]}
        else:
            properties = old.body["properties"]
        body = {
            "name": call["name"],
            "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
            "location": call.body.get("location") or (old.body["location"] if old else ""),
            "tags": call.body.get("tags") or {},
            "properties": properties,
        }
        identity = self._world.store.put(id_, body)
        return Answer(identity.body, 200 if old else 201, {} if old else {"Location": identity.id})
