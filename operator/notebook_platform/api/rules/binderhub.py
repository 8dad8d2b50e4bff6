"""Rules of spec.binderhub, and of the two hubs side by side."""

from collections.abc import Mapping

from notebook_platform.api.rules import hubs
from notebook_platform.api.rules.helpers import Rule, duration, fixed, https, matches, one_of, release_place

HERE, HUB = "spec.binderhub", "spec.jupyterhub"
HOST = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)+$"
LABEL = "^[a-z][-a-z0-9]{1,61}[a-z0-9]$"
PREFIX = "^[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*/[a-z0-9]*([._-][a-z0-9]+)*[._-]?$"
MEMORY = "^[0-9]+([.][0-9]+)?[KMGT]$"


def _label(field: str) -> Rule:
    return matches(
        field, LABEL, "must be an Azure DNS label: 3-63 lower-case letters, digits and hyphens, beginning with a letter"
    )


def _url(field: str) -> Rule:
    rule = "isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHost() != '' && !self.contains('?')"
    return rule, f"{field} must be an http or https URL"


def _prefix(field: str) -> Rule:
    return matches(
        field,
        PREFIX,
        "must be a project, a slash and a prefix in lower case, such as binder/r2d-: without it each launch builds the image again",
    )


SPEC: tuple[Rule, ...] = (
    (
        "!has(self.binderhub) || !has(self.jupyterhub) || self.binderhub.__namespace__ != self.jupyterhub.__namespace__",
        "spec.binderhub.namespace and spec.jupyterhub.namespace must differ: both charts create objects with fixed names",
    ),
    (
        "!has(self.binderhub) || !has(self.jupyterhub) || self.binderhub.release != self.jupyterhub.release",
        "spec.binderhub.release and spec.jupyterhub.release must differ: some of their objects are cluster-scoped",
    ),
    (
        "!has(self.binderhub) || !has(self.binderhub.builder.pool) || "
        "self.nodePools.exists(p, p.name == self.binderhub.builder.pool)",
        "spec.binderhub.builder.pool must name a pool of spec.nodePools",
    ),
)

SHARED = ("auth", "chart.repository", "chart.digest", "singleUser.cpu", "singleUser.memory", "culling", "remediation")
"""Members that are a hub's, and so judged as a hub's."""


def _as_hubs() -> Mapping[str, tuple[Rule, ...]]:
    """Return the rules of spec.jupyterhub for those members, with the paths of the binder."""
    places = tuple(f"{HUB}.{member}" for member in SHARED)
    return {
        path.replace(HUB, HERE): tuple((rule, sentence.replace(HUB, HERE)) for rule, sentence in rules)
        for path, rules in hubs.RULES.items()
        if path.startswith(places)
    }


RULES: Mapping[str, tuple[Rule, ...]] = {
    **_as_hubs(),
    HERE: (
        (
            "!has(self.auth) || has(self.auth.dummy) || !has(self.address.dnsLabels)",
            "spec.binderhub.auth needs https, which address.dnsLabels does not have: use address.ingress or address.existing",
        ),
        (
            "!has(self.auth) || has(self.auth.dummy) || !has(self.address.ingress) || !self.address.ingress.plainHttp",
            "spec.binderhub.auth needs https: address.ingress.plainHttp must be false",
        ),
        ("!has(self.auth) || !has(self.auth.fromValues)", "spec.binderhub.auth.fromValues is not for a binder"),
    ),
    **release_place(HERE),
    f"{HERE}.chart.version": (
        matches(
            f"{HERE}.chart.version",
            r"^[0-9]+\.[0-9]+\.[0-9]+([-+][-0-9A-Za-z.+]+)?$",
            "must be one exact version, such as 1.0.0-0.dev.git.3506.hba24eb2a; ranges are not accepted",
        ),
    ),
    f"{HERE}.chart.jupyterhubVersion": (
        matches(
            f"{HERE}.chart.jupyterhubVersion",
            r"^[0-9]+\.[0-9]+\.[0-9]+([-+][-0-9A-Za-z.+]+)?$",
            "must be a version such as 4.2.0",
        ),
    ),
    f"{HERE}.address": (one_of(f"{HERE}.address", "ingress", "dnsLabels", "existing"),),
    f"{HERE}.address.ingress": (one_of(f"{HERE}.address.ingress", "host", "dnsLabel"),),
    f"{HERE}.address.ingress.host": (
        matches(f"{HERE}.address.ingress.host", HOST, "must be a DNS name in lower case, with no scheme and no port"),
    ),
    f"{HERE}.address.ingress.dnsLabel": (_label(f"{HERE}.address.ingress.dnsLabel"),),
    f"{HERE}.address.ingress.hubPath": (
        matches(
            f"{HERE}.address.ingress.hubPath",
            "^/[a-z0-9]([-a-z0-9]*[a-z0-9])?/$",
            "must be one segment between slashes, such as /hub-base/: the binder serves all other paths",
        ),
        (
            "!(self in ['/v2/', '/build/', '/api/', '/badge/', '/static/', '/health/', '/versions/', '/metrics/', '/repo/'])",
            "spec.binderhub.address.ingress.hubPath must not be a path that the binder serves",
        ),
    ),
    f"{HERE}.address.dnsLabels": (
        ("self.binder != self.hub", "spec.binderhub.address.dnsLabels.binder and hub must differ: they are two addresses"),
    ),
    f"{HERE}.address.dnsLabels.binder": (_label(f"{HERE}.address.dnsLabels.binder"),),
    f"{HERE}.address.dnsLabels.hub": (_label(f"{HERE}.address.dnsLabels.hub"),),
    f"{HERE}.address.existing": (
        (
            "self.binder.url.startsWith('https:') == self.hub.url.startsWith('https:')",
            "spec.binderhub.address.existing.binder.url and hub.url must both be https or both http: browsers reject a mixture",
        ),
        (
            "!(has(self.ipResourceGroup) && self.internal)",
            "spec.binderhub.address.existing.ipResourceGroup is for public addresses, not for internal ones",
        ),
    ),
    f"{HERE}.address.existing.binder.url": (_url(f"{HERE}.address.existing.binder.url"),),
    f"{HERE}.address.existing.hub.url": (_url(f"{HERE}.address.existing.hub.url"),),
    f"{HERE}.address.existing.binder.ip": (
        ("isIP(self) && ip(self).family() == 4", "spec.binderhub.address.existing.binder.ip must be an IPv4 address"),
    ),
    f"{HERE}.address.existing.hub.ip": (
        ("isIP(self) && ip(self).family() == 4", "spec.binderhub.address.existing.hub.ip must be an IPv4 address"),
    ),
    f"{HERE}.registry": (one_of(f"{HERE}.registry", "existing", "azure"),),
    f"{HERE}.registry.existing.server": (
        matches(
            f"{HERE}.registry.existing.server",
            "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)+(:[0-9]+)?$",
            "must be the registry's host in lower case, with no scheme and no path",
        ),
    ),
    f"{HERE}.registry.existing.prefix": (_prefix(f"{HERE}.registry.existing.prefix"),),
    f"{HERE}.registry.existing.tokenUrl": (https(f"{HERE}.registry.existing.tokenUrl"),),
    f"{HERE}.registry.azure.name": (fixed(f"{HERE}.registry.azure.name"),),
    f"{HERE}.registry.azure.prefix": (_prefix(f"{HERE}.registry.azure.prefix"),),
    f"{HERE}.registry.azure.tokenLifetime": (duration(f"{HERE}.registry.azure.tokenLifetime"),),
    f"{HERE}.registry.azure.renewBefore": (duration(f"{HERE}.registry.azure.renewBefore"),),
    f"{HERE}.builder.memory": (matches(f"{HERE}.builder.memory", MEMORY, "must be an amount of memory such as 2G or 512M"),),
    f"{HERE}.builder.imageCleaner": (
        ("self.until < self.above", "spec.binderhub.builder.imageCleaner.until must be less than above"),
    ),
    f"{HERE}.quotas": (
        (
            "!has(self.perRepository) || !has(self.perRepositoryHigher) || self.perRepository <= self.perRepositoryHigher",
            "spec.binderhub.quotas.perRepositoryHigher must not be less than perRepository",
        ),
    ),
    f"{HERE}.singleUser.startTimeout": (duration(f"{HERE}.singleUser.startTimeout"),),
}
