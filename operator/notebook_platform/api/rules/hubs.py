"""Rules of spec.jupyterhub but for sign-in and the door."""

from collections.abc import Mapping

from notebook_platform.api.rules import hub_auth, hub_expose
from notebook_platform.api.rules.helpers import (
    Rule,
    chart_repository,
    cidr,
    digest,
    duration,
    fixed,
    matches,
    one_of,
    release_place,
)

HUB = "spec.jupyterhub"
SERVER = f"{HUB}.singleUser"
EXTRA = f"{SERVER}.storage.extraVolumes"
HOME = "(has(self.mountPath) ? self.mountPath : '/home/jovyan')"
"""Where the home is, in a rule of spec.jupyterhub.singleUser.storage."""

SHAPES = (SERVER, f"{SERVER}.profiles[]", f"{SERVER}.profiles[].options[].choices[]")
"""Where images and amounts stand."""

SLUG = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
IMAGE = r"^[^ :@]+(:[0-9]+/[^ :@]+)?(:[\w.-]+(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$"
CPU = "^([0-9]+m|[0-9]*[.]?[0-9]+)$"
MEMORY = "^[0-9]+([.][0-9]+)?[KMGT]$"


def _image(field: str) -> Rule:
    return matches(field, IMAGE, "must be an image with a tag or a digest")


def _absolute(field: str) -> Rule:
    return "self.startsWith('/')", f"{field} must begin with a slash"


def _quantity(field: str) -> Rule:
    return "isQuantity(self)", f"{field} must be a quantity, such as 500m or 512Mi"


def _one_default(field: str) -> Rule:
    return "size(self.filter(one, one.default)) <= 1", f"{field} must have at most one default"


def _shapes() -> Mapping[str, tuple[Rule, ...]]:
    rules: dict[str, tuple[Rule, ...]] = {}
    for shape in SHAPES:
        rules[f"{shape}.image"] = (_image(f"{shape}.image"),)
        for bound in ("guarantee", "limit"):
            cpu, memory = f"{shape}.cpu.{bound}", f"{shape}.memory.{bound}"
            rules[cpu] = (matches(cpu, CPU, "must be CPUs, such as 0.5 or 500m"),)
            rules[memory] = (matches(memory, MEMORY, "must be an amount of memory such as 2G or 512M"),)
    return rules


def _resources() -> Mapping[str, tuple[Rule, ...]]:
    members = {"hub": ("cpu", "memory", "cpuLimit", "memoryLimit"), "proxy": ("cpu", "memory", "cpuLimit", "memoryLimit")}
    places = {**members, "scheduler": ("cpu", "memory")}
    fields = [f"{HUB}.resources.{workload}.{member}" for workload, names in places.items() for member in names]
    return {field: (_quantity(field),) for field in fields}


RULES: Mapping[str, tuple[Rule, ...]] = {
    **hub_auth.RULES,
    **hub_expose.RULES,
    **_shapes(),
    **_resources(),
    HUB: (
        *hub_auth.WHOLE,
        *hub_expose.WHOLE,
        (
            "!self.culling.users || self.singleUser.storage.keepOnUserDelete || self.singleUser.storage.type != 'dynamic'",
            f"{HUB}.culling.users would delete idle users' homes: set singleUser.storage.keepOnUserDelete",
        ),
    ),
    **release_place(HUB),
    f"{HUB}.chart.version": (
        matches(
            f"{HUB}.chart.version",
            r"^[0-9]+\.[0-9]+\.[0-9]+([-+][-0-9A-Za-z.+]+)?$",
            "must be one exact version, such as 4.4.0; ranges are not accepted",
        ),
    ),
    f"{HUB}.chart.repository": chart_repository(f"{HUB}.chart.repository"),
    f"{HUB}.chart.digest": (digest(f"{HUB}.chart.digest"),),
    f"{SERVER}.startTimeout": (duration(f"{SERVER}.startTimeout"),),
    f"{SERVER}.defaultUrl": (_absolute(f"{SERVER}.defaultUrl"),),
    f"{SERVER}.env": (
        ("self.all(name, name.matches('^[A-Za-z_][A-Za-z0-9_]*$'))", f"{SERVER}.env must have names of environment variables"),
    ),
    f"{SERVER}.profiles": (_one_default(f"{SERVER}.profiles"),),
    f"{SERVER}.profiles[].name": (matches(f"{SERVER}.profiles[].name", SLUG, "must be lower-case letters, digits, hyphens"),),
    f"{SERVER}.profiles[].options[].name": (
        matches(f"{SERVER}.profiles[].options[].name", SLUG, "must be lower-case letters, digits, hyphens"),
    ),
    f"{SERVER}.profiles[].options[].choices": (_one_default(f"{SERVER}.profiles[].options[].choices"),),
    f"{SERVER}.profiles[].options[].choices[].name": (
        matches(f"{SERVER}.profiles[].options[].choices[].name", SLUG, "must be lower-case letters, digits, hyphens"),
    ),
    f"{SERVER}.storage": (
        (
            "self.type != 'static' || has(self.shared)",
            f"{SERVER}.storage.type static needs shared.claim, the volume for all homes",
        ),
        ("!has(self.shared) || self.type == 'static'", f"{SERVER}.storage.shared is for type static"),
        (
            f"self.type == 'none' || self.extraVolumes.all(v, !({HOME}.startsWith(v.mountPath + '/') || {HOME} == v.mountPath))",
            f"{SERVER}.storage.extraVolumes[].mountPath must not be the home or a directory above it; a directory in it is allowed",
        ),
    ),
    EXTRA: (
        (
            "self.all(v, self.exists_one(other, other.mountPath == v.mountPath))",
            f"{EXTRA} must have different mountPaths",
        ),
    ),
    f"{EXTRA}[]": (one_of(f"{EXTRA}[]", "claim", "configMap", "secret", "emptyDir"),),
    f"{EXTRA}[].name": (
        matches(f"{EXTRA}[].name", SLUG, "must be lower-case letters, digits, hyphens"),
        (
            "self != 'home' && !self.startsWith('volume-')",
            f"{EXTRA}[].name must not be home or begin with volume-: the chart uses these names for home volumes",
        ),
    ),
    f"{EXTRA}[].mountPath": (
        matches(
            f"{EXTRA}[].mountPath",
            "^(/[-A-Za-z0-9_.]+)+$",
            "must be an absolute path of letters, digits, - _ . without a slash at its end",
        ),
        ("!self.matches('/[.][.]?(/|$)')", f"{EXTRA}[].mountPath must not contain . or .. as a directory"),
    ),
    f"{EXTRA}[].subPath": (
        (
            "!self.startsWith('/') && !self.matches('(^|/)[.][.](/|$)')",
            f"{EXTRA}[].subPath must be a path within the volume, without ..",
        ),
    ),
    f"{EXTRA}[].emptyDir.sizeLimit": (_quantity(f"{EXTRA}[].emptyDir.sizeLimit"),),
    f"{SERVER}.storage.capacity": (matches(f"{SERVER}.storage.capacity", "^[0-9]+[KMGT]i$", "must be a quantity such as 10Gi"),),
    f"{SERVER}.storage.mountPath": (_absolute(f"{SERVER}.storage.mountPath"),),
    f"{SERVER}.storage.shared.subPath": (
        (
            "!self.startsWith('/') && !self.contains('..') && self.contains('{username}')",
            f"{SERVER}.storage.shared.subPath must be a path within the volume that holds {{username}}: homes are apart",
        ),
    ),
    f"{HUB}.culling.timeout": (duration(f"{HUB}.culling.timeout"),),
    f"{HUB}.culling.every": (duration(f"{HUB}.culling.every"),),
    f"{HUB}.culling.maxAge": (duration(f"{HUB}.culling.maxAge"),),
    f"{HUB}.prePull.images[]": (_image(f"{HUB}.prePull.images[]"),),
    f"{HUB}.network": (
        ("self.isolate || !has(self.userEgress)", f"{HUB}.network.userEgress needs isolate: true"),
        (
            "self.isolate || self.blockMetadata != 'NetworkPolicy'",
            f"{HUB}.network.blockMetadata NetworkPolicy needs isolate: true",
        ),
    ),
    f"{HUB}.network.userEgress.to[].cidr": (cidr(f"{HUB}.network.userEgress.to[].cidr"),),
    f"{HUB}.database": (("!(has(self.volume) && has(self.urlRef))", f"{HUB}.database must not have both volume and urlRef"),),
    f"{HUB}.database.volume.size": (
        matches(f"{HUB}.database.volume.size", "^[0-9]+[KMGT]i$", "must be a quantity such as 10Gi"),
    ),
    f"{HUB}.database.volume.storageClass": (fixed(f"{HUB}.database.volume.storageClass"),),
    f"{HUB}.naming.scheme": (fixed(f"{HUB}.naming.scheme"),),
    f"{HUB}.services[].name": (
        matches(f"{HUB}.services[].name", "^[a-z]([-a-z0-9]*[a-z0-9])?$", "must be lower-case letters, digits, hyphens"),
    ),
    f"{HUB}.services[].url": (
        (
            "isURL(self) && (url(self).getScheme() == 'http' || url(self).getScheme() == 'https')",
            f"{HUB}.services[].url must be an http or https URL",
        ),
    ),
    f"{HUB}.services[].oauthRedirectUri": (
        (
            "self.startsWith('/') || self.startsWith('https://') || self.startsWith('http://')",
            f"{HUB}.services[].oauthRedirectUri must be a path or a URL",
        ),
    ),
    f"{HUB}.roles[]": (
        (
            "size(self.scopes) > 0 || self.name in ['admin', 'user', 'server', 'token']",
            f"{HUB}.roles[] must have scopes, except the hub's own roles",
        ),
    ),
    f"{HUB}.roles[].name": (
        matches(f"{HUB}.roles[].name", "^[a-z][-_.~a-z0-9]*[a-z0-9]$", "must be lower-case letters, digits, hyphens"),
    ),
    f"{HUB}.extraConfig": (
        ("self.all(name, name.matches('^[-0-9A-Za-z_.]+$'))", f"{HUB}.extraConfig must have names of letters, digits, - _ ."),
    ),
    f"{HUB}.extraFiles[].name": (matches(f"{HUB}.extraFiles[].name", "^[-0-9A-Za-z_.]+$", "must be letters, digits, - _ ."),),
    f"{HUB}.extraFiles[].mountPath": (_absolute(f"{HUB}.extraFiles[].mountPath"),),
    f"{HUB}.remediation.wait": (duration(f"{HUB}.remediation.wait"),),
    f"{HUB}.remediation.stalledAfter": (duration(f"{HUB}.remediation.stalledAfter"),),
}
