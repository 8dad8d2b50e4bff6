"""The differences between the desired and the existing cluster, and which of them AKS can make. Pure.

What AKS cannot change today it may change tomorrow, so immutability is data with a date (`Immutable`), not a rule of the code.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from notebook_platform.api.cluster import OFFICIAL
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.cluster_body import Wire, current_version
from notebook_platform.azure.comparison import compare_wire
from notebook_platform.azure.last_applied import ENTRA, Record
from notebook_platform.azure.monitoring_addon import as_spelled
from notebook_platform.azure.patch_changes import restoring
from notebook_platform.azure.states import SUCCEEDED, is_unfinished, state_of
from notebook_platform.azure.versions import downgrade, reached
from notebook_platform.engine import Action, Change, Failed
from notebook_platform.engine.change import Disruptive, Gate, Impossible
from notebook_platform.versions import minor

VERSION_PATH = "properties.kubernetesVersion"
STATE_PATH = "properties.provisioningState"
IDENTITY_PATH = "identity"
PRINCIPAL_PATH = "properties.servicePrincipalProfile.clientId"
NETWORK = "properties.networkProfile."
NODE_PROVISIONING_PATH = "properties.nodeProvisioningProfile.mode"

NEW_PLATFORM = "https://learn.microsoft.com/rest/api/aks/managed-clusters/create-or-update"
IP_UPDATE = "https://learn.microsoft.com/azure/aks/update-azure-cni"
OUTBOUND = "https://learn.microsoft.com/azure/aks/egress-outboundtype"
IDENTITY = "https://learn.microsoft.com/azure/aks/use-managed-identity"


@dataclass(frozen=True, kw_only=True)
class Immutable:
    """A property that AKS does not change, as of a month.

    `field`: the member of the spec that sets it. `source`: where AKS says so. `allowed`: the changes (before, after) that AKS does make;
    before None: absent; after None: any value. `with_overlay`: only for a cluster that the spec asks to have overlay.
    """

    field: str
    as_of: str = "2026-11"
    source: str = NEW_PLATFORM
    allowed: tuple[tuple[str | None, str | None], ...] = ()
    with_overlay: bool = False

    def allows(self, before: Any, after: Any, desired: Wire) -> bool:
        """Return whether AKS makes this change of a cluster on its way to `desired`."""
        if self.with_overlay and (desired["properties"].get("networkProfile") or {}).get("networkPluginMode") != "overlay":
            return False
        return any((before or None) == old and new in (None, after) for old, new in self.allowed)


IMMUTABLE: Mapping[str, Immutable] = {
    "location": Immutable(field="spec.azure.location"),
    "properties.dnsPrefix": Immutable(field="spec.cluster.dnsPrefix"),
    "properties.nodeResourceGroup": Immutable(field="spec.cluster.nodeResourceGroup"),
    "properties.linuxProfile.adminUsername": Immutable(field="spec.cluster.adminUsername"),
    "properties.networkProfile.networkPlugin": Immutable(
        field="spec.cluster.network.plugin", source=IP_UPDATE, allowed=(("kubenet", "azure"),), with_overlay=True
    ),
    "properties.networkProfile.networkPluginMode": Immutable(
        field="spec.cluster.network.pluginMode", source=IP_UPDATE, allowed=((None, "overlay"),)
    ),
    "properties.networkProfile.podCidr": Immutable(
        field="spec.cluster.network.podCidr", source=IP_UPDATE, allowed=((None, None),), with_overlay=True
    ),
    "properties.networkProfile.serviceCidr": Immutable(field="spec.cluster.network.serviceCidr"),
    "properties.networkProfile.dnsServiceIP": Immutable(field="spec.cluster.network.dnsServiceIP"),
    "properties.networkProfile.outboundType": Immutable(
        field="spec.cluster.network.outboundType",
        source=OUTBOUND,
        allowed=(
            ("loadBalancer", "managedNATGateway"),
            ("loadBalancer", "userAssignedNATGateway"),
            ("loadBalancer", "userDefinedRouting"),
            ("loadBalancer", "none"),
            ("managedNATGateway", "loadBalancer"),
            ("managedNATGateway", "userAssignedNATGateway"),
            ("managedNATGateway", "none"),
            ("userAssignedNATGateway", "loadBalancer"),
            ("userAssignedNATGateway", "managedNATGateway"),
            ("userAssignedNATGateway", "userDefinedRouting"),
            ("userDefinedRouting", "loadBalancer"),
            ("userDefinedRouting", "userAssignedNATGateway"),
            ("none", "loadBalancer"),
            ("none", "managedNATGateway"),
        ),
    ),
    "properties.apiServerAccessProfile.enablePrivateCluster": Immutable(field="spec.cluster.apiServer.private"),
    "properties.apiServerAccessProfile.privateDNSZone": Immutable(field="spec.cluster.apiServer.privateDNSZone"),
    PRINCIPAL_PATH: Immutable(field="spec.identity", source=IDENTITY),
    IDENTITY_PATH: Immutable(
        field="spec.identity.type",
        source=IDENTITY,
        allowed=(("SystemAssigned", "UserAssigned"), ("UserAssigned", "SystemAssigned")),
    ),
}
"""The immutable properties of a cluster. AKS judges a change that is allowed here with the rest of the cluster: a managed NAT gateway needs
a network of AKS's own, for example."""

DEFAULTS: Mapping[str, Any] = {
    "properties.autoUpgradeProfile.upgradeChannel": "none",
    "properties.autoUpgradeProfile.nodeOSUpgradeChannel": "NodeImage",
    "properties.apiServerAccessProfile.authorizedIPRanges": [],
    NODE_PROVISIONING_PATH: "Manual",
    "properties.networkProfile.loadBalancerSku": "standard",
    "properties.networkProfile.outboundType": "loadBalancer",
    "properties.networkProfile.networkPolicy": "none",
    "properties.enableRBAC": True,
    "properties.supportPlan": OFFICIAL,
    "sku.tier": "Free",
    "sku.name": "Base",
}
"""What a member means that Azure leaves out of its answer: no difference to it is a change."""


SAME_TIER = {"Paid": "Standard"}
"""Names of tiers before API version 2023-02-01, and today's."""

AT_CREATION = frozenset({"sku.name", "properties.enableRBAC", "properties.networkProfile.loadBalancerSku"})
"""Members that the operator sends when it creates a cluster and that no field of the spec names: an existing cluster keeps its own."""


def cluster_changes(desired: Wire, found: Wire | None, *, floor: bool = False, kept: Collection[str] = ()) -> Sequence[Change]:
    """Return the differences without those of agent pools, which are a step of their own after the creation.

    `floor`: an upgrade channel moves the version on, so a newer one than desired is as desired. `kept`: paths that are not compared.
    """
    if found is None:
        return [Change(path="managedCluster", action=Action.CREATE, after=desired)]
    return [*_members(desired, found, kept), *_identity(desired, found), *_version(desired, found, floor), *_state(found)]


def _members(desired: Wire, found: Wire, kept: Collection[str]) -> Iterable[Change]:
    properties = {k: v for k, v in desired["properties"].items() if k not in ("kubernetesVersion", "agentPoolProfiles")}
    wanted = {key: value for key, value in desired.items() if key != "identity"}
    wanted["properties"] = as_spelled(properties, found["properties"])
    for change in compare_wire(wanted, found):
        if change.path == "sku.tier" and SAME_TIER.get(str(change.before)) == change.after:
            continue
        if change.path in AT_CREATION or change.path in kept:
            continue
        if not change.before and change.path in DEFAULTS and DEFAULTS[change.path] == change.after:
            continue
        if change.path == PRINCIPAL_PATH and change.before not in (None, "msi"):
            continue  # another service principal: PrincipalSecret gives it to the cluster with its secret
        yield _gated(change, desired)


def _gated(change: Change, desired: Wire) -> Change:
    """Return the change with its gate: nodes are reimaged for those of the network profile, and some can never be made."""
    gate: Gate | None = Disruptive() if change.path.startswith(NETWORK) else None
    rule = IMMUTABLE.get(change.path)
    if rule is None or rule.allows(change.before, change.after, desired):
        return replace(change, gate=gate)
    return replace(change, action=Action.REPLACE, gate=Impossible(_immutable(change, rule), disruptive=True))


def _immutable(change: Change, rule: Immutable) -> Failed:
    return Failed(
        reason=Reason.IMMUTABLE_FIELD,
        message=f"{rule.field} is {change.after!r}, but the cluster has {change.before!r}, and AKS cannot change it (as "
        f"of {rule.as_of}, {rule.source})",
        remedy=f"{restoring(rule.field, change.before)}, or create another platform with the new value. If AKS now supports the change, "
        "make it with `az aks update`: the operator accepts the result.",
    )


def _identity(desired: Wire, found: Wire) -> Iterable[Change]:
    """Return the change of the identity: another type, another identity, or one that was deleted and created again, which has another
    principal under the same id."""
    wanted, there = desired.get("identity"), found.get("identity") or {}
    if wanted is None:
        return
    before, after = str(there.get("type") or "ServicePrincipal"), str(wanted["type"])
    if before.casefold() != after.casefold():
        change = Change(path=f"{IDENTITY_PATH}.type", action=Action.REPLACE, before=before, after=after)
        rule = IMMUTABLE[IDENTITY_PATH]
        if rule.allows(before, after, desired):
            gate, kept = Disruptive(), {"type": before}
            yield Change(path=IDENTITY_PATH, action=Action.UPDATE, before=kept, after=wanted, gate=gate, keys=("identity",))
        else:
            yield replace(change, gate=Impossible(_immutable(change, rule), disruptive=True))
        return
    old, new = _principals(there), _principals(wanted)
    if any(id_ not in old or (principal and old[id_] and principal != old[id_]) for id_, principal in new.items()):
        path, keys = f"{IDENTITY_PATH}.userAssignedIdentities", ("identity", "userAssignedIdentities")
        yield Change(path=path, action=Action.UPDATE, before=old, after=new, keys=keys)


def _principals(identity: Mapping[str, Any]) -> dict[str, str]:
    """Return the principals of the user-assigned identities by id, in lower case."""
    named = identity.get("userAssignedIdentities") or {}
    return {id_.lower(): str((given or {}).get("principalId") or "").lower() for id_, given in named.items()}


def removed_sign_in(desired: Wire, found: Wire, applied: Record | None) -> list[Change]:
    """Return the change for a sign-in with Entra ID that the spec had and no longer has, which AKS cannot make."""
    members, there = (applied or {}).get("members", {}), found["properties"].get("aadProfile")
    if ENTRA not in members or not there or "aadProfile" in desired["properties"]:
        return []
    failed = Failed(
        reason=Reason.IMMUTABLE_FIELD,
        message="spec.cluster.entra was removed from the spec, but AKS cannot turn off the sign-in with Entra ID",
        remedy="Set spec.cluster.entra again.",
    )
    gate = Impossible(failed, disruptive=True)
    return [Change(path="properties.aadProfile", action=Action.REPLACE, before="on", after="off", gate=gate)]


def _version(desired: Wire, found: Wire, floor: bool) -> Iterable[Change]:
    version, current = desired["properties"]["kubernetesVersion"], current_version(found)
    if not reached(current, version, floor=floor):
        refused = downgrade(current, version, "spec.cluster.kubernetesVersion")
        gate = Impossible(refused, disruptive=True) if refused else Disruptive()
        yield Change(path=VERSION_PATH, action=Action.UPDATE, before=current, after=version, gate=gate)


def is_upgrade(change: Change) -> bool:
    """Return whether the change is an upgrade of Kubernetes to a version that AKS can have."""
    return change.path == VERSION_PATH and not isinstance(change.gate, Impossible)


def minor_steps(upgrade: Change) -> int:
    """Return the number of minor versions of an upgrade, at least one."""
    (_, before), (_, after) = minor(str(upgrade.before)), minor(str(upgrade.after))
    return max(1, after - before)


def _state(found: Wire) -> Iterable[Change]:
    if is_unfinished(found["properties"]):
        yield Change(path=STATE_PATH, action=Action.UPDATE, before=state_of(found["properties"]), after=SUCCEEDED, drift=False)
