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
from tests.integration.releases.site import Site, helm_runs, interrupted, rewritten

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_changed_release_whose_records_are_gone_is_not_installed_over_volumes_unapproved(site: Site) -> None:
    """Whoever may delete Secrets in the namespace could have the approval of an upgrade passed over."""
    await site.ready()
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    await site.cluster.core.create_namespaced_persistent_volume_claim(site.namespace, claim)
    await site.cluster.core.delete_collection_namespaced_secret(site.namespace, label_selector="owner=helm")
    site.set(replicas=2)
    outcome = await site.reason("ApprovalNeeded")
    assert "records of release little are gone" in outcome.message and outcome.needs_user and await site.records() == []
    site.approved = frozenset({"1.0.0"})
    await site.ready()
    assert await site.records() == [(1, "deployed")] and (await site.deployment()).spec.replicas == 2


async def test_a_release_is_installed_once_and_then_left_alone(site: Site) -> None:
    site.set(note="é", resources={"limits": {"cpu": 0.1, "memory": "1Mi"}}, nodeSelector={}, big=2**60, none=None, half=0.5)
    running = await site.ready()
    assert (running.name, running.chart, running.revision, running.state) == ("little", "little-1.0.0", 1, "deployed")
    before = helm_runs()
    for _ in range(3):
        (result,) = [r for name, r in (await site.once()).items() if name == "ReleaseLittle"]
        assert result.changes == () and isinstance(result.outcome, Unblocking)
    assert helm_runs() == before and await site.records() == [(1, "deployed")]


async def test_other_values_are_one_upgrade_and_nothing_is_left_after_the_deletion(site: Site) -> None:
    site.set(hook="example.org/hook:1")
    await site.ready()
    site.set(hook="example.org/hook:1", note="b")
    assert (await site.ready()).revision == 2
    await site.delete()
    gone = await site.cluster.core.list_namespace(field_selector=f"metadata.name={site.namespace}")
    assert all(n.status.phase == "Terminating" for n in gone.items)


async def test_concurrent_writes_of_other_managers_are_no_drift(site: Site) -> None:
    """As the Deployment controller does, which writes an annotation of its own soon after each change."""
    await site.ready()
    api, written = site.cluster.target.api, 0
    found = await read_history(api, site.namespace, "little", await site.owned())
    assert found.newest is not None

    async def write() -> None:
        nonlocal written
        while True:
            patch = {"metadata": {"annotations": {"someone": str(written)}}}
            await client.AppsV1Api(api).patch_namespaced_deployment(
                "little", site.namespace, patch, _content_type="application/merge-patch+json"
            )
            written += 1

    writing = asyncio.create_task(write())
    comparisons = [await drifted(api, found.newest, ComparedObjects()) for _ in range(10)]
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert comparisons == [Comparison()] * 10 and written > 10


async def test_drift_is_reported_and_corrected_without_helm_and_additions_of_other_managers_stay(site: Site) -> None:
    await site.ready()
    apps = client.AppsV1Api(site.cluster.target.api)
    container = {"name": "main", "image": "example.org/other:2"}
    patch = {"metadata": {"annotations": {"someone": "kept"}}, "spec": {"template": {"spec": {"containers": [container]}}}}
    await apps.patch_namespaced_deployment(
        "little", site.namespace, patch, _content_type="application/strategic-merge-patch+json"
    )
    await site.cluster.core.delete_namespaced_config_map("little", site.namespace)
    before, drifted = helm_runs(), {"ConfigMap/little", "Deployment/little.spec.template.spec.containers"}

    async def reported() -> bool:  # not while the Deployment's controller writes its status
        result = (await site.once(Policy(applied_steps={"ReleaseLittle"})))["ReleaseLittle"]
        return result.drift and {change.path for change in result.changes} == drifted

    await site.soon(reported)
    await site.ready()
    found = await site.deployment()
    assert found.spec.template.spec.containers[0].image == "example.org/little:1"
    assert found.metadata.annotations["someone"] == "kept"
    made = await site.cluster.core.read_namespaced_config_map("little", site.namespace)
    assert made.metadata.annotations["meta.helm.sh/release-name"] == "little"
    assert helm_runs() == before and await site.records() == [(1, "deployed")]
    site.set(note="c")
    assert (await site.ready()).revision == 2


async def test_drift_that_the_spec_ignores_is_not_corrected(site: Site) -> None:
    await site.ready()
    apps, replicas = client.AppsV1Api(site.cluster.target.api), {"spec": {"replicas": 2}}
    await apps.patch_namespaced_deployment("little", site.namespace, replicas, _content_type="application/merge-patch+json")
    await site.until(lambda outcome: True)
    policy = Policy(ignored=lambda step, path: path == "Deployment/little.spec.replicas")
    await apps.patch_namespaced_deployment("little", site.namespace, replicas, _content_type="application/merge-patch+json")
    assert (await site.once(policy))["ReleaseLittle"].changes == ()
    assert (await site.deployment()).spec.replicas == 2


async def test_a_drift_of_a_secret_never_shows_its_value(site: Site) -> None:
    site.set(note="very-secret-word")
    await site.ready()
    patch = {"stringData": {"word": "another-secret-word"}}
    await site.cluster.core.patch_namespaced_secret("little", site.namespace, patch, _content_type="application/merge-patch+json")
    result = (await site.once(Policy(correct_drift=False, applied_steps={"ReleaseLittle"})))["ReleaseLittle"]
    assert [c.path for c in result.changes] == ["Secret/little.data.word"] and "(not shown)" in str(result.changes)


async def test_a_failed_install_is_tried_again_as_often_as_asked_and_then_stalls_with_helms_words(site: Site) -> None:
    site.set(broken=True)
    stalled = await site.until(lambda outcome: isinstance(outcome, Failed) and outcome.retry_in is None)
    assert "NOT_A_NAME" in stalled.message and "tried 2 times" in stalled.message and "spec.releases[little]" in stalled.message
    before = helm_runs()
    assert (await site.once())["ReleaseLittle"].outcome == stalled and helm_runs() == before
    site.set()
    await site.ready()


async def test_a_failed_upgrade_is_rolled_back_and_the_good_revision_runs_meanwhile(site: Site) -> None:
    site.wants[0]["remediation"]["strategy"] = "Rollback"
    await site.ready()
    site.set(broken=True, note="worse")
    result = await site.reason("RollingBack")
    assert "revision 1" in result.message and "NOT_A_NAME" in result.message
    stalled = await site.until(lambda outcome: isinstance(outcome, Failed) and outcome.retry_in is None)
    assert "tried 2 times" in stalled.message and "runs (little-1.0.0)" in stalled.message
    assert [status for _, status in await site.records()] == ["superseded", "failed", "superseded", "failed", "deployed"]
    assert (await site.cluster.core.read_namespaced_config_map("little", site.namespace)).data == {"note": "a"}
    site.set(note="better")
    assert (await site.ready()).revision == 6


async def test_a_revision_that_helm_refused_to_write_and_another_user_wrote_is_not_ours(site: Site) -> None:
    await site.ready()
    site.set(refuse=True)
    assert "these values are refused" in (await site.reason("ValuesRefused")).message
    owned = await site.owned()
    assert owned is not None and set(owned.revisions) == {1}
    first = await site.cluster.core.read_namespaced_secret("sh.helm.release.v1.little.v1", site.namespace)
    document = unpacked(first.data["release"])
    document["version"], document["info"]["status"] = 2, "pending-upgrade"
    document["info"]["last_deployed"] = datetime.now(UTC).isoformat()
    labels = {**first.metadata.labels, "status": "pending-upgrade", "version": "2"}
    metadata = {"name": "sh.helm.release.v1.little.v2", "labels": labels}
    second = {"metadata": metadata, "type": first.type, "data": {"release": packed(document)}}
    await site.cluster.core.create_namespaced_secret(site.namespace, second)
    site.set(note="b")
    await site.reason("ReleaseLocked")
    assert await site.records() == [(1, "deployed"), (2, "pending-upgrade")]


async def test_what_was_begun_and_broken_off_is_finished_even_while_disruptions_wait(site: Site) -> None:
    await site.ready()
    waits = Policy(disruption_waits="the window")
    site.set(note="b")
    assert (await site.once(waits))["ReleaseLittle"].outcome.reason == "DisruptionDeferred"
    await site.ready()
    await interrupted(site, "pending-upgrade")
    await site.until(lambda outcome: isinstance(outcome, Ready), policy=waits)
    assert (await site.records())[-1] == (2, "deployed")


async def test_a_helm_that_dies_with_its_operator_in_the_middle_of_a_hook_is_recovered_by_the_next_one(site: Site) -> None:
    site.set(hook="example.org/does-not-exist:1")
    await site.until(lambda outcome: "little-hook" in getattr(outcome, "message", ""))
    await site.helm.close()
    site.helm = site.cluster.helm()
    site.set()
    assert (await site.ready()).state == "deployed"


async def test_while_a_hook_runs_other_releases_continue_and_its_progress_is_reported(site: Site) -> None:
    site.set(hook="example.org/does-not-exist:1")
    other = {"name": "other", "namespace": f"{site.namespace}-2", "chart": {"name": "little", "version": "1.0.0"}}
    site.wants.append(other)
    await site.ready("ReleaseOther")
    result = await site.until(lambda outcome: "Job little-hook" in getattr(outcome, "message", ""))
    assert isinstance(result, Progressing) and result.reason == "Installing"
    await site.delete()


async def test_a_correction_is_not_held_up_by_the_helm_that_waits_for_what_was_wrong(site: Site) -> None:
    site.set(hook="example.org/does-not-exist:1")
    await site.until(lambda outcome: "Job little-hook" in getattr(outcome, "message", ""))
    site.set(hook="example.org/hook:1")
    assert (await site.ready()).state == "deployed"


async def test_a_deletion_does_not_wait_for_the_helm_that_installs(site: Site) -> None:
    site.set(hook="example.org/does-not-exist:1")
    await site.until(lambda outcome: "Job little-hook" in getattr(outcome, "message", ""))
    await site.delete()
    assert await site.records() == []
    with pytest.raises(ApiException, match="not found"):
        await client.BatchV1Api(site.cluster.target.api).read_namespaced_job("little-hook", site.namespace)


async def test_values_come_from_secrets_too_and_a_missing_one_is_reported_with_its_field(site: Site) -> None:
    site.wants[0]["valuesFrom"] = [{"kind": "Secret", "name": site.namespace}]
    outcome = await site.reason("SecretNotFound")
    assert "spec.releases[little].valuesFrom[0]" in outcome.message
    secret = {"metadata": {"name": site.namespace}, "stringData": {"values.yaml": "{note: from-a-secret, replicas: 2}"}}
    await site.cluster.core.create_namespaced_secret("default", secret)
    site.set(replicas=1)
    await site.ready()
    assert (await site.deployment()).spec.replicas == 1
    made = await site.cluster.core.read_namespaced_config_map("little", site.namespace)
    assert made.data == {"note": "from-a-secret"}


async def served(app: web.Application) -> tuple[str, web.AppRunner]:
    """Serve an application on loopback."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    (port,) = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return f"http://127.0.0.1:{port}", runner


async def test_a_chart_comes_out_of_a_repository_that_the_operator_allows(site: Site) -> None:
    app = web.Application()
    app.router.add_static("/", site.cluster.charts)
    url, runner = await served(app)
    command = [str(find().path("helm")), "repo", "index", str(site.cluster.charts)]
    await (await asyncio.create_subprocess_exec(*command)).wait()
    charts = ChartSource(directory=None, repository="", allowed=(url,))
    site.helm = Helm(executable=command[0], work_dir=site.cluster.directory / "helm-http", charts=charts, timeout=60)
    site.cluster.helms.append(site.helm)
    site.wants[0]["chart"]["repository"] = url
    assert (await site.ready()).chart == "little-1.0.0"
    site.wants[0]["chart"]["version"] = "7.0.0"
    assert "spec.releases[little].chart.version" in (await site.reason("ChartNotFound")).message
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


async def test_a_chart_comes_out_of_an_oci_registry(site: Site) -> None:
    url, runner = await served(registry(site.cluster.charts / "little-1.0.0.tgz"))
    repository = url.replace("http://127.0.0.1", "oci://localhost") + "/charts"
    charts = ChartSource(directory=None, repository="", allowed=(repository,))
    helm = str(find().path("helm"))
    site.helm = Helm(executable=helm, work_dir=site.cluster.directory / "helm-oci", charts=charts, timeout=60)
    site.cluster.helms.append(site.helm)
    site.wants[0]["chart"]["repository"] = repository
    assert (await site.ready()).chart == "little-1.0.0"
    site.wants[0]["chart"]["version"] = "7.0.0"
    assert "spec.releases[little].chart.version" in (await site.reason("ChartNotFound")).message
    await runner.cleanup()


async def test_a_release_waits_for_those_it_needs_and_cycles_are_reported(site: Site) -> None:
    site.set(image="example.org/does-not-exist:1")
    other = {"name": "other", "namespace": site.namespace, "chart": {"name": "little", "version": "1.0.0"}, "needs": ["little"]}
    site.wants.append(other)
    await site.reason("ImagePullFailed")
    assert site.results["ReleaseOther"].outcome.on == ("ReleaseLittle",)
    site.wants[0]["needs"] = ["other"]
    outcome = await site.reason("ReleasesNeedEachOther", "ReleaseOther")
    assert "little, other" in outcome.message and outcome.retry_in is None


async def test_a_release_removed_from_the_spec_is_uninstalled_and_foreign_objects_stay(site: Site) -> None:
    await site.ready()
    await site.cluster.core.create_namespaced_config_map(site.namespace, {"metadata": {"name": "foreign"}})
    wanted, site.wants = site.wants, []
    await site.until(
        lambda outcome: isinstance(outcome, Unblocking) and not site.results["RetiredReleases"].exists, "RetiredReleases"
    )
    maps = (await site.cluster.core.list_namespaced_config_map(site.namespace)).items
    assert {m.metadata.name for m in maps} == {"kube-root-ca.crt", "foreign"}
    assert not (await client.AppsV1Api(site.cluster.target.api).list_namespaced_deployment(site.namespace)).items
    site.wants = wanted
    await site.ready()


async def test_owned_releases_are_not_touched_and_unowned_ones_only_with_adoption(site: Site) -> None:
    await site.ready()
    first, site.owner = site.owner, "tests/platforms/two/uid-2"
    message = (await site.reason("OwnedByAnother")).message
    assert "belongs to another platform" in message and first not in message
    await site.delete()
    site.owner = first
    await orphan(site.graph(deleting=True))
    site.owner = "tests/platforms/two/uid-2"
    assert "spec.adoption" in (await site.reason("NotOwned")).remedy
    await site.delete()
    assert await site.records() == [(1, "deployed")]
    site.adoption = "IfUnowned"
    before = helm_runs()
    assert (await site.ready()).revision == 1 and helm_runs() == before
    await site.delete()
    assert await site.records() == []


async def test_no_upgrade_and_no_rollback_takes_a_volume(site: Site) -> None:
    site.set(storage={"class": "managed-csi"})
    await site.ready()
    before = await site.cluster.core.read_namespaced_persistent_volume_claim("little", site.namespace)
    site.set()
    await site.approve()
    await site.ready()
    after = await site.cluster.core.read_namespaced_persistent_volume_claim("little", site.namespace)
    assert after.metadata.uid == before.metadata.uid and not after.metadata.deletion_timestamp
    site.set(storage={"class": "managed-csi"}, note="again")
    await site.ready()
    site.wants[0]["remediation"]["strategy"] = "Rollback"
    site.set(broken=True)
    await site.until(lambda outcome: isinstance(outcome, Failed) and outcome.retry_in is None)
    last = await site.cluster.core.read_namespaced_persistent_volume_claim("little", site.namespace)
    assert last.metadata.uid == before.metadata.uid and not last.metadata.deletion_timestamp


async def test_a_release_from_before_an_upgrade_of_kubernetes_can_still_be_upgraded(site: Site) -> None:
    await site.ready()
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
    await rewritten(site, lambda document: document.update(manifest=document["manifest"] + budget), ours=True)
    await site.ready()
    site.set(note="b")
    assert (await site.ready()).revision == 2


async def test_a_chart_or_repository_that_is_not_allowed_is_reported_with_its_field(site: Site) -> None:
    site.wants[0]["chart"] = {"name": "little", "version": "9.9.9"}
    outcome = await site.reason("ChartNotFound")
    assert "spec.releases[little].chart.version 9.9.9" in outcome.message and "1.0.0" in outcome.message
    site.wants[0]["chart"] |= {"repository": "https://evil.example.org"}
    assert "allowed_chart_repositories" in (await site.reason("RepositoryNotAllowed")).remedy


async def test_a_hub_whose_chart_drew_its_secrets_keeps_them_when_it_is_taken_over(site: Site) -> None:
    """The values do not hold them, only the chart's own Secret does; the platform's stored secrets were never set on the
    release."""
    await site.secrets.apply(f"{site.namespace}-hub", {"cookieSecret": "ab" * 32})
    chart = str(site.cluster.charts / "jupyterhub-4.4.0.tgz")
    kubeconfig = site.cluster.directory / "kubeconfig"
    kubeconfig.write_text(site.cluster.kubeconfig)
    command = [str(find().path("helm")), "install", "jhub", chart, "--namespace", site.namespace, "--create-namespace"]
    done = await asyncio.create_subprocess_exec(*command, "--kubeconfig", str(kubeconfig), stdout=asyncio.subprocess.DEVNULL)
    assert await done.wait() == 0
    before = (await site.cluster.core.read_namespaced_secret("hub", site.namespace)).data
    site.wants, site.adoption = [], "IfUnowned"
    site.hub = {
        "namespace": site.namespace,
        "chart": {"version": "4.4.0"},
        "auth": {"dummy": {"insecure": True, "allowAll": True}},
    }
    assert (await site.ready("JupyterHub")).revision == 2
    after = (await site.cluster.core.read_namespaced_secret("hub", site.namespace)).data
    keys = ("ConfigurableHTTPProxy.auth_token", "JupyterHub.cookie_secret", "CryptKeeper.keys")
    assert [after[f"hub.config.{key}"] for key in keys] == [before[f"hub.config.{key}"] for key in keys]
    values = yaml.safe_load(base64.b64decode(after["values.yaml"]))
    assert values["hub"]["config"]["JupyterHub"]["cookie_secret"] == base64.b64decode(after[f"hub.config.{keys[1]}"]).decode()
