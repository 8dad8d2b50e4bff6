"""Microsoft.Authorization: role definitions, role assignments; and what a caller may do."""

import fnmatch
import re
import uuid
from typing import Any

from sandbox.azure.core.clock import stamp
from sandbox.azure.core.errors import ArmError
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.core.store import Resource
from sandbox.azure.graph import REPLICATION_SECONDS
from sandbox.azure.world import World

ROLES = {
    "Owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "User Access Administrator": "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "Private DNS Zone Contributor": "b12aa53e-6015-4669-85d0-8515ebb3ae7f",
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "Azure Kubernetes Service RBAC Cluster Admin": "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b",
}
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""

CLUSTER_ADMIN = "Azure Kubernetes Service RBAC Cluster Admin"
TYPE = "microsoft.authorization/roleassignments"
ASSIGNMENT = "/providers/Microsoft.Authorization/roleAssignments"

GRANTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Owner": (("*",), ()),
    "Contributor": (("*",), ("Microsoft.Authorization/*/write", "Microsoft.Authorization/*/delete")),
    "Reader": (("*/read",), ()),
    "User Access Administrator": (("*/read", "Microsoft.Authorization/*"), ()),
    "Network Contributor": (("Microsoft.Network/*", "*/read"), ()),
    "Private DNS Zone Contributor": (
        ("Microsoft.Network/privateDnsZones/*", "Microsoft.Network/privateDnsOperationResults/*"),
        (),
    ),
    "AcrPull": (("Microsoft.ContainerRegistry/*/read",), ()),
    "Azure Kubernetes Service RBAC Cluster Admin": (("Microsoft.ContainerService/managedClusters/*Credential/action",), ()),
}
"""(actions, actions that are not among them) of each role."""

VERBS = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete", "POST": "action"}


class Authorization:
    """Assignments lie below their scope; a listing shows those inherited from above."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        definitions = r"/(?P<scope>.*?)/?providers/Microsoft.Authorization/roleDefinitions"
        assignments = r"/(?P<scope>.*?)/?providers/Microsoft.Authorization/roleAssignments"
        routes.add("GET", r"/(?P<scope>.*?)/?providers/Microsoft.Authorization/permissions", self.permissions)
        routes.add("GET", definitions, self.definitions)
        routes.add("GET", f"{definitions}/{{id}}", self.definition)
        routes.add("GET", assignments, self.in_group)
        routes.add("GET PUT DELETE", f"{assignments}/{{name}}", self.assignment)

    def _definition(self, name: str, sub: str) -> dict[str, Any]:
        return {
            "id": f"/subscriptions/{sub}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[name]}",
            "name": ROLES[name],
            "type": "Microsoft.Authorization/roleDefinitions",
            "properties": {
                "roleName": name,
                "type": "BuiltInRole",
                "description": name,
                "permissions": [],
                "assignableScopes": ["/"],
            },
        }

    async def definitions(self, call: Call) -> Answer:
        """Built-in roles; `$filter=roleName eq 'X'`."""
        match = re.search(r"roleName eq '([^']+)'", call.query.get("$filter", ""))
        sub = _subscription(call["scope"])
        names = [n for n in ROLES if match is None or n.lower() == match[1].lower()]
        return Answer({"value": [self._definition(name, sub) for name in names]})

    async def definition(self, call: Call) -> Answer:
        """One role."""
        name = next((n for n, i in ROLES.items() if i == call["id"].lower()), None)
        if name is None:
            raise ArmError(404, "RoleDefinitionDoesNotExist", f"The role definition '{call['id']}' does not exist.")
        return Answer(self._definition(name, _subscription(call["scope"])))

    def _all(self) -> list[Resource]:
        return assignments(self._world)

    async def in_group(self, call: Call) -> Answer:
        """At a scope, with those above (and below unless atScope())."""
        scope, text = f"/{call['scope']}".lower().rstrip("/"), call.query.get("$filter", "")
        principal = re.search(r"(?:principalId|assignedTo)\W+(?:eq )?'([^']+)'", text)
        found = []
        for item in self._all():
            own = item.body["properties"]["scope"].lower()
            above = scope == own or scope.startswith(f"{own}/")
            below = own.startswith(f"{scope}/") and "atScope()" not in text
            if (above or below) and (principal is None or item.body["properties"]["principalId"] == principal[1]):
                found.append(item.body)
        return Answer({"value": found})

    async def permissions(self, call: Call) -> Answer:
        """What the caller may do at a scope."""
        scope = f"/{call['scope']}".lower().rstrip("/")
        principal = self._world.principal_by_app(call.caller)
        held = ["Owner"] if call.caller in self._world.owners else []
        for item in self._all():
            properties = item.body["properties"]
            own = properties["scope"].lower()
            if principal and properties["principalId"] == principal["id"] and (scope == own or scope.startswith(f"{own}/")):
                held.append(_role(properties))
        value = [{"actions": list(GRANTS[r][0]), "notActions": list(GRANTS[r][1]), "dataActions": []} for r in held]
        return Answer({"value": value})

    async def assignment(self, call: Call) -> Answer:
        """One assignment by its name."""
        scope = f"/{call['scope']}".rstrip("/")
        id_ = f"{scope}{ASSIGNMENT}/{call['name']}"
        old = self._world.store.get(id_)
        if call.method == "PUT":
            return await self._put(call, scope, id_, old)
        if old is None:
            if call.method == "DELETE":
                return Answer(None, 204)
            raise ArmError(404, "RoleAssignmentNotFound", f"The role assignment '{call['name']}' is not found.")
        if call.method == "DELETE":
            self._world.store.remove(id_)
        return Answer(old.body)

    async def _put(self, call: Call, scope: str, id_: str, old: Resource | None) -> Answer:
        given = call.body["properties"]
        role = given["roleDefinitionId"].rsplit("/", 1)[1].lower()
        principal = given["principalId"]
        for other in self._all():
            properties = other.body["properties"]
            same_role = properties["roleDefinitionId"].lower().endswith(role)
            same = properties["principalId"] == principal and same_role and properties["scope"].lower() == scope.lower()
            if same and other.id.lower() != id_.lower():
                message = (
                    f"The role assignment already exists. The ID of the conflicting role assignment is {other.body['name']}."
                )
                raise ArmError(409, "RoleAssignmentExists", message)
        if old is not None:
            kept = old.body["properties"]
            if kept["principalId"] != principal or not kept["roleDefinitionId"].lower().endswith(role):
                message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
                raise ArmError(400, "RoleAssignmentUpdateNotPermitted", message)
        born = self._world.born.get(principal)
        young = born is not None and self._world.age(principal) < REPLICATION_SECONDS
        if born is None or (young and not given.get("principalType")):
            message = (
                f"Principal {principal} does not exist in the directory. Check that you have the correct principal ID. If you are "
                "creating this principal and then immediately assigning a role, this error might be related to a replication delay."
            )
            raise ArmError(400, "PrincipalNotFound", message)
        properties = {
            "roleDefinitionId": given["roleDefinitionId"],
            "principalId": principal,
            "principalType": given.get("principalType", "ServicePrincipal"),
            "description": given.get("description"),
            "scope": scope,
            "condition": None,
            "conditionVersion": None,
            "delegatedManagedIdentityResourceId": None,
            "createdOn": old.body["properties"]["createdOn"] if old else stamp(self._world.clock.now()),
            "updatedOn": stamp(self._world.clock.now()),
        }
        body = {"name": call["name"], "type": "Microsoft.Authorization/roleAssignments", "properties": properties}
        await self._admit(scope, role, principal)
        return Answer(self._world.store.put(id_, body).body, 200 if old else 201)

    async def _admit(self, scope: str, role: str, principal: str) -> None:
        """With Azure RBAC on a cluster, its administrators are those whom the role makes so."""
        cluster = self._world.store.get(scope)
        if cluster is None or not cluster.type.endswith("managedclusters") or role != ROLES[CLUSTER_ADMIN]:
            return
        if (cluster.body["properties"].get("aadProfile") or {}).get("enableAzureRBAC"):
            await self._world.backend.admit(cluster.id, principal, "User")

    def allow(self, call: Call, object_id: str) -> None:
        """Raises AuthorizationFailed unless a role of the principal grants the action on the path."""
        action = _action(call)
        path = call.path.lower()
        if path.endswith("/providers/microsoft.authorization/permissions"):
            return  # each caller may read its own permissions
        if granted(self._world, object_id, action, path):
            return
        message = (
            f"The client '{call.caller}' with object id '{object_id}' does not have authorization to perform action '{action}' "
            f"over scope '{call.path}' or the scope is invalid. If access was recently granted, please refresh your credentials."
        )
        raise ArmError(403, "AuthorizationFailed", message)


def assignments(world: World) -> list[Resource]:
    """All role assignments."""
    return world.store.of_type(TYPE)


def granted(world: World, object_id: str, action: str, path: str) -> bool:
    """Return whether a role of the principal, at the path or above it, grants the action."""
    for item in assignments(world):
        properties = item.body["properties"]
        scope = properties["scope"].lower()
        if properties["principalId"] != object_id or not f"{path.lower()}/".startswith(f"{scope}/"):
            continue
        grants, but = GRANTS[_role(properties)]
        if _among(action, grants) and not _among(action, but):
            return True
    return False


def _role(properties: dict[str, Any]) -> str:
    return next(name for name, id_ in ROLES.items() if properties["roleDefinitionId"].lower().endswith(id_))


def _among(action: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


def _subscription(scope: str) -> str:
    match = re.search(r"subscriptions/([^/]+)", scope, re.IGNORECASE)
    return match[1] if match else str(uuid.UUID(int=0))


def _action(call: Call) -> str:
    """`Microsoft.Network/virtualNetworks/write` from method and path."""
    verb = VERBS[call.method]
    if "/providers/" not in call.path.lower():
        return f"Microsoft.Resources/subscriptions/resourceGroups/{verb}"
    segments = re.split("/providers/", call.path, flags=re.IGNORECASE)[-1].split("/")
    if verb == "action":
        return "/".join([segments[0], *segments[1:-1:2], segments[-1], "action"])
    return "/".join([segments[0], *segments[1::2], verb])
