"""Check of the spec's patches, before the first resource is created."""

from collections.abc import Callable, Iterator
from typing import Any

from notebook_platform import outputs
from notebook_platform.azure.agent_pools import pool_body
from notebook_platform.azure.autoscale_body import setting_properties
from notebook_platform.azure.autoscale_patch import patched_setting
from notebook_platform.azure.checks.finding import Finding
from notebook_platform.azure.cluster_patch import patched_cluster
from notebook_platform.azure.merge_patch import leaves
from notebook_platform.azure.pool_patch import without_patch
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import StepError


async def patches(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Return what is wrong with each patch, or how many members the patches set; nothing when the spec has none."""
    problems, members = [], 0
    for patch, applied in _patches(scope):
        try:
            applied()
            members += sum(1 for _ in leaves(patch))
        except StepError as refused:
            failed = refused.failed
            problems.append(Finding(sentence=failed.message, reason=failed.reason, remedy=failed.remedy))
    if problems or not members:
        return problems
    return [Finding(sentence=f"members that the patches set: {members}")]


def _patches(scope: AzureScope) -> Iterator[tuple[dict[str, Any], Callable[[], Any]]]:
    """Yield each patch with the call that applies it."""
    spec, tags, now = scope.spec, scope.tags, scope.now
    plain = spec.model_copy(update={"node_pools": [without_patch(pool) for pool in spec.node_pools]})
    identity = outputs.Identity(type="SystemAssigned")
    parts = {"network": None, "identity": identity, "ssh_key": spec.cluster.ssh_public_key, "tags": tags, "now": now}
    yield spec.cluster.patch, lambda: patched_cluster(plain, **parts)
    for pool in spec.node_pools:
        yield pool.patch, lambda pool=pool: pool_body(pool, subnet_id=pool.subnet_id, tags=tags, now=now)  # type: ignore[misc]
    for setting in spec.autoscale:
        body = {"location": spec.azure.location, "tags": tags, "properties": setting_properties(setting, "", "")}
        yield setting.patch, lambda setting=setting, body=body: patched_setting(setting, body, "", "")  # type: ignore[misc]
