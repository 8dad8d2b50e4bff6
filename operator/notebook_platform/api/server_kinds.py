"""The kinds of servers that users can start, and the pools that each may use. Pure.

A kind is a profile, or a choice of a profile's options, over the settings of spec.jupyterhub.singleUser. Users' servers tolerate the taints
of the pools that are theirs, so that a pool with `spot` or `nodeTaints` is not without use:

- of each pool with purpose User; if there is none, of each pool with mode User and no purpose;
- but not the taints of `nodeTaints` where a profile selects the pool, by its nodeSelector or because it asks for graphics processors:
  then the servers of these profiles alone tolerate them, and the rest stays away.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from notebook_platform.api.hubs.servers import Amount, Shape, SingleUser, Toleration
from notebook_platform.api.hubs.spec import JupyterHubSpec
from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.pool_nodes import (
    PURPOSE_LABEL,
    SPOT_TAINT,
    Tolerance,
    has_gpus,
    is_for_users,
    labels_of,
    node_labels,
    taints_of,
    tolerance_of,
    untolerated_taints,
)

DEDICATED = ("hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated")
"""Taints of pools that are for the hub or for users; the charts tolerate them."""


@dataclasses.dataclass(frozen=True)
class ServerKind:
    """One kind of server. `field` is its place in the spec, `profile` the profile's name (empty: there are no profiles).

    `tolerates`: beside its own tolerations those of everyone and of the pools that it picks, those of everyone, none (`own`), or all
    taints. `members`: other names of members in the field.
    """

    field: str
    profile: str
    cpu: Amount
    memory: Amount
    gpus: int
    selector: Mapping[str, str]
    tolerations: tuple[Toleration, ...] = ()
    tolerates: Literal["picked", "common", "own", "all"] = "picked"
    members: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def member(self, name: str) -> str:
        """Return the field of a member, as `nodeSelector` or `memory.limit`."""
        return f"{self.field}.{self.members.get(name, name)}"


def server_kinds(server: SingleUser) -> Iterator[ServerKind]:
    """Yield each kind of server; of a profile with options one for each choice."""
    field = "spec.jupyterhub.singleUser"
    base = ServerKind(field, "", server.cpu, server.memory, server.gpus or 0, {})
    if not server.profiles:
        yield base
    for profile in server.profiles:
        place = f"{field}.profiles[{profile.name}]"
        kind = _over(base, profile, place, profile.name)
        choices = [(option, choice) for option in profile.options for choice in option.choices]
        if not choices:
            yield kind
        for option, choice in choices:
            yield _over(kind, choice, f"{place}.options[{option.name}].choices[{choice.name}]", profile.name)


def _over(kind: ServerKind, shape: Shape, field: str, profile: str) -> ServerKind:
    return ServerKind(
        field=field,
        profile=profile,
        cpu=_amount(kind.cpu, shape.cpu),
        memory=_amount(kind.memory, shape.memory),
        gpus=kind.gpus if shape.gpus is None else shape.gpus,
        selector={**kind.selector, **shape.node_selector},
        tolerations=(*kind.tolerations, *shape.tolerations),
    )


def _amount(usual: Amount, own: Amount) -> Amount:
    return Amount(guarantee=own.guarantee or usual.guarantee, limit=own.limit or usual.limit)


def own_tolerances(tolerations: Sequence[Toleration]) -> list[Tolerance]:
    """Return tolerations of the spec in the form that compares."""
    return [Tolerance(one.key, one.value, one.effect) for one in tolerations]


def common_tolerances(spec: JupyterHubSpec) -> list[Tolerance]:
    """Return what all users' servers tolerate by the charts' defaults and by the spec."""
    return [*(Tolerance(key, "user", "NoSchedule") for key in DEDICATED), *own_tolerances(spec.placement.user_tolerations)]


def user_pools(pools: Sequence[NodePool]) -> list[NodePool]:
    """Return the pools that are for users' servers."""
    with_purpose = [pool for pool in pools if is_for_users(pool)]
    return with_purpose or [pool for pool in pools if pool.mode == "User" and PURPOSE_LABEL not in labels_of(pool)]


def pool_taints(spec: JupyterHubSpec, pools: Sequence[NodePool], location: str) -> list[str]:
    """Return the taints of pools that all users' servers tolerate beside `common_tolerances`."""
    kinds, usual = list(server_kinds(spec.single_user)), common_tolerances(spec)
    found: dict[str, None] = {}
    for pool in user_pools(pools):
        reserved = any(_picks(kind, pool, location) for kind in kinds)
        found |= dict.fromkeys(taint for taint in untolerated_taints(pool, usual) if taint == SPOT_TAINT or not reserved)
    return list(found)


def picked_taints(selector: Mapping[str, str], gpus: int, pools: Sequence[NodePool], location: str) -> list[str]:
    """Return the taints of the pools that a kind of server picks with this nodeSelector and number of graphics processors."""
    picked = [pool for pool in pools if _picks_with(selector, gpus, pool, location)]
    return list(dict.fromkeys(taint for pool in picked for taint in taints_of(pool)))


def _picks(kind: ServerKind, pool: NodePool, location: str) -> bool:
    return _picks_with(kind.selector, kind.gpus, pool, location)


def _picks_with(selector: Mapping[str, str], gpus: int, pool: NodePool, location: str) -> bool:
    """Return whether the selector, with a label beside the purpose, or the processors lead to this pool."""
    labels = node_labels(pool, location)
    return all(labels.get(key) == value for key, value in selector.items()) and (
        bool(selector.keys() - {PURPOSE_LABEL}) or (gpus > 0 and has_gpus(pool))
    )


def tolerances_of(kind: ServerKind, spec: JupyterHubSpec, pools: Sequence[NodePool], location: str) -> list[Tolerance]:
    """Return all that a kind of server tolerates."""
    if kind.tolerates == "all":
        return [tolerance_of(taint) for pool in pools for taint in taints_of(pool)]
    if kind.tolerates == "own":
        return own_tolerances(kind.tolerations)
    picked = picked_taints(kind.selector, kind.gpus, pools, location) if kind.tolerates == "picked" else []
    taints = [*pool_taints(spec, pools, location), *picked]
    return [*common_tolerances(spec), *map(tolerance_of, taints), *own_tolerances(kind.tolerations)]
