"""Rules of spec.azure, spec.network and spec.identity."""

from collections.abc import Mapping

from notebook_platform.api.rules.helpers import GUID, Rule, arm_id, cidr, duration, fixed, matches, one_of

RULES: Mapping[str, tuple[Rule, ...]] = {
    "spec.azure.subscriptionId": (
        matches("spec.azure.subscriptionId", GUID, "must be the id (GUID) of a subscription"),
        fixed("spec.azure.subscriptionId"),
    ),
    "spec.azure.location": (
        matches("spec.azure.location", "^[a-z][a-z0-9]+$", "must be a region in lower case, as eastus"),
        fixed("spec.azure.location"),
    ),
    "spec.azure.resourceGroup": (
        matches(
            "spec.azure.resourceGroup",
            r"^[-\w.()]{0,89}[-\w()]$",
            "must be 1-90 letters, digits, underscores, hyphens, periods or parentheses and not end with a period",
        ),
        fixed("spec.azure.resourceGroup"),
    ),
    "spec.azure.credentials": (
        one_of("spec.azure.credentials", "secretRef", "certificateRef", "workloadIdentity", "managedIdentity"),
    ),
    "spec.azure.credentials.workloadIdentity.tenantId": (
        matches("spec.azure.credentials.workloadIdentity.tenantId", GUID, "must be a GUID"),
    ),
    "spec.azure.credentials.workloadIdentity.clientId": (
        matches("spec.azure.credentials.workloadIdentity.clientId", GUID, "must be a GUID"),
    ),
    "spec.azure.credentials.managedIdentity.clientId": (
        matches("spec.azure.credentials.managedIdentity.clientId", GUID, "must be a GUID"),
    ),
    "spec.azure.features[]": (matches("spec.azure.features[]", r"^[\w.]+/\w+$", "must be written as Namespace/Feature"),),
    "spec.network": (
        one_of("spec.network", "virtualNetwork", "subnetId"),
        (
            "has(self.virtualNetwork) == has(self.subnet)",
            "spec.network.subnet is for spec.network.virtualNetwork, and needed there",
        ),
        ("size(self.subnets) == 0 || has(self.virtualNetwork)", "spec.network.subnets needs spec.network.virtualNetwork"),
        (
            "!has(self.virtualNetwork) || self.subnets.all(s, !isCIDR(s.addressPrefix) || "
            "self.virtualNetwork.addressPrefixes.exists(p, isCIDR(p) && cidr(p).containsCIDR(s.addressPrefix)))",
            "spec.network.subnets[].addressPrefix must lie inside spec.network.virtualNetwork.addressPrefixes",
        ),
        (
            "!has(self.subnet) || !isCIDR(self.subnet.addressPrefix) || self.subnets.all(s, !isCIDR(s.addressPrefix) || "
            "!(cidr(s.addressPrefix).containsIP(cidr(self.subnet.addressPrefix).ip()) || "
            "cidr(self.subnet.addressPrefix).containsIP(cidr(s.addressPrefix).ip())))",
            "spec.network.subnets[].addressPrefix must not overlap spec.network.subnet.addressPrefix",
        ),
        (
            "!has(self.subnet) || !has(self.virtualNetwork) || !isCIDR(self.subnet.addressPrefix) || "
            "self.virtualNetwork.addressPrefixes.exists(p, isCIDR(p) && cidr(p).containsCIDR(self.subnet.addressPrefix))",
            "spec.network.subnet.addressPrefix must lie inside spec.network.virtualNetwork.addressPrefixes",
        ),
    ),
    "spec.network.virtualNetwork.name": (
        matches(
            "spec.network.virtualNetwork.name",
            r"^[a-zA-Z0-9]([-\w.]{0,62}\w)?$",
            "must be 1-64 letters, digits, underscores, hyphens or periods, starting with a letter or digit",
        ),
        fixed("spec.network.virtualNetwork.name"),
    ),
    "spec.network.virtualNetwork.addressPrefixes[]": (cidr("spec.network.virtualNetwork.addressPrefixes[]"),),
    "spec.network.subnet.name": (
        matches(
            "spec.network.subnet.name",
            r"^[a-zA-Z0-9]([-\w.]{0,78}\w)?$",
            "must be 1-80 letters, digits, underscores, hyphens or periods, starting with a letter or digit",
        ),
        fixed("spec.network.subnet.name"),
    ),
    "spec.network.subnet.addressPrefix": (
        cidr("spec.network.subnet.addressPrefix"),
        (
            "!isCIDR(self) || cidr(self).prefixLength() <= 29",
            "spec.network.subnet.addressPrefix must be /29 or larger, Azure keeps five addresses",
        ),
    ),
    "spec.network.subnets[].name": (
        matches("spec.network.subnets[].name", r"^[a-zA-Z0-9]([-\w.]{0,78}\w)?$", "must be 1-80 letters, digits, _, - or ."),
    ),
    "spec.network.subnets[].addressPrefix": (cidr("spec.network.subnets[].addressPrefix"),),
    "spec.network.subnetId": (
        arm_id("spec.network.subnetId", "Microsoft.Network", "virtualNetworks/subnets"),
        fixed("spec.network.subnetId"),
    ),
    "spec.identity": (
        (
            "self.type == 'ServicePrincipal' ? has(self.servicePrincipal) : !has(self.servicePrincipal)",
            "spec.identity.servicePrincipal is for type ServicePrincipal, and needed there",
        ),
        (
            "self.type == 'UserAssigned' ? has(self.userAssigned) : !has(self.userAssigned)",
            "spec.identity.userAssigned is for type UserAssigned, and needed there",
        ),
    ),
    "spec.identity.type": (fixed("spec.identity.type"),),
    "spec.identity.servicePrincipal": (one_of("spec.identity.servicePrincipal", "name", "secretRef"),),
    "spec.identity.servicePrincipal.secretLifetime": (duration("spec.identity.servicePrincipal.secretLifetime"),),
    "spec.identity.servicePrincipal.renewBefore": (duration("spec.identity.servicePrincipal.renewBefore"),),
    "spec.identity.userAssigned": (one_of("spec.identity.userAssigned", "name", "resourceId"),),
    "spec.identity.userAssigned.resourceId": (
        arm_id("spec.identity.userAssigned.resourceId", "Microsoft.ManagedIdentity", "userAssignedIdentities"),
        fixed("spec.identity.userAssigned.resourceId"),
    ),
    "spec.identity.userAssigned.name": (
        matches("spec.identity.userAssigned.name", r"^[a-zA-Z0-9][-\w]{2,127}$", "must be 3-128 letters, digits, - or _"),
        fixed("spec.identity.userAssigned.name"),
    ),
}
