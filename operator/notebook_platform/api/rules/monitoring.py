"""Rules of spec.monitoring."""

from collections.abc import Mapping

from notebook_platform.api.rules.helpers import Rule

RULES: Mapping[str, tuple[Rule, ...]] = {
    "spec": (
        (
            "!has(self.monitoring) || self.monitoring.prometheus == 'None' || self.identity.type != 'ServicePrincipal'",
            "spec.monitoring.prometheus Managed needs spec.identity.type SystemAssigned or UserAssigned: "
            "the metrics agent signs in with a managed identity",
        ),
    ),
    "spec.monitoring": (
        (
            "self.prometheus == 'Managed' || !has(self.workspaceId)",
            "spec.monitoring.workspaceId needs spec.monitoring.prometheus Managed",
        ),
    ),
}
