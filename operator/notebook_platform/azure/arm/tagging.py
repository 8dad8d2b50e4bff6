"""Write tags only: a resource that is adopted or orphaned is not written as a whole.

https://learn.microsoft.com/rest/api/resources/tags/update-at-scope
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.ownership import OWNER_TAG
from notebook_platform.azure.arm.session import AzureSession
from notebook_platform.engine import Action, Change, Outcome
from notebook_platform.engine.change import merged
from notebook_platform.engine.each import each

API_VERSION = "2021-04-01"


def only_tags(changes: Sequence[Change]) -> bool:
    """Return whether the changes concern only the tags of an existing resource."""
    return all(change.keys[:1] == ("tags",) and change.action is Action.UPDATE for change in changes)


def changed_resource(desired: Mapping[str, Any], found: Mapping[str, Any] | None, changes: Sequence[Change]) -> dict[str, Any]:
    """Return the body of a write that makes these changes alone: every other member of `desired`, and every other tag, stays as read.

    `found`: the resource as read; None: it is created. `changes`: those of the write. A resource that is replaced is written as desired.
    """
    if found is None or any(change.action is Action.REPLACE for change in changes):
        return dict(desired)
    members = {name: found[name] for name in desired if name in found}
    if "properties" in desired:
        properties = found.get("properties") or {}
        members["properties"] = {name: properties[name] for name in desired["properties"] if name in properties}
    return {**desired, **merged(members, changes)}


async def write_tags(session: AzureSession, id_: str, changes: Sequence[Change]) -> None:
    """Set and remove the tags of a resource that the changes name, and keep its other tags."""
    tags = [change for change in changes if change.keys[:1] == ("tags",)]
    if wanted := {change.keys[-1]: str(change.after) for change in tags if change.after is not None}:
        await set_tags(session, id_, wanted)
    if gone := {change.keys[-1]: str(change.before) for change in tags if change.after is None}:
        await _patch(session, id_, "Delete", gone)


async def set_tags(session: AzureSession, id_: str, tags: Mapping[str, str]) -> None:
    """Set these tags on a resource and keep its other tags."""
    await _patch(session, id_, "Merge", tags)


async def drop_owners(session: AzureSession, field: str, resources: Iterable[Mapping[str, Any]]) -> Outcome:
    """Remove the owner tag from resources, each with its `id` and `tags`, and keep their other tags. One that Azure refuses keeps no later one
    from it. Raises StepError."""

    async def drop(resource: Mapping[str, Any]) -> None:
        async with azure_errors(field):
            await _drop_owner(session, resource["id"], resource.get("tags"))

    return await each(resources, drop)


async def _drop_owner(session: AzureSession, id_: str, tags: Mapping[str, str] | None) -> None:
    marks = {name: value for name, value in (tags or {}).items() if name.casefold() == OWNER_TAG}
    if marks:
        await _patch(session, id_, "Delete", marks)


async def _patch(session: AzureSession, id_: str, operation: str, tags: Mapping[str, str]) -> None:
    body = {"operation": operation, "properties": {"tags": dict(tags)}}
    await session.send("PATCH", f"{id_}/providers/Microsoft.Resources/tags/default", json=body, api_version=API_VERSION)
