"""The Secret with the access to a cluster holds it whatever another writer has made of it: an immutable Secret, or one of another type."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio import client
from notebook_platform.kube.secret_data import decoded
from notebook_platform.kube.secrets import Platform
from notebook_platform.workload.access import ClusterKey
from notebook_platform.workload.kubeconfig import ClusterAccess
from notebook_platform.workload.stored_access import AccessStore

from sandbox.kubernetes.api import api_client
from sandbox.kubernetes.binaries import find
from sandbox.kubernetes.control_plane import ControlPlane, Wanted

KEY = ClusterKey(cluster_id="c", fqdn="f", resource_uid="u", local_accounts=True, credential="x")
ACCESS = ClusterAccess(server="https://f:443", ca_data="an authority", client_certificate="c", client_key="k", token="")


@pytest.fixture
async def core(tmp_path: Path) -> AsyncIterator[client.CoreV1Api]:
    plane = ControlPlane(tmp_path / "plane", find(), Wanted(name="access", nodes=False))
    await plane.start()
    async with await api_client(plane.kubeconfig()) as api:
        yield client.CoreV1Api(api)
    await plane.stop()


async def test_a_secret_that_cannot_be_replaced_is_made_again(core: client.CoreV1Api) -> None:
    made: dict[str, dict[str, Any]] = {
        "absent": {},
        "immutable": {"immutable": True},
        "of-another-type": {"type": "kubernetes.io/basic-auth", "string_data": {"username": "a", "password": "b"}},
        "hostile": {"data": {"issued-for": "/w==", "server": ""}},
    }
    store = AccessStore(core.api_client, "default")
    for uid, members in made.items():
        name = f"cluster-access-{uid}"
        if members:
            await core.create_namespaced_secret("default", client.V1Secret(metadata=client.V1ObjectMeta(name=name), **members))
        assert await store.load(uid, KEY) is None
        await store.save(Platform(namespace="lab", name="lab", uid=uid), KEY, ACCESS)
        found = await core.read_namespaced_secret(name, "default")
        assert decoded(found.data)["ca.crt"] == "an authority", uid
        await store.delete(uid)
        await store.delete(uid)
