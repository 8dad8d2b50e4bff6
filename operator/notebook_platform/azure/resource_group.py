"""ResourceGroup: the group that holds the platform. It is never deleted while it holds a resource of another owner."""

from collections.abc import Sequence
from typing import Any

from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.answer import all_items
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.operations import begin_lro, working
from notebook_platform.azure.arm.resource_types import GROUPS
from notebook_platform.azure.arm.tagging import drop_owners, write_tags
from notebook_platform.azure.tagged_resource import TaggedResource, Wire, busy_deleting
from notebook_platform.engine import Change, Failed, Inputs, Observed, Outcome, Progressing, Ready

FIELD = "spec.azure.resourceGroup"
DELETION_SECONDS = 300
SHOWN = 5


class ResourceGroup(TaggedResource[Wire, Wire, outputs.ResourceGroup]):
    """Created with one PUT; later only its tags are written.

    The location of a group says where Azure keeps the list of its resources, which may be in other regions: an existing group keeps its
    own (https://learn.microsoft.com/azure/azure-resource-manager/management/overview#resource-group-location-alignment)."""

    name = "ResourceGroup"
    provides = outputs.ResourceGroup
    needs = (outputs.Subscription, outputs.Providers, outputs.Preflight)
    cacheable = True
    resource_type = GROUPS
    noun = "resource group"
    field = name_field = FIELD

    def desired(self, inputs: Inputs) -> Wire:
        return {"location": self._scope.spec.azure.location, "tags": self._scope.tags}

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Wire]:
        if (pending := await self._scope.pending(self.name, FIELD, GROUPS, self._scope.group)) is not None:
            return pending
        observed = await self.observe_resource(self._scope.group, fresh=fresh, group="")
        found = observed.found
        if found is None or not found.get("managedBy") or self._scope.owner.owns(found.get("tags")):
            return observed
        return Observed(failed=_managed(self._scope.group), ours=False)

    def resource(self, found: Wire) -> Wire:
        return found

    def busy(self, resource: Wire) -> Progressing | None:
        if str((resource.get("properties") or {}).get("provisioningState")) != "Deleting":
            return None
        message = f"The resource group {self._scope.group} is being deleted"
        return working("Deleting", message, 10, "resource group")

    def plan(self, desired: Wire | None, found: Wire | None) -> Sequence[Change]:
        wanted = desired if found is None or desired is None else {"tags": desired["tags"]}
        return self.create_or_compare(f"resourceGroups/{self._scope.group}", wanted, found)

    async def apply(self, desired: Wire | None, found: Wire | None, changes: Sequence[Change]) -> Outcome:
        async with azure_errors(FIELD):
            if found is not None:
                await write_tags(self._scope.session, found["id"], changes)
                return Ready()
            made = await self.create_at_once(self._scope.group, dict(desired or {}), group="")
        return Ready(output=self.output(made))

    def output(self, found: Wire | None) -> outputs.ResourceGroup | None:
        return None if found is None else outputs.ResourceGroup(id=found["id"], location=found["location"])

    def planned_output(self, desired: Wire) -> outputs.ResourceGroup | None:
        id_ = f"/subscriptions/{self._scope.spec.azure.subscription_id}/resourceGroups/{self._scope.group}"
        return outputs.ResourceGroup(id=id_, location=desired["location"])

    async def delete_owned(self, resource: Wire) -> Outcome:
        if foreign := await self._foreign():
            more = f" and {len(foreign) - SHOWN} more" if len(foreign) > SHOWN else ""
            return Failed(
                reason=Reason.FOREIGN_RESOURCES,
                message=f"{FIELD}: the resource group {self._scope.group!r} is kept because it contains resources that the "
                f"platform did not create: {', '.join(foreign[:SHOWN])}{more}",
                remedy="Move or delete them, or set spec.deletionPolicy: Orphan to release the group as it is.",
                retry_in=30,
            )
        groups = self._scope.session.resources.resource_groups
        kind = f"delete resource group {self._scope.group}"
        busy = await begin_lro(groups.begin_delete, self._scope.group, kind=kind, expected=DELETION_SECONDS)
        return busy or busy_deleting(kind, requeue_after=5)

    async def orphan(self, found: Wire) -> Outcome:
        """Remove the tag from the resources of earlier specs too, which no step observes, and from the group."""
        listed = [{"id": one.id, "tags": one.tags} for one in await self._listed() if self._scope.owner.owns(one.tags)]
        return await drop_owners(self._scope.session, FIELD, [*listed, found])

    async def _foreign(self) -> list[str]:
        """Return the resources of the group without the platform's tag, as `type/name`."""
        owns = self._scope.owner.owns
        return [f"{resource.type}/{resource.name}" for resource in await self._listed() if not owns(resource.tags)]

    async def _listed(self) -> list[Any]:
        """Return the resources of the group."""
        async with azure_errors(FIELD):
            return [
                one async for one in all_items(self._scope.session.resources.resources.list_by_resource_group(self._scope.group))
            ]


def _managed(group: str) -> Failed:
    """Return that a group is the node resource group of a cluster, or belongs to another service in the same way."""
    return Failed(
        reason=Reason.NOT_OWNED,
        message=f"{FIELD}: the resource group {group!r} is managed by another Azure resource (managedBy), which deletes it with all that is in it",
        remedy="Choose another resource group: this one can be the node resource group of a cluster.",
    )
