"""Rules of spec.azure, spec.network and spec.identity."""

from collections.abc import Mapping

from notebook_platform.api.rules.helpers import Rule, cidr, duration, fixed, one_of

RULES: Mapping[str, tuple[Rule, ...]] = {
    "spec.azure.subscriptionId": (fixed("spec.azure.subscriptionId"),),
    "spec.azure.location": (fixed("spec.azure.location"),),
    "spec.azure.resourceGroup": (fixed("spec.azure.resourceGroup"),),
    "spec.azure.credentials": (
        one_of("spec.azure.credentials", "secretRef", "certificateRef", "workloadIdentity", "managedIdentity"),
    ),
    "spec.azure.tags": (
        (
            "self.all(name, !name.lowerAscii().startsWith('notebookplatform-'))",
            "spec.azure.tags cannot have names that begin with notebookplatform-: the operator uses them to mark what it owns",
        ),
        (
            r"self.all(name, size(name) > 0 && size(name) <= 512 && name.matches('^[^<>%&?/\\\\[:cntrl:]]+$'))",
            "spec.azure.tags must have names of 1-512 characters without < > % & ? / a backslash or control characters",
        ),
        (
            "self.all(name, size(self[name]) <= 256 && !self[name].matches('[[:cntrl:]]'))",
            "spec.azure.tags must have values of at most 256 characters without control characters",
        ),
    ),
    "spec.network": (
        one_of("spec.network", "virtualNetwork", "subnetId"),
        (
            "has(self.virtualNetwork) == has(self.subnet)",
            "spec.network.subnet is required with spec.network.virtualNetwork and only allowed with it",
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
    "spec.network.virtualNetwork.name": (fixed("spec.network.virtualNetwork.name"),),
    "spec.network.virtualNetwork.addressPrefixes[]": (cidr("spec.network.virtualNetwork.addressPrefixes[]"),),
    "spec.network.subnet.name": (fixed("spec.network.subnet.name"),),
    "spec.network.subnet.addressPrefix": (
        cidr("spec.network.subnet.addressPrefix"),
        (
            "!isCIDR(self) || cidr(self).prefixLength() <= 29",
            "spec.network.subnet.addressPrefix must be /29 or larger, because Azure reserves five addresses",
        ),
    ),
    "spec.network.subnets[].addressPrefix": (cidr("spec.network.subnets[].addressPrefix"),),
    "spec.network.subnetId": (fixed("spec.network.subnetId"),),
    "spec.identity": (
        (
            "self.type == 'ServicePrincipal' ? has(self.servicePrincipal) : !has(self.servicePrincipal)",
            "spec.identity.servicePrincipal is required with type ServicePrincipal and only allowed with it",
        ),
        (
            "self.type == 'UserAssigned' ? has(self.userAssigned) : !has(self.userAssigned)",
            "spec.identity.userAssigned is required with type UserAssigned and only allowed with it",
        ),
    ),
    "spec.identity.type": (fixed("spec.identity.type"),),
    "spec.identity.servicePrincipal": (one_of("spec.identity.servicePrincipal", "name", "secretRef"),),
    "spec.identity.servicePrincipal.secretLifetime": (duration("spec.identity.servicePrincipal.secretLifetime"),),
    "spec.identity.servicePrincipal.renewBefore": (duration("spec.identity.servicePrincipal.renewBefore"),),
    "spec.identity.userAssigned": (one_of("spec.identity.userAssigned", "name", "resourceId"),),
    "spec.identity.userAssigned.resourceId": (fixed("spec.identity.userAssigned.resourceId"),),
    "spec.identity.userAssigned.name": (fixed("spec.identity.userAssigned.name"),),
}
