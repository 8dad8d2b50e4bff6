"""What other hands do to a release, or leave of it, and the remedies that a user carries out."""

from collections.abc import Awaitable, Callable

from kubernetes.aio import client
from notebook_platform.engine.teardown import orphan

from tests.integration.releases.harness import ReleaseHarness, by_hand, interrupted, rewritten

NEVER_ENDS = "example.org/does-not-exist:1"


async def nothing_is_there(harness: ReleaseHarness) -> None:
    pass


async def uninstalled_by_hand(harness: ReleaseHarness) -> None:
    await harness.ready()
    await (await by_hand(harness, "uninstall", "little")).wait()


async def uninstalled_by_hand_with_its_history_kept(harness: ReleaseHarness) -> None:
    await harness.ready()
    await (await by_hand(harness, "uninstall", "little", "--keep-history")).wait()
    assert await harness.records() == [(1, "uninstalled")]


async def all_release_records_deleted_by_hand(harness: ReleaseHarness) -> None:
    await harness.ready()
    await harness.cluster.core.delete_collection_namespaced_secret(harness.namespace, label_selector="owner=helm")


async def installed_anew_by_hand(harness: ReleaseHarness) -> None:
    """With other values, after an uninstallation that the operator has reported."""
    await uninstalled_by_hand(harness)
    await harness.once()
    chart = str(harness.cluster.charts / "little-1.0.0.tgz")
    await (await by_hand(harness, "install", "little", chart, "--set", "note=theirs,replicas=2")).wait()


async def records_deleted_as_the_remedy_asks(harness: ReleaseHarness) -> None:
    await harness.cluster.core.delete_collection_namespaced_secret(harness.namespace, label_selector="owner=helm")


async def there_before_and_taken_over(harness: ReleaseHarness) -> None:
    await harness.ready()
    await orphan(harness.graph(deleting=True))
    harness.adoption = "IfUnowned"


async def installed(harness: ReleaseHarness) -> None:
    await harness.ready()


async def deployment_edited_by_hand(harness: ReleaseHarness) -> None:
    await harness.ready()
    apps, patch = client.AppsV1Api(harness.cluster.target.api), {"spec": {"replicas": 3}}
    await apps.patch_namespaced_deployment("little", harness.namespace, patch, _content_type="application/merge-patch+json")


async def deployment_deleted_by_hand(harness: ReleaseHarness) -> None:
    await harness.ready()
    await client.AppsV1Api(harness.cluster.target.api).delete_namespaced_deployment("little", harness.namespace)


async def values_changed(harness: ReleaseHarness) -> None:
    await harness.ready()
    harness.set(note="b")


async def upgraded_by_hand(harness: ReleaseHarness) -> None:
    await harness.ready()
    chart = str(harness.cluster.charts / "little-1.0.0.tgz")
    await (await by_hand(harness, "upgrade", "little", chart, "--set", "note=theirs")).wait()
    assert await harness.records() == [(1, "superseded"), (2, "deployed")]


async def rolled_back_by_hand(harness: ReleaseHarness) -> None:
    await values_changed(harness)
    await harness.ready()
    await (await by_hand(harness, "rollback", "little", "1")).wait()
    assert (await harness.records())[-1] == (3, "deployed")


async def last_revision_deleted_by_hand(harness: ReleaseHarness) -> None:
    """The remaining records are up to date again, but differ from the running objects."""
    await values_changed(harness)
    await harness.ready()
    await harness.cluster.core.delete_namespaced_secret("sh.helm.release.v1.little.v2", harness.namespace)
    harness.set()
    assert await harness.records() == [(1, "superseded")]


async def failed_halfway(harness: ReleaseHarness) -> None:
    harness.set(broken=True)
    await harness.once()
    await harness.state()


async def failed_halfway_and_corrected(harness: ReleaseHarness) -> None:
    await failed_halfway(harness)
    harness.set()


async def failed_in_helms_storage_for_long(harness: ReleaseHarness) -> None:
    await harness.ready()
    long_ago = {"status": "failed", "last_deployed": "2026-01-01T00:00:00Z"}
    await rewritten(harness, lambda document: document["info"].update(long_ago))


async def failed_halfway_a_moment_ago(harness: ReleaseHarness) -> None:
    harness.wants[0]["remediation"] |= {"wait": "10m"}
    await failed_halfway(harness)


async def upgrade_failed_halfway_with_strategy_rollback(harness: ReleaseHarness) -> None:
    harness.wants[0]["remediation"]["strategy"] = "Rollback"
    await harness.ready()
    await failed_halfway(harness)


async def failed_halfway_as_often_as_allowed(harness: ReleaseHarness) -> None:
    harness.wants[0]["remediation"]["retries"] = 0
    await failed_halfway(harness)


async def install_of_ours_that_died(harness: ReleaseHarness) -> None:
    await harness.ready()
    await interrupted(harness, "pending-install")


async def upgrade_of_ours_that_died(harness: ReleaseHarness) -> None:
    await values_changed(harness)
    await harness.ready()
    await interrupted(harness, "pending-upgrade")


async def rollback_of_ours_that_died(harness: ReleaseHarness) -> None:
    await values_changed(harness)
    await harness.ready()
    await interrupted(harness, "pending-rollback")


async def uninstallation_of_ours_that_died_and_is_wanted_again(harness: ReleaseHarness) -> None:
    harness.set(farewell=NEVER_ENDS)
    await harness.ready()
    wanted, harness.wants = harness.wants, []
    await harness.until(lambda outcome: getattr(outcome, "reason", "") == "Uninstalling", "RetiredReleases")
    await harness.soon(lambda: harness.stands((1, "uninstalling")))
    await harness.helm.close()
    harness.helm, harness.wants = harness.cluster.helm(), wanted


async def being_uninstalled_by_hand(harness: ReleaseHarness) -> None:
    harness.set(farewell=NEVER_ENDS)
    await harness.ready()
    await by_hand(harness, "uninstall", "little")
    await harness.soon(lambda: harness.stands((1, "uninstalling")))


async def being_upgraded_by_hand(harness: ReleaseHarness) -> None:
    await harness.ready()
    await by_hand(harness, "upgrade", "little", str(harness.cluster.charts / "little-1.0.0.tgz"), "--set", f"hook={NEVER_ENDS}")
    await harness.soon(lambda: harness.stands((1, "deployed"), (2, "pending-upgrade")))
    harness.set(note="b")


async def upgrade_by_hand_that_died(harness: ReleaseHarness) -> None:
    await being_upgraded_by_hand(harness)
    await their_helm_ends(harness)
    await rewritten(harness, lambda document: document["info"].update(last_deployed="2026-01-01T00:00:00Z"))


async def uninstallation_by_hand_that_died(harness: ReleaseHarness) -> None:
    await being_uninstalled_by_hand(harness)
    await their_helm_ends(harness)
    await rewritten(harness, lambda document: document["info"].update(deleted="2026-01-01T00:00:00Z"))


async def left_alone(harness: ReleaseHarness) -> None:
    pass


async def spec_corrected(harness: ReleaseHarness) -> None:
    harness.set()


async def spec_edited(harness: ReleaseHarness) -> None:
    harness.set(note="edited")


async def correction_asked_for(harness: ReleaseHarness) -> None:
    harness.warns = False


async def their_helm_ends(harness: ReleaseHarness) -> None:
    """Kill the last Helm process that was started by hand."""
    process = harness.cluster.theirs[-1]
    process.kill()
    await process.wait()


async def their_helm_ends_and_its_lock_is_taken_away(harness: ReleaseHarness) -> None:
    await their_helm_ends(harness)
    await lock_deleted_as_the_remedy_asks(harness)


async def lock_deleted_as_the_remedy_asks(harness: ReleaseHarness) -> None:
    revision = (await harness.records())[-1][0]
    await harness.cluster.core.delete_namespaced_secret(f"sh.helm.release.v1.little.v{revision}", harness.namespace)


Hand = Callable[[ReleaseHarness], Awaitable[None]]
