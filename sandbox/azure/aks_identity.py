"""Identities of managed clusters: what AKS adds to a cluster's body for its control plane and for its kubelets."""

from typing import Any

from sandbox.azure.core.routing import Call
from sandbox.azure.graph import Graph
from sandbox.azure.world import TENANT, World


def give_identity(world: World, graph: Graph, call: Call, body: dict[str, Any]) -> None:
    """Add to a cluster's body the principal of its system-assigned identity, and the one as which its nodes pull images."""
    given, properties = call.body["identity"], body["properties"]
    body["identity"] = dict(given)
    if given["type"] == "SystemAssigned":
        own = graph.managed_principal(call["name"])
        body["identity"] |= {"tenantId": TENANT, "principalId": own["id"]}
    else:
        chosen = {i: world.resource(i).body["properties"] for i in given["userAssignedIdentities"]}
        body["identity"]["userAssignedIdentities"] = {
            id_: {"clientId": p["clientId"], "principalId": p["principalId"]} for id_, p in chosen.items()
        }
    properties["servicePrincipalProfile"] = {"clientId": "msi"}
    if "identityProfile" in properties:
        return
    kubelet = graph.managed_principal(f"{call['name']}-agentpool")
    group = f"/subscriptions/{call['sub']}/resourcegroups/{properties['nodeResourceGroup']}"
    properties["identityProfile"] = {
        "kubeletidentity": {
            "resourceId": f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{call['name']}-agentpool",
            "clientId": kubelet["appId"],
            "objectId": kubelet["id"],
        }
    }
