"""The lives that meet the faults: specs that use every kind of call to Azure, as the phases create, change, upgrade, delete."""

import copy
from dataclasses import dataclass
from typing import Any

from sandbox.azure.world import SUBSCRIPTION
from tests.unit.azure.specs import runbook_spec

WORKSPACE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/logs/providers/Microsoft.OperationalInsights/workspaces/teaching"
CREATE, CHANGE, UPGRADE, DELETE = "create", "change", "upgrade", "delete"


@dataclass(frozen=True)
class Plan:
    """One life: its name and the spec of each phase, in order; the phase `delete` deletes what its spec describes."""

    name: str
    phases: dict[str, dict[str, Any]]

    @property
    def short(self) -> "Plan":
        """Return the life that is only created and deleted."""
        created = self.phases[CREATE]
        return Plan(f"{self.name}, short", {CREATE: created, DELETE: created})


def with_principal() -> Plan:
    """Return the life of a BinderHub's platform with a service principal, a registry, autoscale settings and two pools."""
    created = runbook_spec(
        binderhub={
            "chart": {"version": "1.0.0-0.dev.git.3941.h9056a226"},
            "address": {"dnsLabels": {"binder": "u-binder", "hub": "u-binder-hub"}},
            "registry": {"azure": {"name": "universitybinder"}},
        }
    )
    created["nodePools"].append({"name": "users", "mode": "User", "vmSize": "Standard_D2s_v3", "count": 1})
    changed = copy.deepcopy(created)
    changed["azure"]["tags"] = {"team": "physics"}
    changed["network"]["subnets"] = [{"name": "gpu", "addressPrefix": "10.241.0.0/24"}]
    changed["cluster"]["apiServer"] = {"authorizedIPRanges": ["203.0.113.0/24"]}
    changed["nodePools"][0]["autoscaling"]["maxCount"] = 8
    changed["nodePools"][1] = {"name": "more", "mode": "User", "vmSize": "Standard_D2s_v3", "count": 2}
    changed["autoscale"] = []
    return Plan("service principal", _life(created, changed))


def with_managed_identity() -> Plan:
    """Return the life of a platform with a user-assigned identity, Container insights, managed Prometheus with alerts of a hub, and a
    maintenance window."""
    created = runbook_spec(
        identity={"type": "UserAssigned", "userAssigned": {"name": "prd-identity"}},
        autoscale=[],
        monitoring={"prometheus": "Managed"},
        jupyterhub={"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}},
    )
    created["cluster"] |= {
        "monitoring": {"workspaceId": WORKSPACE},
        "upgrades": {"channel": "patch"},
        "maintenanceWindow": {"days": ["Sunday"], "start": "03:00", "timeZone": "UTC"},
    }
    changed = copy.deepcopy(created)
    changed["azure"]["tags"] = {"team": "physics"}
    changed["cluster"]["maintenanceWindow"] = {"days": ["Saturday"], "start": "04:00", "timeZone": "UTC"}
    changed["cluster"]["monitoring"] = changed["monitoring"] = None
    return Plan("managed identity", _life(created, changed))


def _life(created: dict[str, Any], changed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    upgraded = copy.deepcopy(changed)
    upgraded["cluster"]["kubernetesVersion"] = "1.36"
    return {CREATE: created, CHANGE: changed, UPGRADE: upgraded, DELETE: upgraded}


LIVES = (with_principal(), with_managed_identity())
PLANS = {plan.name: plan for whole in LIVES for plan in (whole, whole.short)}
