"""Microsoft.Resources: subscriptions, providers, features, resource groups and what they hold."""

import asyncio
import re
from typing import Any

from sandbox.azure.core.errors import ArmError
from sandbox.azure.core.operations import RESULT
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.core.store import Resource
from sandbox.azure.nodes import lose_nodes
from sandbox.azure.prometheus import REGIONS as MONITOR_REGIONS
from sandbox.azure.world import REGIONS, TENANT, World

REGISTRATION_SECONDS = 20.0
EMPTY_GROUP_SECONDS, GROUP_SECONDS = 15.0, 300.0


def _resource_types(provider: str) -> list[dict[str, Any]]:
    """The types of a provider, of those alone that are not in all regions."""
    return [{"resourceType": "accounts", "locations": list(MONITOR_REGIONS)}] if provider == "Microsoft.Monitor" else []


class Resources:
    """Everything under /subscriptions that belongs to no other provider."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: set[asyncio.Task[None]] = set()

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        add, group = routes.add, "/subscriptions/{sub}/resourcegroups/{rg}"
        add("GET", "/tenants", self.tenants)
        add("GET", "/subscriptions", self.subscriptions)
        add("GET", "/subscriptions/{sub}", self.subscription)
        add("GET", "/subscriptions/{sub}/locations", self.locations)
        add("GET", "/subscriptions/{sub}/providers", self.providers)
        add("GET", "/subscriptions/{sub}/providers/Microsoft.Features/features", self.features)
        add("GET", "/subscriptions/{sub}/providers/Microsoft.Features/providers/{ns}/features", self.features)
        one_feature = "/subscriptions/{sub}/providers/Microsoft.Features/providers/{ns}/features/{feature}"
        add("GET", one_feature, self.feature)
        add("POST", f"{one_feature}/(?P<verb>register|unregister)", self.feature)
        add("GET", "/subscriptions/{sub}/providers/{ns}", self.provider)
        add("POST", "/subscriptions/{sub}/providers/{ns}/(?P<verb>register|unregister)", self.provider)
        add("GET", "/subscriptions/{sub}/operationresults/{op}", self.result)
        add("GET", "/subscriptions/{sub}/resourcegroups", self.groups)
        add("GET", "/subscriptions/{sub}/resources", self.all_resources)
        add("GET", f"{group}/resources", self.group_resources)
        add("GET", group, self.get_group)
        add("HEAD", group, self.group_exists)
        add("PUT PATCH", group, self.put_group)
        add("DELETE", group, self.delete_group)
        add("GET", "/subscriptions/{sub}/providers/{ns}/locations/{loc}/operations/{op}", self.operation)
        add("GET", "/subscriptions/{sub}/providers/{ns}/locations/{loc}/operationresults/{op}", self.result)

    async def operation(self, call: Call) -> Answer:
        """The document of an operation."""
        return self._world.operations.document(call["op"], call["ns"])

    async def result(self, call: Call) -> Answer:
        """The result of an operation."""
        return self._world.operations.result(call["op"])

    async def tenants(self, call: Call) -> Answer:
        """One tenant."""
        return Answer({"value": [{"id": f"/tenants/{TENANT}", "tenantId": TENANT, "displayName": "Sandbox"}]})

    def _subscription(self, id_: str, state: str) -> dict[str, Any]:
        return {
            "id": f"/subscriptions/{id_}",
            "subscriptionId": id_,
            "tenantId": self._world.tenants[id_.lower()],
            "displayName": "Sandbox",
            "state": state,
            "subscriptionPolicies": {"quotaId": "Sandbox", "spendingLimit": "Off"},
        }

    async def subscriptions(self, call: Call) -> Answer:
        """All subscriptions."""
        return Answer({"value": [self._subscription(i, s) for i, s in self._world.subscriptions.items()]})

    async def subscription(self, call: Call) -> Answer:
        """One subscription."""
        return Answer(self._subscription(call["sub"], self._world.subscriptions[call["sub"].lower()]))

    async def locations(self, call: Call) -> Answer:
        """The regions."""
        return Answer(
            {"value": [{"name": n, "displayName": n, "id": f"/subscriptions/{call['sub']}/locations/{n}"} for n in REGIONS]}
        )

    def _provider(self, sub: str, name: str) -> dict[str, Any]:
        state = self._world.providers[name]
        return {
            "id": f"/subscriptions/{sub}/providers/{name}",
            "namespace": name,
            "registrationState": state,
            "resourceTypes": _resource_types(name),
        }

    async def providers(self, call: Call) -> Answer:
        """All resource providers."""
        return Answer({"value": [self._provider(call["sub"], name) for name in self._world.providers]})

    async def provider(self, call: Call) -> Answer:
        """One resource provider; POST registers it, or ends that."""
        name = next((n for n in self._world.providers if n.lower() == call["ns"].lower()), None)
        if name is None:
            raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{call['ns']}' is invalid.")
        if call.method == "POST":
            self._turn(self._world.providers, name, call["verb"], without="NotRegistered")
        return Answer(self._provider(call["sub"], name))

    def _turn(self, states: dict[str, str], name: str, verb: str, *, without: str) -> None:
        """Go to Registered or to the state `without` registration, by way of Registering or Unregistering."""
        passing, end = {"register": ("Registering", "Registered"), "unregister": ("Unregistering", without)}[verb.lower()]
        if states[name] == end:
            return
        states[name] = passing
        self._world.registrations.append((name, self._world.clock.now()))

        async def turn() -> None:
            await self._world.clock.sleep(REGISTRATION_SECONDS)
            states[name] = end

        task = asyncio.create_task(turn())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _feature(self, sub: str, name: str) -> dict[str, Any]:
        namespace, _, short = name.partition("/")
        return {
            "id": f"/subscriptions/{sub}/providers/Microsoft.Features/providers/{namespace}/features/{short}",
            "name": name,
            "type": "Microsoft.Features/providers/features",
            "properties": {"state": self._world.features[name]},
        }

    async def features(self, call: Call) -> Answer:
        """All preview features."""
        return Answer({"value": [self._feature(call["sub"], name) for name in self._world.features]})

    async def feature(self, call: Call) -> Answer:
        """One preview feature; POST registers it, or ends that."""
        wanted = f"{call['ns']}/{call['feature']}".lower()
        name = next((n for n in self._world.features if n.lower() == wanted), None)
        if name is None:
            raise ArmError(404, "FeatureNotFound", f"The feature '{call['feature']}' could not be found.")
        if call.method == "POST":
            self._turn(self._world.features, name, call["verb"], without="Unregistered")
        return Answer(self._feature(call["sub"], name))

    async def groups(self, call: Call) -> Answer:
        """All resource groups."""
        root = f"/subscriptions/{call['sub']}/resourceGroups"
        return Answer({"value": [g.body for g in self._world.store.under(root, "microsoft.resources/resourcegroups")]})

    def _listed(self, resource: Resource) -> dict[str, Any]:
        return {
            key: resource.body[key] for key in ("id", "name", "type", "location", "tags", "managedBy") if key in resource.body
        }

    async def all_resources(self, call: Call) -> Answer:
        """All tracked resources."""
        return self._tracked(call, f"/subscriptions/{call['sub']}/resourceGroups")

    async def group_resources(self, call: Call) -> Answer:
        """The tracked resources of a group."""
        return self._tracked(call, self._world.group(call).id)

    def _tracked(self, call: Call, root: str) -> Answer:
        found = [r for r in self._world.store.under(root) if r.tracked and filtered(r, call.query.get("$filter", ""))]
        return Answer({"value": [self._listed(r) for r in found]})

    async def get_group(self, call: Call) -> Answer:
        """One resource group."""
        return Answer(self._world.group(call).body)

    async def group_exists(self, call: Call) -> Answer:
        """204 or 404."""
        found = self._world.store.get(f"/subscriptions/{call['sub']}/resourceGroups/{call['rg']}")
        return Answer(None, 204 if found else 404)

    async def put_group(self, call: Call) -> Answer:
        """Create, or change the tags."""
        id_ = f"/subscriptions/{call['sub']}/resourceGroups/{call['rg']}"
        old = self._world.store.get(id_)
        if call.method == "PUT" and not call.body.get("location"):
            raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
        if old is not None:
            self._world.group(call, writing=True)
            wanted = call.body.get("location", old.body["location"]).replace(" ", "").lower()
            if wanted != old.body["location"]:
                message = f"Invalid resource group location '{wanted}'. The Resource group already exists in location '{old.body['location']}'."
                raise ArmError(409, "InvalidResourceGroupLocation", message)
        location = (call.body.get("location") or (old.body["location"] if old else "")).replace(" ", "").lower()
        if location not in REGIONS:
            message = f"The provided location '{location}' is not available for resource group."
            raise ArmError(400, "LocationNotAvailableForResourceGroup", message)
        tags = call.body.get("tags", old.body.get("tags") if old and call.method == "PATCH" else None)
        body = {
            "name": old.body["name"] if old else call["rg"],
            "type": "Microsoft.Resources/resourceGroups",
            "location": location,
            **({} if tags is None else {"tags": tags}),
            "properties": {"provisioningState": "Succeeded"},
        }
        if call.body.get("managedBy"):
            body["managedBy"] = call.body["managedBy"]
        return Answer(self._world.store.put(id_, body).body, 200 if old else 201)

    async def delete_group(self, call: Call) -> Answer:
        """Everything in it goes: a managed cluster with its node resource group, the nodes of a cluster whose nodes lie in it."""
        group = self._world.group(call)
        provider_path = f"/subscriptions/{call['sub']}"
        group.body["properties"]["provisioningState"] = "Deleting"
        contents = list(self._world.store.under(group.id))

        async def gone() -> None:
            for cluster in self._world.store.under(group.id, "microsoft.containerservice/managedclusters"):
                await self._world.backend.delete(cluster.id)
                sub = call["sub"]
                self._world.store.remove(f"/subscriptions/{sub}/resourceGroups/{cluster.body['properties']['nodeResourceGroup']}")
            self._world.store.remove(group.id)
            await lose_nodes(self._world, group.id)

        async def kept() -> None:
            group.body["properties"]["provisioningState"] = "Succeeded"

        seconds = GROUP_SECONDS if contents else EMPTY_GROUP_SECONDS
        operation = self._world.operations.start(seconds, gone, fail=kept, call=call)
        return self._world.operations.answer(operation, provider_path, status=202, names=(RESULT,))

    async def close(self) -> None:
        """End the registrations under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def filtered(resource: Resource, text: str) -> bool:
    """Whether a resource passes `$filter`: `member eq 'value'`, joined by `and`; members and values in any case.
    Raises InvalidFilterInQueryString. https://learn.microsoft.com/rest/api/resources/resources/list"""
    wanted = {member.lower(): value.lower() for member, value in re.findall(r"(\w+) eq '([^']*)'", text)}
    tags = {key.lower(): value for key, value in (resource.body.get("tags") or {}).items()}
    tag = wanted.get("tagname", "")
    has = {
        "resourcegroup": resource.group,
        "resourcetype": resource.type,
        "name": resource.body["name"],
        "location": resource.body.get("location", ""),
        "tagname": tag if tag in tags else None,
        "tagvalue": tags.get(tag),
    }
    if strange := ", ".join(wanted.keys() - has.keys()):
        raise ArmError(400, "InvalidFilterInQueryString", f"Invalid $filter '{text}': {strange} cannot be asked for.")
    return all(has[member] is not None and str(has[member]).lower() == value for member, value in wanted.items())
