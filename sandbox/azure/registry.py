"""Microsoft.ContainerRegistry: registries, scope maps, and tokens with passwords that end. No images are kept."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from sandbox.azure.core.clock import stamp
from sandbox.azure.core.errors import ArmError, not_found
from sandbox.azure.core.operations import DOCUMENT, RESULT
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.core.store import Resource
from sandbox.azure.world import World

PROVIDER = "Microsoft.ContainerRegistry"
TYPE = f"{PROVIDER}/registries".lower()
CREATE_SECONDS, CHILD_SECONDS, PASSWORD_SECONDS = 15.0, 5.0, 4.0
BASE = "/subscriptions/{sub}/resourcegroups/{rg}/providers/Microsoft.ContainerRegistry/registries"
SUFFIX = "azurecr.io"

SYSTEM_MAPS = {
    "_repositories_pull": ["repositories/*/content/read"],
    "_repositories_push": ["repositories/*/content/read", "repositories/*/content/write"],
}
"""Scope maps that every registry has."""


class Registries:
    """A registry's name is unique in all of Azure. Only the answer that creates a token's password holds it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._told: dict[str, dict[str, Any]] = {}

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        routes.add("GET", "/subscriptions/{sub}/providers/Microsoft.ContainerRegistry/registries", self.listed)
        routes.add("POST", "/subscriptions/{sub}/providers/Microsoft.ContainerRegistry/checkNameAvailability", self.check_name)
        results = "/subscriptions/{sub}/providers/Microsoft.ContainerRegistry/locations/{loc}/operationresults/{op}"
        routes.add("GET", results, self.result)
        routes.add("GET", BASE, self.in_group)
        routes.add("GET PUT PATCH DELETE", f"{BASE}/{{name}}", self.one)
        routes.add("POST", f"{BASE}/{{name}}/generateCredentials", self.generate)
        routes.add("GET", rf"{BASE}/{{name}}/(?P<kind>scopeMaps|tokens)", self.children)
        routes.add("GET PUT PATCH DELETE", rf"{BASE}/{{name}}/(?P<kind>scopeMaps|tokens)/{{child}}", self.child)

    async def listed(self, call: Call) -> Answer:
        """All registries of a subscription."""
        return Answer({"value": [r.body for r in self._world.store.under(f"/subscriptions/{call['sub']}", TYPE)]})

    async def in_group(self, call: Call) -> Answer:
        """All registries of a group."""
        return Answer({"value": [r.body for r in self._world.store.under(self._world.group(call).id, TYPE)]})

    def _taken(self, name: str) -> Resource | None:
        everywhere = self._world.store.under("/subscriptions", TYPE)
        return next((r for r in everywhere if r.body["name"].lower() == name.lower()), None)

    async def check_name(self, call: Call) -> Answer:
        """Whether a name is free."""
        name = call.body["name"]
        if self._taken(name) is None:
            return Answer({"nameAvailable": True})
        return Answer({"nameAvailable": False, "reason": "AlreadyExists", "message": f"The registry {name} is already in use."})

    def _id(self, call: Call) -> str:
        group = self._world.group(call, writing=call.method == "PUT")
        return f"{group.id}/providers/{PROVIDER}/registries/{call['name']}"

    def _registry(self, call: Call) -> Resource:
        found = self._world.store.get(self._id(call))
        if found is None:
            raise not_found(f"{PROVIDER}/registries/{call['name']}", call["rg"])
        return found

    def _accept(
        self, call: Call, thing: Resource, seconds: float, status: int, state: str = "Updating", *, location: bool = False
    ) -> Answer:
        async def done() -> None:
            thing.body["properties"]["provisioningState"] = "Succeeded"
            if state == "Deleting":
                self._world.store.remove(thing.id)

        async def failed() -> None:
            thing.body["properties"]["provisioningState"] = "Failed"

        thing.body["properties"]["provisioningState"] = state
        operation = self._world.operations.start(seconds, done, fail=failed, call=call)
        path = f"/subscriptions/{call['sub']}/providers/{PROVIDER}/locations/eastus"
        body = None if state == "Deleting" else thing.body
        return self._world.operations.answer(
            operation, path, status=status, body=body, names=(RESULT,) if location else (DOCUMENT,)
        )

    async def one(self, call: Call) -> Answer:
        """One registry."""
        if call.method == "PUT":
            return self._put(call)
        registry = self._registry(call)
        if call.method == "GET":
            return Answer(registry.body)
        if call.method == "PATCH":
            registry.body["tags"] = call.body.get("tags", registry.body["tags"])
            registry.body["sku"] = self._sku(call.body.get("sku") or registry.body["sku"])
            registry.body["properties"] |= call.body.get("properties") or {}
            return Answer(registry.body)
        return self._accept(call, registry, CHILD_SECONDS, 202, "Deleting", location=True)

    def _sku(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("name") not in ("Basic", "Standard", "Premium"):
            raise ArmError(400, "InvalidSku", f"The SKU '{given.get('name')}' is invalid.")
        return {"name": given["name"], "tier": given["name"]}

    def _put(self, call: Call) -> Answer:
        id_, name = self._id(call), call["name"]
        old, same = self._world.store.get(id_), self._taken(name)
        if not name.isalnum() or not 5 <= len(name) <= 50:
            raise ArmError(400, "InvalidRegistryName", f"Registry name '{name}' is invalid.")
        if old is None and same is not None:
            message = f"The registry DNS name {name}.{SUFFIX} is already in use."
            raise ArmError(409, "AlreadyInUse", message)
        given = call.body.get("properties") or {}
        created = old.body["properties"]["creationDate"] if old else stamp(self._world.clock.now())
        body = {
            "name": name,
            "type": f"{PROVIDER}/registries",
            "location": call.body["location"],
            "tags": call.body.get("tags") or {},
            "sku": self._sku(call.body["sku"]),
            "properties": {
                **given,
                "loginServer": f"{name.lower()}.{SUFFIX}",
                "adminUserEnabled": bool(given.get("adminUserEnabled")),
                "creationDate": created,
            },
        }
        registry = self._world.store.put(id_, body)
        for map_name, actions in SYSTEM_MAPS.items():
            properties = {"type": "SystemDefined", "actions": actions, "provisioningState": "Succeeded"}
            self._world.store.put(f"{id_}/scopeMaps/{map_name}", {"name": map_name, "properties": properties})
        return self._accept(call, registry, CREATE_SECONDS, 200 if old else 201, "Updating" if old else "Creating")

    async def children(self, call: Call) -> Answer:
        """All scope maps, or tokens, of a registry."""
        registry = self._registry(call)
        listed = self._world.store.under(registry.id, f"{TYPE}/{call['kind']}")
        return Answer({"value": [thing.body for thing in listed]})

    async def child(self, call: Call) -> Answer:
        """One scope map, or token."""
        registry, kind = self._registry(call), call["kind"]
        id_ = f"{registry.id}/{kind}/{call['child']}"
        old = self._world.store.get(id_)
        if call.method == "DELETE":
            if old is None:
                return Answer(None, 204)
            return self._accept(call, old, CHILD_SECONDS, 202, "Deleting", location=True)
        if old is None and call.method != "PUT":
            raise not_found(f"{PROVIDER}/registries/{call['name']}/{kind}/{call['child']}", call["rg"])
        if call.method == "GET":
            assert old is not None
            return Answer(old.body)
        if registry.body["properties"]["provisioningState"] == "Creating":
            raise ArmError(409, "RegistryIsLocked", "The registry is being provisioned; try again later.")
        given = call.body.get("properties") or {}
        properties = {**(old.body["properties"] if old else {}), **given}
        if kind.lower() == "tokens":
            self._check_token(properties)
            properties.setdefault("credentials", {"passwords": []})
        else:
            properties.setdefault("type", "UserDefined")
        properties.setdefault("creationDate", stamp(self._world.clock.now()))
        body = {"name": call["child"], "type": f"{PROVIDER}/registries/{kind}", "properties": properties}
        thing = self._world.store.put(id_, body)
        return self._accept(call, thing, CHILD_SECONDS, 200 if old else 201, "Updating" if old else "Creating")

    def _check_token(self, properties: dict[str, Any]) -> None:
        if self._world.store.get(str(properties.get("scopeMapId"))) is None:
            message = f"The scope map '{properties.get('scopeMapId')}' does not exist."
            raise ArmError(400, "InvalidScopeMap", message)

    async def generate(self, call: Call) -> Answer:
        """Create one of a token's two passwords; the other one stays valid. The operation's result holds it once."""
        registry = self._registry(call)
        token = self._world.store.get(call.body["tokenId"])
        if token is None:
            raise ArmError(400, "TokenNotFound", f"The token '{call.body['tokenId']}' does not exist.")
        now = self._world.clock.now()
        password = {"name": call.body.get("name") or "password1", "creationTime": stamp(now)}
        if call.body.get("expiry"):
            ends = datetime.fromisoformat(call.body["expiry"])
            if ends < now + timedelta(hours=1):
                raise ArmError(400, "InvalidExpiry", "The expiry must be at least one hour from now.")
            password["expiry"] = stamp(ends)
        value = secrets.token_urlsafe(24)

        async def done() -> None:
            held = token.body["properties"]["credentials"]["passwords"]
            others = [p for p in held if p["name"] != password["name"]]
            token.body["properties"]["credentials"]["passwords"] = [*others, password]

        operation = self._world.operations.start(PASSWORD_SECONDS, done, call=call)
        self._told[operation.id] = {"username": token.body["name"], "passwords": [{**password, "value": value}]}
        path = f"/subscriptions/{call['sub']}/providers/{PROVIDER}/locations/{registry.body['location']}"
        return self._world.operations.answer(operation, path, status=202, names=(RESULT,))

    async def result(self, call: Call) -> Answer:
        """The result of an operation; of a password the password itself."""
        answer = self._world.operations.result(call["op"])
        if answer.status == 200 and call["op"] in self._told:
            return Answer(self._told[call["op"]])
        return answer
