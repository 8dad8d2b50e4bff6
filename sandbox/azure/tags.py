"""Microsoft.Resources/tags: the tags of any resource, without the rest of it."""

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
            if operation == "Delete":
                tags = {key: value for key, value in tags.items() if given.get(key, object()) not in (value, "")}
            else:
                tags = {**(tags if operation == "Merge" else {}), **given}
        elif call.method in ("PUT", "DELETE"):
            tags = dict(given)
        if call.method != "GET":
            resource.body["tags"] = tags
            for key in ("etag", "eTag"):
                if key in resource.body:
                    resource.body[key] = self._world.store.etag()
        if call.method == "DELETE":
            return Answer(None, 200)
        id_ = f"{resource.id}/providers/Microsoft.Resources/tags/default"
        return Answer({"id": id_, "name": "default", "type": "Microsoft.Resources/tags", "properties": {"tags": tags}})
