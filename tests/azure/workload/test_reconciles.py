"""Access to a built cluster over many reconciles: requested from the simulated Azure once, and again when it is no longer
valid."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.credentials import sign_in
from notebook_platform.azure.arm.ownership import Owner
from notebook_platform.azure.scope import AzureScope
from notebook_platform.cluster_clients import ClusterClients
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Failed, Ready
from notebook_platform.engine.reconcile import Policy, reconcile
from notebook_platform.engine.result import Result
from notebook_platform.kube.secrets import Platform
from notebook_platform.steps import azure_steps

from tests.azure.cli.target import BuiltCluster
from tests.azure.conftest import Estate
from tests.unit.azure.specs import runbook_spec, with_cluster

SECRET = "prd-jhub-kubeconfig"
AKS = "6dae42f8-4368-4678-94ff-3960e28e3630/.default"


@dataclass
class Site:
    """A platform whose cluster answers, and the clients of one operator."""

    estate: Estate
    cluster: BuiltCluster
    clients: ClusterClients
    spec: dict[str, Any]

    async def context(self, credentials: str = "azure-credentials") -> AzureScope:
        azure = {**self.spec["azure"], "credentials": {"secretRef": {"name": credentials}}}
        found = NotebookPlatformSpec.model_validate({**self.spec, "azure": azure})
        wanted = await sign_in(found.azure.credentials, self.estate.sessions.cloud, self.estate.secrets)  # type: ignore[arg-type]
        return AzureScope(
            spec=found,
            owner=Owner(cluster_id="test", namespace="platforms", name="prd-jhub", uid="uid-1"),
            signed_in=self.estate.sessions.of(wanted, found.azure.subscription_id),
            secrets=self.estate.secrets,  # type: ignore[arg-type]
            operations={},
            max_age=60.0,  # so many reconciles in a second would use up the operator's own share of reads
        )

    async def reconcile(self, times: int = 1) -> Result:
        """Return the outcome of WorkloadCluster after this number of reconciles."""
        for _ in range(times):
            context = await self.context()
            results = await reconcile(Graph([*azure_steps(context), self.clients.step(context)]), Policy())
        return results["WorkloadCluster"]

    async def asked(self) -> int:
        """Return how often access was requested from Azure."""
        entries = (await self.estate.control("GET", "/journal"))["value"]
        return sum("/listcluster" in e["path"].lower() and "credential" in e["path"].lower() for e in entries)


@pytest.fixture
async def site(estate: Estate) -> AsyncIterator[Site]:
    cluster, clients = BuiltCluster(nodes=4), ClusterClients()
    await cluster.start()
    estate.simulator.world.backend = cluster
    estate.secrets.platform = Platform(namespace="platforms", name="prd-jhub", uid="uid-1")  # type: ignore[attr-defined]
    found = Site(estate, cluster, clients, runbook_spec())
    await estate.settle(found.spec)
    yield found
    await found.clients.close()
    await cluster.stop_listening()


async def test_azure_is_asked_once_and_again_after_a_refusal_and_a_restart(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance((await site.reconcile(10)).outcome, Ready)
    assert await site.asked() == 1
    context = await site.context()
    assert await site.clients.own_cluster(context) is await site.clients.own_cluster(context) is not None
    assert await site.asked() == 1, "the census at a deletion uses the same connection"
    monkeypatch.setattr("notebook_platform.workload.access.LEAST_AGE", -1)
    site.cluster.token = "another"
    failed = (await site.reconcile()).outcome
    assert isinstance(failed, Failed) and failed.reason == "ClusterUnreachable" and "401" in failed.message
    assert isinstance((await site.reconcile(5)).outcome, Ready)
    assert await site.asked() == 2 and "another" in site.estate.secrets.data[SECRET]["value"]
    await site.clients.close()
    site.clients = ClusterClients()
    await site.reconcile(5)
    assert await site.asked() == 3


async def test_other_credentials_do_not_inherit_access(site: Site) -> None:
    await site.reconcile()
    made = await site.estate.control("POST", "/applications", {"displayName": "weak", "secret": "weak-secret-value"})
    tenant = site.estate.secrets.data["azure-credentials"]["tenantId"]
    weak = {"tenantId": tenant, "clientId": made["application"]["appId"], "clientSecret": "weak-secret-value"}
    site.estate.secrets.data["weak"] = weak
    assert await site.clients.own_cluster(await site.context("weak")) is None


async def test_the_secret_is_written_and_never_read(site: Site) -> None:
    await site.reconcile()
    written = dict(site.estate.secrets.data[SECRET])
    for text in ("", "{", yaml.safe_dump({"users": [{"user": {"exec": {"command": "/bin/false"}}}]})):
        site.estate.secrets.data[SECRET] = {"value": text, "clusterId": "/subscriptions/x", "expires": "never"}
        assert isinstance((await site.reconcile(2)).outcome, Ready)
        assert site.estate.secrets.data[SECRET] == written
    del site.estate.secrets.data[SECRET]
    await site.reconcile()
    assert site.estate.secrets.data[SECRET] == written and await site.asked() == 1


async def test_without_local_accounts_no_credential_is_written(site: Site) -> None:
    site.spec = with_cluster(entra={"azureRBAC": True}, localAccounts=False)
    await site.estate.settle(site.spec)
    site.cluster.token = (await (await site.context()).session.token(AKS)).token
    assert isinstance((await site.reconcile(3)).outcome, Ready)
    text = site.estate.secrets.data[SECRET]["value"]
    assert site.cluster.token not in text and set(yaml.safe_load(text)["users"][0]["user"]) == {"exec"}
    assert "kubelogin" in text and await site.asked() == 1


async def test_a_kubeconfig_of_azure_with_another_power_is_refused(site: Site) -> None:
    site.cluster.token = "none, exec: {command: /bin/sh}"
    failed = (await site.reconcile()).outcome
    assert isinstance(failed, Failed) and failed.reason == "KubeconfigRefused" and "users[0].user.exec" in failed.message
    assert SECRET not in site.estate.secrets.data
