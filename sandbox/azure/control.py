"""/_sandbox: the control API of tests and of the sandbox's command: read the state, change it as another client would, inject faults."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from sandbox.azure.core.catalog import Size
from sandbox.azure.core.clock import stamp
from sandbox.azure.core.faults import Fault
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.entra import Entra
from sandbox.azure.graph import REPLICATION_SECONDS, Graph
from sandbox.azure.nodes import cluster_of_scale_set, lose_nodes, resize, scale_set_id
from sandbox.azure.resources import REGISTRATION_SECONDS
from sandbox.azure.world import TENANT, World

PREFIX = "/_sandbox"


class Control:
    """The endpoints below /_sandbox; they are neither journaled nor throttled."""

    def __init__(self, world: World, graph: Graph, entra: Entra, end_connections: Callable[[], None]) -> None:
        self._world = world
        self._graph = graph
        self._entra = entra
        self._end_connections = end_connections

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        table: dict[str, tuple[str, Callable[[Call], Awaitable[Answer]]]] = {
            "/journal": ("GET", self.journal),
            "/state": ("GET", self.state),
            "/resources/{id*}": ("GET PUT PATCH DELETE", self.resource),
            "/faults": ("GET POST DELETE", self.faults),
            "/connections": ("DELETE", self.connections),
            "/metrics": ("POST", self.metrics),
            "/subscriptions/{sub}": ("PUT", self.subscription),
            "/clock": ("GET POST", self.clock),
            "/nodes": ("POST", self.nodes),
            "/applications/{app}/secrets": ("POST DELETE", self.secrets),
            "/applications": ("POST", self.applications),
            "/tokens": ("DELETE", self.tokens),
            "/catalog/versions/{version}": ("PUT DELETE", self.version),
            "/catalog/sizes/{size}": ("PUT DELETE", self.size),
        }
        for path, (methods, handler) in table.items():
            routes.add(methods, f"{PREFIX}{path}", handler)

    async def journal(self, call: Call) -> Answer:
        """Requests from `since` on; only writes with `writes=1`."""
        entries = self._world.journal.entries[int(call.query.get("since", "0")) :]
        if call.query.get("writes"):
            entries = [e for e in entries if e["write"]]
        return Answer({"value": entries, "next": len(self._world.journal.entries)})

    async def state(self, call: Call) -> Answer:
        """Everything there is."""
        world = self._world
        return Answer(
            {
                "resources": {r.id: r.body for r in world.store.resources.values()},
                "applications": list(world.applications.values()),
                "servicePrincipals": list(world.principals.values()),
                "providers": world.providers,
                "features": world.features,
                "subscriptions": world.subscriptions,
                "operations": [
                    {"id": o.id, "status": o.status, "began": stamp(o.started), "seconds": o.seconds}
                    for o in world.operations.all.values()
                ],
                "registrations": [
                    {"id": name, "began": stamp(began), "seconds": REGISTRATION_SECONDS} for name, began in world.registrations
                ],
                "replications": [
                    {"id": object_id, "began": stamp(born), "seconds": REPLICATION_SECONDS}
                    for object_id, born in world.born.items()
                    if object_id in world.principals
                ],
            }
        )

    async def resource(self, call: Call) -> Answer:
        """Read, put, patch (merge) or remove a resource with no rule applied."""
        id_ = f"/{unquote(call['id'])}"
        if call.method == "DELETE":
            self._world.store.remove(id_)
            await lose_nodes(self._world, id_)
            return Answer(None, 204)
        if call.method == "PUT":
            return Answer(self._put(id_, call.body))
        resource = self._world.resource(id_)
        if call.method == "PATCH":
            _merge(resource.body, call.body)
            self._world.store.touch(resource)
        return Answer(resource.body)

    def _put(self, id_: str, body: dict[str, Any]) -> dict[str, Any]:
        """Store a body as it is. Agent pools inside a cluster become resources of their own, as a GET of Azure shows them."""
        put, properties = self._world.store.put, body.get("properties") or {}
        if id_.lower().rsplit("/", 2)[1] == "managedclusters":
            for pool in properties.pop("agentPoolProfiles", None) or ():
                inside = {key: value for key, value in pool.items() if key != "name"}
                put(f"{id_}/agentPools/{pool['name']}", {"name": pool["name"], "properties": inside})
        return put(id_, {"name": id_.rsplit("/", 1)[1], **body}).body

    async def faults(self, call: Call) -> Answer:
        """Add one, list them, or clear them all."""
        if call.method == "POST":
            self._world.faults.rules.append(Fault.model_validate(call.body))
        if call.method == "DELETE":
            self._world.faults.clear()
        return Answer({"value": [f.model_dump() for f in self._world.faults.rules]})

    async def connections(self, call: Call) -> Answer:
        """End those that clients keep, so that their next requests open new ones."""
        self._end_connections()
        return Answer(None, 204)

    async def metrics(self, call: Call) -> Answer:
        """{resource, metric, value}: from now on (and, with `since_minutes`, from then on) the metric has this value."""
        body = call.body
        key = (body["resource"].lower(), body.get("metric", "Percentage CPU"))
        when = self._world.clock.now() - timedelta(minutes=body.get("since_minutes", 0))
        self._world.series.setdefault(key, []).append((when, float(body["value"])))
        self._world.series[key].sort()
        return Answer({"points": len(self._world.series[key])})

    async def subscription(self, call: Call) -> Answer:
        """{state, tenant}: Enabled, Warned, Disabled; a new one is made."""
        sub = call["sub"].lower()
        self._world.subscriptions[sub] = call.body["state"]
        self._world.tenants[sub] = call.body.get("tenant") or self._world.tenants.get(sub, TENANT)
        return Answer(call.body)

    async def clock(self, call: Call) -> Answer:
        """The simulated time; POST {seconds} moves it forward, POST {speed} has it run faster or slower from now on."""
        if call.method == "POST" and "speed" in call.body:
            self._world.clock.run(float(call.body["speed"]))
        elif call.method == "POST":
            self._world.clock.advance(float(call.body["seconds"]))
        return Answer({"now": stamp(self._world.clock.now()), "speed": self._world.clock.speed})

    async def nodes(self, call: Call) -> Answer:
        """{cluster, pool, count}: the cluster autoscaler moves a pool's count."""
        cluster = self._world.resource(call.body["cluster"])
        behind = cluster_of_scale_set(self._world, scale_set_id(cluster, call.body["pool"]))
        assert behind is not None
        await resize(self._world, *behind, int(call.body["count"]))
        return Answer(behind[1].body)

    async def applications(self, call: Call) -> Answer:
        """An application with a principal and a secret: {displayName, secret, federated, certificates, tenant, owner}."""
        body = dict(call.body)
        owner = body.pop("owner", False)
        secret = body.pop("secret", None)
        application = self._graph.create_application(body)
        principal = self._graph.create_principal(application)
        self._world.born[principal["id"]] = self._world.clock.now().replace(year=2020)
        if owner:
            self._world.owners.add(application["appId"])
        if secret:
            self.set_secret(application["id"], secret)
        return Answer({"application": application, "principal": principal}, 201)

    def set_secret(self, application_id: str, value: str) -> None:
        """A secret with a known value that lasts."""
        ends = self._world.clock.now().replace(year=2100)
        self._world.secrets[application_id]["given"] = (value, ends)

    async def secrets(self, call: Call) -> Answer:
        """POST {value} gives an application (by appId) this one secret; DELETE takes all."""
        application: dict[str, Any] = next(a for a in self._world.applications.values() if a["appId"] == call["app"])
        self._world.secrets[application["id"]].clear()
        if call.method == "POST":
            self.set_secret(application["id"], call.body["value"])
        return Answer(None, 204)

    async def tokens(self, call: Call) -> Answer:
        """All tokens issued so far are refused from now on."""
        self._entra.revoke_all()
        return Answer(None, 204)

    async def version(self, call: Call) -> Answer:
        """Offer a version, or no longer."""
        minor = ".".join(call["version"].split(".")[:2])
        if call.method == "DELETE":
            self._world.catalog.versions.pop(minor, None)
        else:
            self._world.catalog.versions.setdefault(minor, []).append(call["version"])
        return Answer(self._world.catalog.versions)

    async def size(self, call: Call) -> Answer:
        """Offer a VM size ({cpu, memory, disks, gpus}), or no longer."""
        if call.method == "DELETE":
            self._world.catalog.sizes.pop(call["size"], None)
        else:
            self._world.catalog.sizes[call["size"]] = Size.model_validate(call.body)
        return Answer(sorted(self._world.catalog.sizes))


def _merge(target: dict[str, Any], patch: dict[str, Any]) -> None:
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = value
