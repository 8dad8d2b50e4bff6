"""The managed cluster in wire form. Pure: what the spec says of it, how it differs from what is there, what is sent."""

from collections.abc import Mapping, Sequence
from typing import Any

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure import outputs
from notebook_platform.azure.agent_pools import initial_count, pool_body
from notebook_platform.azure.versions import satisfies
from notebook_platform.engine import Action, Change
from notebook_platform.engine.change import compare

Wire = dict[str, Any]

IMMUTABLE = {
    "location": "spec.azure.location",
    "properties.dnsPrefix": "spec.cluster.dnsPrefix",
    "properties.nodeResourceGroup": "spec.cluster.nodeResourceGroup",
    "properties.linuxProfile.adminUsername": "spec.cluster.adminUsername",
    "properties.networkProfile.networkPlugin": "spec.cluster.network.plugin",
    "properties.networkProfile.networkPluginMode": "spec.cluster.network.pluginMode",
    "properties.networkProfile.serviceCidr": "spec.cluster.network.serviceCidr",
    "properties.networkProfile.dnsServiceIP": "spec.cluster.network.dnsServiceIP",
    "properties.networkProfile.podCidr": "spec.cluster.network.podCidr",
    "properties.servicePrincipalProfile.clientId": "spec.identity",
    "identity.type": "spec.identity.type",
}
"""What a cluster has for life, and the member of the spec that says it."""

DISRUPTIVE = frozenset({"properties.networkProfile.networkPolicy"})
"""Nodes are reimaged for these."""

READ_ONLY = frozenset({"id", "name", "type", "eTag", "etag", "systemData"})
READ_ONLY_PROPERTIES = frozenset(
    {"provisioningState", "powerState", "maxAgentPools", "currentKubernetesVersion", "fqdn", "privateFQDN"}
    | {"azurePortalFQDN", "resourceUID", "identityProfile", "status"}
)

VERSION_PATH = "properties.kubernetesVersion"
STATE_PATH = "properties.provisioningState"


def default_dns_prefix(spec: NotebookPlatformSpec) -> str:
    """As `az aks create` makes it: ten letters of the name, sixteen of the group, six of the subscription."""
    name = "".join(c for c in spec.cluster.name if c.isalnum() or c == "-")[:10]
    if not name[:1].isalpha():
        name = "a" + name
    group = "".join(c for c in spec.azure.resource_group if c.isalnum() or c == "-")[:16]
    return f"{name}-{group}-{spec.azure.subscription_id[:6]}"


def default_node_group(spec: NotebookPlatformSpec) -> str:
    """As AKS names it; at most 80 characters."""
    return f"MC_{spec.azure.resource_group}_{spec.cluster.name}_{spec.azure.location}"[:80]


def desired_cluster(
    spec: NotebookPlatformSpec,
    *,
    network: outputs.Network | None,
    identity: outputs.Identity,
    ssh_key: str | None,
    tags: Mapping[str, str],
) -> Wire:
    """The whole body of the creating PUT, but for the principal's secret."""
    cluster = spec.cluster
    subnet_id = network.subnet_id if network else None
    profile: Wire = {
        "networkPlugin": cluster.network.plugin,
        "serviceCidr": cluster.network.service_cidr,
        "dnsServiceIP": cluster.network.dns_service_ip,
        "loadBalancerSku": "standard",
        "outboundType": "loadBalancer",
    }
    optional = {
        "networkPluginMode": cluster.network.plugin_mode,
        "networkPolicy": None if cluster.network.policy == "none" else cluster.network.policy,
        "networkDataplane": "cilium" if cluster.network.policy == "cilium" else None,
        "podCidr": cluster.network.pod_cidr,
    }
    profile |= {key: value for key, value in optional.items() if value is not None}
    properties: Wire = {
        "kubernetesVersion": cluster.kubernetes_version,
        "dnsPrefix": cluster.dns_prefix or default_dns_prefix(spec),
        "nodeResourceGroup": cluster.node_resource_group or default_node_group(spec),
        "enableRBAC": True,
        "networkProfile": profile,
        "agentPoolProfiles": [
            {
                "name": pool.name,
                **pool_body(pool, subnet_id=subnet_id, tags=tags),
                "count": initial_count(pool),
                "orchestratorVersion": cluster.kubernetes_version,
            }
            for pool in spec.node_pools
        ],
    }
    if ssh_key:
        keys = [{"keyData": ssh_key.strip()}]
        properties["linuxProfile"] = {"adminUsername": cluster.admin_username, "ssh": {"publicKeys": keys}}
    body: Wire = {
        "location": spec.azure.location,
        "tags": dict(tags),
        "sku": {"name": "Base", "tier": cluster.tier},
        "properties": properties,
    }
    _put_identity(body, identity)
    return body


def _put_identity(body: Wire, identity: outputs.Identity) -> None:
    if identity.type == "ServicePrincipal":
        body["properties"]["servicePrincipalProfile"] = {"clientId": identity.client_id}
    elif identity.type == "UserAssigned":
        body["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {identity.identity_id: {}}}
    else:
        body["identity"] = {"type": "SystemAssigned"}


def current_version(found: Mapping[str, Any]) -> str:
    """The version that runs, with its patch."""
    properties = found["properties"]
    return str(properties.get("currentKubernetesVersion") or properties["kubernetesVersion"])


def cluster_changes(desired: Wire, found: Wire | None) -> Sequence[Change]:
    """What differs, but for the agent pools: after the creation those are a step of their own."""
    if found is None:
        return [Change(path=f"managedClusters/{desired['properties']['nodeResourceGroup']}", action=Action.CREATE, after=desired)]
    changes = []
    properties = {k: v for k, v in desired["properties"].items() if k not in ("kubernetesVersion", "agentPoolProfiles")}
    wanted = {**desired, "properties": properties}
    identity = wanted.get("identity")
    if identity:
        wanted["identity"] = {"type": identity["type"]}
    for change in compare(wanted, found):
        action = Action.REPLACE if change.path in IMMUTABLE else Action.UPDATE
        disrupts = action is Action.REPLACE or change.path in DISRUPTIVE
        changes.append(Change(path=change.path, action=action, before=change.before, after=change.after, disrupts=disrupts))
    version, current = desired["properties"]["kubernetesVersion"], current_version(found)
    if not satisfies(current, version):
        changes.append(Change(path=VERSION_PATH, action=Action.UPDATE, before=current, after=version, disrupts=True))
    state = found["properties"].get("provisioningState")
    if state in ("Failed", "Canceled"):
        changes.append(Change(path=STATE_PATH, action=Action.UPDATE, before=state, after="Succeeded"))
    return changes


def updated_cluster(found: Wire, desired: Wire, version: str | None) -> Wire:
    """The cluster as read with our members in it. Pools stay as read: one left out would be no better than one sent back.

    `version` None: as it is. The principal's secret is not sent, so Azure keeps the one it has.
    """
    body: Wire = {key: value for key, value in found.items() if key not in READ_ONLY}
    properties = {k: v for k, v in found["properties"].items() if k not in READ_ONLY_PROPERTIES}
    for key, value in desired["properties"].items():
        if key not in ("kubernetesVersion", "agentPoolProfiles"):
            old = properties.get(key)
            properties[key] = {**old, **value} if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    if version is not None:
        properties["kubernetesVersion"] = version
    body |= {"properties": properties, "tags": {**(found.get("tags") or {}), **desired["tags"]}, "sku": desired["sku"]}
    return body
