"""Each state of a release, set up by hand on a real API server: its condition, and the deployed revision that it ends in."""

from collections.abc import Iterator

import pytest
from notebook_platform.engine import Ready, Rechecked
from notebook_platform.helm.state import State

from tests.environments import Say
from tests.integration.releases.hands import (
    Hand,
    all_release_records_deleted_by_hand,
    being_uninstalled_by_hand,
    being_upgraded_by_hand,
    correction_asked_for,
    deployment_deleted_by_hand,
    deployment_edited_by_hand,
    failed_halfway_a_moment_ago,
    failed_halfway_and_corrected,
    failed_halfway_as_often_as_allowed,
    failed_in_helms_storage_for_long,
    install_of_ours_that_died,
    installed,
    installed_anew_by_hand,
    last_revision_deleted_by_hand,
    left_alone,
    lock_deleted_as_the_remedy_asks,
    nothing_is_there,
    records_deleted_as_the_remedy_asks,
    rollback_of_ours_that_died,
    rolled_back_by_hand,
    spec_corrected,
    spec_edited,
    their_helm_ends_and_its_lock_is_taken_away,
    there_before_and_taken_over,
    uninstallation_by_hand_that_died,
    uninstallation_of_ours_that_died_and_is_wanted_again,
    uninstalled_by_hand,
    uninstalled_by_hand_with_its_history_kept,
    upgrade_by_hand_that_died,
    upgrade_failed_halfway_with_strategy_rollback,
    upgrade_of_ours_that_died,
    upgraded_by_hand,
    values_changed,
)
from tests.integration.releases.harness import ReleaseHarness, helm_runs, interrupted

pytestmark = pytest.mark.asyncio(loop_scope="package")
LINE = "{:<10} {:<62} {:<15} {}"


@pytest.fixture(scope="module")
def table(say: Say) -> Iterator[list[tuple[State, str]]]:
    rows: list[tuple[State, str]] = []
    yield rows
    say(LINE.format("state", "how it came about", "reason", "message"))
    for _, row in sorted(rows, key=lambda row: list(State).index(row[0])):
        say(row)


TAKE_AWAY = (
    "and this operator did not start it. Make sure that no Helm process is running, then remove the lock: "
    "`kubectl --kubeconfig workload.kubeconfig delete secret sh.helm.release.v1.little.v{} -n"
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
    (failed_halfway_a_moment_ago, State.BACKING_OFF, "HelmFailed", "(attempt 1 of 2)", spec_corrected),
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
    harness: ReleaseHarness, table: list[tuple[State, str]], hand: Hand, state: State, reason: str, words: str, cure: Hand
) -> None:
    await hand(harness)
    assert await harness.state() is state
    await harness.once()
    condition = harness.condition("DriftDetected" if state is State.DRIFTED else "ReleaseLittleReady")
    table.append((state, LINE.format(state.value, hand.__name__.replace("_", " "), condition.reason, condition.message[:230])))
    assert condition.reason == reason and words in condition.message, condition
    if state in (State.LOCKED, State.LOCK_TIMEOUT):
        await a_foreign_lock_is_never_broken(harness)
    await cure(harness)
    assert (await harness.ready()).state == "deployed"
    owned = await harness.owned()
    assert owned is not None and owned.recoveries == (1 if state is State.LOCK_STALE else 0)
    records = [status for _, status in await harness.records()]
    assert (
        records.count("deployed") == 1 and records[-1] == "deployed" and not [one for one in records if one.startswith("pending")]
    )


WARNED: list[tuple[Hand, str, str, Hand]] = [
    (uninstalled_by_hand, "ReleaseLittleReady", "Drifted", correction_asked_for),
    (uninstalled_by_hand, "ReleaseLittleReady", "Drifted", spec_edited),
    (installed_anew_by_hand, "ReleaseLittleReady", "ReleaseRecordChanged", records_deleted_as_the_remedy_asks),
    (upgraded_by_hand, "DriftDetected", "Drifted", spec_edited),
    (rolled_back_by_hand, "DriftDetected", "Drifted", spec_edited),
    (deployment_edited_by_hand, "DriftDetected", "Drifted", correction_asked_for),
    (upgrade_of_ours_that_died, "ReleaseLittleReady", "Recovering", left_alone),
    (being_upgraded_by_hand, "ReleaseLittleReady", "ReleaseLocked", their_helm_ends_and_its_lock_is_taken_away),
    (upgrade_by_hand_that_died, "ReleaseLittleReady", "ReleaseLocked", lock_deleted_as_the_remedy_asks),
]


@pytest.mark.parametrize(("hand", "condition", "reason", "cure"), WARNED, ids=[case[0].__name__ for case in WARNED])
async def test_with_warn_what_another_client_did_is_reported_and_no_lock_or_edit_is_taken_for_that(
    harness: ReleaseHarness, hand: Hand, condition: str, reason: str, cure: Hand
) -> None:
    await installed(harness)
    harness.warns = True
    await hand(harness)
    await harness.state()
    before = await harness.records()
    for _ in range(2):
        await harness.once()
        assert harness.condition(condition).reason == reason, harness.conditions
        if reason != "Drifted":
            break
    assert reason != "Drifted" or await harness.records() == before
    await cure(harness)
    await harness.until(lambda outcome: isinstance(outcome, Ready))
    assert (await harness.records())[-1][1] == "deployed"
    assert (await harness.deployment()).spec.replicas == 1


async def volume(harness: ReleaseHarness) -> str:
    """Return the uid of the volume claim, which must not be in deletion."""
    found = await harness.cluster.core.read_namespaced_persistent_volume_claim("little", harness.namespace)
    assert not found.metadata.deletion_timestamp
    return str(found.metadata.uid)


async def a_foreign_lock_is_never_broken(harness: ReleaseHarness) -> None:
    before, runs = await harness.records(), helm_runs()
    for _ in range(3):
        wait = (await harness.once())["ReleaseLittle"].outcome
        assert (wait.requeue_after if isinstance(wait, Rechecked) else wait.retry_in) > 1
    assert await harness.records() == before and helm_runs() == runs


async def test_records_without_a_deployed_revision_are_reported_and_the_remedy_repairs_them(harness: ReleaseHarness) -> None:
    """Helm then refuses to upgrade before it writes anything."""
    harness.set(storage={"class": "managed-csi"})
    await harness.ready()
    before = await volume(harness)
    await interrupted(harness, "unknown")
    harness.set(storage={"class": "managed-csi"}, note="b")
    outcome = await harness.reason("NothingDeployed")
    assert "has no deployed releases" in outcome.message and "sh.helm.release.v1" in outcome.remedy and outcome.retry_in == 60
    await harness.cluster.core.delete_collection_namespaced_secret(harness.namespace, label_selector="owner=helm")
    assert (await harness.ready()).state == "deployed" and await volume(harness) == before


async def test_every_state_is_among_them() -> None:
    assert {case[1] for case in CASES} == set(State)
