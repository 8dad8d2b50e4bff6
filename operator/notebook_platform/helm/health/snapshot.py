"""The surroundings of a release's workloads: read only when there is an issue, once for all issues."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kubernetes.aio import client

from notebook_platform.workload.paging import whole


@dataclass(frozen=True, kw_only=True)
class HealthSnapshot:
    """Of one namespace: pods, volume claims by name, warning events; of the cluster: nodes, storage classes by name. `now`: when it was
    taken."""

    pods: Sequence[Any] = ()
    claims: Mapping[str, Any]
    events: Sequence[Any] = ()
    nodes: Sequence[Any] = ()
    classes: Mapping[str, Any]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def pods_of(self, selector: Mapping[str, str]) -> list[Any]:
        """Return the pods with these labels that are not terminating."""
        return [
            p for p in self.pods if not p.metadata.deletion_timestamp and selector.items() <= (p.metadata.labels or {}).items()
        ]

    def latest_warning(self, kind: str, name: str, *reasons: str) -> str:
        """Return the last warning about an object, of these reasons if any are given; empty when there is none."""
        about = [
            event
            for event in self.events
            if event.involved_object.kind == kind
            and event.involved_object.name == name
            and (not reasons or event.reason in reasons)
        ]
        return str(about[-1].message or "").strip().rstrip(".") if about else ""


async def take_snapshot(api: client.ApiClient, namespace: str) -> HealthSnapshot:
    """Read the snapshot of a namespace from the API server. Raises ApiException."""
    core = client.CoreV1Api(api)
    pods, claims, events, nodes, classes = await asyncio.gather(
        whole(core.list_namespaced_pod, namespace),
        whole(core.list_namespaced_persistent_volume_claim, namespace),
        whole(core.list_namespaced_event, namespace, field_selector="type=Warning"),
        whole(core.list_node),
        whole(client.StorageV1Api(api).list_storage_class),
    )
    return HealthSnapshot(
        pods=pods,
        claims={claim.metadata.name: claim for claim in claims},
        events=sorted(events, key=lambda event: int(event.metadata.resource_version)),
        nodes=nodes,
        classes={one.metadata.name: one for one in classes},
    )
