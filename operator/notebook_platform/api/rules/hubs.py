"""Rules of spec.jupyterhub."""

from collections.abc import Mapping

from notebook_platform.api.rules.helpers import Rule, duration, fixed, https, matches, one_of

RULES: Mapping[str, tuple[Rule, ...]] = {
    "spec.jupyterhub.release": (
        matches("spec.jupyterhub.release", "^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$", "must be a Helm release name"),
        fixed("spec.jupyterhub.release"),
    ),
    "spec.jupyterhub.namespace": (
        matches("spec.jupyterhub.namespace", "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", "must be a namespace name"),
        fixed("spec.jupyterhub.namespace"),
    ),
    "spec.jupyterhub.chart.version": (
        matches(
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
        matches(
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
    "spec.jupyterhub.auth": (one_of("spec.jupyterhub.auth", "oidc", "dummy", "fromValues"),),
    "spec.jupyterhub.auth.oidc": (
        (
            "self.allowAll || size(self.allowedUsers) > 0 || size(self.adminUsers) > 0",
            "spec.jupyterhub.auth.oidc lets nobody in: set adminUsers, allowedUsers or allowAll",
        ),
    ),
    "spec.jupyterhub.auth.oidc.authorizeUrl": (https("spec.jupyterhub.auth.oidc.authorizeUrl"),),
    "spec.jupyterhub.auth.oidc.tokenUrl": (https("spec.jupyterhub.auth.oidc.tokenUrl"),),
    "spec.jupyterhub.auth.oidc.userinfoUrl": (https("spec.jupyterhub.auth.oidc.userinfoUrl"),),
    "spec.jupyterhub.auth.dummy.insecure": (
        ("self", "spec.jupyterhub.auth.dummy.insecure must be true: anyone with the password may be anyone"),
    ),
    "spec.jupyterhub.singleUser.image": (
        matches("spec.jupyterhub.singleUser.image", r"^[^ :@]+(:[0-9]+/[^ :@]+)?:[\w.-]+$", "must be an image with a tag"),
    ),
    "spec.jupyterhub.singleUser.cpu.guarantee": (
        matches("spec.jupyterhub.singleUser.cpu.guarantee", "^([0-9]+m|[0-9]*[.]?[0-9]+)$", "must be CPUs, as 0.5 or 500m"),
    ),
    "spec.jupyterhub.singleUser.cpu.limit": (
        matches("spec.jupyterhub.singleUser.cpu.limit", "^([0-9]+m|[0-9]*[.]?[0-9]+)$", "must be CPUs, as 0.5 or 500m"),
    ),
    "spec.jupyterhub.singleUser.memory.guarantee": (
        matches("spec.jupyterhub.singleUser.memory.guarantee", "^[0-9]+([.][0-9]+)?[KMGT]$", "must be written as 2G or 512M"),
    ),
    "spec.jupyterhub.singleUser.memory.limit": (
        matches("spec.jupyterhub.singleUser.memory.limit", "^[0-9]+([.][0-9]+)?[KMGT]$", "must be written as 2G or 512M"),
    ),
    "spec.jupyterhub.singleUser.storage.capacity": (
        matches("spec.jupyterhub.singleUser.storage.capacity", "^[0-9]+[KMGT]i$", "must be a quantity as 10Gi"),
    ),
    "spec.jupyterhub.culling.timeout": (duration("spec.jupyterhub.culling.timeout"),),
    "spec.jupyterhub.culling.every": (duration("spec.jupyterhub.culling.every"),),
    "spec.jupyterhub.culling.maxAge": (duration("spec.jupyterhub.culling.maxAge"),),
    "spec.jupyterhub.remediation.wait": (duration("spec.jupyterhub.remediation.wait"),),
}
