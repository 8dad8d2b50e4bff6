"""The kinds of servers that `spec.jupyterhub.values` define: KubeSpawner's profiles, in the chart's own names. Pure.

`hub.config.KubeSpawner.profile_list` wins over `singleuser.profileList`, and both over the typed profiles. What a profile overrides takes
the place of the spawner's setting; the operator adds nothing to it, as it does for typed profiles. Values of other forms are skipped here:
the checks of the hub's values refuse them.
https://jupyterhub-kubespawner.readthedocs.io/en/latest/spawner.html#kubespawner.KubeSpawner.profile_list
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from notebook_platform.api.hubs.servers import Amount, Toleration
from notebook_platform.api.hubs.spec import JupyterHubSpec
from notebook_platform.api.server_kinds import ServerKind, server_kinds

FIELD = "spec.jupyterhub.values"
PLACES = (("hub", "config", "KubeSpawner", "profile_list"), ("singleuser", "profileList"))
GPU = "nvidia.com/gpu"

MEMBERS = {
    "nodeSelector": "node_selector",
    "tolerations": "tolerations",
    "cpu.guarantee": "cpu_guarantee",
    "cpu.limit": "cpu_limit",
    "memory.guarantee": "mem_guarantee",
    "memory.limit": "mem_limit",
    "gpus": "extra_resource_limits",
}
"""Member of a typed profile -> trait of KubeSpawner."""


def kinds_of(hub: JupyterHubSpec) -> list[ServerKind]:
    """Return the kinds of servers of a hub: those of its values if they define profiles, else the typed ones."""
    base = next(server_kinds(hub.single_user.model_copy(update={"profiles": []})))
    for place in PLACES:
        node: Any = hub.values
        for key in place:
            node = node.get(key) if isinstance(node, Mapping) else None
        if isinstance(node, list) and node:
            field = f"{FIELD}.{'.'.join(place)}"
            return [kind for at, one in enumerate(node) for kind in _kinds(one, base, f"{field}[{at}]")]
    return list(server_kinds(hub.single_user))


def _kinds(profile: Any, base: ServerKind, field: str) -> Iterator[ServerKind]:
    if not isinstance(profile, Mapping):
        return
    name = str(profile.get("slug") or profile.get("display_name") or field)
    kind = _over(base, profile, field, name)
    choices = [
        (f"{field}.profile_options.{option}.choices.{choice}", content)
        for option, members in _mapping(profile, "profile_options").items()
        for choice, content in _mapping(members, "choices").items()
    ]
    if not choices:
        yield kind
    for place, content in choices:
        yield _over(kind, content, place, name)


def _over(kind: ServerKind, part: Any, field: str, name: str) -> ServerKind:
    override = _mapping(part, "kubespawner_override")
    tolerations, selector = override.get("tolerations"), override.get("node_selector")
    gpus = str(_mapping(override, "extra_resource_limits").get(GPU))
    return ServerKind(
        field=f"{field}.kubespawner_override",
        profile=name,
        cpu=_amount(kind.cpu, override, "cpu"),
        memory=_amount(kind.memory, override, "mem"),
        gpus=int(gpus) if gpus.isdecimal() and len(gpus) < 5 else kind.gpus,
        selector={str(k): str(v) for k, v in selector.items()} if isinstance(selector, Mapping) else kind.selector,
        tolerations=_tolerations(tolerations) if isinstance(tolerations, list) else kind.tolerations,
        tolerates=_tolerates(tolerations) if isinstance(tolerations, list) else _inherited(kind),
        members=MEMBERS,
    )


def _amount(usual: Amount, override: Mapping[str, Any], what: str) -> Amount:
    found = {"guarantee": override.get(f"{what}_guarantee"), "limit": override.get(f"{what}_limit")}
    return usual.model_copy(update={name: text for name, value in found.items() if (text := _text(value, what))})


def _text(value: Any, what: str) -> str | None:
    """Return an amount as the spec writes it: a number is CPUs, or bytes of memory."""
    if isinstance(value, int | float):
        return f"{value / 2**30:g}G" if what == "mem" else f"{value:g}"
    return value if isinstance(value, str) else None


def _tolerates(given: list[Any]) -> Literal["all", "own"]:
    return "all" if any(isinstance(one, Mapping) and not one.get("key") for one in given) else "own"


def _inherited(kind: ServerKind) -> Literal["all", "own", "common"]:
    return "common" if kind.tolerates == "picked" else kind.tolerates


def _tolerations(given: list[Any]) -> tuple[Toleration, ...]:
    """Return tolerations of Kubernetes in the spec's form; one without a key tolerates everything (`_tolerates`)."""
    named = [one for one in given if isinstance(one, Mapping) and isinstance(one.get("key"), str)]
    return tuple(
        Toleration.model_construct(
            key=one["key"],
            value=None if one.get("operator") == "Exists" else str(one.get("value", "")),
            effect=one.get("effect") or None,
        )
        for one in named
    )


def _mapping(node: Any, key: str) -> Mapping[str, Any]:
    found = node.get(key) if isinstance(node, Mapping) else None
    return found if isinstance(found, Mapping) else {}
