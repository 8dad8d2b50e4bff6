"""A tenant of the built cluster: a ServiceAccount with `edit` in one namespace, whose token writes all forgeries."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import yaml
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from notebook_platform.engine import Failed, Progressing, Unblocking
from notebook_platform.helm.release import packed, unpacked

from sandbox.kubernetes.api import api_client
from tests.integration.releases.harness import TIMEOUT, ReleaseHarness, by_hand

MERGE = "application/merge-patch+json"
Document = dict[str, Any]


@dataclass
class Tenant:
    """A user who may edit one namespace of the built cluster; `other` is a second such namespace, without releases of the
    operator."""

    site: ReleaseHarness
    api: client.ApiClient
    namespace: str
    other: str

    @property
    def core(self) -> client.CoreV1Api:
        return client.CoreV1Api(self.api)

    @property
    def prize(self) -> str:
        """Return the ClusterRoleBinding that a forgery asks for."""
        return f"prize-{self.namespace}"

    def binding(self, **annotations: str) -> Document:
        """Return the object that would make the tenant an administrator of the cluster."""
        return {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": self.prize, "annotations": annotations},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "tenant", "namespace": self.namespace}],
        }

    def victim(self) -> Document:
        """Return an object in a namespace where the tenant has no rights."""
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": self.namespace, "namespace": "kube-public"}}

    def evil_manifest(self) -> str:
        """Return a manifest with the prize and the victim; the victim is deleted when the next manifest does not name it."""
        return "\n" + yaml.safe_dump_all([self.binding(), self.victim()], explicit_start=True)

    def evil_hook(self, events: str) -> Document:
        binding = self.binding(**{"helm.sh/hook": events})
        return {
            "name": self.prize,
            "kind": "ClusterRoleBinding",
            "path": "little/templates/x.yaml",
            "manifest": yaml.safe_dump(binding),
            "events": events.split(","),
            "weight": 0,
            "last_run": {"started_at": "", "completed_at": "", "phase": ""},
        }

    async def record(self, revision: int = 1, release: str = "little") -> Any:
        return await self.core.read_namespaced_secret(f"sh.helm.release.v1.{release}.v{revision}", self.namespace)

    async def document(self, revision: int = 1) -> Document:
        return unpacked((await self.record(revision)).data["release"])

    async def plant(
        self,
        document: Document,
        *,
        revision: int,
        release: str = "little",
        namespace: str | None = None,
        labels: dict[str, str] | None = None,
        data: str | None = None,
    ) -> None:
        """Create the Secret of a record, or replace the existing one."""
        place, name = namespace or self.namespace, f"sh.helm.release.v1.{release}.v{revision}"
        status = document.get("info", {}).get("status", "deployed")
        marks = {"owner": "helm", "name": release, "version": str(revision), "status": status, "modifiedAt": "1"}
        body = {
            "metadata": {"name": name, "labels": marks if labels is None else labels},
            "type": "helm.sh/release.v1",
            "data": {"release": packed(document) if data is None else data},
        }
        try:
            await self.core.delete_namespaced_secret(name, place)
        except ApiException as error:
            if error.status != 404:
                raise
        await self.core.create_namespaced_secret(place, body)

    async def edit(self, change: Callable[[Document], None], revision: int = 1) -> None:
        """Change a record in place."""
        secret = await self.record(revision)
        document = unpacked(secret.data["release"])
        change(document)
        patch = {"data": {"release": packed(document)}}
        await self.core.patch_namespaced_secret(secret.metadata.name, self.namespace, patch, _content_type=MERGE)

    async def copied(self, revision: int, status: str = "deployed", **members: Any) -> Document:
        """Return the real first record as another revision."""
        document = deepcopy(await self.document())
        document |= {"version": revision, **members}
        document["info"]["status"] = status
        return document

    async def marker(self, namespace: str, release: str, owner: str | None = None, **data: str) -> None:
        """Create a marker, or change the existing one."""
        contents = {"owner": self.site.owner if owner is None else owner, "step": "ReleaseLittle", **data}
        name = f"notebook-platform-{release}"
        metadata = {"name": name, "labels": {"app.kubernetes.io/managed-by": "notebook-platform"}}
        try:
            await self.core.create_namespaced_config_map(namespace, {"metadata": metadata, "data": contents})
        except ApiException as error:
            if error.status != 409:
                raise
            await self.core.patch_namespaced_config_map(name, namespace, {"data": contents}, _content_type=MERGE)

    async def corrected(self) -> bool:
        """Reconcile until the release is ready; return whether the drift of its Deployment is gone. An object that its controller
        writes during the comparison is compared by the next reconcile."""
        await self.site.ready()
        return bool((await self.site.deployment()).spec.replicas == 1)

    async def gained(self) -> list[str]:
        """Return what a tenant gained; empty while the operator is safe."""
        cluster, found = self.site.cluster, []
        rbac = client.RbacAuthorizationV1Api(cluster.target.api)
        bindings = (await rbac.list_cluster_role_binding(field_selector=f"metadata.name={self.prize}")).items
        found += ["a ClusterRoleBinding was created"] if bindings else []
        maps = await cluster.core.list_namespaced_config_map("kube-public", field_selector=f"metadata.name={self.namespace}")
        found += [] if maps.items else ["an object in another namespace was deleted"]
        return found


@asynccontextmanager
async def tenant_of(site: ReleaseHarness) -> AsyncIterator[Tenant]:
    """Create a tenant of the site's namespace, as the namespace's administrator does."""
    core, rbac = site.cluster.core, client.RbacAuthorizationV1Api(site.cluster.target.api)
    namespace, other = site.namespace, f"{site.namespace}-other"
    for place in (namespace, other):
        await core.create_namespace({"metadata": {"name": place}})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}
        subject = {"kind": "ServiceAccount", "name": "tenant", "namespace": namespace}
        body = {"metadata": {"name": "tenant"}, "roleRef": role, "subjects": [subject]}
        await rbac.create_namespaced_role_binding(place, body)
    await core.create_namespaced_service_account(namespace, {"metadata": {"name": "tenant"}})
    answer = await core.create_namespaced_service_account_token("tenant", namespace, {"spec": {"expirationSeconds": 3600}})
    document = yaml.safe_load(site.cluster.kubeconfig)
    document["users"][0]["user"] = {"token": answer.status.token}
    api = await api_client(yaml.safe_dump(document))
    found = Tenant(site, api, namespace, other)
    await core.create_namespaced_config_map("kube-public", found.victim())
    try:
        yield found
    finally:
        await api.close()


async def settled(site: ReleaseHarness, step: str = "ReleaseLittle") -> Any:
    """Reconcile until the step is Ready or requires user action; return its outcome."""
    loop = asyncio.get_running_loop()
    end = loop.time() + TIMEOUT
    while loop.time() < end:
        outcome = (await site.once())[step].outcome
        assert getattr(outcome, "reason", "") != "InternalError", outcome
        locked = isinstance(outcome, Progressing) and outcome.reason == "ReleaseLocked"
        if isinstance(outcome, Unblocking | Failed) or locked:
            return outcome
        await asyncio.sleep(0.1)
    raise AssertionError(f"never came to an end: {outcome}")


async def settled_for_good(site: ReleaseHarness) -> Failed:
    """Reconcile until the release failed and no retry follows; return that outcome."""
    found = await site.until(lambda outcome: isinstance(outcome, Failed) and outcome.retry_in is None)
    assert isinstance(found, Failed)
    return found


async def installed_by_hand(tenant: Tenant, *settings: str) -> None:
    """Install the release as an administrator does, and let the operator adopt it."""
    site = tenant.site
    chart = str(site.cluster.charts / "little-1.0.0.tgz")
    assert await (await by_hand(site, "install", "little", chart, *settings)).wait() == 0
    site.adoption = "IfUnowned"
