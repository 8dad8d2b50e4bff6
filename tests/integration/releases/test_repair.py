"""An installed release stays as the spec wants it; a failure recovers or stops with a reason; Helm runs for no other cause."""

import asyncio
import base64
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from notebook_platform.engine import Failed, Progressing, Ready, Unblocking
from notebook_platform.engine.reconcile import Policy
from notebook_platform.engine.teardown import orphan
from notebook_platform.helm.charts import ChartSource
from notebook_platform.helm.compared import ComparedObjects
from notebook_platform.helm.drift import Comparison, drifted
from notebook_platform.helm.history import read_history
from notebook_platform.helm.release import packed, unpacked
from notebook_platform.helm.runner import Helm

from sandbox.kubernetes.binaries import find
from sandbox.kubernetes.processes import free_ports
from tests.integration.releases.harness import ReleaseHarness, helm_runs, interrupted, rewritten

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
    assert "records of release little are gone" in outcome.message and outcome.needs_user and await harness.records() == []
    harness.approved = frozenset({"1.0.0"})
    await harness.ready()
    assert await harness.records() == [(1, "deployed")] and (await harness.deployment()).spec.replicas == 2


async def test_a_release_is_installed_once_and_then_left_alone(harness: ReleaseHarness) -> None:
    harness.set(note="é", resources={"limits": {"cpu": 0.1, "memory": "1Mi"}}, nodeSelector={}, big=2**60, none=None, half=0.5)
    running = await harness.ready()
    assert (running.name, running.chart, running.revision, running.state) == ("little", "little-1.0.0", 1, "deployed")
    before = helm_runs()
    for _ in range(3):
        (result,) = [r for name, r in (await harness.once()).items() if name == "ReleaseLittle"]
        assert result.changes == () and isinstance(result.outcome, Unblocking)
    assert helm_runs() == before and await harness.records() == [(1, "deployed")]


async def test_other_values_are_one_upgrade_and_nothing_is_left_after_the_deletion(harness: ReleaseHarness) -> None:
    harness.set(hook="example.org/hook:1")
    await harness.ready()
    harness.set(hook="example.org/hook:1", note="b")
    assert (await harness.ready()).revision == 2
    await harness.delete()
    gone = await harness.cluster.core.list_namespace(field_selector=f"metadata.name={harness.namespace}")
    assert all(n.status.phase == "Terminating" for n in gone.items)


async def test_concurrent_writes_of_other_managers_are_no_drift(harness: ReleaseHarness) -> None:
    """As the Deployment controller does, which writes an annotation of its own soon after each change."""
    await harness.ready()
    api, written = harness.cluster.target.api, 0
    found = await read_history(api, harness.namespace, "little", await harness.owned())
    assert found.newest is not None

    async def write() -> None:
        nonlocal written
        while True:
            patch = {"metadata": {"annotations": {"someone": str(written)}}}
            await client.AppsV1Api(api).patch_namespaced_deployment(
                "little", harness.namespace, patch, _content_type="application/merge-patch+json"
            )
            written += 1

    writing = asyncio.create_task(write())
    comparisons = [await drifted(api, found.newest, ComparedObjects()) for _ in range(10)]
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert comparisons == [Comparison()] * 10 and written > 10


async def test_drift_is_reported_and_corrected_without_helm_and_additions_of_other_managers_stay(harness: ReleaseHarness) -> None:
    await harness.ready()
    apps = client.AppsV1Api(harness.cluster.target.api)
    container = {"name": "main", "image": "example.org/other:2"}
    patch = {"metadata": {"annotations": {"someone": "kept"}}, "spec": {"template": {"spec": {"containers": [container]}}}}
    await apps.patch_namespaced_deployment(
        "little", harness.namespace, patch, _content_type="application/strategic-merge-patch+json"
    )
    await harness.cluster.core.delete_namespaced_config_map("little", harness.namespace)
    before, drifted = helm_runs(), {"ConfigMap/little", "Deployment/little.spec.template.spec.containers"}

    async def reported() -> bool:  # not while the Deployment's controller writes its status
        result = (await harness.once(Policy(applied_steps={"ReleaseLittle"})))["ReleaseLittle"]
        return result.drift and {change.path for change in result.changes} == drifted

    await harness.soon(reported)
    await harness.ready()
    found = await harness.deployment()
    assert found.spec.template.spec.containers[0].image == "example.org/little:1"
    assert found.metadata.annotations["someone"] == "kept"
    made = await harness.cluster.core.read_namespaced_config_map("little", harness.namespace)
    assert made.metadata.annotations["meta.helm.sh/release-name"] == "little"
    assert helm_runs() == before and await harness.records() == [(1, "deployed")]
    harness.set(note="c")
    assert (await harness.ready()).revision == 2


async def test_drift_that_the_spec_ignores_is_not_corrected(harness: ReleaseHarness) -> None:
    await harness.ready()
    apps, replicas = client.AppsV1Api(harness.cluster.target.api), {"spec": {"replicas": 2}}
    await apps.patch_namespaced_deployment("little", harness.namespace, replicas, _content_type="application/merge-patch+json")
    await harness.until(lambda outcome: True)
    policy = Policy(ignored=lambda step, path: path == "Deployment/little.spec.replicas")
    await apps.patch_namespaced_deployment("little", harness.namespace, replicas, _content_type="application/merge-patch+json")
    assert (await harness.once(policy))["ReleaseLittle"].changes == ()
    assert (await harness.deployment()).spec.replicas == 2


async def test_a_drift_of_a_secret_never_shows_its_value(harness: ReleaseHarness) -> None:
    harness.set(note="very-secret-word")
    await harness.ready()
    patch = {"stringData": {"word": "another-secret-word"}}
    await harness.cluster.core.patch_namespaced_secret(
        "little", harness.namespace, patch, _content_type="application/merge-patch+json"
    )
    result = (await harness.once(Policy(correct_drift=False, applied_steps={"ReleaseLittle"})))["ReleaseLittle"]
    assert [c.path for c in result.changes] == ["Secret/little.data.word"] and "(not shown)" in str(result.changes)


async def test_a_failed_install_is_tried_again_as_often_as_asked_and_then_stalls_with_helms_words(
    harness: ReleaseHarness,
) -> None:
    harness.set(broken=True)
    stalled = await harness.until(lambda outcome: isinstance(outcome, Failed) and outcome.retry_in is None)
    assert "NOT_A_NAME" in stalled.message and "tried 2 times" in stalled.message and "spec.releases[little]" in stalled.message
    before = helm_runs()
    assert (await harness.once())["ReleaseLittle"].outcome == stalled and helm_runs() == before
    harness.set()
    await harness.ready()


async def test_a_failed_upgrade_is_rolled_back_and_the_good_revision_runs_meanwhile(harness: ReleaseHarness) -> None:
    harness.wants[0]["remediation"]["strategy"] = "Rollback"
    await harness.ready()
    harness.set(broken=True, note="worse")
    result = await harness.reason("RollingBack")
    assert "revision 1" in result.message and "NOT_A_NAME" in result.message
    stalled = await harness.until(lambda outcome: isinstance(outcome, Failed) and outcome.retry_in is None)
    assert "tried 2 times" in stalled.message and "runs (little-1.0.0)" in stalled.message
    assert [status for _, status in await harness.records()] == ["superseded", "failed", "superseded", "failed", "deployed"]
    assert (await harness.cluster.core.read_namespaced_config_map("little", harness.namespace)).data == {"note": "a"}
    harness.set(note="better")
    assert (await harness.ready()).revision == 6


async def test_a_revision_that_helm_refused_to_write_and_another_user_wrote_is_not_ours(harness: ReleaseHarness) -> None:
    await harness.ready()
    harness.set(refuse=True)
    assert "these values are refused" in (await harness.reason("ValuesRefused")).message
    owned = await harness.owned()
    assert owned is not None and set(owned.revisions) == {1}
    first = await harness.cluster.core.read_namespaced_secret("sh.helm.release.v1.little.v1", harness.namespace)
    document = unpacked(first.data["release"])
    document["version"], document["info"]["status"] = 2, "pending-upgrade"
    document["info"]["last_deployed"] = datetime.now(UTC).isoformat()
    labels = {**first.metadata.labels, "status": "pending-upgrade", "version": "2"}
    metadata = {"name": "sh.helm.release.v1.little.v2", "labels": labels}
    second = {"metadata": metadata, "type": first.type, "data": {"release": packed(document)}}
    await harness.cluster.core.create_namespaced_secret(harness.namespace, second)
    harness.set(note="b")
    await harness.reason("ReleaseLocked")
    assert await harness.records() == [(1, "deployed"), (2, "pending-upgrade")]


async def test_what_was_begun_and_broken_off_is_finished_even_while_disruptions_wait(harness: ReleaseHarness) -> None:
    await harness.ready()
    waits = Policy(window_gate="the window")
    harness.set(note="b")
    assert (await harness.once(waits))["ReleaseLittle"].outcome.reason == "DisruptionDeferred"
    await harness.ready()
    await interrupted(harness, "pending-upgrade")
    await harness.until(lambda outcome: isinstance(outcome, Ready), policy=waits)
    assert (await harness.records())[-1] == (2, "deployed")


async def test_a_helm_that_dies_with_its_operator_in_the_middle_of_a_hook_is_recovered_by_the_next_one(
    harness: ReleaseHarness,
) -> None:
    harness.set(hook="example.org/does-not-exist:1")
    await harness.until(lambda outcome: "little-hook" in getattr(outcome, "message", ""))
    await harness.helm.close()
    harness.helm = harness.cluster.helm()
    harness.set()
    assert (await harness.ready()).state == "deployed"


async def test_while_a_hook_runs_other_releases_continue_and_its_progress_is_reported(harness: ReleaseHarness) -> None:
    harness.set(hook="example.org/does-not-exist:1")
    other = {"name": "other", "namespace": f"{harness.namespace}-2", "chart": {"name": "little", "version": "1.0.0"}}
    harness.wants.append(other)
    await harness.ready("ReleaseOther")
    result = await harness.until(lambda outcome: "Job little-hook" in getattr(outcome, "message", ""))
    assert isinstance(result, Progressing) and result.reason == "Installing"
    await harness.delete()


async def test_a_correction_is_not_held_up_by_the_helm_that_waits_for_what_was_wrong(harness: ReleaseHarness) -> None:
    harness.set(hook="example.org/does-not-exist:1")
    await harness.until(lambda outcome: "Job little-hook" in getattr(outcome, "message", ""))
    harness.set(hook="example.org/hook:1")
    assert (await harness.ready()).state == "deployed"


async def test_a_deletion_does_not_wait_for_the_helm_that_installs(harness: ReleaseHarness) -> None:
    harness.set(hook="example.org/does-not-exist:1")
    await harness.until(lambda outcome: "Job little-hook" in getattr(outcome, "message", ""))
    await harness.delete()
    assert await harness.records() == []
    with pytest.raises(ApiException, match="not found"):
        await client.BatchV1Api(harness.cluster.target.api).read_namespaced_job("little-hook", harness.namespace)


async def test_values_come_from_secrets_too_and_a_missing_one_is_reported_with_its_field(harness: ReleaseHarness) -> None:
    harness.wants[0]["valuesFrom"] = [{"kind": "Secret", "name": harness.namespace}]
    outcome = await harness.reason("SecretNotFound")
    assert "spec.releases[little].valuesFrom[0]" in outcome.message
    secret = {"metadata": {"name": harness.namespace}, "stringData": {"values.yaml": "{note: from-a-secret, replicas: 2}"}}
    await harness.cluster.core.create_namespaced_secret("default", secret)
    harness.set(replicas=1)
    await harness.ready()
    assert (await harness.deployment()).spec.replicas == 1
    made = await harness.cluster.core.read_namespaced_config_map("little", harness.namespace)
    assert made.data == {"note": "from-a-secret"}


async def served(app: web.Application) -> tuple[str, web.AppRunner]:
    """Serve an application on loopback."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    (port,) = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return f"http://127.0.0.1:{port}", runner


async def test_a_chart_comes_out_of_a_repository_that_the_operator_allows(harness: ReleaseHarness) -> None:
    app = web.Application()
    app.router.add_static("/", harness.cluster.charts)
    url, runner = await served(app)
    command = [str(find().path("helm")), "repo", "index", str(harness.cluster.charts)]
    await (await asyncio.create_subprocess_exec(*command)).wait()
    charts = ChartSource(directory=None, repository="", allowed=(url,))
    harness.helm = Helm(executable=command[0], work_dir=harness.cluster.directory / "helm-http", charts=charts, timeout=60)
    harness.cluster.helms.append(harness.helm)
    harness.wants[0]["chart"]["repository"] = url
    assert (await harness.ready()).chart == "little-1.0.0"
    harness.wants[0]["chart"]["version"] = "7.0.0"
    assert "spec.releases[little].chart.version" in (await harness.reason("ChartNotFound")).message
    await runner.cleanup()


def registry(chart: Path) -> web.Application:
    """Serve an OCI registry with one chart, as far as a pull needs it (https://github.com/opencontainers/distribution-spec)."""
    config = b'{"name": "little", "version": "1.0.0", "apiVersion": "v2"}'
    blobs = {_digest(data): data for data in (config, chart.read_bytes())}
    types = ("application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
    first, second = (
        {"mediaType": type_, "digest": digest, "size": len(blobs[digest])} for type_, digest in zip(types, blobs, strict=True)
    )
    media = "application/vnd.oci.image.manifest.v1+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": media, "config": first, "layers": [second]}).encode()

    async def answer(request: web.Request) -> web.Response:
        kind, _, reference = request.path.removeprefix("/v2/charts/little/").partition("/")
        if kind == "manifests" and reference in ("1.0.0", _digest(manifest)):
            headers = {"Docker-Content-Digest": _digest(manifest), "Content-Type": media}
            return web.Response(body=manifest, headers=headers)
        return web.Response(body=blobs[reference]) if reference in blobs else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return app


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


async def test_a_chart_comes_out_of_an_oci_registry(harness: ReleaseHarness) -> None:
    url, runner = await served(registry(harness.cluster.charts / "little-1.0.0.tgz"))
    repository = url.replace("http://127.0.0.1", "oci://localhost") + "/charts"
    charts = ChartSource(directory=None, repository="", allowed=(repository,))
    helm = str(find().path("helm"))
    harness.helm = Helm(executable=helm, work_dir=harness.cluster.directory / "helm-oci", charts=charts, timeout=60)
    harness.cluster.helms.append(harness.helm)
    harness.wants[0]["chart"]["repository"] = repository
    assert (await harness.ready()).chart == "little-1.0.0"
    harness.wants[0]["chart"]["version"] = "7.0.0"
    assert "spec.releases[little].chart.version" in (await harness.reason("ChartNotFound")).message
    await runner.cleanup()


async def test_a_release_waits_for_those_it_needs_and_cycles_are_reported(harness: ReleaseHarness) -> None:
    harness.set(image="example.org/does-not-exist:1")
    other = {
        "name": "other",
        "namespace": harness.namespace,
        "chart": {"name": "little", "version": "1.0.0"},
        "needs": ["little"],
    }
    harness.wants.append(other)
    await harness.reason("ImagePullFailed")
    assert harness.results["ReleaseOther"].outcome.on == ("ReleaseLittle",)
    harness.wants[0]["needs"] = ["other"]
    outcome = await harness.reason("ReleasesNeedEachOther", "ReleaseOther")
    assert "little, other" in outcome.message and outcome.retry_in is None


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


async def test_a_chart_or_repository_that_is_not_allowed_is_reported_with_its_field(harness: ReleaseHarness) -> None:
    harness.wants[0]["chart"] = {"name": "little", "version": "9.9.9"}
    outcome = await harness.reason("ChartNotFound")
    assert "spec.releases[little].chart.version 9.9.9" in outcome.message and "1.0.0" in outcome.message
    harness.wants[0]["chart"] |= {"repository": "https://evil.example.org"}
    assert "allowed_chart_repositories" in (await harness.reason("RepositoryNotAllowed")).remedy


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
