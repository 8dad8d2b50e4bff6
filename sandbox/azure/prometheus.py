"""Microsoft.Monitor/accounts and Microsoft.AlertsManagement/prometheusRuleGroups: where metrics go, and the rules on them."""

import re
from typing import Any

from sandbox.azure.core.errors import ArmError
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.world import World

ACCOUNTS = "/subscriptions/{sub}/resourcegroups/{rg}/providers/Microsoft.Monitor/accounts"
GROUPS = "/subscriptions/{sub}/resourcegroups/{rg}/providers/Microsoft.AlertsManagement/prometheusRuleGroups"
REGIONS = ("eastus", "eastus2", "westus2", "westeurope", "northeurope", "uksouth", "swedencentral", "francecentral")
DELETE_SECONDS = 20.0
MOST_RULES, MOST_ACTIONS = 20, 5
DURATION = re.compile(r"PT(\d+H)?(\d+M)?(\d+S)?")


class Prometheus:
    """Kept and shown; nothing is stored or evaluated. https://learn.microsoft.com/rest/api/monitor/azure-monitor-workspaces"""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        for path in (ACCOUNTS, GROUPS):
            routes.add("GET", path.replace("/resourcegroups/{rg}", ""), self.listed)
            routes.add("GET", path, self.listed)
        routes.add("GET PUT DELETE", f"{ACCOUNTS}/{{name}}", self.account)
        routes.add("GET PUT DELETE", f"{GROUPS}/{{name}}", self.rule_group)

    async def listed(self, call: Call) -> Answer:
        """The resources of a type, in a subscription or a group."""
        return Answer({"value": self._world.listed(call)})

    async def account(self, call: Call) -> Answer:
        """An Azure Monitor workspace. Its metrics are queried at an endpoint that its creation names."""
        id_, store = call.path, self._world.store
        if call.method == "GET":
            return Answer(self._world.resource(id_).body)
        if call.method == "DELETE":
            if store.get(id_) is None:
                return Answer(None, 204)
            return self._deleted(call, id_)
        self._world.group(call, writing=True)
        old, location = store.get(id_), str(call.body.get("location") or "").replace(" ", "").lower()
        if location not in REGIONS:
            raise ArmError(
                400,
                "LocationNotAvailableForResourceType",
                f"The provided location '{location}' is not available for resource type 'microsoft.monitor/accounts'. List of available "
                f"regions for the resource type is '{','.join(REGIONS)}'.",
            )
        if old is not None and old.body["location"] != location:
            raise _moved(call["name"], old.body["location"], location)
        body = {**call.body, "name": call["name"], "location": location, "properties": _account(id_, call["name"], location)}
        return Answer(store.put(id_, body).body, 200 if old else 201)

    def _deleted(self, call: Call, id_: str) -> Answer:
        async def done() -> None:
            self._world.store.remove(id_)

        operation = self._world.operations.start(DELETE_SECONDS, done, call=call)
        path = f"/subscriptions/{call['sub']}/providers/Microsoft.Monitor/locations/eastus"
        return self._world.operations.answer(operation, path, status=202, body=None)

    async def rule_group(self, call: Call) -> Answer:
        """A Prometheus rule group. Its first scope is a workspace in its own region."""
        id_, store = call.path, self._world.store
        if call.method == "GET":
            return Answer(self._world.resource(id_).body)
        old = store.get(id_)
        if call.method == "DELETE":
            store.remove(id_)
            return Answer(None, 200 if old else 204)
        self._world.group(call, writing=True)
        if old is not None and old.body["location"] != call.body["location"]:
            raise _moved(call["name"], old.body["location"], call.body["location"])
        self._check(call.body["properties"], call.body["location"])
        return Answer(store.put(id_, {**call.body, "name": call["name"]}).body, 200 if old else 201)

    def _check(self, properties: dict[str, Any], location: str) -> None:
        """https://learn.microsoft.com/azure/azure-monitor/metrics/prometheus-rule-groups#limitations"""
        scopes, rules = properties.get("scopes") or [], properties.get("rules") or []
        account = self._world.resource(scopes[0]) if scopes else None
        if account is None or "/microsoft.monitor/accounts/" not in scopes[0].lower():
            raise ArmError(400, "BadRequest", "The rule group's scopes must name an Azure Monitor workspace.")
        if account.body["location"] != location:
            raise ArmError(400, "BadRequest", "The rule group must be in the region of its Azure Monitor workspace.")
        if not 0 < len(rules) <= MOST_RULES:
            raise ArmError(400, "BadRequest", f"A rule group has 1 to {MOST_RULES} rules.")
        for rule in rules:
            if not rule.get("expression") or bool(rule.get("alert")) == bool(rule.get("record")):
                raise ArmError(400, "BadRequest", "A rule has an expression, and either 'alert' or 'record'.")
            if not DURATION.fullmatch(str(rule.get("for", "PT0M"))) or len(rule.get("actions") or ()) > MOST_ACTIONS:
                raise ArmError(400, "BadRequest", f"The rule '{rule.get('alert')}' has an invalid duration or too many actions.")


def _moved(name: str, old: str, new: str) -> ArmError:
    message = f"The resource '{name}' already exists in location '{old}'. A resource with the same name cannot be created in location '{new}'."
    return ArmError(409, "InvalidResourceLocation", message)


def _account(id_: str, name: str, location: str) -> dict[str, Any]:
    subscription = id_.split("/")[2]
    managed = f"/subscriptions/{subscription}/resourceGroups/MA_{name}_{location}_managed/providers/Microsoft.Insights"
    return {
        "accountId": "00000000-0000-0000-0000-000000000001",
        "metrics": {
            "prometheusQueryEndpoint": f"https://{name.lower()}-a1b2.{location}.prometheus.monitor.azure.com",
            "internalId": f"mac_{name}",
        },
        "provisioningState": "Succeeded",
        "defaultIngestionSettings": {
            "dataCollectionRuleResourceId": f"{managed}/dataCollectionRules/{name}",
            "dataCollectionEndpointResourceId": f"{managed}/dataCollectionEndpoints/{name}",
        },
        "publicNetworkAccess": "Enabled",
    }
