"""PodDisruptionBudgets that allow no disruption: a node drain or upgrade blocks on them without limit."""

from typing import Any

from kubernetes.aio import client

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.step import Notice
from notebook_platform.helm.release import Release


async def drain_blocked(api: client.ApiClient, release: Release, field: str) -> tuple[Notice, ...]:
    """Return a notice for budgets of the release that block the eviction even of a healthy workload."""
    names = {manifest["metadata"]["name"] for manifest in release.objects() if manifest["kind"] == "PodDisruptionBudget"}
    if not names:
        return ()
    listed = (await client.PolicyV1Api(api).list_namespaced_pod_disruption_budget(release.namespace)).items
    stuck = sorted(budget.metadata.name for budget in listed if budget.metadata.name in names and _allows_no_disruption(budget))
    if not stuck:
        return ()
    message = (
        f"{field}: the disruption budget {', '.join(stuck)} of namespace {release.namespace} allows no disruptions, so node "
        "drains and upgrades block: run more replicas, or disable the budget"
    )
    return (Notice(condition=ConditionType.DRAIN_BLOCKED, reason=Reason.DISRUPTION_NOT_ALLOWED, message=message),)


def _allows_no_disruption(budget: Any) -> bool:
    status = budget.status
    return bool(
        status and status.expected_pods and not status.disruptions_allowed and status.current_healthy >= status.expected_pods
    )
