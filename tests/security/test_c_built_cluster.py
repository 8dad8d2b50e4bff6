"""What a tenant writes in the built cluster is not trusted: no forged record or marker makes the operator act."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from kubernetes.aio import client
from notebook_platform.engine import Failed, Unblocking
from notebook_platform.helm.storage import MOST_LISTED

from tests.integration.releases.cluster import Cluster, cluster_of
from tests.integration.releases.harness import ReleaseHarness, helm_runs
from tests.security.forgeries import (
    EDITED,
    IGNORED,
    MARKERS,
    UPGRADING,
    WHOLE_LIFE,
    Forgery,
    a_newer_revision,
    edited_hooks,
    edited_manifest,
    exchange_again_and_again,
)
from tests.security.tenant import MERGE, Tenant, installed_by_hand, settled, settled_for_good, tenant_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    async with cluster_of(tmp_path_factory.mktemp("built")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def tenant(cluster: Cluster, request: pytest.FixtureRequest) -> AsyncIterator[Tenant]:
    namespace = f"t{hashlib.sha256(request.node.name.encode()).hexdigest()[:10]}"
    wanted = {"name": "little", "namespace": namespace, "chart": {"name": "little", "version": "1.0.0"}}
    wants = [wanted | {"remediation": {"retries": 1, "wait": "1s", "strategy": "Rollback"}}]
    async with tenant_of(ReleaseHarness(cluster, cluster.helm(), namespace, wants)) as found:
        yield found


async def test_forged_records_change_nothing_and_the_release_goes_on(tenant: Tenant) -> None:
    """One after the other on one release: drift is corrected beside each, and Helm runs for UPGRADING only."""
    site = tenant.site
    await site.ready()
    apps = client.AppsV1Api(site.cluster.target.api)
    for forge in IGNORED:
        before = helm_runs()
        await forge(tenant)
        await apps.patch_namespaced_deployment("little", site.namespace, {"spec": {"replicas": 3}}, _content_type=MERGE)
        await site.soon(tenant.corrected)
        assert await tenant.gained() == [], forge.__name__
        assert helm_runs() == before or forge in UPGRADING, forge.__name__
    site.set(note="b")
    await site.ready()
    made = await site.cluster.core.read_namespaced_config_map("little", site.namespace)
    assert made.data == {"note": "b"} and await tenant.gained() == []


@pytest.mark.parametrize("forge", WHOLE_LIFE, ids=lambda one: one.__name__)
async def test_a_forged_record_takes_no_part_in_an_upgrade_a_rollback_or_an_uninstallation(
    tenant: Tenant, forge: Forgery
) -> None:
    site = tenant.site
    site.wants[0]["remediation"]["retries"] = 0
    await site.ready()
    await forge(tenant)
    site.set(note="b")
    await site.ready()
    site.set(note="c", broken=True)
    stalled = await settled_for_good(site)
    assert stalled.retry_in is None and await tenant.gained() == []
    site.wants = []
    await site.until(
        lambda outcome: isinstance(outcome, Unblocking) and not site.results["RetiredReleases"].exists, "RetiredReleases"
    )
    assert await tenant.gained() == [] and await site.owned() is None
    left = await client.AppsV1Api(site.cluster.target.api).list_namespaced_deployment(site.namespace)
    assert not left.items


async def test_edited_records_stop_their_release_alone_and_the_remedy_repairs_it(tenant: Tenant) -> None:
    site = tenant.site
    other = {"name": "other", "namespace": tenant.other, "chart": {"name": "little", "version": "1.0.0"}}
    site.wants.append(other)
    await site.ready()
    await site.ready("ReleaseOther")
    true, before = (await tenant.record()).data, helm_runs()
    site.set(note="b")
    for forge in EDITED:
        await forge(tenant)
        outcome = await settled(site)
        assert isinstance(outcome, Failed) and outcome.reason == "ReleaseRecordChanged" and helm_runs() == before, forge.__name__
        assert "sh.helm.release.v1.little.v1" in outcome.message and site.namespace in outcome.remedy
        assert isinstance(site.results["ReleaseOther"].outcome, Unblocking) and await tenant.gained() == []
        assert (await site.deployment()).spec.replicas == 1
        await tenant.plant({}, revision=1, data=true["release"])
    await edited_manifest(tenant)
    await site.cluster.core.delete_namespaced_secret("sh.helm.release.v1.little.v1", site.namespace)
    assert (await site.ready()).state == "deployed"
    made = await site.cluster.core.read_namespaced_config_map("little", site.namespace)
    assert made.data == {"note": "b"} and await tenant.gained() == []


@pytest.mark.parametrize("forge", [edited_manifest, edited_hooks], ids=lambda one: one.__name__)
async def test_a_release_with_an_edited_record_is_not_uninstalled_by_it(tenant: Tenant, forge: Forgery) -> None:
    site = tenant.site
    await site.ready()
    await forge(tenant)
    wanted, site.wants, before = site.wants, [], helm_runs()
    result = await site.reason("ReleaseRecordChanged", "RetiredReleases")
    assert "delete the release's objects" in result.remedy and helm_runs() == before and await tenant.gained() == []
    site.wants = wanted
    await site.cluster.core.delete_namespaced_secret("sh.helm.release.v1.little.v1", site.namespace)
    await site.ready()
    site.wants = []
    await site.until(
        lambda outcome: isinstance(outcome, Unblocking) and not site.results["RetiredReleases"].exists, "RetiredReleases"
    )


async def test_an_older_record_that_was_edited_is_not_rolled_back_to(tenant: Tenant) -> None:
    site = tenant.site
    await site.ready()
    site.set(note="b")
    await site.ready()
    await tenant.edit(lambda document: document.update(manifest=document["manifest"] + tenant.evil_manifest()), revision=1)
    await tenant.edit(lambda document: document["info"].update(status="failed", description="x"), revision=2)
    await site.ready()
    site.set(note="c", broken=True)
    await settled_for_good(site)
    assert await tenant.gained() == []
    made = await site.cluster.core.read_namespaced_config_map("little", site.namespace)
    assert made.data == {"note": "b"}


async def test_a_forged_lock_holds_the_release_up_and_nothing_more(tenant: Tenant) -> None:
    site = tenant.site
    await site.ready()
    site.set(note="b")
    before = helm_runs()
    for status in ("pending-upgrade", "pending-install", "pending-rollback", "uninstalling"):
        document = await tenant.copied(2, status, manifest=tenant.evil_manifest())
        document["info"]["last_deployed"] = document["info"]["deleted"] = "2026-01-01T00:00:00Z"
        await tenant.plant(document, revision=2)
        outcome = await settled(site)
        assert outcome.reason == "ReleaseLocked" and "sh.helm.release.v1.little.v2" in outcome.remedy and helm_runs() == before
    await tenant.core.delete_namespaced_secret("sh.helm.release.v1.little.v2", tenant.namespace)
    await site.ready()
    assert await tenant.gained() == []


async def test_a_record_that_is_exchanged_again_and_again_while_helm_works_is_never_used(tenant: Tenant) -> None:
    """The operator checks a record before Helm reads it; the tenant writes in between, as fast as the API server permits."""
    site, swaps = tenant.site, Counter[str]()
    site.set(note="0")
    await site.ready()

    swapping = asyncio.create_task(exchange_again_and_again(tenant, swaps))
    for round_ in range(1, 5):
        site.set(note=str(round_), broken=round_ == 3)
        for _ in range(40):
            outcome = (await site.once())["ReleaseLittle"].outcome
            assert getattr(outcome, "reason", "") != "InternalError", outcome
            await asyncio.sleep(0.05)
        assert not swapping.done() and await tenant.gained() == []
    site.wants = []
    for _ in range(40):
        await site.once()
        await asyncio.sleep(0.05)
    swapping.cancel()
    await asyncio.wait([swapping])
    assert swapping.cancelled() and swaps.total() > 20 and await tenant.gained() == []


async def test_forged_markers_start_nothing_and_stop_nothing(tenant: Tenant) -> None:
    site = tenant.site
    await site.ready()
    before = helm_runs()
    for forge in MARKERS:
        await forge(tenant)
        for _ in range(2):
            assert isinstance(await settled(site), Unblocking), forge.__name__
            assert isinstance(site.results["RetiredReleases"].outcome, Unblocking), forge.__name__
        assert helm_runs() == before and await tenant.gained() == [], forge.__name__
    site.set(note="b")
    assert (await site.ready()).revision == 2
    await site.delete()
    assert await tenant.gained() == []


async def test_an_existing_namespace_stays_whatever_its_annotations(tenant: Tenant) -> None:
    site = tenant.site
    await site.ready()
    annotate = {"metadata": {"annotations": {"notebookplatform.io/owner": site.owner}}}
    await site.cluster.core.patch_namespace(site.namespace, annotate, _content_type=MERGE)
    await site.delete()
    assert (await site.cluster.core.read_namespace(site.namespace)).status.phase == "Active"


@pytest.mark.parametrize("adoption", ["Never", "IfUnowned"])
async def test_a_forged_record_of_a_release_that_the_spec_adds_later_is_not_adopted(tenant: Tenant, adoption: str) -> None:
    site = tenant.site
    await site.ready()
    document = await tenant.copied(1, manifest=tenant.evil_manifest(), hooks=[tenant.evil_hook("pre-delete")], name="later")
    await tenant.plant(document, revision=1, release="later")
    await tenant.marker(tenant.namespace, "later")
    site.adoption = adoption
    site.wants.append({"name": "later", "namespace": tenant.namespace, "chart": {"name": "little", "version": "1.0.0"}})
    outcome = await settled(site, "ReleaseLater")
    assert outcome.reason == ("NotOwned" if adoption == "Never" else "ReleaseNotAdoptable") and outcome.remedy
    site.wants.pop()
    await settled(site)
    await site.delete()
    assert await tenant.gained() == []


async def test_an_adopted_record_is_no_source_of_writes(tenant: Tenant) -> None:
    """Its objects belong to the release, so it is adopted; its manifest is never applied, and its hooks never run."""
    site = tenant.site
    await installed_by_hand(tenant)

    def evil(document: dict) -> None:
        document["manifest"] = document["manifest"].replace('note: "a"', 'note: "theirs"').replace("replicas: 1", "replicas: 5")
        document["hooks"] = [tenant.evil_hook("pre-upgrade,pre-rollback,pre-delete,post-delete")]

    await tenant.edit(evil)
    site.set()
    assert isinstance(await settled(site), Unblocking)
    made = await site.cluster.core.read_namespaced_config_map("little", site.namespace)
    assert made.data == {"note": "a"} and (await site.deployment()).spec.replicas == 1
    site.set(note="b", broken=True)
    await settled_for_good(site)
    assert await tenant.gained() == []
    site.set()
    await site.ready()
    await site.delete()
    assert await tenant.gained() == []


async def test_the_hooks_of_an_adopted_record_are_not_run_when_it_is_uninstalled(tenant: Tenant) -> None:
    site = tenant.site
    await installed_by_hand(tenant)
    await tenant.edit(lambda document: document.update(hooks=[tenant.evil_hook("pre-delete,post-delete")]))
    assert (await site.ready()).revision == 1
    await site.delete()
    assert await tenant.gained() == [] and await site.records() == []


async def test_a_record_that_was_adopted_cannot_be_exchanged_afterwards(tenant: Tenant) -> None:
    site = tenant.site
    await installed_by_hand(tenant)
    assert (await site.ready()).revision == 1
    await edited_manifest(tenant)
    assert (await settled(site)).reason == "ReleaseRecordChanged" and await tenant.gained() == []


async def test_foreign_records_are_reported_and_removed_with_the_next_revision(tenant: Tenant) -> None:
    site = tenant.site
    await site.ready()
    await a_newer_revision(tenant)
    await site.once()
    condition = site.condition("ForeignReleaseRecords")
    assert condition.reason == "ReleaseRecordChanged" and "sh.helm.release.v1.little.v2" in condition.message
    site.set(note="b")
    assert (await site.ready()).revision == 2
    await site.once()
    assert "ForeignReleaseRecords" not in {one.type for one in site.conditions}
    assert (await tenant.document(2))["config"] == {"note": "b"}


async def test_more_secrets_than_are_listed_do_not_hide_our_record(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are listed in order: `junk` comes before `sh.helm`."""
    assert MOST_LISTED > 1000
    monkeypatch.setattr("notebook_platform.helm.storage.MOST_LISTED", 40)
    monkeypatch.setattr("notebook_platform.helm.storage.PAGE", 20)
    site = tenant.site
    await site.ready()
    for number in range(60):
        body = {"metadata": {"name": f"junk{number}", "labels": {"owner": "helm", "name": "little"}}}
        await tenant.core.create_namespaced_secret(tenant.namespace, body)
    site.set(note="b")
    assert (await site.ready()).revision == 2
