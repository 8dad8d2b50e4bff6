"""Microsoft.Resources/tags: the tags of any resource, without the rest of it.

The case of a tag's name has no meaning, and a name once there keeps its case; the case of a value has one.
https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources
"""

from collections.abc import Mapping

from sandbox.azure.core.errors import ArmError
from sandbox.azure.core.routing import Answer, Call, Routes
from sandbox.azure.world import World


class Tags:
    """Read, merge, replace and remove; https://learn.microsoft.com/rest/api/resources/tags."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self, routes: Routes) -> None:
        """Register the endpoints."""
        routes.add("GET PUT PATCH DELETE", r"/(?P<scope>.+)/providers/Microsoft.Resources/tags/default", self.default)

    async def default(self, call: Call) -> Answer:
        """The tags of one resource."""
        resource = self._world.resource(f"/{call['scope']}")
        tags = dict(resource.body.get("tags") or {})
        given = ((call.body or {}).get("properties") or {}).get("tags") or {}
        if call.method == "PATCH":
            operation = call.body["operation"]
            if operation not in ("Merge", "Replace", "Delete"):
                raise ArmError(400, "InvalidTagsOperation", f"The tags operation '{operation}' is not valid.")
            if operation == "Replace":
                tags = {}
            tags = without(tags, given) if operation == "Delete" else merged(tags, given)
        elif call.method in ("PUT", "DELETE"):
            tags = dict(given)
        if call.method != "GET":
            resource.body["tags"] = tags
            self._world.store.touch(resource)
        if call.method == "DELETE":
            return Answer(None, 200)
        id_ = f"{resource.id}/providers/Microsoft.Resources/tags/default"
        return Answer({"id": id_, "name": "default", "type": "Microsoft.Resources/tags", "properties": {"tags": tags}})


def merged(tags: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The tags with the given ones in them; one whose name is there in another case keeps the name."""
    names = {name.lower(): name for name in tags}
    return {**tags, **{names.get(name.lower(), name): value for name, value in given.items()}}


def without(tags: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """The tags without those of the given names that have the given value; an empty one stands for any."""
    going = {name.lower(): value for name, value in given.items()}
    return {name: value for name, value in tags.items() if going.get(name.lower(), object()) not in (value, "")}


def check_tags(tags: Mapping[str, str]) -> None:
    """Raises InvalidRequestContent for two names that differ in case alone."""
    names = [name.lower() for name in tags]
    if double := next((name for name in tags if names.count(name.lower()) > 1), None):
        message = (
            "The request content was invalid and could not be deserialized: 'An item with the same key has already been added. "
            f"Key: {double}'."
        )
        raise ArmError(400, "InvalidRequestContent", message)
