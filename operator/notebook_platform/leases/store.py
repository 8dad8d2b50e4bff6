"""Read and write Leases of the operator's namespace (https://kubernetes.io/docs/concepts/architecture/leases/)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

LABEL = "notebookplatform.io/leases"
"""Label of the leases of one installation; its value is the installation's name."""

WANTED_BY = "notebookplatform.io/wanted-by"
"""Annotation: the replica that asks the holder for the lease, because it holds fewer."""

LONGEST_DURATION = 3600
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
    """A Lease as read. `holder` is empty when it is released; `duration` is in seconds."""

    namespace: str
    name: str
    version: str
    holder: str
    duration: float
    transitions: int
    wanted_by: str = ""


def _lease(found: Any) -> Lease:
    spec, metadata = found.spec, found.metadata
    duration = (spec and spec.lease_duration_seconds) or 1
    return Lease(
        namespace=metadata.namespace,
        name=metadata.name,
        version=metadata.resource_version,
        holder=(spec and spec.holder_identity) or "",
        duration=min(max(duration, 1), LONGEST_DURATION),
        transitions=(spec and spec.lease_transitions) or 0,
        wanted_by=(metadata.annotations or {}).get(WANTED_BY, ""),
    )


class LeaseStore:
    """The leases of one installation. A call raises ApiException, aiohttp.ClientError or TimeoutError."""

    def __init__(self, api: client.ApiClient, namespace: str, name: str, timing: Timing) -> None:
        self.namespace = namespace
        self.name = name
        self.timing = timing
        self._api = client.CoordinationV1Api(api)

    async def list(self) -> list[Lease]:
        """Return the leases of the installation, from a consistent read."""
        selector = f"{LABEL}={self.name}"
        found = await self._api.list_namespaced_lease(
            self.namespace, label_selector=selector, _request_timeout=self.timing.request
        )
        return [_lease(one) for one in found.items]

    async def read(self, namespace: str, name: str) -> Lease | None:
        """Return a lease; None: it does not exist."""
        try:
            return _lease(await self._api.read_namespaced_lease(name, namespace, _request_timeout=self.timing.request))
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    async def acquire(self, name: str, before: Lease | None, identity: str) -> Lease | None:
        """Take a lease. `before`: as last read; None: it does not exist. Returns None when another replica was faster."""
        changes = {**self._renewed(), "holderIdentity": identity, "acquireTime": _now()}
        if before is not None:
            changed = {"leaseTransitions": before.transitions + (before.holder != identity)}
            return await self._patch(before, {**changes, **changed}, {WANTED_BY: None})
        body = {"metadata": {"name": name, "labels": {LABEL: self.name}}, "spec": {**changes, "leaseTransitions": 0}}
        return await _if_unchanged(self._api.create_namespaced_lease(self.namespace, body, _request_timeout=self.timing.request))

    async def renew(self, lease: Lease) -> Lease | None:
        """Renew a lease that this replica holds. Returns None when it has changed since it was read."""
        return await self._patch(lease, self._renewed())

    async def release(self, lease: Lease) -> None:
        """Give a lease back, so that another replica takes it at once."""
        await self._patch(lease, {"holderIdentity": None, "renewTime": _now()})

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
        call = self._api.patch_namespaced_lease
        named = {"_content_type": MERGE, "_request_timeout": self.timing.request}
        return await _if_unchanged(call(lease.name, lease.namespace, body, **named))


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
