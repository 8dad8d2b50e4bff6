"""Ids and specs of the platforms that the tests of the Azure steps build."""

from collections.abc import Mapping
from typing import Any

from notebook_platform.engine.outcome import Ready
from notebook_platform.engine.result import Result

from tests.unit.azure.specs import group_id, runbook_spec

CLUSTER = f"{group_id('prd_rg_jhub')}/providers/microsoft.containerservice/managedclusters/prd-aks-jhub"
NETWORK = f"{group_id('prd_rg_jhub')}/providers/microsoft.network/virtualnetworks/prd_vnet_jhub"
NIGHTS = [
    {"cron": "0 20 * * *", "powerState": "Stopped", "timeZone": "UTC"},
    {"cron": "0 7 * * *", "powerState": "Running", "timeZone": "UTC"},
]
USER_POOL = {"name": "users", "mode": "User", "vmSize": "Standard_D2s_v3", "count": 1}


def with_pool(**members: Any) -> dict[str, Any]:
    spec = runbook_spec()
    spec["nodePools"].append({**USER_POOL, **members})
    return spec


def all_done(results: Mapping[str, Result]) -> bool:
    return all(isinstance(result.outcome, Ready) for result in results.values())
