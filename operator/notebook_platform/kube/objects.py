"""Read and write the NotebookPlatform itself: its status, its finalizer, and Events about it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from kubernetes.aio import client

from notebook_platform.api import FINALIZER, GROUP, KIND, PLURAL, VERSION
from notebook_platform.kube.existing import existing
from notebook_platform.kube.redaction import REDACTORS
from notebook_platform.kube.secrets import Platform

COMPONENT = "notebook-platform"

EVENT_LIMIT = 1024
"""Characters of an Event's message that the API server accepts."""


class PlatformObject:
    """One NotebookPlatform in the management cluster."""

    def __init__(self, api: client.ApiClient, platform: Platform) -> None:
        self._custom = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)
        self.platform = platform
        self._redactor = REDACTORS.of(platform.uid)

    async def read(self) -> dict[str, Any] | None:
        """Return the object as it is now; None when it is deleted or another object has its name."""
        body: dict[str, Any] | None = await existing(self._custom.get_namespaced_custom_object(*self._path()))
        return body if body is not None and body["metadata"]["uid"] == self.platform.uid else None

    async def write_status(self, status: Mapping[str, Any], previous: Mapping[str, Any]) -> None:
        """Replace the status with one merge patch, which sets members that no longer exist to null."""
        removed = {key: None for key in previous if key not in status}
        await self._custom.patch_namespaced_custom_object_status(
            *self._path(), {"status": {**status, **removed}}, _content_type="application/merge-patch+json"
        )

    async def set_finalizer(self, body: Mapping[str, Any], *, present: bool) -> None:
        """Add or remove the operator's finalizer only; guarded by the object's resourceVersion."""
        metadata = body["metadata"]
        others = [name for name in metadata.get("finalizers") or () if name != FINALIZER]
        patch = {
            "metadata": {
                "resourceVersion": metadata["resourceVersion"],
                "finalizers": [*others, FINALIZER] if present else others,
            }
        }
        await self._custom.patch_namespaced_custom_object(*self._path(), patch, _content_type="application/merge-patch+json")

    async def emit_event(self, type_: Literal["Normal", "Warning"], reason: str, message: str, now: datetime) -> None:
        """Create one core/v1 Event about the platform."""
        event = client.CoreV1Event(
            metadata=client.V1ObjectMeta(generate_name=f"{self.platform.name}-", namespace=self.platform.namespace),
            involved_object=client.V1ObjectReference(
                api_version=f"{GROUP}/{VERSION}",
                kind=KIND,
                name=self.platform.name,
                namespace=self.platform.namespace,
                uid=self.platform.uid,
            ),
            type=type_,
            reason=reason[:128],
            message=self._redactor.sanitize(message, EVENT_LIMIT),
            source=client.V1EventSource(component=COMPONENT),
            reporting_component=COMPONENT,
            first_timestamp=now,
            last_timestamp=now,
            count=1,
        )
        await self._core.create_namespaced_event(self.platform.namespace, event)

    def _path(self) -> tuple[str, str, str, str, str]:
        return GROUP, VERSION, self.platform.namespace, PLURAL, self.platform.name
