"""What every Azure step is given for one pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.operations import poll
from notebook_platform.azure.arm.ownership import Owner
from notebook_platform.azure.arm.session import AzureSession
from notebook_platform.engine.outcome import Failed, Operation, Refused
from notebook_platform.engine.step import Observed
from notebook_platform.kube.secrets import SecretStore


@dataclass(frozen=True, kw_only=True)
class AzureContext:
    """The spec, whose it is, and the way to Azure. `operations` are those remembered from earlier passes.

    `signed_in` is the session, or why there is none: then only the step Credentials says so, the others wait for it.
    """

    spec: NotebookPlatformSpec
    owner: Owner
    signed_in: AzureSession | Failed
    secrets: SecretStore
    operations: Mapping[str, Operation]
    deleting: bool = False

    @property
    def session(self) -> AzureSession:
        """The session. Raises Refused with the reason why there is none."""
        if isinstance(self.signed_in, Failed):
            raise Refused(self.signed_in)
        return self.signed_in

    @property
    def group(self) -> str:
        """Name of the resource group."""
        return self.spec.azure.resource_group

    @property
    def tags(self) -> dict[str, str]:
        """Tags of whatever is created."""
        return self.owner.tags(self.spec.azure.tags)

    async def pending(self, key: str, field: str) -> Observed[Any] | None:
        """How the remembered operation under `key` stands: busy or failed; None when there is none or it is over."""
        operation = self.operations.get(key)
        if operation is None or (self.deleting and not operation.kind.startswith("delete")):
            # What is still being made need not be waited for when it is to go.
            return None
        state = await poll(self.session, operation, field)
        if state.busy is None and state.failed is None:
            return None
        return Observed(busy=state.busy, failed=state.failed)
