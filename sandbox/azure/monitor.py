"""Microsoft.Insights: autoscale settings, and the engine that acts on them."""

import asyncio
from datetime import datetime
from typing import Any

from sandbox.azure.autoscale import Scene, profile_at, wanted
from sandbox.azure.autoscale_rules import check_setting
from sandbox.azure.core.errors import ArmError
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.core.store import Resource
from sandbox.azure.nodes import cluster_of_scale_set, resize
from sandbox.azure.world import World

BASE = "/subscriptions/{sub}/resourcegroups/{rg}/providers/Microsoft.Insights/autoscaleSettings"
TYPE = "microsoft.insights/autoscalesettings"
EVERY = 60.0
"""Simulated seconds between evaluations."""


SETTING: dict[str, Any] = {
    "enabled": False,
    "notifications": None,
    "predictiveAutoscalePolicy": {"scaleMode": "Disabled", "scaleLookAheadTime": None},
}
TRIGGER: dict[str, Any] = {"metricNamespace": "", "dimensions": None, "dividePerInstance": False}
"""What Monitor fills in, in a setting and in the trigger of a rule."""


class Monitor:
    """Keeps the settings and evaluates them on a timer."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._acted: dict[str, datetime] = {}
        self._task: asyncio.Task[None] | None = None

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        routes.add("GET", BASE, self.in_group)
        routes.add("GET", "/subscriptions/{sub}/providers/Microsoft.Insights/autoscaleSettings", self.list_all)
        routes.add("GET PUT PATCH DELETE", f"{BASE}/{{name}}", self.one)

    async def in_group(self, call: Call) -> Answer:
        """The settings of a group."""
        return Answer({"value": [s.body for s in self._world.store.under(self._world.group(call).id, TYPE)]})

    async def list_all(self, call: Call) -> Answer:
        """The settings of a subscription."""
        return Answer({"value": [s.body for s in self._world.store.under(f"/subscriptions/{call['sub']}", TYPE)]})

    async def one(self, call: Call) -> Answer:
        """One setting; PATCH changes `tags` and members of `properties`, each as a whole."""
        group = self._world.group(call, writing=call.method == "PUT")
        id_ = f"{group.id}/providers/microsoft.insights/autoscalesettings/{call['name']}"
        old = self._world.store.get(id_)
        if call.method == "DELETE":
            self._world.store.remove(id_)
            return Answer(None, 200 if old else 204)
        if call.method == "PUT":
            return self._put(call.body, call["name"], id_)
        found = self._world.resource(id_)
        if call.method == "PATCH":
            properties = {**found.body["properties"], **(call.body.get("properties") or {})}
            return self._put({**found.body, **call.body, "properties": properties}, call["name"], id_)
        return Answer(found.body)

    def _put(self, given: dict[str, Any], name: str, id_: str) -> Answer:
        properties, old = given["properties"], self._world.store.get(id_)
        check_setting(properties)
        target = properties.get("targetResourceUri") or ""
        if self._world.store.get(target) is None:
            raise ArmError(400, "BadRequest", f"The target resource '{target}' was not found.")
        for other in self._world.store.under("/subscriptions", TYPE):
            same = other.body["properties"].get("targetResourceUri", "").lower() == target.lower()
            if same and other.id.lower() != id_.lower():
                message = f"The autoscale setting '{other.body['name']}' exists already for the resource '{target}'."
                raise ArmError(409, "Conflict", message)
        body = {
            "name": name,
            "type": "Microsoft.Insights/autoscaleSettings",
            "location": given["location"],
            "tags": given.get("tags") or {},
            "properties": {
                **SETTING,
                "name": name,
                **properties,
                "profiles": [_shown(profile) for profile in properties["profiles"]],
            },
        }
        return Answer(self._world.store.put(id_, body).body, 200 if old else 201)

    def start(self) -> None:
        """Begin to evaluate."""
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self._world.clock.sleep(EVERY)
            for setting in list(self._world.store.under("/subscriptions", TYPE)):
                if setting.body["properties"].get("enabled"):
                    await self.evaluate(setting)

    async def evaluate(self, setting: Resource) -> None:
        """Evaluate one setting once, and scale the pool of its scale set."""
        properties = setting.body["properties"]
        target = properties["targetResourceUri"]
        behind = cluster_of_scale_set(self._world, target)
        if behind is None:
            return
        cluster, pool = behind
        asleep = "Stopped" in (resource.body["properties"]["powerState"]["code"] for resource in behind)
        if asleep or pool.body["properties"]["provisioningState"] != "Succeeded":
            return
        now, count = self._world.clock.now(), int(pool.body["properties"]["count"])
        scene = Scene(now=now, count=count, acted=self._acted.get(target.lower()), series=self._world.series)
        aim = wanted(profile_at(properties["profiles"], now), scene)
        if aim != count:
            self._acted[target.lower()] = now
            await resize(self._world, cluster, pool, aim)

    async def close(self) -> None:
        """Stop evaluating."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


def _shown(profile: dict[str, Any]) -> dict[str, Any]:
    """A profile with what Monitor fills in."""
    rules = [{**rule, "metricTrigger": {**TRIGGER, **rule["metricTrigger"]}} for rule in profile.get("rules") or ()]
    return {**profile, "rules": rules}
