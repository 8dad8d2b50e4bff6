"""Network: the virtual network and the subnets of the nodes; or an existing subnet, which is never changed.

The network is written without its subnets once it exists and each subnet through its own address: a PUT of the network with a
`subnets` array deletes those it leaves out, and AKS writes members of its own onto the subnets, which are sent back as read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform import outputs
from notebook_platform.api.network import NetworkSpec
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.errors import azure_errors, is_missing
from notebook_platform.azure.arm.operations import begin_lro, working
from notebook_platform.azure.arm.paths import same_id
from notebook_platform.azure.arm.resource_types import NETWORKS
from notebook_platform.azure.arm.tagging import only_tags, write_tags
from notebook_platform.azure.comparison import compare_wire
from notebook_platform.azure.scope import AzureScope
from notebook_platform.azure.states import is_busy, state_of
from notebook_platform.azure.tagged_resource import TaggedResource, busy_deleting
from notebook_platform.engine import (
    Action,
    AnyStep,
    Change,
    Check,
    Inputs,
    Observed,
    Outcome,
    Progressing,
    Ready,
    StepError,
)
from notebook_platform.engine.change import merged

FIELD = "spec.network"
WRITE_SECONDS = 10.0

Wire = dict[str, Any]


@dataclass(frozen=True)
class Desired:
    """The members of the network and of its subnets (by name) that the spec sets, in wire form."""

    network: Wire
    subnets: Mapping[str, Wire]


class Network(TaggedResource[Desired, Wire, outputs.Network]):
    """One write a reconcile, since all writes to a network and its subnets exclude each other. The network is what is observed."""

    name = "Network"
    provides = outputs.Network
    needs = (outputs.ResourceGroup,)
    cacheable = True
    resource_type = NETWORKS
    noun = "virtual network"
    field = f"{FIELD}.virtualNetwork"
    name_field = f"{FIELD}.virtualNetwork.name"

    def __init__(self, scope: AzureScope) -> None:
        super().__init__(scope)
        self._spec: NetworkSpec | None = scope.spec.network

    def desired(self, inputs: Inputs) -> Desired | None:
        if self._spec is None or self._spec.virtual_network is None or self._spec.subnet is None:
            return None
        prefixes = list(self._spec.virtual_network.address_prefixes)
        subnets = {s.name: s.address_prefix for s in (self._spec.subnet, *self._spec.subnets)}
        return Desired(
            network={
                "location": self._scope.spec.azure.location,
                "tags": self._scope.tags,
                "properties": {"addressSpace": {"addressPrefixes": prefixes}},
            },
            subnets={name: {"name": name, "properties": {"addressPrefix": prefix}} for name, prefix in subnets.items()},
        )

    @property
    def _name(self) -> str:
        assert self._spec is not None and self._spec.virtual_network is not None
        return self._spec.virtual_network.name

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Wire]:
        if self._spec is None:
            return Observed()
        if (pending := await self._scope.pending(self.name, FIELD, NETWORKS, self._name)) is not None:
            return pending
        return await self.observe_resource(self._name, fresh=fresh)

    def resource(self, found: Wire) -> Wire:
        return found

    def busy(self, resource: Wire) -> Progressing | None:
        if not is_busy(resource["properties"]):
            return None
        state = state_of(resource["properties"])
        return working(state, f"The virtual network {self._name} is {state}", 3, "virtual network")

    def plan(self, desired: Desired | None, found: Wire | None) -> Sequence[Change]:
        if desired is None:
            return ()
        if found is None:
            after = {**desired.network, "subnets": list(desired.subnets.values())}
            return [Change(path="virtualNetwork", action=Action.CREATE, after=after)]
        changes = [*compare_wire(desired.network, found), *self.removed_tags(found)]
        for name, wanted in desired.subnets.items():
            present = _subnet(found, name)
            if present is None:
                changes.append(Change(path=f"subnets[{name}]", action=Action.CREATE, after=wanted))
                continue
            for change in compare_wire({"properties": wanted["properties"]}, _one_prefix(present)):
                changes.append(replace(change, path=f"subnets[{name}].{change.path}", keys=()))
        return changes

    async def apply(self, desired: Desired | None, found: Wire | None, changes: Sequence[Change]) -> Outcome:
        assert desired is not None
        name, group, client = self._name, self._scope.group, self._scope.session.network
        target: tuple[str, ...] = (name,)
        async with azure_errors(FIELD):
            if found is not None and only_tags(changes):
                await write_tags(self._scope.session, found["id"], changes)
                return Ready()
            if found is None:
                subnets = list(desired.subnets.values())
                body = {**desired.network, "properties": {**desired.network["properties"], "subnets": subnets}}
                call, kind = client.virtual_networks.begin_create_or_update, f"create virtual network {name}"
            elif of_network := [change for change in changes if change.keys]:
                body = merged(found, of_network)
                body["properties"] = {key: value for key, value in body["properties"].items() if key != "subnets"}
                call, kind = client.virtual_networks.begin_create_or_update, f"update virtual network {name}"
            else:
                subnet = changes[0].path.removeprefix("subnets[").split("]")[0]
                body = _merged(_one_prefix(_subnet(found, subnet) or {}), desired.subnets[subnet])
                target, kind = (name, subnet), f"update subnet {subnet}"
                call = client.subnets.begin_create_or_update
            headers = {"If-Match": body["etag"]} if body.get("etag") else {}
            arguments, expected = (group, *target, body), WRITE_SECONDS
            busy = await self._scope.update(FIELD, changes, call, *arguments, kind=kind, expected=expected, headers=headers)
        return busy or Ready()

    def estimate_seconds(self, changes: Sequence[Change]) -> float:
        return WRITE_SECONDS if changes else 0.0

    def output(self, found: Wire | None) -> outputs.Network | None:
        if found is None or self._spec is None or self._spec.subnet is None:
            return None
        names = [s.name for s in (self._spec.subnet, *self._spec.subnets)]
        subnets = {name: present["id"] for name in names if (present := _subnet(found, name))}
        default = _subnet(found, self._spec.subnet.name)
        if default is None:
            return None
        return outputs.Network(virtual_network_id=found["id"], subnet_id=default["id"], subnets=subnets)

    def planned_output(self, desired: Desired) -> outputs.Network | None:
        assert self._spec is not None and self._spec.subnet is not None
        id_ = self._scope.id_of("Microsoft.Network/virtualNetworks", self._name)
        subnets = {name: f"{id_}/subnets/{name}" for name in desired.subnets}
        return outputs.Network(virtual_network_id=id_, subnet_id=subnets[self._spec.subnet.name], subnets=subnets)

    async def delete_owned(self, resource: Wire) -> Outcome:
        name, networks = resource["name"], self._scope.session.network.virtual_networks
        kind = f"delete virtual network {name}"
        busy = await begin_lro(networks.begin_delete, self._scope.group, name, kind=kind, expected=WRITE_SECONDS)
        return busy or busy_deleting(kind, requeue_after=2)


class ExistingSubnet(Check[outputs.Network]):
    """An existing subnet: it must exist, and is never changed."""

    name = "Network"
    provides = outputs.Network
    needs = (outputs.ResourceGroup,)
    cacheable = True
    dispensable = True

    def __init__(self, scope: AzureScope) -> None:
        self._scope = scope
        assert scope.spec.network is not None and scope.spec.network.subnet_id is not None
        self._id = scope.spec.network.subnet_id

    def desired(self, inputs: Inputs) -> outputs.Network:
        return outputs.Network(virtual_network_id=self._id.rsplit("/subnets/", 1)[0], subnet_id=self._id)

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[outputs.Network]:
        parts = self._id.split("/")
        if parts[2].lower() != self._scope.spec.azure.subscription_id.lower():
            return Observed(found=self.desired(inputs))  # not in sight of these credentials; AKS will say if it is not there
        group, network, subnet = parts[4], parts[8], parts[10]
        async with azure_errors(f"{FIELD}.subnetId"):
            try:
                found = await self._scope.get(NETWORKS, network, fresh=fresh, group=group)
            except HttpResponseError as error:
                if not is_missing(error):
                    raise
                found = None
        present = found and _subnet(found, subnet)
        if not found or not present:
            raise StepError(
                Reason.SUBNET_NOT_FOUND,
                f"{FIELD}.subnetId names {self._id}, which does not exist or cannot be read",
                "Create the subnet, or let the operator read it (`az role assignment create`). If the id is wrong, delete this platform and "
                "create one with the right id, which cannot change.",
                retry_in=60,
            )
        id_ = same_id(present["id"], self._id)
        return Observed(found=outputs.Network(virtual_network_id=same_id(found["id"], id_.rsplit("/", 2)[0]), subnet_id=id_))


def network(scope: AzureScope) -> AnyStep:
    """Return the Network step of spec.network."""
    existing = scope.spec.network is not None and scope.spec.network.subnet_id is not None
    return ExistingSubnet(scope) if existing else Network(scope)


def _subnet(network: Mapping[str, Any], name: str) -> Wire | None:
    subnets: list[Wire] = network.get("properties", {}).get("subnets") or []
    return next((s for s in subnets if s["name"].casefold() == name.casefold()), None)


def _one_prefix(subnet: Wire) -> Wire:
    """Return addressPrefix for addressPrefixes, which newer API versions may answer instead."""
    properties = dict(subnet.get("properties") or {})
    if "addressPrefix" not in properties and len(properties.get("addressPrefixes") or ()) == 1:
        properties["addressPrefix"] = properties.pop("addressPrefixes")[0]
    return {**subnet, "properties": properties}


def _merged(found: Mapping[str, Any], wanted: Wire) -> Wire:
    return {**found, **wanted, "properties": {**(found.get("properties") or {}), **wanted["properties"]}}
