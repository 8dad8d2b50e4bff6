"""Check of the spec's patches, before the first resource is created."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from notebook_platform import outputs
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.agent_pools import pool_body
from notebook_platform.azure.autoscale_body import setting_properties
from notebook_platform.azure.autoscale_patch import patched_setting
from notebook_platform.azure.checks.finding import Finding
from notebook_platform.azure.cluster_patch import patched_cluster
from notebook_platform.azure.merge_patch import leaves
from notebook_platform.azure.pool_patch import without_patch
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Failed, StepError


async def patches(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Return what is wrong with each patch, or how many members the patches set; nothing when the spec has none."""
    if problems := patch_problems(scope.spec, scope.tags, scope.now):
        return [Finding(sentence=failed.message, reason=failed.reason, remedy=failed.remedy) for failed in problems]
    members = sum(1 for patch, _ in _patches(scope.spec, scope.tags, scope.now) for _ in leaves(patch))
    return [Finding(sentence=f"members set by patches: {members}")] if members else []


def patch_problems(spec: NotebookPlatformSpec, tags: Mapping[str, str], now: datetime) -> list[Failed]:
    """Return why patches of the spec are refused, one failure for each. `tags`: those of new resources. Pure."""
    found = []
    for _, apply_patch in _patches(spec, tags, now):
        try:
            apply_patch()
        except StepError as refused:
            found.append(refused.failed)
    return found


def _patches(
    spec: NotebookPlatformSpec, tags: Mapping[str, str], now: datetime
) -> Iterator[tuple[dict[str, Any], Callable[[], Any]]]:
    """Yield each patch with the call that applies it."""
    plain = spec.model_copy(update={"node_pools": [without_patch(pool) for pool in spec.node_pools]})
    identity = outputs.Identity(type="SystemAssigned")
    parts = {"network": None, "identity": identity, "ssh_key": spec.cluster.ssh_public_key, "tags": tags, "now": now}
    yield spec.cluster.patch, lambda: patched_cluster(plain, None, **parts)
    for pool in (pool for pool in spec.node_pools if pool.patch):
        yield pool.patch, lambda pool=pool: pool_body(pool, subnet_id=pool.subnet_id, tags=tags, now=now)  # type: ignore[misc]
    for setting in (setting for setting in spec.autoscale if setting.patch):
        body = {"location": spec.azure.location, "tags": dict(tags), "properties": setting_properties(setting, "", "")}
        yield setting.patch, lambda setting=setting, body=body: patched_setting(setting, body, "", "")  # type: ignore[misc]
