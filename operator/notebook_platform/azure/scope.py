"""The scope of the Azure steps of one reconcile: the spec, its owner, and the session."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from azure.core.exceptions import AzureError, HttpResponseError

from notebook_platform import outputs
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.answer import resource_of
from notebook_platform.azure.arm.cache import ResourceCache
from notebook_platform.azure.arm.errors import is_missing
from notebook_platform.azure.arm.operations import LOOK_AGAIN, begin_lro, listed_busy, poll
from notebook_platform.azure.arm.ownership import Owner
from notebook_platform.azure.arm.resource_types import CLUSTERS, SCALE_SETS, ResourceType
from notebook_platform.azure.arm.session import AzureSession
from notebook_platform.azure.arm.session_pool import SignedIn
from notebook_platform.azure.cluster_body import default_node_group
from notebook_platform.azure.last_applied import Record
from notebook_platform.azure.states import is_busy
from notebook_platform.engine.change import Change
from notebook_platform.engine.outcome import Failed, Operation, Progressing, Queued, StepError
from notebook_platform.engine.step import Observed
from notebook_platform.kube.secrets import SecretStore

PLENTY = 0.5
"""Part of a rate limit. While less of it is left for polls, a shared list tells on which resources Azure still works."""

Begin = Callable[..., Awaitable[Any]]
"""A method `begin_...` of the SDK."""


class Drain(Protocol):
    """Empties the nodes of an agent pool: None once nothing is left on them, else the remaining pods in a sentence."""

    async def __call__(self, cluster: outputs.Cluster, pool: str) -> str | None: ...


class FindRemovedApis(Protocol):
    """Describes the objects in a cluster whose API a newer Kubernetes version no longer serves, in a clause; None: none known."""

    async def __call__(self, cluster: outputs.Cluster, current: str, wanted: str) -> str | None: ...


@dataclass(frozen=True, kw_only=True)
class AzureScope:
    """The spec, whose it is, and the way to Azure. `operations` are those remembered from earlier passes.

    `signed_in` is the session and its cache, or why there is none: then the step Credentials reports it, and the remaining steps wait.
    `planning`: nothing may be written, not even to Secrets. `applied`: what was applied
    last, by step (`last_applied.py`). `max_age`: the maximum age of a cached read, in seconds. `drain` empties
    the nodes of an agent pool, given the kubeconfig and the pool's name; `find_removed_apis` names the objects whose
    API an upgrade of Kubernetes removes.
    """

    spec: NotebookPlatformSpec
    owner: Owner
    signed_in: SignedIn | Failed
    secrets: SecretStore
    operations: Mapping[str, Operation]
    applied: Mapping[str, Record] = field(default_factory=dict)
    deleting: bool = False
    planning: bool = False
    max_age: float = 0.0
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    drain: Drain | None = None
    find_removed_apis: FindRemovedApis | None = None

    @property
    def session(self) -> AzureSession:
        """Return the session. Raises StepError with the reason why there is none."""
        return self._signed_in.session

    @property
    def cache(self) -> ResourceCache:
        """Return the cached reads of the session. Raises StepError as `session` does."""
        return self._signed_in.cache

    @property
    def _signed_in(self) -> SignedIn:
        if isinstance(self.signed_in, Failed):
            raise StepError.of(self.signed_in)
        return self.signed_in

    @property
    def group(self) -> str:
        """Name of the resource group."""
        return self.spec.azure.resource_group

    def id_of(self, type_: str, name: str) -> str:
        """Return the ARM id that a resource of the platform's group has, or will have."""
        return f"/subscriptions/{self.spec.azure.subscription_id}/resourceGroups/{self.group}/providers/{type_}/{name}"

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags of new resources."""
        return self.owner.tags(self.spec.azure.tags)

    async def get(self, kind: ResourceType, name: str, *, fresh: bool, group: str | None = None) -> dict[str, Any] | None:
        """Return one resource of the platform's group (or another). Raises HttpResponseError."""
        group = self.group if group is None else group
        return await self.cache.get(kind, group, name, max_age=self.max_age, fresh=fresh)

    async def find(self, path: str, api_version: str, *, fresh: bool) -> dict[str, Any] | None:
        """Return the resource at an address, from a cached read; None when it does not exist. Raises HttpResponseError."""

        async def read() -> dict[str, Any] | None:
            try:
                body = resource_of(await self.session.send("GET", path, api_version=api_version))
            except HttpResponseError as error:
                if is_missing(error):
                    return None
                raise
            return body

        found: dict[str, Any] | None = await self.cache.cached_call(path, read, max_age=self.max_age, fresh=fresh)
        return found

    def applied_members(self, step: str) -> Mapping[str, str]:
        """Return the members that were applied last of a step."""
        return self.applied.get(step, {}).get("members", {})

    @property
    def node_group(self) -> str:
        """Name of the resource group of the nodes."""
        return self.spec.cluster.node_resource_group or default_node_group(self.spec)

    async def update(
        self, field: str, changes: Sequence[Change], begin: Begin, *arguments: Any, kind: str, expected: float, **options: Any
    ) -> Progressing | None:
        """Start an operation that makes `changes`, as `begin_lro` does; without changes it is not counted.

        Raises ChangeWithoutEffect as `counted` does.
        """
        with self.counted(field, kind, changes):
            return await begin_lro(begin, *arguments, kind=kind, expected=expected, **options)

    @contextmanager
    def counted(self, field: str, kind: str, changes: Sequence[Change]) -> Iterator[None]:
        """Count the write in the block, which makes `changes`; one without changes is not counted. `kind` names the resource.

        Raises ChangeWithoutEffect when Azure accepted the same changes several times and the resource has not changed.
        """
        repeated, write = self._signed_in.repeated, (self.owner.uid, kind)
        repeated.check(write, changes, self.now, field)
        yield
        repeated.accepted(write, changes, self.now)

    async def pending(self, key: str, field: str, kind: ResourceType, name: str) -> Observed[Any] | None:
        """Return the state of the recorded operation under `key`: busy or failed; None when there is none or it has ended.

        `kind` and `name`: the resource of the platform's group that the operation works on.
        """
        operation = self.operations.get(key)
        if operation is None or (self.deleting and not operation.kind.startswith("delete")):
            # What is still being made need not be waited for when it is to go.
            return None
        if await self._is_listed_busy(operation, kind, name):
            return Observed(busy=listed_busy(operation))
        state = await poll(self.session, operation, field)
        if state.failed is not None:
            self._signed_in.repeated.failed((self.owner.uid, operation.kind))
        if state.busy is None and state.failed is None:
            self.cache.invalidate(kind.path(self.session.subscription_id, self.group, name))
            if kind is CLUSTERS:  # its operations change its scale sets
                self.cache.invalidate(SCALE_SETS.listing(self.session.subscription_id, self.node_group))
            return None
        return Observed(busy=state.busy, failed=state.failed)

    async def _is_listed_busy(self, operation: Operation, kind: ResourceType, name: str) -> bool:
        """Return whether polls are scarce and the list of the type, which all platforms share, says that Azure works on the resource: then
        its operation need not be polled."""
        if self.session.share_left("GET", operation.url) >= PLENTY:
            return False
        try:
            resource = await self.cache.look(kind, self.group, name, max_age=LOOK_AGAIN)
        except (Queued, AzureError):
            return False  # the poll reports it
        return resource is not None and is_busy(resource.get("properties") or {})
