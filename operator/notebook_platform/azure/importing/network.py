"""Convert the network of the nodes to spec.network. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from azure.core.utils import CaseInsensitiveDict
from pydantic import ValidationError

from notebook_platform.api.network import NetworkSpec
from notebook_platform.azure.arm.ownership import holder_of
from notebook_platform.azure.importing.describe import Spec, Wire, chosen

SMALLEST_PREFIX = 29
"""Azure keeps five addresses of a subnet."""


def describe_network(
    networks: Iterable[Wire], group: str, pools: Sequence[Wire], holder: str | None
) -> tuple[Spec | None, str | None]:
    """Return (spec.network, the id of the default subnet). `holder`: the owner of the cluster, if it has one.

    A network of the platform's group is adopted. A subnet of another group or another owner, or of a network that spec.network cannot
    describe, is used by its id.
    """
    ids = list(dict.fromkeys(str(p["vnetSubnetID"]) for p in pools if p.get("vnetSubnetID")))
    if not ids:
        return None, None
    default, root = ids[0], ids[0].rsplit("/subnets/", 1)[0].lower()
    network = next((n for n in networks if n["id"].lower() == root), None)
    ours = (
        network is not None
        and default.split("/")[4].lower() == group.lower()
        and holder_of(network.get("tags")) in (None, holder)
    )
    kept = _kept(network, ids) if network is not None and ours else None
    return kept or {"subnetId": default}, default


def _kept(network: Wire, ids: Sequence[str]) -> Spec | None:
    """Return the network with those of its subnets that pools use, the first one as the default; None: the spec cannot hold them."""
    prefixes = CaseInsensitiveDict({s["id"]: _prefixes(s) for s in network["properties"].get("subnets") or ()})
    if ids[0] not in prefixes:
        return None
    used = [id_ for id_ in ids if id_ in prefixes]
    if any(len(prefixes[id_]) != 1 for id_ in used):
        return None
    subnets = [{"name": id_.rsplit("/", 1)[1], "addressPrefix": prefixes[id_][0]} for id_ in used]
    addresses = list((network["properties"].get("addressSpace") or {}).get("addressPrefixes") or ())
    virtual = {"name": network["name"], "addressPrefixes": addresses}
    spec = chosen(virtualNetwork=virtual, subnet=subnets[0], subnets=subnets[1:])
    fits = all(map(_is_ipv4, addresses)) and all(_is_ipv4(s["addressPrefix"], SMALLEST_PREFIX) for s in subnets)
    return spec if fits and _is_valid(spec) else None


def _prefixes(subnet: Wire) -> list[str]:
    properties = subnet.get("properties") or {}
    single = properties.get("addressPrefix")
    return [str(single)] if single else [str(prefix) for prefix in properties.get("addressPrefixes") or ()]


def _is_ipv4(prefix: str, longest: int = 32) -> bool:
    try:
        return IPv4Network(prefix).prefixlen <= longest
    except ValueError:
        return False


def _is_valid(spec: Mapping[str, Any]) -> bool:
    try:
        NetworkSpec.model_validate(spec)
    except ValidationError:
        return False
    return True


def managed_subnets(network: Spec | None, default: str | None) -> dict[str, str]:
    """Return the names of the subnets that spec.network keeps, by lower-case id. `default`: the id of the default subnet."""
    if not network or "virtualNetwork" not in network or default is None:
        return {}
    root = default.rsplit("/", 1)[0].lower()
    return {f"{root}/{s['name']}".lower(): s["name"] for s in (network["subnet"], *network.get("subnets", ()))}
