"""Two features meet on a hub: its users' homes, its names, another chart under its name, an uninstallation by another client."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kubernetes.aio.client.exceptions import ApiException
from notebook_platform.engine import Deferred, Ready
from notebook_platform.engine.reconcile import Policy
from notebook_platform.helm.release import unpacked

from tests.integration.releases.harness import ReleaseHarness, by_hand
from tests.unit.hubs.test_endpoint_health import pem

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


async def test_a_hub_does_not_become_a_release_of_another_chart_nor_the_other_way_round(harness: ReleaseHarness) -> None:
    """With another name, the uninstallation of the hub asks about its users' homes first."""
    release, harness.wants, harness.hub, harness.asks = harness.wants, [], hub(harness), True
    await harness.ready("JupyterHub")
    await create_home(harness, "ada")
    harness.wants, harness.hub = release, None
    refused = await harness.reason("OwnershipConflict")
    assert refused.retry_in is None and "has chart jupyterhub, and chart little cannot replace it" in refused.message
    assert await harness.records() == [(1, "deployed")] and harness.condition("Stalled").reason == "OwnershipConflict"
    harness.wants[0]["name"] = "other"
    assert "home" in (await harness.reason("ApprovalNeeded", "RetiredReleases")).message
    await harness.approve("RetiredReleases")
    await harness.ready("ReleaseOther")
    harness.wants, harness.hub = [], hub(harness, release="other")
    assert "chart little, and chart jupyterhub cannot" in (await harness.reason("OwnershipConflict", "JupyterHub")).message


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


@pytest.mark.parametrize(("days", "waits"), [(30, True), (2, False)])
async def test_a_certificate_that_ends_is_replaced_without_waiting_for_the_window(
    harness: ReleaseHarness, days: int, waits: bool
) -> None:
    core, name = harness.cluster.core, f"{harness.namespace}-tls"
    reference = {"expose": {"tls": {"certificateRef": {"name": name}}}, "host": "hub.example.org"}
    harness.wants, harness.hub = [], hub(harness, release=f"ends-{days}", **reference)

    async def give(ends: int) -> None:
        body = {"tls.crt": pem(datetime.now(UTC) + timedelta(days=ends), "hub.example.org"), "tls.key": "key"}
        secret = {"metadata": {"name": name}, "stringData": body}
        try:
            await core.replace_namespaced_secret(name, "default", secret)
        except ApiException:
            await core.create_namespaced_secret("default", secret)

    await give(days)
    await harness.ready("JupyterHub")
    await give(90)
    closed = Policy(window_gate="the maintenance window opens")
    await harness.until(lambda it: isinstance(it, Deferred if waits else Ready), "JupyterHub", policy=closed)
    assert await harness.records() == ([(1, "deployed")] if waits else [(1, "superseded"), (2, "deployed")])
