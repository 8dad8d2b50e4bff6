"""Rules of spec.jupyterhub.host and spec.jupyterhub.expose."""

from collections.abc import Mapping

from notebook_platform.api.rules.helpers import Rule, matches, one_of

HUB = "spec.jupyterhub"
DOOR = f"{HUB}.expose"
BALANCER = f"{DOOR}.loadBalancer"

DNS_NAME = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)+$"

_ACME = "(has(self.tls) && has(self.tls.letsEncrypt) && has(self.loadBalancer)"

WHOLE: tuple[Rule, ...] = (
    (
        "!has(self.expose.tls) || !has(self.expose.tls.letsEncrypt) || has(self.host) || size(self.expose.moreHosts) > 0 || "
        "(has(self.expose.loadBalancer) && has(self.expose.loadBalancer.dnsLabel))",
        f"{DOOR}.tls.letsEncrypt needs a name: set {HUB}.host or expose.loadBalancer.dnsLabel",
    ),
)
"""Rules that concern members beyond spec.jupyterhub.expose."""

RULES: Mapping[str, tuple[Rule, ...]] = {
    f"{HUB}.host": (matches(f"{HUB}.host", DNS_NAME, "must be a DNS name in lower case, with no scheme and no port"),),
    DOOR: (
        (
            "(has(self.loadBalancer) ? 1 : 0) + (has(self.ingress) ? 1 : 0) + (has(self.httpRoute) ? 1 : 0) <= 1",
            f"{DOOR} must have at most one of loadBalancer, ingress, httpRoute",
        ),
        (
            "!has(self.tls) || !(has(self.ingress) || has(self.httpRoute))",
            f"{DOOR}.tls is for the load balancer: set ingress.tlsSecret, or the Gateway's own certificate",
        ),
        (f"!({_ACME} && self.loadBalancer.internal))", f"{DOOR}.tls.letsEncrypt cannot reach an internal load balancer"),
        (
            f"!({_ACME} && size(self.loadBalancer.allowCIDRs) > 0))",
            f"{DOOR}.tls.letsEncrypt must be reachable from everywhere: remove loadBalancer.allowCIDRs",
        ),
    ),
    f"{DOOR}.tls": (one_of(f"{DOOR}.tls", "letsEncrypt", "certificateRef", "secretName", "offload"),),
    f"{DOOR}.tls.letsEncrypt.contactEmail": (
        matches(f"{DOOR}.tls.letsEncrypt.contactEmail", "^[^@ ]+@[^@ ]+[.][^@ ]+$", "must be an e-mail address"),
    ),
    f"{DOOR}.moreHosts[]": (
        matches(f"{DOOR}.moreHosts[]", DNS_NAME, "must be a DNS name in lower case, with no scheme and no port"),
    ),
    f"{DOOR}.basePath": (
        matches(f"{DOOR}.basePath", r"^/([-\w.~]+/?)*$", "must be a path that begins with a slash, such as /jupyter/"),
    ),
    BALANCER: (
        ("!(self.internal && has(self.dnsLabel))", f"{BALANCER}.dnsLabel is for public addresses, not with internal: true"),
        ("!has(self.internalSubnet) || self.internal", f"{BALANCER}.internalSubnet needs internal: true"),
        ("!has(self.staticIPResourceGroup) || has(self.staticIP)", f"{BALANCER}.staticIPResourceGroup needs staticIP"),
    ),
    f"{BALANCER}.dnsLabel": (
        matches(
            f"{BALANCER}.dnsLabel",
            "^[a-z][-a-z0-9]{1,61}[a-z0-9]$",
            "must be 3-63 lower-case letters, digits and hyphens, starting with a letter",
        ),
    ),
    f"{BALANCER}.staticIP": (("isIP(self)", f"{BALANCER}.staticIP must be an IP address"),),
    f"{BALANCER}.allowCIDRs[]": (
        ("isCIDR(self)", f"{BALANCER}.allowCIDRs[] must be a network in CIDR notation, such as 203.0.113.0/24"),
    ),
}
