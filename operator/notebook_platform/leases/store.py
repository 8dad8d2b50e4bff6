"""Read and write Leases of the operator's namespace (https://kubernetes.io/docs/concepts/architecture/leases/)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.leases.shards import shard_of

GROUP, VERSION, PLURAL = "coordination.k8s.io", "v1", "leases"

LABEL = "notebookplatform.io/leases"
"""Label of the leases of one installation, for people; its value is the installation's name."""

WANTED_BY = "notebookplatform.io/wanted-by"
"""Annotation: the replica that asks the holder for the lease, because it holds fewer."""

LONGEST_DURATION = 3600
RELEASED = 1
"""Seconds: the duration of a lease that its holder has released, as client-go writes it."""
MOST_TRANSITIONS = 2**31 - 1
"""The API server accepts no larger number."""
MERGE = "application/merge-patch+json"


@dataclass(frozen=True)
class Timing:
    """Seconds, from the duration of a lease in the proportions of client-go's defaults (15, 10, 2)."""

    duration: int

    @property
    def deadline(self) -> float:
        """Return after how long without a renewal this replica stops; the rest of the duration is the margin for what is in flight."""
        return self.duration * 2 / 3

    @property
    def period(self) -> float:
        """Return the time between two renewals."""
        return self.duration / 10

    @property
    def request(self) -> float:
        """Return the time-out of one request for a lease."""
        return self.duration / 3


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A Lease as read. `duration` is in seconds, `renewed` the time of the last renewal as text, which is only compared with itself.

    A lease is `released` when its holder gave it back. One without a holder that is not was changed by hand: its holder may be alive.
    """

    namespace: str
    name: str
    version: str
    holder: str
    duration: float
    transitions: int
    renewed: str = ""
    wanted_by: str = ""

    @property
    def released(self) -> bool:
        """Return whether any replica may take the lease at once."""
        return not self.holder and self.duration <= RELEASED


def _lease(found: Mapping[str, Any]) -> Lease:
    """Return a Lease from its JSON. The generated models would refuse a whole list for one time that Python cannot hold."""
    spec, metadata = found.get("spec") or {}, found["metadata"]
    return Lease(
        namespace=metadata["namespace"],
        name=metadata["name"],
        version=metadata["resourceVersion"],
        holder=spec.get("holderIdentity") or "",
        duration=min(spec.get("leaseDurationSeconds") or RELEASED, LONGEST_DURATION),
        transitions=spec.get("leaseTransitions") or 0,
        renewed=spec.get("renewTime") or "",
        wanted_by=(metadata.get("annotations") or {}).get(WANTED_BY, ""),
    )


class LeaseStore:
    """The leases of one installation. A call raises ApiException, aiohttp.ClientError or TimeoutError."""

    def __init__(self, api: client.ApiClient, namespace: str, name: str, timing: Timing) -> None:
        self.namespace = namespace
        self.name = name
        self.timing = timing
        self._api = client.CustomObjectsApi(api)

    async def list(self) -> list[Lease]:
        """Return the leases of the installation by their names, from a consistent read: their label may have been removed."""
        found = await self._api.list_namespaced_custom_object(*self._place(self.namespace), _request_timeout=self.timing.request)
        return [_lease(one) for one in found["items"] if shard_of(one["metadata"]["name"], self.name) is not None]

    async def read(self, namespace: str, name: str) -> Lease | None:
        """Return a lease; None: it does not exist."""
        try:
            call = self._api.get_namespaced_custom_object
            return _lease(await call(*self._place(namespace), name, _request_timeout=self.timing.request))
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    async def acquire(self, name: str, before: Lease | None, identity: str) -> Lease | None:
        """Take a lease. `before`: as last read; None: it does not exist. Returns None when another replica was faster."""
        changes = {**self._renewed(), "holderIdentity": identity, "acquireTime": _now()}
        if before is not None:
            changed = {"leaseTransitions": min(before.transitions + (before.holder != identity), MOST_TRANSITIONS)}
            return await self._patch(before, {**changes, **changed}, {WANTED_BY: None})
        body = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Lease",
            "metadata": {"name": name, "labels": {LABEL: self.name}},
            "spec": {**changes, "leaseTransitions": 0},
        }
        call = self._api.create_namespaced_custom_object
        return await _if_unchanged(call(*self._place(self.namespace), body, _request_timeout=self.timing.request))

    async def renew(self, lease: Lease) -> Lease | None:
        """Renew a lease that this replica holds. Returns None when it has changed since it was read."""
        return await self._patch(lease, self._renewed())

    async def release(self, lease: Lease) -> None:
        """Give a lease back, so that another replica takes it at once."""
        await self._patch(lease, {"holderIdentity": None, "leaseDurationSeconds": RELEASED, "renewTime": _now()})

    async def ask(self, lease: Lease, identity: str) -> None:
        """Ask the holder of a lease to release it for this replica."""
        await self._patch(lease, {}, {WANTED_BY: identity})

    def _renewed(self) -> dict[str, object]:
        return {"leaseDurationSeconds": self.timing.duration, "renewTime": _now()}

    async def _patch(
        self, lease: Lease, spec: Mapping[str, object], annotations: Mapping[str, str | None] | None = None
    ) -> Lease | None:
        metadata = {"resourceVersion": lease.version, **({"annotations": annotations} if annotations else {})}
        body = {"metadata": metadata, "spec": spec}
        call = self._api.patch_namespaced_custom_object
        named = {"_content_type": MERGE, "_request_timeout": self.timing.request}
        return await _if_unchanged(call(*self._place(lease.namespace), lease.name, body, **named))

    @staticmethod
    def _place(namespace: str) -> tuple[str, str, str, str]:
        return GROUP, VERSION, namespace, PLURAL


async def _if_unchanged(call: Any) -> Lease | None:
    try:
        return _lease(await call)
    except ApiException as error:
        if error.status in (404, 409):
            return None
        raise


def _now() -> str:
    """Return the time as MicroTime: information for people, no replica compares it with its own clock."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
