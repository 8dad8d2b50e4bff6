"""How calls reach AKS: its paths, its ids, the versions of its API."""

from sandbox.azure.aks_bodies import shown
from sandbox.azure.core.routing import Answer, Call, Handler
from sandbox.azure.core.store import Resource

TYPE = "microsoft.containerservice/managedclusters"
BASE = "/subscriptions/{sub}/resourcegroups/{rg}/providers/Microsoft.ContainerService/managedClusters"


def operations_path(call: Call, location: str) -> str:
    """Where the documents of this provider's operations lie."""
    return f"/subscriptions/{call['sub']}/providers/Microsoft.ContainerService/locations/{location}"


def aks_id(group: Resource, name: str) -> str:
    """The id of a cluster, in AKS's spelling."""
    root = group.id.replace("/resourceGroups/", "/resourcegroups/")
    return f"{root}/providers/Microsoft.ContainerService/managedClusters/{name}"


def versioned(handler: Handler) -> Handler:
    """The handler, whose answer is as the call's version of the API shows it."""

    async def handle(call: Call) -> Answer:
        answer = await handler(call)
        return Answer(shown(answer.body, call.query.get("api-version", "")), answer.status, answer.headers)

    return handle
