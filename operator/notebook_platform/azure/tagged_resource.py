"""TaggedResource: the base of the steps that reconcile one Azure resource with the platform's owner tag.

The tag decides what may be done: a resource of another owner is neither changed nor deleted, one without an owner is adopted if
spec.adoption allows it, and spec.deletionPolicy Orphan removes the tag and keeps the resource. All of that is here, so that the step of
another resource is its body, its writes and a dozen lines.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.answer import complete
from notebook_platform.azure.arm.errors import UNREADABLE, azure_errors, unreadable
from notebook_platform.azure.arm.resource_types import ResourceType
from notebook_platform.azure.arm.tagging import drop_owners
from notebook_platform.azure.comparison import compare_wire
from notebook_platform.azure.last_applied import removed_tags
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Action, Change, Failed, Inputs, Observed, Outcome, Progressing, Ready, Step
from notebook_platform.engine.step import Desired, Found, Output

Wire = dict[str, Any]
"""A resource in the JSON form of Resource Manager."""


def busy_deleting(kind: str, requeue_after: float) -> Progressing:
    """Return the outcome after a deletion that Azure accepted without an operation to poll. `kind` says what is deleted."""
    return Progressing(reason=Reason.DELETING, message=f"Azure operation in progress: {kind}", requeue_after=requeue_after)


class TaggedResource(Step[Desired, Found, Output]):
    """One resource with the owner tag.

    `noun` names its type in messages ("virtual network"), `field` the part of the spec in errors, and `name_field` the member of the
    spec that gives its name.
    """

    resource_type: ClassVar[ResourceType]
    noun: ClassVar[str]
    field: ClassVar[str]
    name_field: ClassVar[str]

    def __init__(self, scope: AzureScope) -> None:
        self._scope = scope

    @abstractmethod
    def resource(self, found: Found) -> Wire:
        """Return the resource itself of what was found."""

    @abstractmethod
    async def delete_owned(self, resource: Wire) -> Outcome:
        """Start the deletion of the resource, which is ours, and return at once. Errors of Azure are classified by the caller."""

    def classify_error(self, error: Exception) -> Failed | None:
        return unreadable(error, field=self.field) if isinstance(error, UNREADABLE) else None

    def busy(self, resource: Wire) -> Progressing | None:
        """Return what runs on the resource; None: nothing."""
        return None

    async def look_up(self, name: str, *, fresh: bool, group: str | None = None) -> Wire | None:
        """Read the resource by name; None when it does not exist. `group`: its resource group; None: the platform's. Raises StepError."""
        async with azure_errors(self.field):
            return await self._scope.get(self.resource_type, name, fresh=fresh, group=group)

    async def owned(self, kind: ResourceType, *, fresh: bool) -> Sequence[Wire]:
        """Return the platform's resources of a type in its group, by the owner tag. Raises StepError."""
        scope = self._scope
        async with azure_errors(self.field):
            listed = await scope.cache.list_group(kind, scope.group, max_age=scope.max_age, fresh=fresh)
            return [complete(one) for one in listed or () if scope.owner.owns(one.get("tags"))]

    def conflict(self, resource: Wire, name: str, noun: str = "") -> Failed | None:
        """Return why the resource may not be touched; None: it is ours, or may be adopted. `noun`: what it is, if not the step's resource."""
        what, adoption = f"the {noun or self.noun} {name!r}", self._scope.spec.adoption
        return self._scope.owner.ownership_conflict(what, self.name_field, resource.get("tags"), adoption)

    async def observe_resource(self, name: str, *, fresh: bool, group: str | None = None) -> Observed[Wire]:
        """Observe a resource that has no parts of its own: absent, busy, another owner's, or found. Raises StepError."""
        resource = await self.look_up(name, fresh=fresh, group=group)
        if resource is None:
            return Observed()
        if busy := self.busy(resource):
            return Observed(busy=busy)
        failed = self.conflict(resource, name)
        return Observed(found=None if failed else resource, failed=failed, ours=failed is None)

    async def create_at_once(self, name: str, desired: Wire, *, group: str | None = None) -> Wire | None:
        """Create a resource that exists as soon as Azure answers. Returns it as the answer has it, so that it need not be read; None: the
        answer is not the whole resource. Raises HttpResponseError."""
        scope, kind = self._scope, self.resource_type
        path = kind.path(scope.session.subscription_id, scope.group if group is None else group, name)
        answer = await scope.session.send("PUT", path, json=desired, api_version=kind.api_version)
        return scope.cache.keep(kind, path, answer)

    def create_or_compare(self, name: str, desired: Wire | None, found: Wire | None) -> Sequence[Change]:
        """Return the creation of a resource (`name` is its path in the plan) or the differences. Pure."""
        if desired is None:
            return ()
        if found is None:
            return [Change(path=name, action=Action.CREATE, after=dict(desired))]
        return [*compare_wire(desired, found), *self.removed_tags(found)]

    def removed_tags(self, resource: Wire) -> list[Change]:
        """Return the removal of tags of the resource that spec.azure.tags had and no longer has. Pure."""
        return removed_tags(self._scope.applied.get(self.name), self._scope.tags, resource.get("tags"))

    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        resource = self.resource(found)
        if not self._scope.owner.owns(resource.get("tags")):
            return Ready()
        async with azure_errors(self.field):
            return await self.delete_owned(resource)

    async def orphan(self, found: Found) -> Outcome:
        return await drop_owners(self._scope.session, self.field, [self.resource(found)])
