"""The managed cluster in wire form: the desired body, the body to send, and what later steps take from it. Pure."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from notebook_platform import outputs
from notebook_platform.api.cluster import ClusterSpec
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.agent_pools import initial_count, pool_body, subnet_of
from notebook_platform.azure.autoscaler_profile import autoscaler_profile
from notebook_platform.azure.monitoring_addon import is_monitored_by_identity, monitoring_addon, sends_metrics
from notebook_platform.azure.states import is_busy
from notebook_platform.engine import Change
from notebook_platform.engine.change import merged
from notebook_platform.versions import minor

Wire = dict[str, Any]

READ_ONLY = frozenset({"id", "name", "type", "eTag", "etag", "systemData"})
READ_ONLY_PROPERTIES = frozenset(
    {"provisioningState", "powerState", "maxAgentPools", "currentKubernetesVersion", "fqdn", "privateFQDN"}
    | {"azurePortalFQDN", "resourceUID", "identityProfile", "status"}
)

NOT_SENT_OF_POOLS = frozenset({"orchestratorVersion", "currentOrchestratorVersion", "status"})


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
        **profiles(cluster, identity),
        **({"azureMonitorProfile": {"metrics": {"enabled": True}}} if spec.managed_prometheus else {}),
        "agentPoolProfiles": _initial_pools(spec, network=network, tags=tags, now=now),
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


def _initial_pools(
    spec: NotebookPlatformSpec, *, network: outputs.Network | None, tags: Mapping[str, str], now: datetime
) -> list[Wire]:
    """Return the agent pools of the creating PUT, which creates the cluster with all of them."""
    return [
        {
            "name": pool.name,
            **pool_body(pool, subnet_id=subnet_of(pool, network), tags=tags, now=now),
            "count": initial_count(pool),
            "orchestratorVersion": spec.cluster.kubernetes_version,
        }
        for pool in spec.node_pools
    ]


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
        networkPolicy=network.policy,
        networkDataplane="cilium" if network.policy == "cilium" else None,
        podCidr=network.pod_cidr,
    )


def profiles(cluster: ClusterSpec, identity: outputs.Identity) -> Wire:
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
        by_key = identity.type == "ServicePrincipal"
        found["addonProfiles"] = monitoring_addon(cluster.monitoring.workspace_id, service_principal=by_key)
    return found


def _put_identity(body: Wire, identity: outputs.Identity) -> None:
    if identity.type == "ServicePrincipal":
        body["properties"]["servicePrincipalProfile"] = {"clientId": identity.client_id}
    elif identity.type == "UserAssigned":
        principal = {"principalId": identity.principal_id} if identity.principal_id else {}
        body["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {identity.identity_id: principal}}
    else:
        body["identity"] = {"type": "SystemAssigned"}


def current_version(found: Mapping[str, Any]) -> str:
    """Return the running version with its patch."""
    properties = found["properties"]
    return str(properties.get("currentKubernetesVersion") or properties["kubernetesVersion"])


def names_of_aks(cluster: ClusterSpec) -> frozenset[str]:
    """Return the paths of immutable names that the spec leaves to AKS: an existing cluster keeps those that it has."""
    names = {"properties.dnsPrefix": cluster.dns_prefix, "properties.nodeResourceGroup": cluster.node_resource_group}
    return frozenset(path for path, given in names.items() if given is None)


def lagging_pools(found: Wire, names: Collection[str]) -> list[str]:
    """Return the platform's pools that are a minor version behind the control plane, which waits for them."""
    reached = current_version(found)
    return [
        pool["name"]
        for pool in found["properties"].get("agentPoolProfiles") or ()
        if pool["name"] in names
        and minor(pool.get("currentOrchestratorVersion") or pool.get("orchestratorVersion") or reached) < minor(reached)
    ]


def autoscaled_pools(found: Wire) -> list[str]:
    """Return the agent pools with the cluster autoscaler, which excludes node auto-provisioning
    (https://learn.microsoft.com/azure/aks/node-auto-provisioning#limitations-and-unsupported-features)."""
    return [pool["name"] for pool in found["properties"].get("agentPoolProfiles") or () if pool.get("enableAutoScaling")]


def busy_pools(found: Wire) -> list[str]:
    """Return agent pools with a running operation, which excludes any write to the cluster."""
    pools = found["properties"].get("agentPoolProfiles") or ()
    return [pool["name"] for pool in pools if is_busy(pool)]


def updated_cluster(found: Wire, changes: Sequence[Change], version: str | None) -> Wire:
    """Return the cluster as read with the changes; its pools are sent as read, so that they stay unchanged.

    `version` None: as it is. The principal's secret is not sent, so Azure keeps the one it has. The versions of the pools are not sent
    either: AKS keeps them, and refuses to read back those that it no longer offers.
    """
    document = merged(found, changes)
    body: Wire = {key: value for key, value in document.items() if key not in READ_ONLY}
    body["properties"] = {k: v for k, v in document["properties"].items() if k not in READ_ONLY_PROPERTIES}
    body["tags"] = dict(body.get("tags") or {})
    if pools := body["properties"].get("agentPoolProfiles"):
        body["properties"]["agentPoolProfiles"] = [_without(pool, NOT_SENT_OF_POOLS) for pool in pools]
    if version is not None:
        body["properties"]["kubernetesVersion"] = version
    return with_identities_named(body)


def _without(document: Wire, names: Collection[str]) -> Wire:
    return {key: value for key, value in document.items() if key not in names}


def with_identities_named(body: Wire) -> Wire:
    """Return the body with its user-assigned identities as Azure takes them: the id alone. Azure reads their principals anew."""
    identity = body.get("identity") or {}
    if not (named := identity.get("userAssignedIdentities")):
        return body
    return {**body, "identity": {"type": identity["type"], "userAssignedIdentities": {id_: {} for id_ in named}}}


def power_state(found: Wire) -> str:
    """Return Running or Stopped; what Azure leaves out or names in another way is no reason to start a cluster."""
    code = (found["properties"].get("powerState") or {}).get("code")
    return "Stopped" if str(code).casefold() == "stopped" else "Running"


def cluster_output(body: Wire, group: str, *, awaits_pools: bool = False) -> outputs.Cluster:
    """Return what later steps take from a cluster. `group`: its resource group; `awaits_pools`: see there. Pure."""
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
        awaits_pools=awaits_pools,
        resource_uid=properties.get("resourceUID"),
        tenant_id=(properties.get("aadProfile") or {}).get("tenantID"),
        monitored_by_identity=is_monitored_by_identity(properties),
        sends_metrics=sends_metrics(properties),
        uses=_used(properties),
    )


def _used(properties: Mapping[str, Any]) -> frozenset[str]:
    """Return the ids, in lower case, of what the identity of a cluster needs roles on."""
    subnets = {str(pool.get("vnetSubnetID") or "").lower() for pool in properties.get("agentPoolProfiles") or ()} - {""}
    zone = str((properties.get("apiServerAccessProfile") or {}).get("privateDNSZone") or "").lower()
    linked = {zone, *(subnet.rsplit("/subnets/", 1)[0] for subnet in subnets)} if zone.startswith("/") else set()
    return frozenset(subnets | linked)
