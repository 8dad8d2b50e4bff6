"""What Azure's cloud controller and disk driver do in a cluster: addresses for LoadBalancers, volumes for claims; and what an
ingress controller does: an address for Ingresses."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from kubernetes.aio import client, watch
from kubernetes.aio.client.exceptions import ApiException

from sandbox.kubernetes.hub_stand_in import Addresses, HubStandIn

log = logging.getLogger(__name__)

STORAGE_CLASSES = {
    "default": "disk.csi.azure.com",
    "managed-csi": "disk.csi.azure.com",
    "managed-csi-premium": "disk.csi.azure.com",
    "azurefile-csi": "file.csi.azure.com",
}
ADDRESS_SECONDS = 30.0
"""Simulated seconds until a LoadBalancer has its address."""

INGRESS_CLASSES = (None, "nginx", "webapprouting.kubernetes.azure.com")
"""Classes of Ingresses that have a controller; an Ingress of another class gets no address."""

DNS_LABEL = "service.beta.kubernetes.io/azure-dns-label-name"
SELECTED_NODE = "volume.kubernetes.io/selected-node"


class CloudController:
    """Watches one cluster. `sleep` takes simulated seconds."""

    def __init__(
        self, api: client.ApiClient, addresses: Addresses, sleep: Callable[[float], Awaitable[None]], location: str
    ) -> None:
        self._api = api
        self._core = client.CoreV1Api(api)
        self._addresses = addresses
        self._sleep = sleep
        self._location = location
        self._stand_ins: dict[str, HubStandIn] = {}
        self._ingresses: dict[str, set[str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Make the storage classes, then watch Services and claims."""
        storage = client.StorageV1Api(self._api)
        for name, driver in STORAGE_CLASSES.items():
            default = {"storageclass.kubernetes.io/is-default-class": "true"} if name == "default" else {}
            body = {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": name, "annotations": default},
                "provisioner": driver,
                "reclaimPolicy": "Delete",
                "allowVolumeExpansion": True,
                "volumeBindingMode": "Immediate" if "file" in driver else "WaitForFirstConsumer",
            }
            try:
                await storage.create_storage_class(body)
            except ApiException as error:
                if error.status != 409:
                    raise
        self._spawn(self._watch(self._core.list_service_for_all_namespaces, self._service))
        self._spawn(self._watch(self._core.list_persistent_volume_claim_for_all_namespaces, self._claim))
        self._spawn(self._watch(client.NetworkingV1Api(self._api).list_ingress_for_all_namespaces, self._ingress))

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self, listing: Any, handle: Callable[[str, Any], Awaitable[None]]) -> None:
        while True:
            try:
                async with watch.Watch().stream(listing, timeout_seconds=300) as stream:
                    async for event in stream:
                        await handle(event["type"], event["object"])
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.debug("watch ended: %s", error)
                await asyncio.sleep(0.5)

    async def _service(self, type_: str, service: Any) -> None:
        key = f"{service.metadata.namespace}/{service.metadata.name}"
        if type_ == "DELETED":
            if stand_in := self._stand_ins.pop(key, None):
                await stand_in.close()
            return
        if service.spec.type != "LoadBalancer" or key in self._stand_ins or service.status.load_balancer.ingress:
            return
        address = self._addresses.take()
        doors = ("binder",) if service.metadata.name == "binder" else ("hub",)
        self._stand_ins[key] = HubStandIn(self._api, service.metadata.namespace, address, doors)
        self._spawn(self._give_address(service, self._stand_ins[key]))

    async def _give_address(self, service: Any, stand_in: HubStandIn) -> None:
        await self._sleep(ADDRESS_SECONDS)
        await stand_in.start([port.port for port in service.spec.ports], self._addresses)
        patch = {"status": {"loadBalancer": {"ingress": [{"ip": stand_in.address}]}}}
        await self._core.patch_namespaced_service_status(
            service.metadata.name, service.metadata.namespace, patch, _content_type="application/merge-patch+json"
        )

    async def _ingress(self, type_: str, ingress: Any) -> None:
        """All Ingresses of a namespace have one address, as they would have that of one controller."""
        namespace, name = ingress.metadata.namespace, ingress.metadata.name
        names, key = self._ingresses.setdefault(namespace, set()), f"{namespace}/"
        if type_ == "DELETED":
            names.discard(name)
            if not names and (stand_in := self._stand_ins.pop(key, None)):
                await stand_in.close()
            return
        if ingress.spec.ingress_class_name not in INGRESS_CLASSES or name in names:
            return
        if key not in self._stand_ins:
            self._stand_ins[key] = HubStandIn(self._api, namespace, self._addresses.take())
            await self._stand_ins[key].start([80], self._addresses)
        patch = {"status": {"loadBalancer": {"ingress": [{"ip": self._stand_ins[key].address}]}}}
        await client.NetworkingV1Api(self._api).patch_namespaced_ingress_status(
            name, namespace, patch, _content_type="application/merge-patch+json"
        )
        names.add(name)

    async def _claim(self, type_: str, claim: Any) -> None:
        if type_ == "DELETED" or claim.status.phase != "Pending" or claim.spec.volume_name:
            return
        class_name = claim.spec.storage_class_name
        if class_name not in STORAGE_CLASSES:
            return
        waits = "file" not in STORAGE_CLASSES[class_name]
        if waits and SELECTED_NODE not in (claim.metadata.annotations or {}):
            return
        metadata = claim.metadata
        name = f"pvc-{metadata.uid}"
        reference = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "name": metadata.name,
            "namespace": metadata.namespace,
            "uid": metadata.uid,
        }
        handle = f"/subscriptions/sandbox/providers/Microsoft.Compute/disks/{name}"
        body = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": STORAGE_CLASSES[class_name]}},
            "spec": {
                "capacity": {"storage": claim.spec.resources.requests["storage"]},
                "accessModes": claim.spec.access_modes,
                "claimRef": reference,
                "persistentVolumeReclaimPolicy": "Delete",
                "storageClassName": class_name,
                "csi": {"driver": STORAGE_CLASSES[class_name], "volumeHandle": handle},
            },
        }
        try:
            await self._core.create_persistent_volume(body)
        except ApiException as error:
            if error.status != 409:
                raise

    async def close(self) -> None:
        """Stop watching; the addresses no longer answer."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for stand_in in self._stand_ins.values():
            await stand_in.close()
        self._stand_ins.clear()
        await self._api.close()
