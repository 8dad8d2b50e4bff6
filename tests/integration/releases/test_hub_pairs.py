"""Two features meet on a hub: its users' homes, its names, another chart under its name, an uninstallation by another client."""

from typing import Any

import pytest
from notebook_platform.helm.release import unpacked

from tests.integration.releases.harness import ReleaseHarness, by_hand

pytestmark = pytest.mark.asyncio(loop_scope="package")


def hub(harness: ReleaseHarness, **fields: Any) -> dict[str, Any]:
    """Return a hub that has the name of the other tests' release."""
    sign_in = {"dummy": {"insecure": True, "allowAll": True}}
    return {"namespace": harness.namespace, "release": "little", "chart": {"version": "4.4.0"}, "auth": sign_in, **fields}


async def create_home(harness: ReleaseHarness, user: str) -> None:
    claim = {
        "metadata": {"name": f"claim-{user}", "labels": {"component": "singleuser-storage"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    await harness.cluster.core.create_namespaced_persistent_volume_claim(harness.namespace, claim)


async def test_a_hub_that_was_uninstalled_by_hand_finds_the_homes_of_its_users_again(harness: ReleaseHarness) -> None:
    """It comes from a chart before 4, which names volumes in another way; the spec says nothing about that."""
    harness.wants, harness.hub = [], hub(harness, naming={"scheme": "Escape"})
    await harness.ready("JupyterHub")
    harness.hub = hub(harness)
    await harness.ready("JupyterHub")
    await create_home(harness, "ada-2elove")
    assert await harness.records() == [(1, "deployed")]
    await (await by_hand(harness, "uninstall", "little")).wait()
    await harness.ready("JupyterHub")
    made = await harness.cluster.core.read_namespaced_secret("sh.helm.release.v1.little.v1", harness.namespace)
    assert unpacked(made.data["release"])["config"]["hub"]["config"]["KubeSpawner"]["slug_scheme"] == "escape"
