"""What all reconciles of one platform share: its stores in the management cluster, the clients of the process, and the state between
reconciles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubernetes.aio import client

from notebook_platform.api.status import PlatformStatus
from notebook_platform.clients import SharedClients
from notebook_platform.deletion import Deletion
from notebook_platform.kube.applied import AppliedStore
from notebook_platform.kube.objects import PlatformObject
from notebook_platform.kube.operations import OperationStore
from notebook_platform.kube.secret_versions import SecretVersions
from notebook_platform.kube.secrets import Platform, SecretStore
from notebook_platform.observability.context import PlatformLog
from notebook_platform.reconcile_state import ReconcileState
from notebook_platform.status_writer import Reporter


@dataclass(frozen=True, kw_only=True)
class PlatformContext:
    """One instance for each platform, from the first reconcile in this process to the last."""

    platform: Platform
    object: PlatformObject
    secrets: SecretStore
    operations: OperationStore
    applied: AppliedStore
    shared: SharedClients
    reporter: Reporter
    deletion: Deletion
    log: PlatformLog
    state: ReconcileState = field(default_factory=ReconcileState)

    @classmethod
    def of(
        cls,
        platform: Platform,
        body: Mapping[str, Any],
        api: client.ApiClient,
        shared: SharedClients,
        versions: SecretVersions | None = None,
    ) -> "PlatformContext":
        """Return the context of a platform. `body`: the object as read; `api`: the management cluster; `versions`: those of Secrets that a
        watch of it reports."""
        secrets, stored = SecretStore(api, platform, versions), PlatformObject(api, platform)
        label = f"{platform.namespace}/{platform.name}"
        return cls(
            platform=platform,
            object=stored,
            secrets=secrets,
            operations=OperationStore(secrets),
            applied=AppliedStore(secrets),
            shared=shared,
            reporter=Reporter(stored, body, label),
            deletion=Deletion(platform, secrets, shared),
            log=PlatformLog(label),
        )

    def rest(self) -> None:
        """Drop, pack or close what the next reconcile can read again or open: called before a long wait."""
        self.state.pack()
        self.reporter.pack()
        self.applied.pack()
        self.secrets.redactor.pack()
        self.shared.rest(self.platform)

    @property
    def label(self) -> str:
        """namespace/name"""
        return f"{self.platform.namespace}/{self.platform.name}"

    @property
    def status(self) -> PlatformStatus:
        """The status as last written."""
        return self.reporter.status
