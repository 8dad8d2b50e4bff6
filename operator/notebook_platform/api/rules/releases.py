"""Rules of spec.releases."""

from collections.abc import Mapping

from notebook_platform.api.releases import HUBS
from notebook_platform.api.rules.helpers import Rule, chart_repository, digest, duration, fixed, matches

HERE = "spec.releases[]"
NAME = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
RESERVED = ", ".join(f"'{hub}'" for hub in HUBS)

RULES: Mapping[str, tuple[Rule, ...]] = {
    "spec.releases[].name": (
        matches(f"{HERE}.name", NAME, "must be a Helm release name"),
        (
            f"!(self in [{RESERVED}]) && !self.startsWith('aks-managed-')",
            f"{HERE}.name cannot be {', '.join(HUBS)} or begin with aks-managed-: these names are reserved",
        ),
    ),
    "spec.releases[].namespace": (
        matches(f"{HERE}.namespace", NAME, "must be a namespace name"),
        fixed(f"{HERE}.namespace"),
    ),
    "spec.releases[].chart.name": (
        matches(f"{HERE}.chart.name", "^[a-z0-9]([-._a-z0-9]*[a-z0-9])?$", "must be the name of a chart, without a repository"),
    ),
    "spec.releases[].chart.version": (
        matches(
            f"{HERE}.chart.version",
            r"^v?[0-9]+\.[0-9]+\.[0-9]+([-+][-0-9A-Za-z.+]+)?$",
            "must be one exact version, such as 1.2.3; ranges are not accepted",
        ),
    ),
    "spec.releases[].chart.repository": chart_repository(f"{HERE}.chart.repository"),
    "spec.releases[].chart.digest": (digest(f"{HERE}.chart.digest"),),
    "spec.releases[].remediation.wait": (duration(f"{HERE}.remediation.wait"),),
    "spec.releases[].remediation.stalledAfter": (duration(f"{HERE}.remediation.stalledAfter"),),
    "spec.releases[]": (("!(self.name in self.needs)", f"{HERE}.needs cannot name the release itself"),),
}

WHOLE: tuple[Rule, ...] = (
    (
        "self.releases.all(r, r.needs.all(n, self.releases.exists(o, o.name == n) || "
        "(n == 'jupyterhub' && has(self.jupyterhub)) || (n == 'binderhub' && has(self.binderhub))))",
        f"{HERE}.needs must name releases of spec.releases, or jupyterhub or binderhub where the spec has one",
    ),
    *(
        (
            f"!has(self.{hub}) || self.{hub}.needs.all(n, self.releases.exists(o, o.name == n) || "
            f"(n == '{other}' && has(self.{other})))",
            f"spec.{hub}.needs must name releases of spec.releases, or {other} where the spec has one",
        )
        for hub, other in (HUBS, HUBS[::-1])
    ),
    (
        "!has(self.jupyterhub) || "
        "!self.releases.exists(r, r.name == self.jupyterhub.release && r.__namespace__ == self.jupyterhub.__namespace__)",
        f"{HERE} cannot be the release of spec.jupyterhub",
    ),
    (
        "!has(self.binderhub) || "
        "!self.releases.exists(r, r.name == self.binderhub.release && r.__namespace__ == self.binderhub.__namespace__)",
        f"{HERE} cannot be the release of spec.binderhub",
    ),
)
"""Rules that need more of the spec than the release."""
