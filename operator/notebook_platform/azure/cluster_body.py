"""The managed cluster in wire form: the desired body, its differences from the existing cluster, and the body to send. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from notebook_platform import outputs
from notebook_platform.api.cluster import OFFICIAL, ClusterSpec
from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.agent_pools import BUSY, initial_count, pool_body, subnet_of
from notebook_platform.azure.autoscaler_profile import autoscaler_profile
from notebook_platform.azure.versions import downgrade, satisfies
from notebook_platform.engine import Action, Change, Failed
from notebook_platform.engine.change import Disruptive, Gate, Impossible, compare, merged
from notebook_platform.versions import minor

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
    "properties.networkProfile.outboundType": "spec.cluster.network.outboundType",
    "properties.apiServerAccessProfile.enablePrivateCluster": "spec.cluster.apiServer.private",
    "properties.apiServerAccessProfile.privateDNSZone": "spec.cluster.apiServer.privateDNSZone",
    "properties.servicePrincipalProfile.clientId": "spec.identity",
    "identity.type": "spec.identity.type",
}
"""The immutable properties of a cluster, and the member of the spec that sets each."""

NODE_PROVISIONING_PATH = "properties.nodeProvisioningProfile.mode"

DEFAULTS: Mapping[str, Any] = {
    "properties.autoUpgradeProfile.upgradeChannel": "none",
    "properties.autoUpgradeProfile.nodeOSUpgradeChannel": "NodeImage",
    "properties.apiServerAccessProfile.enablePrivateCluster": False,
    "properties.apiServerAccessProfile.authorizedIPRanges": [],
    "properties.disableLocalAccounts": False,
    "properties.oidcIssuerProfile.enabled": False,
    "properties.securityProfile.workloadIdentity.enabled": False,
    NODE_PROVISIONING_PATH: "Manual",
    "properties.networkProfile.loadBalancerSku": "standard",
    "properties.networkProfile.outboundType": "loadBalancer",
    "properties.enableRBAC": True,
    "properties.supportPlan": OFFICIAL,
}
"""What a member means that Azure leaves out of its answer: no difference to it is a change."""

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
    """Return the prefix that `az aks create` makes: ten letters of the name, sixteen of the group, six of the subscription."""
    name = "".join(c for c in spec.cluster.name if c.isalnum() or c == "-")[:10]
    if not name[:1].isalpha():
        name = "a" + name
    group = "".join(c for c in spec.azure.resource_group if c.isalnum() or c == "-")[:16]
    return f"{name}-{group}-{spec.azure.subscription_id[:6]}"


def default_node_group(spec: NotebookPlatformSpec) -> str:
    """Return AKS's default name; at most 80 characters."""
    return f"MC_{spec.azure.resource_group}_{spec.cluster.name}_{spec.azure.location}"[:80]


def desired_cluster(
    spec: NotebookPlatformSpec,
    *,
    network: outputs.Network | None,
    identity: outputs.Identity,
    ssh_key: str | None,
    tags: Mapping[str, str],
    now: datetime,
) -> Wire:
    """Return the body of the creating PUT without the principal's secret."""
    cluster = spec.cluster
    pools = [
        {
            "name": pool.name,
            **pool_body(pool, subnet_id=subnet_of(pool, network), tags=tags, now=now),
            "count": initial_count(pool),
            "orchestratorVersion": cluster.kubernetes_version,
        }
        for pool in spec.node_pools
    ]
    properties: Wire = {
        "kubernetesVersion": cluster.kubernetes_version,
        "dnsPrefix": cluster.dns_prefix or default_dns_prefix(spec),
        "nodeResourceGroup": cluster.node_resource_group or default_node_group(spec),
        "enableRBAC": True,
        "supportPlan": cluster.support_plan,
        "disableLocalAccounts": not cluster.local_accounts,
        "networkProfile": network_profile(cluster),
        "autoUpgradeProfile": {
            "upgradeChannel": cluster.upgrades.channel,
            "nodeOSUpgradeChannel": cluster.upgrades.node_os_channel,
        },
        "apiServerAccessProfile": _present(
            authorizedIPRanges=list(cluster.api_server.authorized_ip_ranges),
            enablePrivateCluster=cluster.api_server.private,
            privateDNSZone=cluster.api_server.private_dns_zone,
        ),
        "oidcIssuerProfile": {"enabled": cluster.oidc_issuer},
        "securityProfile": {"workloadIdentity": {"enabled": cluster.workload_identity}},
        "nodeProvisioningProfile": {"mode": cluster.node_provisioning},
        **profiles(cluster),
        "agentPoolProfiles": pools,
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


def _present(**members: Any) -> Wire:
    return {key: value for key, value in members.items() if value is not None}


def network_profile(cluster: ClusterSpec) -> Wire:
    """Return networkProfile: plugin, policy, addresses, outbound type."""
    network = cluster.network
    return _present(
        networkPlugin=network.plugin,
        serviceCidr=network.service_cidr,
        dnsServiceIP=network.dns_service_ip,
        loadBalancerSku="standard",
        outboundType=network.outbound_type,
        networkPluginMode=network.plugin_mode,
        networkPolicy=None if network.policy == "none" else network.policy,
        networkDataplane="cilium" if network.policy == "cilium" else None,
        podCidr=network.pod_cidr,
    )


def profiles(cluster: ClusterSpec) -> Wire:
    """Return the members that exist only when the spec has them: sign-in, autoscaler, monitoring."""
    found: Wire = {}
    if cluster.entra:
        found["aadProfile"] = _present(
            managed=True,
            enableAzureRBAC=cluster.entra.azure_rbac,
            adminGroupObjectIDs=list(cluster.entra.admin_group_object_ids),
            tenantID=cluster.entra.tenant_id,
        )
    if cluster.autoscaler_profile:
        found["autoScalerProfile"] = autoscaler_profile(cluster.autoscaler_profile)
    if cluster.monitoring:
        config = {"logAnalyticsWorkspaceResourceID": cluster.monitoring.workspace_id, "useAADAuth": "true"}
        found["addonProfiles"] = {"omsagent": {"enabled": True, "config": config}}
    return found


def _put_identity(body: Wire, identity: outputs.Identity) -> None:
    if identity.type == "ServicePrincipal":
        body["properties"]["servicePrincipalProfile"] = {"clientId": identity.client_id}
    elif identity.type == "UserAssigned":
        body["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {identity.identity_id: {}}}
    else:
        body["identity"] = {"type": "SystemAssigned"}


def current_version(found: Mapping[str, Any]) -> str:
    """Return the running version with its patch."""
    properties = found["properties"]
    return str(properties.get("currentKubernetesVersion") or properties["kubernetesVersion"])


def cluster_changes(desired: Wire, found: Wire | None) -> Sequence[Change]:
    """Return the differences without those of agent pools, which are a step of their own after the creation."""
    if found is None:
        return [Change(path="managedCluster", action=Action.CREATE, after=desired)]
    changes = []
    properties = {k: v for k, v in desired["properties"].items() if k not in ("kubernetesVersion", "agentPoolProfiles")}
    wanted = {**desired, "properties": properties}
    if identity := wanted.get("identity"):
        wanted["identity"] = {"type": identity["type"]}
    for change in compare(wanted, found):
        if not change.before and change.path in DEFAULTS and DEFAULTS[change.path] == change.after:
            continue
        action = Action.REPLACE if change.path in IMMUTABLE else Action.UPDATE
        gate: Gate | None = Disruptive() if change.path in DISRUPTIVE else None
        if action is Action.REPLACE:
            gate = Impossible(_for_life(change), disruptive=True)
        changes.append(replace(change, action=action, gate=gate))
    version, current = desired["properties"]["kubernetesVersion"], current_version(found)
    if not satisfies(current, version):
        refused = downgrade(current, version, "spec.cluster.kubernetesVersion")
        gate = Impossible(refused, disruptive=True) if refused else Disruptive()
        changes.append(Change(path=VERSION_PATH, action=Action.UPDATE, before=current, after=version, gate=gate))
    state = found["properties"].get("provisioningState")
    if state in ("Failed", "Canceled"):
        changes.append(Change(path=STATE_PATH, action=Action.UPDATE, before=state, after="Succeeded"))
    return changes


def _for_life(change: Change) -> Failed:
    return Failed(
        reason=Reason.IMMUTABLE_FIELD,
        message=f"{IMMUTABLE[change.path]} asks for {change.after!r} but the cluster has {change.before!r}, which is immutable",
        remedy="Set it back, or make a new platform with it.",
    )


def lagging_pools(found: Wire, names: Collection[str]) -> list[str]:
    """Return the platform's pools that are a minor version behind the control plane, which waits for them."""
    reached = minor(current_version(found))
    return [
        pool["name"]
        for pool in found["properties"].get("agentPoolProfiles") or ()
        if pool["name"] in names and minor(pool.get("currentOrchestratorVersion") or pool["orchestratorVersion"]) < reached
    ]


def autoscaled_pools(found: Wire) -> list[str]:
    """Return the agent pools with the cluster autoscaler, which excludes node auto-provisioning
    (https://learn.microsoft.com/azure/aks/node-auto-provisioning#limitations-and-unsupported-features)."""
    return [pool["name"] for pool in found["properties"].get("agentPoolProfiles") or () if pool.get("enableAutoScaling")]


def busy_pools(found: Wire) -> list[str]:
    """Return agent pools with a running operation, which excludes any write to the cluster."""
    pools = found["properties"].get("agentPoolProfiles") or ()
    return [pool["name"] for pool in pools if pool.get("provisioningState") in BUSY]


def updated_cluster(found: Wire, changes: Sequence[Change], version: str | None) -> Wire:
    """Return the cluster as read with the changes; its pools are sent as read, so that they stay unchanged.

    `version` None: as it is. The principal's secret is not sent, so Azure keeps the one it has.
    """
    document = merged(found, changes)
    body: Wire = {key: value for key, value in document.items() if key not in READ_ONLY}
    body["properties"] = {k: v for k, v in document["properties"].items() if k not in READ_ONLY_PROPERTIES}
    body["tags"] = dict(body.get("tags") or {})
    if version is not None:
        body["properties"]["kubernetesVersion"] = version
    return body


def power_state(found: Wire) -> str:
    """Return Running or Stopped."""
    return str((found["properties"].get("powerState") or {}).get("code", "Running"))


def cluster_output(body: Wire, group: str, *, stays: bool = False) -> outputs.Cluster:
    """Return what later steps take from a cluster. `group`: its resource group; `stays`: it is not upgraded for now. Pure."""
    properties = body["properties"]
    profiles = properties.get("identityProfile") or {}
    return outputs.Cluster(
        id=body["id"],
        name=body["name"],
        resource_group=group,
        node_resource_group=properties["nodeResourceGroup"],
        location=body["location"],
        kubernetes_version=current_version(body),
        power_state=power_state(body),
        fqdn=properties.get("fqdn") or properties.get("privateFQDN"),
        pools=tuple(pool["name"] for pool in properties.get("agentPoolProfiles") or ()),
        principal_id=(body.get("identity") or {}).get("principalId"),
        kubelet_id=(profiles.get("kubeletidentity") or {}).get("objectId"),
        oidc_issuer=(properties.get("oidcIssuerProfile") or {}).get("issuerURL"),
        state=str(properties.get("provisioningState") or ""),
        local_accounts=not properties.get("disableLocalAccounts"),
        stays=stays,
        resource_uid=properties.get("resourceUID"),
        tenant_id=(properties.get("aadProfile") or {}).get("tenantID"),
    )
