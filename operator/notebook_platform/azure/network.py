"""Network: the virtual network and the subnet of the nodes.

The network is written without its subnets once it exists and each subnet through its own address: a PUT of the network with a
`subnets` array deletes those it leaves out, and AKS writes members of its own onto the subnet, which are sent back as read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform.api.azure import NetworkSpec
from notebook_platform.azure import outputs
from notebook_platform.azure.arm.errors import is_missing, speaking_of
from notebook_platform.azure.arm.operations import accept
from notebook_platform.azure.context import AzureContext
from notebook_platform.engine import Action, Change, Done, InProgress, Inputs, Observed, Outcome, Step
from notebook_platform.engine.change import compare

FIELD = "spec.network"
WRITE_SECONDS = 10.0

Wire = dict[str, Any]


@dataclass(frozen=True)
class Desired:
    """The members of network and subnet that the spec speaks of, in wire form."""

    network: Wire
    subnet: Wire


class Network(Step[Desired, Wire]):
    """One write a pass, since all writes to a network and its subnets exclude each other. What is found is the network."""

    name = "Network"
    needs = ("ResourceGroup",)

    def __init__(self, context: AzureContext) -> None:
        self._context = context
        self._spec: NetworkSpec | None = context.spec.network

    def desired(self, inputs: Inputs) -> Desired | None:
        if self._spec is None:
            return None
        prefixes = list(self._spec.virtual_network.address_prefixes)
        return Desired(
            network={
                "location": self._context.spec.azure.location,
                "tags": self._context.tags,
                "properties": {"addressSpace": {"addressPrefixes": prefixes}},
            },
            subnet={"name": self._spec.subnet.name, "properties": {"addressPrefix": self._spec.subnet.address_prefix}},
        )

    async def observe(self, inputs: Inputs) -> Observed[Wire]:
        if self._spec is None:
            return Observed()
        if (pending := await self._context.pending(self.name, FIELD)) is not None:
            return pending
        name, group = self._spec.virtual_network.name, self._context.group
        async with speaking_of(f"{FIELD}.virtualNetwork"):
            try:
                network: Wire = (await self._context.session.network.virtual_networks.get(group, name)).as_dict()
            except HttpResponseError as error:
                if is_missing(error):
                    return Observed()
                raise
        state = network.get("properties", {}).get("provisioningState")
        if state in ("Updating", "Deleting", "Creating"):
            return Observed(busy=InProgress(reason=state, message=f"The virtual network {name} is {state}", look_again_in=3))
        what, tags, adoption = f"the virtual network {name!r}", network.get("tags"), self._context.spec.adoption
        failed = self._context.owner.objection(what, f"{FIELD}.virtualNetwork.name", tags, adoption)
        return Observed(found=None if failed else network, failed=failed, ours=failed is None)

    def plan(self, desired: Desired | None, found: Wire | None) -> Sequence[Change]:
        if desired is None:
            return ()
        if found is None:
            after = {**desired.network, "subnets": [desired.subnet]}
            return [Change(path="virtualNetwork", action=Action.CREATE, after=after)]
        changes = list(compare(desired.network, found, "virtualNetwork"))
        subnet = _subnet(found, desired.subnet["name"])
        if subnet is None:
            return [*changes, Change(path="subnet", action=Action.CREATE, after=desired.subnet)]
        return [*changes, *compare({"properties": desired.subnet["properties"]}, _one_prefix(subnet), "subnet")]

    async def apply(self, desired: Desired | None, found: Wire | None, changes: Sequence[Change]) -> Outcome:
        assert desired is not None and self._spec is not None
        name, group, client = self._spec.virtual_network.name, self._context.group, self._context.session.network
        network_changes = any(change.path.startswith("virtualNetwork") for change in changes)
        target: tuple[str, ...] = (name,)
        async with speaking_of(FIELD):
            if found is None:
                body = {**desired.network, "properties": {**desired.network["properties"], "subnets": [desired.subnet]}}
                call, kind = client.virtual_networks.begin_create_or_update, f"create virtual network {name}"
            elif network_changes:
                body = _merged(found, desired.network)
                body["properties"].pop("subnets", None)
                call, kind = client.virtual_networks.begin_create_or_update, f"update virtual network {name}"
            else:
                subnet = _subnet(found, desired.subnet["name"]) or {}
                body = _merged(_one_prefix(subnet), desired.subnet)
                target, kind = (name, desired.subnet["name"]), f"update subnet {desired.subnet['name']}"
                call = client.subnets.begin_create_or_update
            headers = {"If-Match": body["etag"]} if body.get("etag") else {}
            busy = await accept(call, group, *target, body, kind=kind, expected=WRITE_SECONDS, headers=headers)
        return busy or Done()

    def output(self, found: Wire | None) -> Any:
        if found is None or self._spec is None:
            return None
        subnet = _subnet(found, self._spec.subnet.name)
        return subnet and outputs.Network(virtual_network_id=found["id"], subnet_id=subnet["id"])

    async def delete(self, found: Wire, inputs: Inputs) -> Outcome:
        if not self._context.owner.owns(found.get("tags")):
            return Done()
        kind = f"delete virtual network {found['name']}"
        async with speaking_of(f"{FIELD}.virtualNetwork"):
            networks = self._context.session.network.virtual_networks
            busy = await accept(networks.begin_delete, self._context.group, found["name"], kind=kind, expected=WRITE_SECONDS)
        return busy or InProgress(reason="Deleting", message=f"Azure is at work: {kind}", look_again_in=2)


def _subnet(network: Mapping[str, Any], name: str) -> Wire | None:
    subnets: list[Wire] = network.get("properties", {}).get("subnets") or []
    return next((s for s in subnets if s["name"].casefold() == name.casefold()), None)


def _one_prefix(subnet: Wire) -> Wire:
    """Newer api-versions may answer addressPrefixes where addressPrefix was sent."""
    properties = dict(subnet.get("properties") or {})
    if "addressPrefix" not in properties and len(properties.get("addressPrefixes") or ()) == 1:
        properties["addressPrefix"] = properties.pop("addressPrefixes")[0]
    return {**subnet, "properties": properties}


def _merged(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> Wire:
    """What was read, with our members in it."""
    merged = dict(found)
    for key, value in wanted.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if nested else value
    return merged
