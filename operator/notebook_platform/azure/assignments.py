"""Role assignments that a platform gives: their names, how they are recognised, and their record.

An assignment is this platform's when two things agree: its name is the GUID made from scope, principal and role, so that the same PUT is
the same assignment however often it is sent, and its description is the platform's owner tag. Neither alone is proof: two platforms
that share an identity and a network make the same name, and anyone who may give roles may write any description.

The subscription's own list shows every assignment in it. The record, a Secret beside the platform, adds those in other subscriptions, and
those of a caller who may not list. It lies in the author's namespace, so it only names candidates: what Azure answers decides.
https://learn.microsoft.com/azure/role-based-access-control/role-assignments-template
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from notebook_platform.bounded.documents import Budget, DocumentRefused, parse_json
from notebook_platform.kube.secrets import SecretStore
from notebook_platform.outputs import ROLES, Assignment

CLUSTER_ADMIN = "Azure Kubernetes Service RBAC Cluster Admin"
API_VERSION = "2022-04-01"

RECORD_KEY = "roleAssignments"
RECORD_LIMIT = 200
"""Assignments in the record: a platform has at most some forty (pools' subnets, registries)."""

RECORD_BUDGET = Budget(bytes=1 << 18, nodes=8 * RECORD_LIMIT, depth=3)

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SCOPE = re.compile(r"/subscriptions/[-0-9a-f]{36}(/(?!\.+(/|$))[-\w.()]+)*", re.IGNORECASE)


def assignment_of(item: Mapping[str, Any]) -> Assignment:
    """Parse a role assignment of Resource Manager, whatever its name."""
    properties = item.get("properties") or {}
    role = str(properties.get("roleDefinitionId", "")).rsplit("/", 1)[-1].lower()
    name = next((name for name, id_ in ROLES.items() if id_ == role), role)
    return Assignment(str(properties.get("scope", "")), str(properties.get("principalId", "")), name)


def has_our_name(item: Mapping[str, Any]) -> bool:
    """Return whether an assignment has the name that a platform would give it."""
    return str(item.get("name", "")).lower() == assignment_of(item).name


def is_ours(item: Mapping[str, Any], owner_tag: str) -> bool:
    """Return whether this platform gave the assignment: both name and description are its own."""
    return (item.get("properties") or {}).get("description") == owner_tag and has_our_name(item)


class AssignmentRecord:
    """The assignments that a platform has given, in the Secret `<platform>-role-assignments`."""

    def __init__(self, secrets: SecretStore, platform: str) -> None:
        self._secrets = secrets
        self._name = f"{platform}-role-assignments"

    async def load(self) -> tuple[Assignment, ...]:
        """Return what is recorded and well-formed; the rest of the Secret is ignored. Raises StepError (SecretNameTaken)."""
        data = await self._secrets.own(self._name) or {}
        return parse_record(data.get(RECORD_KEY, ""))

    async def add(self, assignment: Assignment) -> None:
        """Record an assignment before it is sent."""
        known = await self.load()
        if assignment not in known:
            await self.save([assignment, *known])

    async def save(self, assignments: Iterable[Assignment]) -> None:
        """Record exactly these; the Secret is deleted when there are none."""
        entries = [{"scope": a.scope, "principalId": a.principal_id, "roleId": a.role} for a in assignments][:RECORD_LIMIT]
        if entries:
            await self._secrets.apply(self._name, {RECORD_KEY: json.dumps(entries)})
        else:
            await self._secrets.delete(self._name)


def parse_record(text: str) -> tuple[Assignment, ...]:
    """Return the well-formed entries of a record, whoever wrote it. Pure."""
    try:
        entries = parse_json(text, RECORD_BUDGET)
    except DocumentRefused:
        return ()
    found = [_parse_entry(entry) for entry in entries[:RECORD_LIMIT]] if isinstance(entries, list) else []
    return tuple(dict.fromkeys(assignment for assignment in found if assignment))


def _parse_entry(entry: Any) -> Assignment | None:
    if not isinstance(entry, dict):
        return None
    scope, principal, role = (str(entry.get(key)) for key in ("scope", "principalId", "roleId"))
    if not (_SCOPE.fullmatch(scope) and _GUID.fullmatch(principal) and _GUID.fullmatch(role)):
        return None
    return Assignment(scope, principal, next((name for name, id_ in ROLES.items() if id_ == role.lower()), role.lower()))
