"""A release, its records and its volumes have an owner: what the operator takes over, removes, renews and leaves."""

import asyncio
import base64

import pytest
import yaml
from kubernetes.aio import client
from notebook_platform.engine import Failed, Ready, Unblocking
from notebook_platform.engine.teardown import orphan

from sandbox.kubernetes.binaries import find
from tests.integration.releases.hands import upgrade_of_ours_that_died
from tests.integration.releases.harness import ReleaseHarness, helm_runs, rewritten

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_changed_release_whose_records_are_gone_is_not_installed_over_volumes_unapproved(harness: ReleaseHarness) -> None:
    """Whoever may delete Secrets in the namespace could have the approval of an upgrade passed over."""
    await harness.ready()
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    await harness.cluster.core.create_namespaced_persistent_volume_claim(harness.namespace, claim)
    await harness.cluster.core.delete_collection_namespaced_secret(harness.namespace, label_selector="owner=helm")
    harness.set(replicas=2)
    outcome = await harness.reason("ApprovalNeeded")
    assert "records of release little are gone" in outcome.message and outcome.retry_in is None and await harness.records() == []
    harness.approved = frozenset({"1.0.0"})
    await harness.ready()
    assert await harness.records() == [(1, "deployed")] and (await harness.deployment()).spec.replicas == 2


async def test_a_release_removed_from_the_spec_is_uninstalled_and_foreign_objects_stay(harness: ReleaseHarness) -> None:
    await harness.ready()
    await harness.cluster.core.create_namespaced_config_map(harness.namespace, {"metadata": {"name": "foreign"}})
    wanted, harness.wants = harness.wants, []
    await harness.until(
        lambda outcome: isinstance(outcome, Unblocking) and not harness.results["RetiredReleases"].exists, "RetiredReleases"
    )
    maps = (await harness.cluster.core.list_namespaced_config_map(harness.namespace)).items
    assert {m.metadata.name for m in maps} == {"kube-root-ca.crt", "foreign"}
    assert not (await client.AppsV1Api(harness.cluster.target.api).list_namespaced_deployment(harness.namespace)).items
    harness.wants = wanted
    await harness.ready()


async def test_owned_releases_are_not_touched_and_unowned_ones_only_with_adoption(harness: ReleaseHarness) -> None:
    await harness.ready()
    first, harness.owner = harness.owner, "tests/platforms/two/uid-2"
    message = (await harness.reason("OwnedByAnother")).message
    assert "belongs to another platform" in message and first not in message
    await harness.delete()
    harness.owner = first
    await orphan(harness.graph(deleting=True))
    harness.owner = "tests/platforms/two/uid-2"
    assert "spec.adoption" in (await harness.reason("NotOwned")).remedy
    await harness.delete()
    assert await harness.records() == [(1, "deployed")]
    harness.adoption = "IfUnowned"
    before = helm_runs()
    assert (await harness.ready()).revision == 1 and helm_runs() == before
    await harness.delete()
    assert await harness.records() == []


async def test_no_upgrade_and_no_rollback_takes_a_volume(harness: ReleaseHarness) -> None:
    harness.set(storage={"class": "managed-csi"})
    await harness.ready()
    before = await harness.cluster.core.read_namespaced_persistent_volume_claim("little", harness.namespace)
    harness.set()
    await harness.approve()
    await harness.ready()
    after = await harness.cluster.core.read_namespaced_persistent_volume_claim("little", harness.namespace)
    assert after.metadata.uid == before.metadata.uid and not after.metadata.deletion_timestamp
    harness.set(storage={"class": "managed-csi"}, note="again")
    await harness.ready()
    harness.wants[0]["remediation"]["strategy"] = "Rollback"
    harness.set(broken=True)
    await harness.until(lambda outcome: isinstance(outcome, Failed) and outcome.retry_in is None)
    last = await harness.cluster.core.read_namespaced_persistent_volume_claim("little", harness.namespace)
    assert last.metadata.uid == before.metadata.uid and not last.metadata.deletion_timestamp


async def test_a_release_from_before_an_upgrade_of_kubernetes_can_still_be_upgraded(harness: ReleaseHarness) -> None:
    await harness.ready()
    budget = """
---
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: little}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: little}}}
---
apiVersion: policy/v1beta1
kind: PodSecurityPolicy
metadata: {name: little}
"""
    await rewritten(harness, lambda document: document.update(manifest=document["manifest"] + budget), ours=True)
    await harness.ready()
    harness.set(note="b")
    assert (await harness.ready()).revision == 2


async def test_a_hub_whose_chart_drew_its_secrets_keeps_them_when_it_is_taken_over(harness: ReleaseHarness) -> None:
    """The values do not hold them, only the chart's own Secret does; the platform's stored secrets were never set on the
    release."""
    await harness.secrets.apply(f"{harness.namespace}-hub", {"cookieSecret": "ab" * 32})
    chart = str(harness.cluster.charts / "jupyterhub-4.4.0.tgz")
    kubeconfig = harness.cluster.directory / "kubeconfig"
    kubeconfig.write_text(harness.cluster.kubeconfig)
    command = [str(find().path("helm")), "install", "jhub", chart, "--namespace", harness.namespace, "--create-namespace"]
    done = await asyncio.create_subprocess_exec(*command, "--kubeconfig", str(kubeconfig), stdout=asyncio.subprocess.DEVNULL)
    assert await done.wait() == 0
    before = (await harness.cluster.core.read_namespaced_secret("hub", harness.namespace)).data
    harness.wants, harness.adoption = [], "IfUnowned"
    harness.hub = {
        "namespace": harness.namespace,
        "chart": {"version": "4.4.0"},
        "auth": {"dummy": {"insecure": True, "allowAll": True}},
    }
    assert (await harness.ready("JupyterHub")).revision == 2
    after = (await harness.cluster.core.read_namespaced_secret("hub", harness.namespace)).data
    keys = ("ConfigurableHTTPProxy.auth_token", "JupyterHub.cookie_secret", "CryptKeeper.keys")
    assert [after[f"hub.config.{key}"] for key in keys] == [before[f"hub.config.{key}"] for key in keys]
    values = yaml.safe_load(base64.b64decode(after["values.yaml"]))
    assert values["hub"]["config"]["JupyterHub"]["cookie_secret"] == base64.b64decode(after[f"hub.config.{keys[1]}"]).decode()


async def test_a_release_is_orphaned_without_the_lock_of_a_helm_that_died(harness: ReleaseHarness) -> None:
    """No operator would remove the lock later, and each Helm refuses a release with one."""
    await upgrade_of_ours_that_died(harness)
    assert (await harness.records())[-1] == (2, "pending-upgrade")
    assert all(isinstance(result.outcome, Ready) for result in (await orphan(harness.graph(deleting=True))).values())
    assert await harness.records() == [(1, "superseded")]
    harness.adoption = "IfUnowned"
    assert (await harness.ready()).revision == 2


async def test_a_release_is_orphaned_once_helm_has_finished_what_it_had_begun(harness: ReleaseHarness) -> None:
    """A Helm that ended with the platform would leave a lock, and an entry in a ledger that no platform reads."""
    slow = {"hook": "example.org/hook:1", "note": "b"}
    other = {"name": "other", "namespace": f"{harness.namespace}-2", "chart": {"name": "little", "version": "1.0.0"}}
    harness.wants.append(other | {"values": slow})
    harness.set(**slow)
    await harness.once()
    harness.wants.pop()
    waits = (await orphan(harness.graph(deleting=True))).values()
    assert ["the release is orphaned after it" in getattr(result.outcome, "message", "") for result in waits] == [
        False,
        True,
        True,
    ]

    async def orphaned() -> bool:
        return all(isinstance(result.outcome, Ready) for result in (await orphan(harness.graph(deleting=True))).values())

    await harness.soon(orphaned)
    assert await harness.records() == [(1, "deployed")] and not harness.ledger.releases()
