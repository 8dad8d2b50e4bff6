"""Registry: an Azure Container Registry of the platform, and a token of it that may push images and do nothing else.

Nodes pull by the role AcrPull (ClusterRoles gives it). The builder pushes with the token, whose password is in
`azure/registry_password.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from notebook_platform import outputs
from notebook_platform.api.binderhub import AzureRegistry
from notebook_platform.api.durations import parse_duration
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.operations import lro_from_headers, working
from notebook_platform.azure.arm.resource_types import REGISTRIES, REGISTRY_API, REGISTRY_TYPE
from notebook_platform.azure.arm.tagging import write_tags
from notebook_platform.azure.comparison import compare_wire
from notebook_platform.azure.registry_password import BUILDER, CHILD_SECONDS, FIELD, KEPT, BuilderPassword
from notebook_platform.azure.scope import AzureScope
from notebook_platform.azure.states import is_busy, state_of
from notebook_platform.azure.tagged_resource import TaggedResource, Wire, busy_deleting
from notebook_platform.engine import Action, Change, Inputs, Observed, Outcome, Progressing, StepError
from notebook_platform.engine.outcome import ChangeWithoutEffect
from notebook_platform.kube.validated import select

RIGHTS = ("content/read", "content/write", "metadata/read")
CREATE_SECONDS, AGAIN = 20.0, 0.2
TAGS, SKU, PASSWORD = "tags", "sku", "password"


@dataclass(frozen=True)
class Wanted:
    """The bodies of the registry, and by path below it of the scope map and the token."""

    registry: Wire
    below: Mapping[str, Wire]


@dataclass(frozen=True)
class Found:
    """The observed resources; `kept` describes the stored password, without it."""

    registry: Wire
    below: Mapping[str, Wire | None] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)

    @property
    def server(self) -> str:
        """Return the address that images are pushed to."""
        return str(self.registry["properties"]["loginServer"])


class Registry(TaggedResource[Wanted, Found, outputs.Registry]):
    """Registry, scope map, token and password, each created when it is missing: one write a reconcile."""

    name = "Registry"
    provides = outputs.Registry
    needs = (outputs.ResourceGroup,)
    cacheable = True
    resource_type = REGISTRIES
    noun = "container registry"
    field = FIELD
    name_field = f"{FIELD}.name"

    def __init__(self, scope: AzureScope) -> None:
        super().__init__(scope)
        binderhub = scope.spec.binderhub
        self._spec: AzureRegistry | None = binderhub.registry.azure if binderhub else None
        self._secret_name = f"{scope.owner.name}-registry"
        self._password_key = f"{self.name}/password"

    @property
    def _id(self) -> str:
        assert self._spec is not None
        return self._scope.id_of(REGISTRY_TYPE, self._spec.name)

    @property
    def _password(self) -> BuilderPassword:
        assert self._spec is not None
        return BuilderPassword(self._scope, self._spec, self._id, self._secret_name, self._password_key)

    def desired(self, inputs: Inputs) -> Wanted | None:
        if self._spec is None:
            return None
        if parse_duration(self._spec.renew_before) >= parse_duration(self._spec.token_lifetime):
            raise StepError(
                Reason.RENEWAL_TOO_EARLY,
                f"{FIELD}.renewBefore is not less than {FIELD}.tokenLifetime: a password would be renewed as soon as it is created",
                f"Set {FIELD}.renewBefore to less than tokenLifetime.",
            )
        project = self._spec.prefix.rsplit("/", 1)[0]
        registry = {
            "location": self._scope.spec.azure.location,
            "tags": self._scope.tags,
            "sku": {"name": self._spec.sku},
        }
        scope_map = f"scopeMaps/{BUILDER}"
        below: dict[str, Wire] = {
            scope_map: {"properties": {"actions": [f"repositories/{project}/*/{right}" for right in RIGHTS]}},
            f"tokens/{BUILDER}": {"properties": {"scopeMapId": f"{self._id}/{scope_map}", "status": "enabled"}},
        }
        return Wanted(registry, below)

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Found]:
        name = await self._name()
        if self._spec is not None and (busy := await self._password.in_progress()) is not None:
            return Observed(busy=busy)
        if (pending := await self._scope.pending(self.name, FIELD, REGISTRIES, name or "")) is not None:
            return pending
        if name is None:
            return Observed()
        # The Secret first: a login that cannot be stored is not made.
        kept = {} if self._scope.deleting else select(await self._scope.secrets.own(self._secret_name), KEPT)
        registry = await self.look_up(name, fresh=fresh)
        if registry is None:
            return Observed()
        if failed := self.conflict(registry, name):
            return Observed(failed=failed, ours=False)
        if work := self.busy(registry):
            return Observed(found=Found(registry), busy=work)
        if self._scope.deleting:
            return Observed(found=Found(registry))
        paths = [f"scopeMaps/{BUILDER}", f"tokens/{BUILDER}"]
        async with azure_errors(FIELD):
            below = dict(zip(paths, await asyncio.gather(*(self._below(path, fresh=fresh) for path in paths)), strict=True))
        return Observed(found=Found(registry, below, kept))

    def resource(self, found: Found) -> Wire:
        return found.registry

    def busy(self, resource: Wire) -> Progressing | None:
        if not is_busy(resource["properties"]):
            return None
        state = state_of(resource["properties"])
        message = f"Azure operation in progress on the container registry {resource['name']}"
        return working(state, message, 5, "registry")

    async def _name(self) -> str | None:
        """Return the registry's name: the spec's, or in a deletion the name of one that the spec no longer asks for. Its images are
        kept until then."""
        if self._spec is not None:
            return self._spec.name
        kept = select(await self._scope.secrets.own(self._secret_name), KEPT) if self._scope.deleting else {}
        return kept.get("registry")

    async def _below(self, path: str, *, fresh: bool) -> Wire | None:
        return await self._scope.find(f"{self._id}/{path}", REGISTRY_API, fresh=fresh)

    def plan(self, desired: Wanted | None, found: Found | None) -> Sequence[Change]:
        if desired is None or self._spec is None:
            return ()
        if found is None:
            return [Change(path=f"registries/{self._spec.name}", action=Action.CREATE, after=dict(desired.registry))]
        changes = [*compare_wire(desired.registry, found.registry), *self.removed_tags(found.registry)]
        for path, body in desired.below.items():
            existing = found.below.get(path)
            if existing is None:
                changes.append(Change(path=path, action=Action.CREATE, after=body["properties"]))
            else:
                changes += [Change(path=f"{path}.{c.path}", action=c.action, before=c.before, after=c.after)
                            for c in compare_wire(body, existing)]  # fmt: skip
        token = found.below.get(f"tokens/{BUILDER}") or {}
        return [*changes, *self._password.changes(token, found.kept, found.server)]

    async def apply(self, desired: Wanted | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        assert desired is not None and self._spec is not None
        name = self._spec.name
        async with azure_errors(f"{FIELD}.name" if found is None else FIELD):
            if found is None:
                body: Wire = {**desired.registry, "properties": {"adminUserEnabled": False}}
                return await self._write("PUT", self._id, body, f"create container registry {name}", CREATE_SECONDS)
            if any(change.keys == ("location",) for change in changes):
                raise StepError(
                    Reason.IMMUTABLE_FIELD,
                    f"spec.azure.location is {self._scope.spec.azure.location!r} but the container registry {name!r} is in "
                    f"{found.registry.get('location')!r}",
                    f"A registry cannot move: choose another {FIELD}.name.",
                )
            return await self._update(desired, found, changes)

    async def _update(self, desired: Wanted, found: Found, changes: Sequence[Change]) -> Outcome:
        """Make the first of the changes: the next reconcile makes the next one. One that Azure accepts without an effect holds up none.

        Raises ChangeWithoutEffect when only such changes are left.
        """
        id_, name, useless = found.registry["id"], found.registry["name"], None
        makers: dict[str, Callable[[Sequence[Change]], Awaitable[Outcome | None]]] = {
            TAGS: lambda mine: write_tags(self._scope.session, id_, mine),
            SKU: lambda _: self._write(
                "PATCH", self._id, {"sku": desired.registry["sku"]}, f"update container registry {name}", CREATE_SECONDS
            ),
            **{part: partial(self._write_below, part, body, name) for part, body in desired.below.items()},
            PASSWORD: lambda _: self._password.renew(found.kept),
        }
        for part, make in makers.items():
            if not (mine := [change for change in changes if _part(change, desired) == part]):
                continue
            try:
                with self._scope.counted(FIELD, f"update {part} of container registry {name}", mine):
                    return await make(mine) or self._goes_on()
            except ChangeWithoutEffect as error:
                useless = useless or error
        raise useless or AssertionError("no change of the registry is left")

    async def _write_below(self, path: str, body: Wire, name: str, _: Sequence[Change]) -> Outcome:
        return await self._write("PUT", f"{self._id}/{path}", body, f"create {path} of {name}", CHILD_SECONDS)

    async def _write(self, method: str, path: str, body: Wire, kind: str, expected: float) -> Outcome:
        answer = await self._scope.session.send(method, path, json=body, api_version=REGISTRY_API)
        return lro_from_headers(answer.headers, answer.request.url, kind=kind, expected=expected) or self._goes_on()

    def _goes_on(self) -> Progressing:
        assert self._spec is not None
        message = f"The container registry {self._spec.name} is being set up"
        return Progressing(reason=Reason.CREATING, message=message, requeue_after=AGAIN)

    def estimate_seconds(self, changes: Sequence[Change]) -> float:
        created = any(change.path.startswith("registries/") for change in changes)
        return CREATE_SECONDS + 3 * CHILD_SECONDS if created else CHILD_SECONDS if changes else 0.0

    def output(self, found: Found | None) -> outputs.Registry | None:
        if found is None:
            return None
        return outputs.Registry(id=found.registry["id"], server=found.server, secret_name=self._secret_name)

    def planned_output(self, desired: Wanted) -> outputs.Registry | None:
        assert self._spec is not None
        server = f"{self._spec.name}.azurecr.io"
        return outputs.Registry(id=self._id, server=server, secret_name=self._secret_name)

    async def delete_owned(self, resource: Wire) -> Outcome:
        kind = f"delete container registry {resource['name']}"
        await self._scope.secrets.delete(self._secret_name)  # first: without the registry no later round would find it
        answer = await self._scope.session.send("DELETE", resource["id"], api_version=REGISTRY_API)
        busy = lro_from_headers(answer.headers, answer.request.url, kind=kind, expected=CHILD_SECONDS)
        return busy or busy_deleting(kind, requeue_after=2)


def _part(change: Change, desired: Wanted) -> str:
    """Return what one write changes: the tags, the SKU, a resource below the registry by its path, or the password."""
    below = next((path for path in desired.below if change.path.startswith(path)), None)
    return below or (change.keys[0] if change.keys[:1] in ((TAGS,), (SKU,)) else PASSWORD)
