"""Bodies with a patch of the spec, and the refusal of one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from notebook_platform import outputs
from notebook_platform.api.autoscale import Autoscale
from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.agent_pools import pool_body
from notebook_platform.azure.autoscale_body import setting_properties
from notebook_platform.azure.autoscale_patch import patched_setting
from notebook_platform.azure.cluster_patch import patched_cluster
from notebook_platform.engine import StepError
from notebook_platform.engine.outcome import Failed

from tests.unit.azure.specs import runbook_spec, with_cluster

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
SCALE_SET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/aks-nodepool1-1-vmss"
PROXY = {"properties": {"httpProxyConfig": {"httpProxy": "http://proxy.example.org:3128", "noProxy": ["10.0.0.0/8"]}}}


def parsed(cluster_patch: Mapping[str, Any] | None = None, **members: Any) -> NotebookPlatformSpec:
    return NotebookPlatformSpec.model_validate(with_cluster(patch=dict(cluster_patch or {}), **members))


def body_of(spec: NotebookPlatformSpec) -> dict[str, Any]:
    identity = outputs.Identity(type="SystemAssigned")
    return patched_cluster(
        spec, None, network=None, identity=identity, ssh_key=spec.cluster.ssh_public_key, tags={"a": "b"}, now=NOW
    )


def cluster(patch: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    return body_of(parsed(patch, **members))


def pool(patch: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    spec = NodePool.model_validate({"name": "users", "vmSize": "Standard_D4s_v3", "count": 2, "patch": patch, **members})
    return pool_body(spec, subnet_id=None, tags={"a": "b"}, now=NOW)


def autoscale(patch: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    setting = Autoscale.model_validate({**runbook_spec()["autoscale"][0], "patch": patch, **members})
    body = {"location": "eastus", "tags": {"a": "b"}, "properties": setting_properties(setting, "n", SCALE_SET)}
    return patched_setting(setting, body, "n", SCALE_SET)


MAKERS = {"spec.cluster.patch": cluster, "spec.nodePools[].patch": pool, "spec.autoscale[].patch": autoscale}


def nested(path: str, value: Any) -> dict[str, Any]:
    for name in reversed(path.split(".")):
        value = {name: value}
    found: dict[str, Any] = value
    return found


def refused(maker: Any, patch: Mapping[str, Any], **members: Any) -> Failed:
    with pytest.raises(StepError) as caught:
        maker(patch, **members)
    failed = caught.value.failed
    assert failed.reason == "PatchRefused" and failed.remedy and failed.retry_in is None
    return failed
