"""What every Azure step is given for one pass."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from notebook_platform import outputs
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.cache import ResourceType
from notebook_platform.azure.arm.operations import poll
from notebook_platform.azure.arm.ownership import Owner
from notebook_platform.azure.arm.session import AzureSession
from notebook_platform.engine.outcome import Failed, Operation, StepError
from notebook_platform.engine.step import Observed
from notebook_platform.kube.secrets import SecretStore


class Drain(Protocol):
    """Empties the nodes of an agent pool: None once nothing is left on them, else what is still there, in a sentence."""

    async def __call__(self, cluster: outputs.Cluster, pool: str) -> str | None: ...


class Leaves(Protocol):
    """What in a cluster a newer Kubernetes version would no longer serve, in a clause; None: nothing that is known."""

    async def __call__(self, cluster: outputs.Cluster, current: str, wanted: str) -> str | None: ...


@dataclass(frozen=True, kw_only=True)
class AzureScope:
    """The spec, whose it is, and the way to Azure. `operations` are those remembered from earlier passes.

    `signed_in` is the session, or why there is none: then only the step Credentials says so, the others wait for it.
    `planning`: nothing may be written, not even to Secrets. `max_age`: how old a shared look may be, in seconds. `drain` empties
    the nodes of an agent pool, given the kubeconfig and the pool's name; `leaves` tells what an upgrade of Kubernetes would leave
    behind.
    """

    spec: NotebookPlatformSpec
    owner: Owner
    signed_in: AzureSession | Failed
    secrets: SecretStore
    operations: Mapping[str, Operation]
    deleting: bool = False
    planning: bool = False
    max_age: float = 0.0
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    drain: Drain | None = None
    leaves: Leaves | None = None

    @property
    def session(self) -> AzureSession:
        """The session. Raises StepError with the reason why there is none."""
        if isinstance(self.signed_in, Failed):
            raise StepError.of(self.signed_in)
        return self.signed_in

    @property
    def group(self) -> str:
        """Name of the resource group."""
        return self.spec.azure.resource_group

    def id_of(self, type_: str, name: str) -> str:
        """The ARM id that something in the platform's group has, or will have."""
        return f"/subscriptions/{self.spec.azure.subscription_id}/resourceGroups/{self.group}/providers/{type_}/{name}"

    @property
    def tags(self) -> dict[str, str]:
        """Tags of whatever is created."""
        return self.owner.tags(self.spec.azure.tags)

    async def look(self, kind: ResourceType, name: str, *, fresh: bool, group: str | None = None) -> dict[str, Any] | None:
        """One thing in the platform's group (or another). Raises HttpResponseError."""
        cache = self.session.cache
        return await cache.get(kind, self.group if group is None else group, name, max_age=self.max_age, fresh=fresh)

    async def pending(self, key: str, field: str) -> Observed[Any] | None:
        """How the remembered operation under `key` stands: busy or failed; None when there is none or it is over."""
        operation = self.operations.get(key)
        if operation is None or (self.deleting and not operation.kind.startswith("delete")):
            # What is still being made need not be waited for when it is to go.
            return None
        state = await poll(self.session, operation, field)
        if state.busy is None and state.failed is None:
            self.session.cache.expire()
            return None
        return Observed(busy=state.busy, failed=state.failed)
