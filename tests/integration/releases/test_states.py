"""Each state of a release, set up by hand on a real API server: its condition, and the deployed revision that it ends in."""

from collections.abc import Awaitable, Callable, Iterator

import pytest
from kubernetes.aio import client
from notebook_platform.engine import Rechecked
from notebook_platform.engine.reconcile import Policy
from notebook_platform.engine.teardown import orphan
from notebook_platform.helm.state import State

from tests.environments import Say
from tests.integration.releases.site import Site, by_hand, helm_runs, interrupted, rewritten

pytestmark = pytest.mark.asyncio(loop_scope="package")
NEVER_ENDS = "example.org/does-not-exist:1"
LINE = "{:<10} {:<62} {:<15} {}"


@pytest.fixture(scope="module")
def table(say: Say) -> Iterator[list[tuple[State, str]]]:
    rows: list[tuple[State, str]] = []
    yield rows
    say(LINE.format("state", "how it came about", "reason", "message"))
    for _, row in sorted(rows, key=lambda row: list(State).index(row[0])):
        say(row)


async def nothing_is_there(site: Site) -> None:
    pass


async def uninstalled_by_hand(site: Site) -> None:
    await site.ready()
    await (await by_hand(site, "uninstall", "little")).wait()


async def uninstalled_by_hand_with_its_history_kept(site: Site) -> None:
    await site.ready()
    await (await by_hand(site, "uninstall", "little", "--keep-history")).wait()
    assert await site.records() == [(1, "uninstalled")]


async def all_release_records_deleted_by_hand(site: Site) -> None:
    await site.ready()
    await site.cluster.core.delete_collection_namespaced_secret(site.namespace, label_selector="owner=helm")


async def there_before_and_taken_over(site: Site) -> None:
    await site.ready()
    await orphan(site.graph(deleting=True))
    site.adoption = "IfUnowned"


async def installed(site: Site) -> None:
    await site.ready()


async def deployment_edited_by_hand(site: Site) -> None:
    await site.ready()
    apps, patch = client.AppsV1Api(site.cluster.target.api), {"spec": {"replicas": 3}}
    await apps.patch_namespaced_deployment("little", site.namespace, patch, _content_type="application/merge-patch+json")


async def deployment_deleted_by_hand(site: Site) -> None:
    await site.ready()
    await client.AppsV1Api(site.cluster.target.api).delete_namespaced_deployment("little", site.namespace)


async def values_changed(site: Site) -> None:
    await site.ready()
    site.set(note="b")


async def upgraded_by_hand(site: Site) -> None:
    await site.ready()
    chart = str(site.cluster.charts / "little-1.0.0.tgz")
    await (await by_hand(site, "upgrade", "little", chart, "--set", "note=theirs")).wait()
    assert await site.records() == [(1, "superseded"), (2, "deployed")]


async def rolled_back_by_hand(site: Site) -> None:
    await values_changed(site)
    await site.ready()
    await (await by_hand(site, "rollback", "little", "1")).wait()
    assert (await site.records())[-1] == (3, "deployed")


async def last_revision_deleted_by_hand(site: Site) -> None:
    """The remaining records are up to date again, but differ from the running objects."""
    await values_changed(site)
    await site.ready()
    await site.cluster.core.delete_namespaced_secret("sh.helm.release.v1.little.v2", site.namespace)
    site.set()
    assert await site.records() == [(1, "superseded")]


async def failed_halfway(site: Site) -> None:
    site.set(broken=True)
    await site.once()
    await site.state()


async def failed_halfway_and_corrected(site: Site) -> None:
    await failed_halfway(site)
    site.set()


async def failed_in_helms_storage_for_long(site: Site) -> None:
    await site.ready()
    long_ago = {"status": "failed", "last_deployed": "2026-01-01T00:00:00Z"}
    await rewritten(site, lambda document: document["info"].update(long_ago))


async def failed_halfway_a_moment_ago(site: Site) -> None:
    site.wants[0]["remediation"] |= {"wait": "10m"}
    await failed_halfway(site)


async def upgrade_failed_halfway_with_strategy_rollback(site: Site) -> None:
    site.wants[0]["remediation"]["strategy"] = "Rollback"
    await site.ready()
    await failed_halfway(site)


async def failed_halfway_as_often_as_allowed(site: Site) -> None:
    site.wants[0]["remediation"]["retries"] = 0
    await failed_halfway(site)


async def install_of_ours_that_died(site: Site) -> None:
    await site.ready()
    await interrupted(site, "pending-install")


async def upgrade_of_ours_that_died(site: Site) -> None:
    await values_changed(site)
    await site.ready()
    await interrupted(site, "pending-upgrade")


async def rollback_of_ours_that_died(site: Site) -> None:
    await values_changed(site)
    await site.ready()
    await interrupted(site, "pending-rollback")


async def uninstallation_of_ours_that_died_and_is_wanted_again(site: Site) -> None:
    site.set(farewell=NEVER_ENDS)
    await site.ready()
    wanted, site.wants = site.wants, []
    await site.until(lambda outcome: getattr(outcome, "reason", "") == "Uninstalling", "RetiredReleases")
    await site.soon(lambda: site.stands((1, "uninstalling")))
    await site.helm.close()
    site.helm, site.wants = site.cluster.helm(), wanted


async def being_uninstalled_by_hand(site: Site) -> None:
    site.set(farewell=NEVER_ENDS)
    await site.ready()
    await by_hand(site, "uninstall", "little")
    await site.soon(lambda: site.stands((1, "uninstalling")))


async def being_upgraded_by_hand(site: Site) -> None:
    await site.ready()
    await by_hand(site, "upgrade", "little", str(site.cluster.charts / "little-1.0.0.tgz"), "--set", f"hook={NEVER_ENDS}")
    await site.soon(lambda: site.stands((1, "deployed"), (2, "pending-upgrade")))
    site.set(note="b")


async def upgrade_by_hand_that_died(site: Site) -> None:
    await being_upgraded_by_hand(site)
    await their_helm_ends(site)
    await rewritten(site, lambda document: document["info"].update(last_deployed="2026-01-01T00:00:00Z"))


async def uninstallation_by_hand_that_died(site: Site) -> None:
    await being_uninstalled_by_hand(site)
    await their_helm_ends(site)
    await rewritten(site, lambda document: document["info"].update(deleted="2026-01-01T00:00:00Z"))


async def left_alone(site: Site) -> None:
    pass


async def spec_corrected(site: Site) -> None:
    site.set()


async def their_helm_ends(site: Site) -> None:
    """Kill the last Helm process that was started by hand."""
    process = site.cluster.theirs[-1]
    process.kill()
    await process.wait()


async def their_helm_ends_and_its_lock_is_taken_away(site: Site) -> None:
    await their_helm_ends(site)
    await lock_deleted_as_the_remedy_asks(site)


async def lock_deleted_as_the_remedy_asks(site: Site) -> None:
    revision = (await site.records())[-1][0]
    await site.cluster.core.delete_namespaced_secret(f"sh.helm.release.v1.little.v{revision}", site.namespace)


Hand = Callable[[Site], Awaitable[None]]
TAKE_AWAY = (
    "and not by this operator. Make sure that no Helm process is running, then delete the Secret sh.helm.release.v1.little.v{} in"
)
DRIFTS = "Deployment/little.spec.replicas is 3, wanted 1"
CASES: list[tuple[Hand, State, str, str, Hand]] = [
    (nothing_is_there, State.ABSENT, "Installing", "install little (little-1.0.0)", left_alone),
    (uninstalled_by_hand, State.ABSENT, "Installing", "install little (little-1.0.0)", left_alone),
    (uninstalled_by_hand_with_its_history_kept, State.ABSENT, "Installing", "install little", left_alone),
    (all_release_records_deleted_by_hand, State.ABSENT, "Installing", "install little", left_alone),
    (there_before_and_taken_over, State.UNMANAGED, "UpToDate", "Up to date", left_alone),
    (installed, State.IN_SYNC, "UpToDate", "Up to date", left_alone),
    (deployment_edited_by_hand, State.DRIFTED, "Drifted", DRIFTS, left_alone),
    (deployment_deleted_by_hand, State.DRIFTED, "Drifted", "Deployment/little is 'missing', wanted 'present'", left_alone),
    (values_changed, State.OUT_OF_SYNC, "Upgrading", "upgrade little (little-1.0.0)", left_alone),
    (upgraded_by_hand, State.OUT_OF_SYNC, "Upgrading", "upgrade little", left_alone),
    (rolled_back_by_hand, State.OUT_OF_SYNC, "Upgrading", "upgrade little", left_alone),
    (last_revision_deleted_by_hand, State.OUT_OF_SYNC, "Upgrading", "upgrade little", left_alone),
    (failed_halfway_and_corrected, State.FAILED, "Upgrading", "upgrade little", left_alone),
    (failed_in_helms_storage_for_long, State.FAILED, "Upgrading", "upgrade little", left_alone),
    (failed_halfway_a_moment_ago, State.BACKING_OFF, "HelmFailed", "(try 1 of 2)", spec_corrected),
    (
        upgrade_failed_halfway_with_strategy_rollback,
        State.ROLLBACK_DUE,
        "RollingBack",
        "rolls little back to revision 1",
        spec_corrected,
    ),
    (failed_halfway_as_often_as_allowed, State.RETRIES_EXHAUSTED, "HelmFailed", "(tried once)", spec_corrected),
    (install_of_ours_that_died, State.LOCK_STALE, "Recovering", "interrupted (pending-install)", left_alone),
    (upgrade_of_ours_that_died, State.LOCK_STALE, "Recovering", "interrupted (pending-upgrade)", left_alone),
    (rollback_of_ours_that_died, State.LOCK_STALE, "Recovering", "interrupted (pending-rollback)", left_alone),
    (uninstallation_of_ours_that_died_and_is_wanted_again, State.LOCK_STALE, "Recovering", "(uninstalling)", left_alone),
    (being_uninstalled_by_hand, State.LOCKED, "ReleaseLocked", "(uninstalling)", their_helm_ends_and_its_lock_is_taken_away),
    (being_upgraded_by_hand, State.LOCKED, "ReleaseLocked", "(pending-upgrade)", their_helm_ends_and_its_lock_is_taken_away),
    (upgrade_by_hand_that_died, State.LOCK_TIMEOUT, "ReleaseLocked", TAKE_AWAY.format(2), lock_deleted_as_the_remedy_asks),
    (
        uninstallation_by_hand_that_died,
        State.LOCK_TIMEOUT,
        "ReleaseLocked",
        TAKE_AWAY.format(1),
        lock_deleted_as_the_remedy_asks,
    ),
]


@pytest.mark.parametrize(("hand", "state", "reason", "words", "cure"), CASES, ids=[case[0].__name__ for case in CASES])
async def test_a_state_is_reported_and_ends_in_one_deployed_revision(
    site: Site, table: list[tuple[State, str]], hand: Hand, state: State, reason: str, words: str, cure: Hand
) -> None:
    await hand(site)
    assert await site.state() is state
    await site.once(Policy(applied_steps={"ReleaseLittle"}))
    condition = site.condition("DriftDetected" if state is State.DRIFTED else "ReleaseLittleReady")
    table.append((state, LINE.format(state.value, hand.__name__.replace("_", " "), condition.reason, condition.message[:230])))
    assert condition.reason == reason and words in condition.message, condition
    if state in (State.LOCKED, State.LOCK_TIMEOUT):
        await a_foreign_lock_is_never_broken(site)
    await cure(site)
    assert (await site.ready()).state == "deployed"
    owned = await site.owned()
    assert owned is not None and owned.recoveries == (1 if state is State.LOCK_STALE else 0)
    records = [status for _, status in await site.records()]
    assert (
        records.count("deployed") == 1 and records[-1] == "deployed" and not [one for one in records if one.startswith("pending")]
    )


async def volume(site: Site) -> str:
    """Return the uid of the volume claim, which must not be in deletion."""
    found = await site.cluster.core.read_namespaced_persistent_volume_claim("little", site.namespace)
    assert not found.metadata.deletion_timestamp
    return str(found.metadata.uid)


async def a_foreign_lock_is_never_broken(site: Site) -> None:
    before, runs = await site.records(), helm_runs()
    for _ in range(3):
        wait = (await site.once())["ReleaseLittle"].outcome
        assert (wait.requeue_after if isinstance(wait, Rechecked) else wait.retry_in) > 1
    assert await site.records() == before and helm_runs() == runs


async def test_records_without_a_deployed_revision_are_reported_and_the_remedy_repairs_them(site: Site) -> None:
    """Helm then refuses to upgrade before it writes anything."""
    site.set(storage={"class": "managed-csi"})
    await site.ready()
    before = await volume(site)
    await interrupted(site, "unknown")
    site.set(storage={"class": "managed-csi"}, note="b")
    outcome = await site.reason("NothingDeployed")
    assert "has no deployed releases" in outcome.message and "sh.helm.release.v1" in outcome.remedy and outcome.retry_in == 60
    await site.cluster.core.delete_collection_namespaced_secret(site.namespace, label_selector="owner=helm")
    assert (await site.ready()).state == "deployed" and await volume(site) == before


async def test_every_state_is_among_them() -> None:
    assert {case[1] for case in CASES} == set(State)
