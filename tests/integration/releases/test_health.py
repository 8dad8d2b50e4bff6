"""An unhealthy release is reported with its cause, which is read from its own objects."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from kubernetes.aio import client
from notebook_platform.engine import Degraded, Rechecked, Unblocking
from notebook_platform.engine.reconcile import Policy
from notebook_platform.helm.history import read_history
from notebook_platform.hubs.health import hub as hub_health

from tests.integration.releases.harness import ReleaseHarness
from tests.unit.hubs.test_endpoint_health import acme, pem

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_disruption_budget_that_allows_none_is_reported_while_ready(harness: ReleaseHarness) -> None:
    harness.set(budget=True)
    await harness.ready()
    await harness.until(lambda outcome: harness.results["ReleaseLittle"].notices)
    (notice,) = harness.results["ReleaseLittle"].notices
    assert notice.condition == "DrainBlocked" and "disruption budget little" in notice.message
    harness.set(budget=True, replicas=2)
    await harness.until(lambda outcome: isinstance(outcome, Unblocking) and not harness.results["ReleaseLittle"].notices)


async def test_a_value_of_another_kind_than_the_charts_is_remarked_while_ready(harness: ReleaseHarness) -> None:
    """Helm prints a warning and goes on."""
    harness.set(note={"a": 1})
    await harness.ready()
    await harness.until(lambda outcome: harness.results["ReleaseLittle"].notices)
    (notice,) = harness.results["ReleaseLittle"].notices
    place = "spec.releases[little].values.note"
    assert notice.condition == "ValuesIgnored"
    assert notice.message == f"{place} is a mapping, and the chart has a text there: the chart's templates may not read it"
    harness.set(note="b")
    await harness.until(lambda outcome: isinstance(outcome, Unblocking) and not harness.results["ReleaseLittle"].notices)


async def test_a_pending_certificate_names_its_cause_and_an_expired_one_is_reported(harness: ReleaseHarness) -> None:
    await harness.ready()
    found = await read_history(harness.cluster.target.api, harness.namespace, "little", await harness.owned())
    assert found.newest is not None
    manifest = "\n---\n{apiVersion: v1, kind: Service, metadata: {name: proxy-public}}"
    https = {"enabled": True, "hosts": ["localhost"], "letsencrypt": {"contactEmail": "a@example.org"}}
    release = replace(found.newest, manifest=found.newest.manifest + manifest, config={"proxy": {"https": https}})

    async def issues() -> str:
        seen = await hub_health.read_health(harness.cluster.target.api, release, "spec.jupyterhub")
        return " | ".join(f"{issue.reason}: {issue.message}" for issue in seen.issues)

    assert (
        "CertificatePending: Let's Encrypt has not issued a certificate yet for localhost: Service proxy-public has no"
        in await issues()
    )
    ports = [{"name": "http", "port": 80}]
    service = {"metadata": {"name": "proxy-public"}, "spec": {"type": "LoadBalancer", "ports": ports}}
    await harness.cluster.core.create_namespaced_service(harness.namespace, service)
    for _ in range(100):
        if "correct its DNS record" in await issues():
            break
        await asyncio.sleep(0.1)
    assert (
        "localhost resolves to an address that is not public" in await issues()
        and "Service proxy-public has 127.0.1." in await issues()
    )
    for days, words in ((-1, "CertificateExpired: the certificate for localhost ended on"), (60, "")):
        kept = acme(pem(datetime.now(UTC) + timedelta(days=days), "localhost"))
        secret = {"metadata": {"name": "proxy-public-tls-acme"}, "stringData": {"acme.json": kept}}
        if days < 0:
            await harness.cluster.core.create_namespaced_secret(harness.namespace, secret)
        else:
            await harness.cluster.core.replace_namespaced_secret("proxy-public-tls-acme", harness.namespace, secret)
        assert words in await issues() and ("Certificate" in await issues()) is bool(words)


async def test_the_certificate_of_an_ingress_is_checked_too(harness: ReleaseHarness) -> None:
    await harness.ready()
    found = await read_history(harness.cluster.target.api, harness.namespace, "little", await harness.owned())
    assert found.newest is not None
    tls = [{"hosts": ["hub.example.org"], "secretName": "door"}]
    release = replace(found.newest, config={"ingress": {"enabled": True, "tls": tls}})
    assert (await hub_health.read_health(harness.cluster.target.api, release, "spec.jupyterhub")).issues == ()
    kept = pem(datetime.now(UTC) - timedelta(days=1), "hub.example.org")
    await harness.cluster.core.create_namespaced_secret(
        harness.namespace, {"metadata": {"name": "door"}, "stringData": {"tls.crt": kept}}
    )
    (issue,) = (await hub_health.read_health(harness.cluster.target.api, release, "spec.jupyterhub")).issues
    assert issue.reason == "CertificateExpired" and "for hub.example.org ended on" in issue.message


@pytest.mark.parametrize(
    ("values", "reason", "words"),
    [
        ({"nodeSelector": {"purpose": "gpu"}}, "NoNodeWithLabel", "no node has the label purpose=gpu"),
        ({"image": "example.org/does-not-exist:7"}, "ImagePullFailed", "the image example.org/does-not-exist:7 of pod little-"),
        (
            {"storage": {"class": "no-such"}},
            "VolumeNotBound",
            "the volume claim little is not bound (there is no storage class no-such)",
        ),
        ({"resources": {"requests": {"cpu": "64"}}}, "InsufficientResources", "no node has enough cpu (64) left"),
    ],
)
async def test_a_workload_that_cannot_run_reports_the_cause(
    harness: ReleaseHarness, values: dict, reason: str, words: str
) -> None:
    harness.set(**values)
    outcome = await harness.reason(reason)
    assert isinstance(outcome, Degraded) and words in outcome.message and "Deployment little: " in outcome.message
    harness.set()
    await harness.ready()


async def test_a_degraded_release_stalls_in_time_and_still_recovers(harness: ReleaseHarness) -> None:
    harness.set(image="example.org/does-not-exist:1")
    await harness.reason("ImagePullFailed")
    assert (harness.condition("Stalled").status, harness.condition("Reconciling").status) == ("False", "True")
    harness.wants[0]["remediation"] = {"stalledAfter": "1s"}
    await harness.until(lambda outcome: harness.condition("Stalled").status == "True")
    condition = harness.condition("Stalled")
    assert (
        condition.reason == "ImagePullFailed"
        and "does-not-exist:1" in condition.message
        and "unchanged since" in condition.message
    )
    assert harness.condition("Reconciling").status == "False"
    harness.set()
    await harness.ready()
    assert (harness.condition("Ready").status, harness.condition("Stalled").status) == ("True", "False")


async def test_a_volume_that_cannot_be_attached_names_the_node(harness: ReleaseHarness) -> None:
    harness.set(image="example.org/does-not-exist:1", storage={"class": "managed-csi"})
    await harness.reason("ImagePullFailed")
    pod = await harness.pod()
    await harness.warn(
        "Pod", pod.metadata.name, "FailedAttachVolume", "Multi-Attach error for volume: it is used by another node"
    )
    message = (await harness.reason("StorageUnavailable")).message
    assert pod.spec.node_name in message and "Multi-Attach" in message


async def test_a_deleted_volume_claim_is_reported_where_it_is_not_created_again(harness: ReleaseHarness) -> None:
    harness.set(storage={"class": "managed-csi"})
    await harness.ready()
    await harness.cluster.core.delete_namespaced_persistent_volume_claim("little", harness.namespace)
    await harness.cluster.core.delete_namespaced_pod((await harness.pod()).metadata.name, harness.namespace)
    report_only = Policy(correct_drift=False)
    result = await harness.until(lambda outcome: getattr(outcome, "reason", "") == "VolumeNotBound", policy=report_only)
    assert "Deployment little: the volume claim little does not exist" in result.message
    assert harness.results["ReleaseLittle"].drift


async def test_a_disk_in_another_zone_than_the_nodes_is_reported(harness: ReleaseHarness) -> None:
    """The scheduler's own message, which changes with Kubernetes."""
    zone = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["eastus-9"]}
    disk = {
        "metadata": {"name": harness.namespace},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "managed-csi",
            "claimRef": {"namespace": harness.namespace, "name": "little"},
            "csi": {"driver": "disk.csi.azure.com", "volumeHandle": harness.namespace},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [zone]}]}},
        },
    }
    core = harness.cluster.core
    await core.create_persistent_volume(disk)
    phases = []
    while "Available" not in phases:  # a claim that comes before the controllers know the disk gets another one
        assert len(phases) < 100, phases
        phases.append((await core.read_persistent_volume(harness.namespace)).status.phase)
        await asyncio.sleep(0.1)
    harness.set(storage={"class": "managed-csi"})
    message = (await harness.reason("StorageUnavailable")).message
    assert "the disk of pod little-" in message and "in another zone" in message


async def test_a_disk_that_azure_refuses_is_reported_with_azures_message(harness: ReleaseHarness) -> None:
    provisioner = {"metadata": {"name": harness.namespace}, "provisioner": "none.example.org", "volumeBindingMode": "Immediate"}
    await client.StorageV1Api(harness.cluster.target.api).create_storage_class(provisioner)
    harness.set(storage={"class": harness.namespace})
    await harness.until(lambda outcome: "Deployment little: " in getattr(outcome, "message", ""))
    await harness.warn("PersistentVolumeClaim", "little", "ProvisioningFailed", "the disk quota of the subscription is used up")
    result = await harness.until(lambda outcome: "quota of the subscription" in getattr(outcome, "message", ""))
    assert result.reason == "VolumeNotBound" and f"storage class {harness.namespace}" in result.message


async def test_a_load_balancer_without_an_address_reports_since_when_and_azures_code(harness: ReleaseHarness) -> None:
    harness.set(service="LoadBalancer")
    await harness.until(lambda outcome: isinstance(outcome, Rechecked))
    await harness.ready()
    nothing = {"status": {"loadBalancer": {"ingress": None}}}
    await harness.cluster.core.patch_namespaced_service_status(
        "little", harness.namespace, nothing, _content_type="application/merge-patch+json"
    )
    repairing = "Cluster IP [IPv4]: 10.0.207.97 is not allocated; repairing"
    await harness.warn("Service", "little", "ClusterIPNotAllocated", repairing)
    assert " UTC" in (await harness.reason("AddressPending")).message
    taken = "Error syncing load balancer: DnsRecordInUse: DNS record little.eastus.cloudapp.azure.com is already used"
    await harness.warn("Service", "little", "SyncLoadBalancerFailed", taken)
    assert "choose another" in (await harness.reason("AddressFailed")).message
