"""Describe the managed Prometheus of an imported cluster. Reads only."""

from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform.api.arm_ids import ArmId
from notebook_platform.azure.arm.answer import resource_of
from notebook_platform.azure.arm.resource_types import COLLECTION_API, MONITOR_TYPE
from notebook_platform.azure.arm.session import AzureSession
from notebook_platform.azure.metrics_collection import MetricsCollection
from notebook_platform.azure.monitoring_addon import sends_metrics

Spec = dict[str, Any]


async def describe_monitoring(session: AzureSession, cluster: Mapping[str, Any], identity: Spec, remarks: list[str]) -> Spec:
    """Return spec.monitoring of a cluster that sends its metrics to an Azure Monitor workspace; empty for any other.

    The alerts and the metrics of hubs are off: with them the first reconcile would create rules, and change the hub.
    """
    if not sends_metrics(cluster["properties"]):
        return {}
    workspace = await _workspace(session, str(cluster["id"]))
    if workspace is None or identity.get("type") == "ServicePrincipal":
        remarks.append(
            "Managed Prometheus is on, but spec.monitoring cannot describe it: no association with a rule for an Azure Monitor workspace "
            "can be read, or the cluster has a service principal; the operator leaves it as it is"
        )
        return {}
    remarks.append(
        "The alert rules of the hubs are off, and the hubs are not scraped: set spec.monitoring.alerts.enabled and "
        "spec.monitoring.hubMetrics to true to have them"
    )
    return {"prometheus": "Managed", "workspaceId": workspace, "alerts": {"enabled": False}, "hubMetrics": False}


async def _workspace(session: AzureSession, cluster_id: str) -> str | None:
    """Return the id of the workspace that the cluster's rule sends to."""
    base = f"{cluster_id}/providers/Microsoft.Insights/dataCollectionRuleAssociations/{MetricsCollection.association}"
    try:
        association = resource_of(await session.send("GET", base, api_version=COLLECTION_API))
        rule_id = str(association["properties"]["dataCollectionRuleId"])
        rule = resource_of(await session.send("GET", rule_id, api_version=COLLECTION_API))
        accounts = (rule["properties"].get("destinations") or {}).get("monitoringAccounts") or ()
    except (HttpResponseError, KeyError):
        return None
    named = [str(account.get("accountResourceId") or "") for account in accounts]
    return next((id_ for id_ in named if ArmId(MONITOR_TYPE).problem(id_) is None), None)
