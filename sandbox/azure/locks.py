"""Microsoft.Authorization/locks: what cannot be deleted (CanNotDelete), or not be changed at all (ReadOnly).

https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources
"""

from collections.abc import Iterable

from sandbox.azure.core.errors import ArmError
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.core.store import Resource
from sandbox.azure.world import World

TYPE = "microsoft.authorization/locks"
LEVELS = ("CanNotDelete", "ReadOnly")


class Locks:
    """A lock lies below its scope and holds for all that is below it too."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        locks = r"/(?P<scope>.+?)/providers/Microsoft.Authorization/locks"
        routes.add("GET", locks, self.listed)
        routes.add("GET PUT DELETE", f"{locks}/{{name}}", self.one)

    def _all(self) -> list[Resource]:
        return self._world.store.of_type(TYPE)

    async def listed(self, call: Call) -> Answer:
        """Those at a scope and above it, and below it unless `$filter=atScope()`."""
        scope, below = f"/{call['scope']}", "atScope()" not in call.query.get("$filter", "")
        found = [r for r in self._all() if _covers(_scope(r), scope) or (below and _covers(scope, _scope(r)))]
        return Answer({"value": [r.body for r in found]})

    async def one(self, call: Call) -> Answer:
        """One lock by its name."""
        id_ = f"/{call['scope']}/providers/Microsoft.Authorization/locks/{call['name']}"
        old = self._world.store.get(id_)
        if call.method == "PUT":
            level = call.body["properties"].get("level")
            if level not in LEVELS:
                raise ArmError(400, "LockLevelInvalid", f"The lock level '{level}' is invalid: use {' or '.join(LEVELS)}.")
            body = {"name": call["name"], "type": "Microsoft.Authorization/locks", "properties": dict(call.body["properties"])}
            return Answer(self._world.store.put(id_, body).body, 200 if old else 201)
        if call.method == "DELETE":
            self._world.store.remove(id_)
            return Answer(None, 200 if old else 204)
        if old is None:
            raise ArmError(404, "LockNotFound", f"The lock '{call['name']}' could not be found.")
        return Answer(old.body)

    def meet(self, call: Call) -> None:
        """Raises ScopeLocked for a call that a lock forbids."""
        if standing := in_the_way(self._all(), call.method, call.path):
            verb = "delete" if call.method == "DELETE" else "write"
            message = (
                f"The scope '{call.path}' cannot perform {verb} operation because following scope(s) are locked: "
                f"'{','.join(standing)}'. Please remove the lock and try again."
            )
            raise ArmError(409, "ScopeLocked", message)


def in_the_way(locks: Iterable[Resource], method: str, path: str) -> list[str]:
    """Scopes of the locks that forbid a request: any at, above or below what is deleted; a ReadOnly one at or above what is written.
    A lock is no obstacle to locks."""
    if method in ("GET", "HEAD") or "/providers/microsoft.authorization/locks/" in path.lower():
        return []
    return [
        scope
        for lock in locks
        if (method == "DELETE" or lock.body["properties"]["level"] == "ReadOnly")
        and (_covers(scope := _scope(lock), path) or (method == "DELETE" and _covers(path, scope)))
    ]


def _scope(lock: Resource) -> str:
    return lock.id[: lock.id.lower().rindex("/providers/microsoft.authorization/locks")]


def _covers(scope: str, path: str) -> bool:
    return f"{path.lower()}/".startswith(f"{scope.lower()}/")
