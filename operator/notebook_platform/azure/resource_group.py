"""ResourceGroup: the group that holds the platform. It is never deleted while it holds anything that is not ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from notebook_platform import outputs
from notebook_platform.azure.arm.cache import GROUPS
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.operations import begin_lro
from notebook_platform.azure.arm.tagging import drop_owner, set_tags, wanted_tags
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Action, Change, Failed, Inputs, Observed, Outcome, Progressing, Ready, Step, StepError
from notebook_platform.engine.change import compare

FIELD = "spec.azure.resourceGroup"
DELETION_SECONDS = 300
SHOWN = 5

Wire = Mapping[str, Any]


class ResourceGroup(Step[Wire, Wire, outputs.ResourceGroup]):
    """Created with one PUT; later only its tags are written; the location cannot change."""

    name = "ResourceGroup"
    provides = outputs.ResourceGroup
    needs = (outputs.Subscription, outputs.Providers, outputs.Preflight)
    cacheable = True

    def __init__(self, context: AzureScope) -> None:
        self._context = context

    def desired(self, inputs: Inputs) -> Wire:
        return {"location": self._context.spec.azure.location, "tags": self._context.tags}

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Wire]:
        if (pending := await self._context.pending(self.name, FIELD)) is not None:
            return pending
        async with azure_errors(FIELD):
            group = await self._context.look(GROUPS, self._context.group, fresh=fresh, group="")
        if group is None:
            return Observed()
        if str(group.get("properties", {}).get("provisioningState")) == "Deleting":
            message = f"The resource group {self._context.group} is being deleted"
            return Observed(busy=Progressing(reason="Deleting", message=message, requeue_after=10))
        what = f"the resource group {self._context.group!r}"
        spec = self._context.spec
        failed = self._context.owner.ownership_conflict(what, FIELD, group.get("tags"), spec.adoption)
        return Observed(found=None if failed else group, failed=failed, ours=failed is None)

    def plan(self, desired: Wire | None, found: Wire | None) -> Sequence[Change]:
        if desired is None:
            return ()
        if found is None:
            return [Change(path=f"resourceGroups/{self._context.group}", action=Action.CREATE, after=dict(desired))]
        return list(compare(desired, found))

    async def apply(self, desired: Wire | None, found: Wire | None, changes: Sequence[Change]) -> Outcome:
        if any(change.path == "location" for change in changes) and found is not None:
            raise StepError(
                "ImmutableField",
                f"spec.azure.location is {self._context.spec.azure.location!r} but the resource group "
                f"{self._context.group!r} is in {found.get('location')!r}",
                "A resource group cannot move: set spec.azure.location to where it is, or choose another group.",
            )
        async with azure_errors(FIELD):
            if found is not None:
                await set_tags(self._context.session, found["id"], wanted_tags(changes))
                return Ready()
            await self._context.session.resources.resource_groups.create_or_update(self._context.group, dict(desired or {}))
        return Ready()

    def output(self, found: Wire | None) -> outputs.ResourceGroup | None:
        return None if found is None else outputs.ResourceGroup(id=found["id"], location=found["location"])

    def planned_output(self, desired: Wire) -> outputs.ResourceGroup | None:
        id_ = f"/subscriptions/{self._context.spec.azure.subscription_id}/resourceGroups/{self._context.group}"
        return outputs.ResourceGroup(id=id_, location=desired["location"])

    async def orphan(self, found: Wire) -> Outcome:
        async with azure_errors(FIELD):
            await drop_owner(self._context.session, found["id"], found.get("tags"))
        return Ready()

    async def delete(self, found: Wire, inputs: Inputs) -> Outcome:
        if not self._context.owner.owns(found.get("tags")):
            return Ready()
        async with azure_errors(FIELD):
            if foreign := await self._foreign():
                more = f" and {len(foreign) - SHOWN} more" if len(foreign) > SHOWN else ""
                return Failed(
                    reason="ForeignResources",
                    message=f"{FIELD}: the resource group {self._context.group!r} is kept because it holds what the platform "
                    f"did not make: {', '.join(foreign[:SHOWN])}{more}",
                    remedy="Move or delete them, or set spec.deletionPolicy: Orphan to let go of the group as it is.",
                    retry_in=30,
                )
            groups = self._context.session.resources.resource_groups
            kind = f"delete resource group {self._context.group}"
            busy = await begin_lro(groups.begin_delete, self._context.group, kind=kind, expected=DELETION_SECONDS)
        return busy or Progressing(reason="Deleting", message=f"Azure is at work: {kind}", requeue_after=5)

    async def _foreign(self) -> list[str]:
        """What stands in the group without our tag, as `type/name`."""
        listed = self._context.session.resources.resources.list_by_resource_group(self._context.group)
        return [f"{resource.type}/{resource.name}" async for resource in listed if not self._context.owner.owns(resource.tags)]
