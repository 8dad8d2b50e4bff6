"""The cache reads with the api-versions with which the SDK's clients write."""

from collections.abc import Callable
from typing import Any

import pytest
from notebook_platform.api.azure import Credentials
from notebook_platform.azure.arm import resource_types as types
from notebook_platform.azure.arm.credentials import sign_in
from notebook_platform.azure.arm.resource_types import ResourceType
from notebook_platform.azure.arm.session_pool import SignedIn

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.conftest import Estate

BY_SDK: dict[str, tuple[ResourceType, Callable[[Any], Any]]] = {
    "groups": (types.GROUPS, lambda s: s.resources.resource_groups.list()),
    "networks": (types.NETWORKS, lambda s: s.network.virtual_networks.list_all()),
    "identities": (types.IDENTITIES, lambda s: s.identities.user_assigned_identities.list_by_subscription()),
    "clusters": (types.CLUSTERS, lambda s: s.container_service.managed_clusters.list()),
    "scale sets": (types.SCALE_SETS, lambda s: s.compute.virtual_machine_scale_sets.list_all()),
    "autoscale settings": (types.AUTOSCALE_SETTINGS, lambda s: s.monitor.autoscale_settings.list_by_subscription()),
}


async def signed_in(estate: Estate) -> SignedIn:
    credentials = Credentials.model_validate({"secretRef": {"name": "azure-credentials"}})
    wanted = await sign_in(credentials, estate.sessions.cloud, estate.secrets)  # type: ignore[arg-type]
    return estate.sessions.of(wanted, SUBSCRIPTION)


@pytest.mark.parametrize("name", BY_SDK)
async def test_the_cache_and_the_sdk_send_the_same_list(estate: Estate, name: str) -> None:
    kind, by_sdk = BY_SDK[name]
    azure, mark = await signed_in(estate), await estate.mark()
    assert [item async for item in by_sdk(azure.session)] == []
    assert await azure.cache.list_subscription(kind, 0) == []
    entries = (await estate.control("GET", f"/journal?since={mark}"))["value"]
    sent = [(e["path"].lower(), e["api_version"]) for e in entries if not e["path"].endswith("/token")]
    assert len(sent) == 2 and sent[0] == sent[1]
