"""Rules of what spans several parts of the spec."""

from collections.abc import Mapping

from notebook_platform.api.rules import binderhub, releases
from notebook_platform.api.rules.helpers import Rule, duration, matches

PURPOSE = "hub.jupyter.org/node-purpose"

RULES: Mapping[str, tuple[Rule, ...]] = {
    "spec": (
        (
            "!has(self.autoscale) || self.autoscale.all(a, self.nodePools.exists(p, p.name == a.pool))",
            "spec.autoscale[].pool must name a pool of spec.nodePools",
        ),
        (
            "self.nodePools.exists(p, p.mode == 'System') || self.adoption == 'IfUnowned'",
            "spec.nodePools must have a pool with mode System; with adoption IfUnowned, an existing pool outside the spec is enough",
        ),
        (
            "!has(self.network) || !has(self.network.subnet) || "
            "!isCIDR(self.network.subnet.addressPrefix) || !isCIDR(self.cluster.network.serviceCidr) || "
            "!(cidr(self.network.subnet.addressPrefix).containsIP(cidr(self.cluster.network.serviceCidr).ip()) || "
            "cidr(self.cluster.network.serviceCidr).containsIP(cidr(self.network.subnet.addressPrefix).ip()))",
            "spec.cluster.network.serviceCidr must not overlap spec.network.subnet.addressPrefix",
        ),
        (
            "self.nodePools.all(p, !has(p.subnet) || (has(self.network) && ((has(self.network.subnet) && "
            "p.subnet == self.network.subnet.name) || self.network.subnets.exists(s, s.name == p.subnet))))",
            "spec.nodePools[].subnet must name a subnet of spec.network",
        ),
        (
            "self.identity.type != 'SystemAssigned' || !has(self.cluster.apiServer.privateDNSZone) || "
            "self.cluster.apiServer.privateDNSZone in ['system', 'none']",
            "spec.cluster.apiServer.privateDNSZone with the id of a zone needs spec.identity.type UserAssigned or ServicePrincipal: the "
            "identity needs a role there before the cluster exists",
        ),
        (
            "self.cluster.nodeProvisioning == 'Manual' || self.nodePools.all(p, !has(p.autoscaling))",
            "spec.nodePools[].autoscaling needs spec.cluster.nodeProvisioning Manual; with Auto, give each pool a count",
        ),
        (
            "self.cluster.nodeProvisioning == 'Manual' || self.identity.type != 'ServicePrincipal'",
            "spec.cluster.nodeProvisioning Auto needs spec.identity.type SystemAssigned or UserAssigned",
        ),
        *releases.WHOLE,
        *binderhub.SPEC,
        *(
            (
                f"!has(self.jupyterhub) || self.jupyterhub.placement.{pods} != 'Require' || self.nodePools.exists(p, (has(p.purpose) "
                f"&& p.purpose == '{purpose}') || (has(p.nodeLabels) && '{PURPOSE}' in p.nodeLabels && "
                f"p.nodeLabels['{PURPOSE}'] == '{purpose.lower()}'))",
                f"spec.jupyterhub.placement.{pods} Require needs a pool with purpose {purpose} in spec.nodePools",
            )
            for pods, purpose in (("userPods", "User"), ("corePods", "Core"))
        ),
        (
            "!has(self.jupyterhub) || self.jupyterhub.network.blockMetadata != 'NetworkPolicy' || self.cluster.network.policy != 'none'",
            "spec.jupyterhub.network.blockMetadata NetworkPolicy needs spec.cluster.network.policy azure, calico or cilium",
        ),
        ("has(self.network) == has(oldSelf.network)", "spec.network cannot be added or removed later; create a new platform"),
    ),
    "spec.driftIgnore[]": (
        matches(
            "spec.driftIgnore[]",
            r"^[A-Z][-A-Za-z0-9]+[.][^ ]+$",
            "must be Step.path, such as Cluster.tags.cost* or NodePools.agentPools[gpu].*",
        ),
    ),
    "spec.interval": (duration("spec.interval"),),
}
