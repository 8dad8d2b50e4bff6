"""Microsoft Graph v1.0: applications, their secrets, service principals. New objects replicate to Resource Manager after a delay."""

import re
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from sandbox.azure.core.clock import stamp
from sandbox.azure.core.errors import ArmError
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.world import World

REPLICATION_SECONDS = 20
"""Simulated seconds until Resource Manager and AKS know a new principal; really 5 to 60."""

FILTER = re.compile(r"(?P<member>\w+) eq '(?P<value>[^']*)'")
STARTS = re.compile(r"startswith\((?P<member>\w+),\s*'(?P<value>[^']*)'\)")
TAGGED = re.compile(r"tags/any\(t:t eq '(?P<value>[^']*)'\)")
ANY = re.compile(r"servicePrincipalNames/any\(c:c eq '(?P<value>[^']*)'\)")


def refused(status: int, code: str, message: str) -> ArmError:
    """Graph's errors have the form of Resource Manager's."""
    return ArmError(status, code, message)


class Graph:
    """The directory's endpoints."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        add = routes.add
        add("GET POST", "/v1.0/applications", self.applications)
        add("GET PATCH DELETE", r"/v1.0/applications\((?P<key>\w+)='(?P<value>[^']+)'\)", self.application_by)
        add("POST", "/v1.0/applications/{id}/addPassword", self.add_password)
        add("POST", "/v1.0/applications/{id}/removePassword", self.remove_password)
        add("GET PATCH DELETE", "/v1.0/applications/{id}", self.application)
        add("GET POST", "/v1.0/servicePrincipals", self.principals)
        add("GET DELETE", r"/v1.0/servicePrincipals\((?P<key>\w+)='(?P<value>[^']+)'\)", self.principal_by)
        add("GET PATCH DELETE", "/v1.0/servicePrincipals/{id}", self.principal)
        add("POST", "/v1.0/directoryObjects/getByIds", self.by_ids)

    async def applications(self, call: Call) -> Answer:
        """List with $filter, or create."""
        if call.method == "GET":
            return Answer({"value": _filtered(self._world.applications.values(), call.query.get("$filter", ""))})
        return Answer(self.create_application(call.body), 201)

    def create_application(self, body: dict[str, Any], app_id: str | None = None) -> dict[str, Any]:
        """Make an application."""
        application = {
            "id": str(uuid.uuid4()),
            "appId": app_id or str(uuid.uuid4()),
            "createdDateTime": stamp(self._world.clock.now()),
            "passwordCredentials": [],
            "keyCredentials": [],
            "identifierUris": [],
            "tags": [],
            **body,
        }
        self._world.applications[application["id"]] = application
        self._world.secrets[application["id"]] = {}
        return application

    async def application_by(self, call: Call) -> Answer:
        """By an alternate key (uniqueName, appId); PATCH with `Prefer: create-if-missing` is an upsert."""
        key, value = call["key"], unquote(call["value"])
        found = next((a for a in self._world.applications.values() if str(a.get(key)).lower() == value.lower()), None)
        if found is None and call.method == "PATCH" and "create-if-missing" in call.headers.get("prefer", ""):
            return Answer(self.create_application({**call.body, key: value}), 201)
        return self._one(call, found, value, self._world.applications)

    async def application(self, call: Call) -> Answer:
        """By object id."""
        return self._one(call, self._world.applications.get(call["id"]), call["id"], self._world.applications)

    def _one(self, call: Call, found: dict[str, Any] | None, name: str, where: dict[str, dict[str, Any]]) -> Answer:
        if found is None:
            message = f"Resource '{name}' does not exist or one of its queried reference-property objects are not present."
            raise refused(404, "Request_ResourceNotFound", message)
        if call.method == "DELETE":
            del where[found["id"]]
            if where is self._world.applications:
                for object_id in [i for i, p in self._world.principals.items() if p["appId"] == found["appId"]]:
                    del self._world.principals[object_id]
            return Answer(None, 204)
        if call.method == "PATCH":
            found.update(call.body)
            return Answer(None, 204)
        return Answer(found)

    def _application(self, id_: str) -> dict[str, Any]:
        found = self._world.applications.get(id_)
        if found is None:
            raise refused(404, "Request_ResourceNotFound", f"Resource '{id_}' does not exist.")
        return found

    async def add_password(self, call: Call) -> Answer:
        """Add a client secret; only this answer holds its text."""
        application = self._application(call["id"])
        wanted = (call.body or {}).get("passwordCredential") or {}
        end = wanted.get("endDateTime") or stamp(self._world.clock.now() + timedelta(days=730))
        key = str(uuid.uuid4())
        credential = {
            "keyId": key,
            "displayName": wanted.get("displayName"),
            "startDateTime": stamp(self._world.clock.now()),
            "endDateTime": end,
            "hint": "abc",
        }
        text = f"sim8Q~{secrets.token_urlsafe(28)}"
        application["passwordCredentials"].append({**credential, "secretText": None})
        ends = datetime.fromisoformat(end.replace("Z", "+00:00"))
        self._world.secrets[application["id"]][key] = (text, ends)
        return Answer({**credential, "secretText": text})

    async def remove_password(self, call: Call) -> Answer:
        """A secret is no longer taken."""
        application, key = self._application(call["id"]), call.body["keyId"]
        application["passwordCredentials"] = [c for c in application["passwordCredentials"] if c["keyId"] != key]
        self._world.secrets[application["id"]].pop(key, None)
        return Answer(None, 204)

    async def principals(self, call: Call) -> Answer:
        """List with $filter, or create for an application."""
        if call.method == "GET":
            return Answer({"value": _filtered(self._world.principals.values(), call.query.get("$filter", ""))})
        app_id = call.body["appId"]
        application = next((a for a in self._world.applications.values() if a["appId"].lower() == app_id.lower()), None)
        if application is None:
            message = f"When using this permission, the backing application of the service principal {app_id} must exist."
            raise refused(400, "Request_BadRequest", message)
        if self._world.principal_by_app(app_id):
            message = "The service principal cannot be created, updated, or restored because the service principal name is already in use."
            raise refused(409, "Request_MultipleObjectsWithSameKeyValue", message)
        return Answer(self.create_principal(application, call.body.get("tags") or ()), 201)

    def create_principal(self, application: dict[str, Any], tags: Sequence[str] = ()) -> dict[str, Any]:
        """Make the service principal of an application."""
        principal = {
            "id": str(uuid.uuid4()),
            "appId": application["appId"],
            "displayName": application.get("displayName"),
            "servicePrincipalNames": [application["appId"]],
            "servicePrincipalType": "Application",
            "accountEnabled": True,
            "tags": list(tags),
            "@odata.type": "#microsoft.graph.servicePrincipal",
        }
        self._world.principals[principal["id"]] = principal
        self._world.born[principal["id"]] = self._world.clock.now()
        return principal

    def managed_principal(self, name: str) -> dict[str, Any]:
        """Add the principal of a managed identity: it has no application and replicates at once."""
        principal = self.create_principal({"appId": str(uuid.uuid4()), "displayName": name})
        self._world.born[principal["id"]] = self._world.clock.now().replace(year=2020)
        return principal

    async def principal_by(self, call: Call) -> Answer:
        """By appId."""
        value = unquote(call["value"])
        found = next((p for p in self._world.principals.values() if str(p.get(call["key"])).lower() == value.lower()), None)
        return self._one(call, found, value, self._world.principals)

    async def principal(self, call: Call) -> Answer:
        """By object id."""
        return self._one(call, self._world.principals.get(call["id"]), call["id"], self._world.principals)

    async def by_ids(self, call: Call) -> Answer:
        """What `az role assignment list` asks."""
        return Answer({"value": [p for i, p in self._world.principals.items() if i in call.body.get("ids", ())]})


def _filtered(items: Any, text: str) -> list[dict[str, Any]]:
    found = list(items)
    if match := TAGGED.search(text):
        return [i for i in found if match["value"] in i.get("tags", ())]
    if match := STARTS.search(text):
        return [i for i in found if str(i.get(match["member"], "")).lower().startswith(match["value"].lower())]
    if match := ANY.search(text):
        return [i for i in found if match["value"].lower() in (n.lower() for n in i.get("servicePrincipalNames", ()))]
    if match := FILTER.search(text):
        return [i for i in found if str(i.get(match["member"], "")).lower() == match["value"].lower()]
    return found
