"""What the API server refuses at apply, with a sentence: CEL rules by the place in the resource they stand at.

https://kubernetes.io/docs/reference/using-api/cel/ · `[]` in a path means each item of a list.
"""

from collections.abc import Mapping

from notebook_platform.api.durations import PATTERN

Rule = tuple[str, str]
"""(CEL expression, sentence)."""

GUID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


def _matches(field: str, pattern: str, sentence: str) -> Rule:
    escaped = pattern.replace("\\", "\\\\")
    return f"self.matches('{escaped}')", f"{field} {sentence}"


def _fixed(field: str) -> Rule:
    return "self == oldSelf", f"{field} cannot change; make a new platform with it"


def _cidr(field: str) -> Rule:
    rule = "isCIDR(self) && cidr(self).ip().family() == 4 && string(cidr(self).masked()) == self"
    return rule, f"{field} must be an IPv4 network in CIDR notation with no host bits, as 10.0.0.0/16"


def _duration(field: str) -> Rule:
    return _matches(field, PATTERN, "must be a duration as 90s, 10m, 1h, 7d or 1w")


def _https(field: str) -> Rule:
    rule = "isURL(self) && url(self).getScheme() == 'https' && url(self).getHost() != ''"
    return rule, f"{field} must be an https URL"


def _one_of(field: str, *members: str) -> Rule:
    counted = " + ".join(f"(has(self.{member}) ? 1 : 0)" for member in members)
    return f"{counted} == 1", f"{field} must have exactly one of {', '.join(members)}"


RULES: Mapping[str, tuple[Rule, ...]] = {
    "spec": (
        (
            "!has(self.autoscale) || self.autoscale.all(a, self.nodePools.exists(p, p.name == a.pool))",
            "spec.autoscale[].pool must name a pool of spec.nodePools",
        ),
        ("self.nodePools.exists(p, p.mode == 'System')", "spec.nodePools must have a pool with mode System"),
        (
            "!has(self.network) || !isCIDR(self.network.subnet.addressPrefix) || !isCIDR(self.cluster.network.serviceCidr) || "
            "!(cidr(self.network.subnet.addressPrefix).containsIP(cidr(self.cluster.network.serviceCidr).ip()) || "
            "cidr(self.cluster.network.serviceCidr).containsIP(cidr(self.network.subnet.addressPrefix).ip()))",
            "spec.cluster.network.serviceCidr must not overlap spec.network.subnet.addressPrefix",
        ),
        ("has(self.network) == has(oldSelf.network)", "spec.network cannot be added or removed later; make a new platform"),
    ),
    "spec.azure.subscriptionId": (
        _matches("spec.azure.subscriptionId", GUID, "must be the id (GUID) of a subscription"),
        _fixed("spec.azure.subscriptionId"),
    ),
    "spec.azure.location": (
        _matches("spec.azure.location", "^[a-z][a-z0-9]+$", "must be a region in lower case, as eastus"),
        _fixed("spec.azure.location"),
    ),
    "spec.azure.resourceGroup": (
        _matches(
            "spec.azure.resourceGroup",
            r"^[-\w.()]{0,89}[-\w()]$",
            "must be 1-90 letters, digits, underscores, hyphens, periods or parentheses and not end with a period",
        ),
        _fixed("spec.azure.resourceGroup"),
    ),
    "spec.azure.credentials": (_one_of("spec.azure.credentials", "secretRef", "workloadIdentity"),),
    "spec.azure.credentials.workloadIdentity.tenantId": (
        _matches("spec.azure.credentials.workloadIdentity.tenantId", GUID, "must be a GUID"),
    ),
    "spec.azure.credentials.workloadIdentity.clientId": (
        _matches("spec.azure.credentials.workloadIdentity.clientId", GUID, "must be a GUID"),
    ),
    "spec.azure.features[]": (_matches("spec.azure.features[]", r"^[\w.]+/\w+$", "must be written as Namespace/Feature"),),
    "spec.network": (
        (
            "!isCIDR(self.subnet.addressPrefix) || "
            "self.virtualNetwork.addressPrefixes.exists(p, isCIDR(p) && cidr(p).containsCIDR(self.subnet.addressPrefix))",
            "spec.network.subnet.addressPrefix must lie inside spec.network.virtualNetwork.addressPrefixes",
        ),
    ),
    "spec.network.virtualNetwork.name": (
        _matches(
            "spec.network.virtualNetwork.name",
            r"^[a-zA-Z0-9]([-\w.]{0,62}\w)?$",
            "must be 1-64 letters, digits, underscores, hyphens or periods, starting with a letter or digit",
        ),
        _fixed("spec.network.virtualNetwork.name"),
    ),
    "spec.network.virtualNetwork.addressPrefixes[]": (_cidr("spec.network.virtualNetwork.addressPrefixes[]"),),
    "spec.network.subnet.name": (
        _matches(
            "spec.network.subnet.name",
            r"^[a-zA-Z0-9]([-\w.]{0,78}\w)?$",
            "must be 1-80 letters, digits, underscores, hyphens or periods, starting with a letter or digit",
        ),
        _fixed("spec.network.subnet.name"),
    ),
    "spec.network.subnet.addressPrefix": (
        _cidr("spec.network.subnet.addressPrefix"),
        (
            "!isCIDR(self) || cidr(self).prefixLength() <= 29",
            "spec.network.subnet.addressPrefix must be /29 or larger, Azure keeps five addresses",
        ),
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
    "spec.identity.type": (_fixed("spec.identity.type"),),
    "spec.identity.servicePrincipal": (_one_of("spec.identity.servicePrincipal", "name", "secretRef"),),
    "spec.identity.userAssigned.name": (
        _matches("spec.identity.userAssigned.name", r"^[a-zA-Z0-9][-\w]{2,127}$", "must be 3-128 letters, digits, - or _"),
        _fixed("spec.identity.userAssigned.name"),
    ),
    "spec.cluster": (
        (
            "!(has(self.sshPublicKey) && has(self.sshPublicKeyFrom))",
            "spec.cluster must not have both sshPublicKey and sshPublicKeyFrom",
        ),
    ),
    "spec.cluster.name": (
        _matches(
            "spec.cluster.name",
            "^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$",
            "must be 1-63 letters, digits and hyphens, starting and ending with a letter or digit: Azure takes no underscore in "
            "cluster names",
        ),
        _fixed("spec.cluster.name"),
    ),
    "spec.cluster.nodeResourceGroup": (
        _matches("spec.cluster.nodeResourceGroup", r"^[-\w.()]{0,79}[-\w()]$", "must be 1-80 letters, digits, _, -, . or ()"),
        _fixed("spec.cluster.nodeResourceGroup"),
    ),
    "spec.cluster.kubernetesVersion": (
        _matches("spec.cluster.kubernetesVersion", r"^1\.[0-9]+(\.[0-9]+)?$", 'must be a version as "1.34" or "1.34.2"'),
    ),
    "spec.cluster.dnsPrefix": (
        _matches("spec.cluster.dnsPrefix", "^[a-zA-Z]([-a-zA-Z0-9]{0,52}[a-zA-Z0-9])?$", "must be 1-54 letters, digits, hyphens"),
        _fixed("spec.cluster.dnsPrefix"),
    ),
    "spec.cluster.adminUsername": (
        _matches("spec.cluster.adminUsername", "^[a-z_][-a-z0-9_]{0,31}$", "must be a Linux user name"),
        _fixed("spec.cluster.adminUsername"),
    ),
    "spec.cluster.sshPublicKey": (
        _matches(
            "spec.cluster.sshPublicKey", r"^(ssh-|ecdsa-)[^ ]+ [A-Za-z0-9+/=]+( .*)?\n?$", "must be a public key in OpenSSH form"
        ),
    ),
    "spec.cluster.network": (
        (
            "!isCIDR(self.serviceCidr) || !isIP(self.dnsServiceIP) || cidr(self.serviceCidr).containsIP(self.dnsServiceIP)",
            "spec.cluster.network.dnsServiceIP must lie inside spec.cluster.network.serviceCidr",
        ),
        (
            "!self.serviceCidr.startsWith(self.dnsServiceIP + '/')",
            "spec.cluster.network.dnsServiceIP must not be the first address of serviceCidr",
        ),
        (
            "!has(self.pluginMode) || self.plugin == 'azure'",
            "spec.cluster.network.pluginMode overlay needs plugin azure",
        ),
        (
            "!(self.plugin == 'kubenet' && self.policy == 'azure')",
            "spec.cluster.network.policy azure needs plugin azure; kubenet takes calico or none",
        ),
    ),
    "spec.cluster.network.plugin": (_fixed("spec.cluster.network.plugin"),),
    "spec.cluster.network.serviceCidr": (
        _cidr("spec.cluster.network.serviceCidr"),
        ("!isCIDR(self) || cidr(self).prefixLength() >= 12", "spec.cluster.network.serviceCidr must be /12 or smaller"),
        _fixed("spec.cluster.network.serviceCidr"),
    ),
    "spec.cluster.network.dnsServiceIP": (
        ("isIP(self) && ip(self).family() == 4", "spec.cluster.network.dnsServiceIP must be an IPv4 address"),
        _fixed("spec.cluster.network.dnsServiceIP"),
    ),
    "spec.cluster.network.podCidr": (_cidr("spec.cluster.network.podCidr"), _fixed("spec.cluster.network.podCidr")),
    "spec.cluster.network.dockerBridgeCidr": (
        ("isCIDR(self)", "spec.cluster.network.dockerBridgeCidr must be an address in CIDR notation, as 172.17.0.1/16"),
    ),
    "spec.nodePools[]": (
        (
            "!has(self.count) || !has(self.autoscaling) || "
            "(self.autoscaling.minCount <= self.count && self.count <= self.autoscaling.maxCount)",
            "spec.nodePools[].count must lie between autoscaling.minCount and autoscaling.maxCount",
        ),
        ("has(self.count) || has(self.autoscaling)", "spec.nodePools[] must have count or autoscaling"),
        (
            "self.mode != 'System' || ((!has(self.count) || self.count >= 1) && "
            "(!has(self.autoscaling) || self.autoscaling.minCount >= 1))",
            "spec.nodePools[] with mode System must have at least one node",
        ),
    ),
    "spec.nodePools[].name": (
        _matches(
            "spec.nodePools[].name",
            "^[a-z][a-z0-9]{0,11}$",
            "must be 1-12 lower-case letters and digits, starting with a letter",
        ),
    ),
    "spec.nodePools[].vmSize": (
        _matches("spec.nodePools[].vmSize", r"^(Standard|Basic)_\w+$", "must be a VM size, as Standard_D2s_v3"),
    ),
    "spec.nodePools[].autoscaling": (
        ("self.minCount <= self.maxCount", "spec.nodePools[].autoscaling.minCount must not be above maxCount"),
    ),
    "spec.nodePools[].availabilityZones[]": (
        _matches("spec.nodePools[].availabilityZones[]", "^[1-3]$", 'must be "1", "2" or "3"'),
    ),
    "spec.nodePools[].nodeTaints[]": (
        _matches(
            "spec.nodePools[].nodeTaints[]",
            r"^[-\w./]+(=[-\w.]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$",
            "must be written as key=value:NoSchedule (or PreferNoSchedule, NoExecute)",
        ),
    ),
    "spec.autoscale[].capacity": (
        ("self.minimum <= self.maximum", "spec.autoscale[].capacity.minimum must not be above maximum"),
        (
            "self.minimum <= self.default && self.default <= self.maximum",
            "spec.autoscale[].capacity.default must lie between minimum and maximum",
        ),
    ),
    "spec.autoscale[].rules[].window": (
        _duration("spec.autoscale[].rules[].window"),
        (
            f"!self.matches('{PATTERN}') || (self.matches('[smh]$') && "
            "duration(self) >= duration('5m') && duration(self) <= duration('12h'))",
            "spec.autoscale[].rules[].window must be 5m to 12h",
        ),
    ),
    "spec.autoscale[].rules[].cooldown": (
        _duration("spec.autoscale[].rules[].cooldown"),
        (
            f"!self.matches('{PATTERN}') || !self.matches('[smh]$') || "
            "(duration(self) >= duration('1m') && duration(self) <= duration('168h'))",
            "spec.autoscale[].rules[].cooldown must be 1m to 1w",
        ),
    ),
    "spec.autoscale[].rules[].change": (("self != 0", "spec.autoscale[].rules[].change must not be 0"),),
    "spec.jupyterhub.release": (
        _matches("spec.jupyterhub.release", "^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$", "must be a Helm release name"),
        _fixed("spec.jupyterhub.release"),
    ),
    "spec.jupyterhub.namespace": (
        _matches("spec.jupyterhub.namespace", "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", "must be a namespace name"),
        _fixed("spec.jupyterhub.namespace"),
    ),
    "spec.jupyterhub.chart.version": (
        _matches(
            "spec.jupyterhub.chart.version",
            r"^[0-9]+\.[0-9]+\.[0-9]+([-+][-0-9A-Za-z.+]+)?$",
            "must be one exact version, as 4.4.0; ranges are not taken",
        ),
    ),
    "spec.jupyterhub.chart.repository": (
        (
            "isURL(self) && (url(self).getScheme() == 'https' || url(self).getScheme() == 'oci')",
            "spec.jupyterhub.chart.repository must be an https or oci URL",
        ),
    ),
    "spec.jupyterhub.host": (
        _matches(
            "spec.jupyterhub.host",
            "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)+$",
            "must be a DNS name in lower case, with no scheme and no port",
        ),
    ),
    "spec.jupyterhub": (
        (
            "!has(self.auth.oidc) || has(self.host)",
            "spec.jupyterhub.host is needed with auth.oidc: the provider sends people back to it",
        ),
    ),
    "spec.jupyterhub.auth": (_one_of("spec.jupyterhub.auth", "oidc", "dummy"),),
    "spec.jupyterhub.auth.oidc": (
        (
            "self.allowAll || size(self.allowedUsers) > 0 || size(self.adminUsers) > 0",
            "spec.jupyterhub.auth.oidc lets nobody in: set adminUsers, allowedUsers or allowAll",
        ),
    ),
    "spec.jupyterhub.auth.oidc.authorizeUrl": (_https("spec.jupyterhub.auth.oidc.authorizeUrl"),),
    "spec.jupyterhub.auth.oidc.tokenUrl": (_https("spec.jupyterhub.auth.oidc.tokenUrl"),),
    "spec.jupyterhub.auth.oidc.userinfoUrl": (_https("spec.jupyterhub.auth.oidc.userinfoUrl"),),
    "spec.jupyterhub.auth.dummy.insecure": (
        ("self", "spec.jupyterhub.auth.dummy.insecure must be true: anyone with the password may be anyone"),
    ),
    "spec.jupyterhub.singleUser.image": (
        _matches("spec.jupyterhub.singleUser.image", r"^[^ :@]+(:[0-9]+/[^ :@]+)?:[\w.-]+$", "must be an image with a tag"),
    ),
    "spec.jupyterhub.singleUser.cpu.guarantee": (
        _matches("spec.jupyterhub.singleUser.cpu.guarantee", "^([0-9]+m|[0-9]*[.]?[0-9]+)$", "must be CPUs, as 0.5 or 500m"),
    ),
    "spec.jupyterhub.singleUser.cpu.limit": (
        _matches("spec.jupyterhub.singleUser.cpu.limit", "^([0-9]+m|[0-9]*[.]?[0-9]+)$", "must be CPUs, as 0.5 or 500m"),
    ),
    "spec.jupyterhub.singleUser.memory.guarantee": (
        _matches("spec.jupyterhub.singleUser.memory.guarantee", "^[0-9]+([.][0-9]+)?[KMGT]$", "must be written as 2G or 512M"),
    ),
    "spec.jupyterhub.singleUser.memory.limit": (
        _matches("spec.jupyterhub.singleUser.memory.limit", "^[0-9]+([.][0-9]+)?[KMGT]$", "must be written as 2G or 512M"),
    ),
    "spec.jupyterhub.singleUser.storage.capacity": (
        _matches("spec.jupyterhub.singleUser.storage.capacity", "^[0-9]+[KMGT]i$", "must be a quantity as 10Gi"),
    ),
    "spec.jupyterhub.culling.timeout": (_duration("spec.jupyterhub.culling.timeout"),),
    "spec.jupyterhub.culling.every": (_duration("spec.jupyterhub.culling.every"),),
    "spec.jupyterhub.culling.maxAge": (_duration("spec.jupyterhub.culling.maxAge"),),
    "spec.interval": (_duration("spec.interval"),),
}
