"""Microsoft.Insights/dataCollectionRules, their associations and endpoints: where the agents on a resource send their data."""

from typing import Any

from sandbox.azure.core.errors import ArmError, not_found
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.world import World

RULES = "/subscriptions/{sub}/resourcegroups/{rg}/providers/Microsoft.Insights/dataCollectionRules"
ENDPOINTS = "/subscriptions/{sub}/resourcegroups/{rg}/providers/Microsoft.Insights/dataCollectionEndpoints"
WORKSPACE = "/subscriptions/{sub}/resourcegroups/{rg}/providers/Microsoft.OperationalInsights/workspaces/{name}"
TYPE = "microsoft.insights/datacollectionrules"


class DataCollection:
    """Kept and shown; nothing sends data here. https://learn.microsoft.com/rest/api/monitor/data-collection-rules"""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        routes.add("GET", "/subscriptions/{sub}/providers/Microsoft.Insights/dataCollectionRules", self.listed)
        routes.add("GET", RULES, self.listed)
        routes.add("GET PUT DELETE", f"{RULES}/{{name}}", self.rule)
        routes.add("GET", "/subscriptions/{sub}/providers/Microsoft.Insights/dataCollectionEndpoints", self.listed)
        routes.add("GET", ENDPOINTS, self.listed)
        routes.add("GET PUT DELETE", f"{ENDPOINTS}/{{name}}", self.endpoint)
        routes.add("GET", WORKSPACE, self.workspace)
        association = r"/(?P<scope>.+)/providers/Microsoft.Insights/dataCollectionRuleAssociations/(?P<name>[^/]+)"
        routes.add("GET PUT DELETE", association, self.association)

    async def listed(self, call: Call) -> Answer:
        """The rules or the endpoints of a subscription or a group."""
        return Answer({"value": self._world.listed(call)})

    async def rule(self, call: Call) -> Answer:
        """One rule. A workspace has to be among its destinations by an ARM id."""
        group = self._world.group(call, writing=call.method == "PUT")
        if call.method == "PUT":
            for place in ((call.body.get("properties") or {}).get("destinations") or {}).get("logAnalytics") or ():
                if not str(place.get("workspaceResourceId", "")).lower().startswith("/subscriptions/"):
                    raise ArmError(400, "InvalidPayload", "Data collection rule is invalid", target="Properties.Destinations")
            self._check_metrics(call)
        return self._one(call, f"{group.id}/providers/Microsoft.Insights/dataCollectionRules/{call['name']}", call["name"])

    def _check_metrics(self, call: Call) -> None:
        """A rule with metrics names an endpoint and workspaces that exist, in its own region."""
        properties = call.body.get("properties") or {}
        accounts = (properties.get("destinations") or {}).get("monitoringAccounts") or ()
        named = [str(account.get("accountResourceId")) for account in accounts]
        if endpoint := properties.get("dataCollectionEndpointId"):
            named.append(str(endpoint))
        for id_ in named:
            found = self._world.store.get(id_)
            if found is None or found.body["location"] != call.body["location"]:
                raise ArmError(400, "InvalidPayload", "Data collection rule is invalid", target="Properties.Destinations")

    async def endpoint(self, call: Call) -> Answer:
        """One endpoint. It cannot be deleted while a rule names it."""
        group = self._world.group(call, writing=call.method == "PUT")
        id_ = f"{group.id}/providers/Microsoft.Insights/dataCollectionEndpoints/{call['name']}"
        rules = self._world.store.under(f"/subscriptions/{call['sub']}", TYPE)
        used = [rule.id for rule in rules if str(rule.body["properties"].get("dataCollectionEndpointId")).lower() == id_.lower()]
        if call.method == "DELETE" and used:
            raise ArmError(
                409, "Conflict", f"The data collection endpoint is associated with the data collection rule {used[0]}."
            )
        return self._one(call, id_, call["name"])

    async def workspace(self, call: Call) -> Answer:
        """A Log Analytics workspace, which only a test can put there."""
        return Answer(self._world.resource(call.path).body)

    async def association(self, call: Call) -> Answer:
        """The association of a resource with a rule, which has to exist."""
        scope = f"/{call['scope']}"
        if call.method == "PUT":
            self._world.resource(scope)
            self._world.resource(str((call.body.get("properties") or {}).get("dataCollectionRuleId")))
        return self._one(
            call, f"{scope}/providers/Microsoft.Insights/dataCollectionRuleAssociations/{call['name']}", call["name"]
        )

    def _one(self, call: Call, id_: str, name: str) -> Answer:
        store, old = self._world.store, self._world.store.get(id_)
        if call.method == "DELETE":
            store.remove(id_)
            return Answer(None, 200 if old else 204)
        if call.method == "PUT":
            properties: dict[str, Any] = {**call.body["properties"], "provisioningState": "Succeeded"}
            body = {**call.body, "name": name, "properties": properties, "etag": store.etag()}
            return Answer(store.put(id_, body).body, 200 if old else 201)
        if old is None:
            raise not_found(id_.split("/providers/")[-1], "")
        return Answer(old.body)
