"""Map users' profiles and tolerations to the chart's values. Pure.

A `kubespawner_override` takes the place of the spawner's own list of tolerations, and before KubeSpawner 5 of its environment too, so both
are written in full, with what the spec's own values write there.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from notebook_platform.api.hubs import JupyterHubSpec, Profile
from notebook_platform.api.hubs.servers import Option, Shape, Toleration
from notebook_platform.api.pool_nodes import parse_taint
from notebook_platform.api.server_kinds import DEDICATED, picked_taints, pool_taints
from notebook_platform.helm.values import list_in, mapping_in
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.paths import at

GPU = "nvidia.com/gpu"

Values = dict[str, Any]


def profile_list(spec: JupyterHubSpec, hub_context: HubContext, *, expanded: bool = False) -> list[Values]:
    """Return singleuser.profileList. `expanded`: the chart's spawner expands braces in environment variables."""
    return [_profile(profile, spec, hub_context, expanded) for profile in spec.single_user.profiles]


def _profile(profile: Profile, spec: JupyterHubSpec, hub_context: HubContext, expanded: bool) -> Values:
    def option_of(option: Option) -> Values:
        choices = {
            choice.name: without_none(
                {
                    "display_name": choice.display_name,
                    "default": True if choice.default else None,
                    "kubespawner_override": _override([profile, choice], spec, hub_context, expanded),
                }
            )
            for choice in option.choices
        }
        return {"display_name": option.display_name, "choices": choices}

    return without_none(
        {
            "display_name": profile.display_name,
            "slug": profile.name,
            "description": profile.description,
            "default": True if profile.default else None,
            "kubespawner_override": _override([profile], spec, hub_context, expanded),
            "profile_options": {option.name: option_of(option) for option in profile.options} or None,
        }
    )


def _override(shapes: Sequence[Shape], spec: JupyterHubSpec, hub_context: HubContext, expanded: bool) -> Values:
    """Return the override of the last of `shapes`: a profile, or a profile and a choice of it.

    https://jupyterhub-kubespawner.readthedocs.io/en/latest/spawner.html#kubespawner.KubeSpawner.profile_list
    """
    shape = shapes[-1]
    write = escaped if expanded else _sorted
    own = {name: value for one in shapes for name, value in one.env.items()}
    given = mapping_in(at(hub_context.given, "singleuser", "extraEnv"))
    env = _sorted({**write(spec.single_user.env), **given, **write(own)}) if shape.env else {}
    return without_none(
        {
            "image": shape.image,
            "cpu_guarantee": number(shape.cpu.guarantee),
            "cpu_limit": number(shape.cpu.limit),
            "mem_guarantee": shape.memory.guarantee,
            "mem_limit": shape.memory.limit,
            "extra_resource_limits": {GPU: str(shape.gpus)} if shape.gpus is not None else None,
            "node_selector": dict(sorted(shape.node_selector.items())) or None,
            "tolerations": _tolerations(shapes, spec, hub_context),
            "environment": env or None,
        }
    )


def _tolerations(shapes: Sequence[Shape], spec: JupyterHubSpec, hub_context: HubContext) -> list[dict[str, str]] | None:
    """Return all tolerations of the servers of `shapes`; None: they are those of all users' servers."""
    pools, location, given = hub_context.pools, hub_context.location or "", hub_context.given
    selector = {label: value for one in shapes for label, value in one.node_selector.items()}
    gpus = next((one.gpus for one in reversed(shapes) if one.gpus is not None), spec.single_user.gpus or 0)
    listed, extra = at(given, "scheduling", "userPods", "tolerations"), at(given, "singleuser", "extraTolerations")
    usual = list(list_in(listed)) or [*dedicated("user"), *map(written, spec.placement.user_tolerations)]
    usual += list_in(extra) or map(tolerated, pool_taints(spec, pools, location))
    picked = [tolerated(taint) for taint in picked_taints(selector, gpus, pools, location)]
    own = [*picked, *(written(one) for shape in shapes for one in shape.tolerations)]
    more = [one for place, one in enumerate(own) if one not in usual and one not in own[:place]]
    return [*usual, *more] if more else None


def tolerated(taint: str) -> dict[str, str]:
    """Return what tolerates exactly one taint, in Kubernetes' form."""
    key, value, effect = parse_taint(taint)
    return {"key": key, "operator": "Equal", "value": value, "effect": effect}


def dedicated(purpose: str) -> list[dict[str, str]]:
    """Return the charts' default tolerations for the pods of a purpose (core, user); a list of ours takes the place of theirs."""
    return [{"key": key, "operator": "Equal", "value": purpose, "effect": "NoSchedule"} for key in DEDICATED]


def written(one: Toleration) -> dict[str, str]:
    """Return a toleration of the spec in Kubernetes' form."""
    return {
        "key": one.key,
        "operator": "Equal" if one.value is not None else "Exists",
        **({"value": one.value} if one.value is not None else {}),
        **({"effect": one.effect} if one.effect else {}),
    }


def tolerations(purpose: str, more: Iterable[Toleration]) -> list[dict[str, str]] | None:
    """Return the charts' default tolerations and the additional ones; None when there are no additional ones."""
    own = [written(one) for one in more]
    return [*dedicated(purpose), *own] if own else None


def _sorted(env: Mapping[str, Any]) -> Values:
    return dict(sorted(env.items()))


def escaped(env: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables for a spawner that expands braces."""
    return {name: value.replace("{", "{{").replace("}", "}}") for name, value in sorted(env.items())}


def without_none(values: Mapping[str, Any]) -> Values:
    """Return the members that are set."""
    return {key: value for key, value in values.items() if value is not None}


def number(text: str | None) -> float | None:
    """Convert CPUs to a number: `500m` gives 0.5."""
    if text is None:
        return None
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)
