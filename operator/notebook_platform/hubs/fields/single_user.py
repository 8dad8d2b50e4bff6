"""Map users' servers, culling and placement to the chart's rows. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from notebook_platform.api.durations import parse_duration
from notebook_platform.api.hubs import JupyterHubSpec, Profile, SingleUser
from notebook_platform.api.hubs.servers import ExtraVolume, Option, Shape, Toleration
from notebook_platform.hubs.naming import CLAIMS, ESCAPE, VOLUMES

FieldValues = Mapping[str, Any]

GPU = "nvidia.com/gpu"
ESCAPED = ("{username}", "{escaped_username}")
"""What charts from 4 on call the name that older ones made of a user's."""

DEDICATED = ("hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated")
"""Taints of pools that are for the hub or for users; the charts tolerate them, and a list of ours takes the place of theirs."""


def single_user_values(spec: JupyterHubSpec, scheme: str | None) -> FieldValues:
    """Return the rows of singleUser, culling, placement, scaling and prePull; None: not set. `scheme` is the naming scheme."""
    server = spec.single_user
    name, tag = split_image(server.image)
    return {
        "singleUser.image": name,
        "singleUser.image#tag": tag,
        "singleUser.cpu.guarantee": number(server.cpu.guarantee),
        "singleUser.cpu.limit": number(server.cpu.limit),
        "singleUser.memory.guarantee": server.memory.guarantee,
        "singleUser.memory.limit": server.memory.limit,
        "singleUser.gpus": str(server.gpus) if server.gpus else None,
        "singleUser.profiles": [_profile(profile) for profile in server.profiles] or None,
        "singleUser.profiles[].options": True if any(profile.options for profile in server.profiles) else None,
        "singleUser.startTimeout": seconds(server.start_timeout),
        "singleUser.defaultUrl": server.default_url,
        "singleUser.env": dict(sorted(server.env.items())) or None,
        "singleUser.env#expanded": {k: v.replace("{", "{{").replace("}", "}}") for k, v in sorted(server.env.items())} or None,
        "singleUser.allowSudo": True if server.allow_sudo else None,
        "singleUser.namedServers": True if server.named_servers else None,
        "singleUser.namedServers#limit": server.named_servers or None,
        **_storage(server, scheme),
        **_culling(spec),
        **_placement(spec),
    }


def _storage(server: SingleUser, scheme: str | None) -> FieldValues:
    storage, escaped = server.storage, scheme == ESCAPE
    dynamic = storage.type == "dynamic"
    shared = storage.shared if storage.type == "static" else None
    sub_path = shared.sub_path if shared else None
    return {
        "singleUser.storage.type": storage.type,
        "singleUser.storage.capacity": storage.capacity if dynamic else None,
        "singleUser.storage.storageClass": storage.storage_class if dynamic else None,
        "singleUser.storage.mountPath": storage.mount_path,
        "singleUser.storage.shared.claim": shared.claim if shared else None,
        "singleUser.storage.shared.subPath": sub_path,
        "singleUser.storage.shared.subPath#named": sub_path.replace(*ESCAPED) if sub_path and escaped else sub_path,
        "singleUser.storage.keepOnUserDelete": not storage.keep_on_user_delete,
        "singleUser.storage.extraVolumes": [_volume(volume) for volume in storage.extra_volumes] or None,
        "singleUser.storage.extraVolumes#mounts": [_mount(volume) for volume in storage.extra_volumes] or None,
        "singleUser.storage.extraVolumes#named": [_mount(v, escaped=escaped) for v in storage.extra_volumes] or None,
        "naming.scheme": scheme,
        "naming.scheme#claims": CLAIMS if escaped and dynamic else None,
        "naming.scheme#volumes": VOLUMES if escaped and dynamic else None,
    }


def _volume(volume: ExtraVolume) -> dict[str, Any]:
    """https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.35/#volume-v1-core"""
    directory = volume.empty_dir
    medium = "Memory" if directory and directory.medium == "Memory" else None
    return _without_none(
        {
            "name": volume.name,
            "persistentVolumeClaim": {"claimName": volume.claim} if volume.claim else None,
            "configMap": {"name": volume.config_map} if volume.config_map else None,
            "secret": {"secretName": volume.secret} if volume.secret else None,
            "emptyDir": _without_none({"medium": medium, "sizeLimit": directory.size_limit}) if directory else None,
        }
    )


def _mount(volume: ExtraVolume, *, escaped: bool = False) -> dict[str, Any]:
    """Return the mount of a volume. `escaped`: the chart calls the escaped name of a user otherwise than `{username}`."""
    sub_path = volume.sub_path
    return _without_none(
        {
            "name": volume.name,
            "mountPath": volume.mount_path,
            "subPath": sub_path.replace(*ESCAPED) if sub_path and escaped else sub_path,
            "readOnly": True if volume.read_only else None,
        }
    )


def _culling(spec: JupyterHubSpec) -> FieldValues:
    cull = spec.culling
    return {
        "culling.enabled": cull.enabled,
        "culling.timeout": seconds(cull.timeout),
        "culling.every": seconds(cull.every),
        "culling.maxAge": seconds(cull.max_age) if cull.max_age else None,
        "culling.users": True if cull.users else None,
        "culling.adminUsers": None if cull.admin_users else False,
        "culling.removeNamedServers": True if cull.remove_named_servers else None,
    }


def _placement(spec: JupyterHubSpec) -> FieldValues:
    placement, seats, pull = spec.placement, spec.scaling.spare_seats, spec.pre_pull
    return {
        "placement.userPods": _strictness(placement.user_pods),
        "placement.corePods": _strictness(placement.core_pods),
        "placement.userTolerations": tolerations("user", placement.user_tolerations),
        "placement.coreTolerations": tolerations("core", placement.core_tolerations),
        "scaling.packUsers": None if spec.scaling.pack_users else False,
        "scaling.spareSeats": seats or None,
        "scaling.spareSeats#enabled": True if seats else None,
        "scaling.spareSeats#priority": True if seats else None,
        "prePull.onDeploy": None if pull.on_deploy else False,
        "prePull.onNewNode": None if pull.on_new_node else False,
        "prePull.onlyOnChanges": None if pull.only_on_changes else False,
        "prePull.profileImages": None if pull.profile_images else False,
        "prePull.images": {f"image-{place}": _image(image) for place, image in enumerate(pull.images)} or None,
    }


def _strictness(purpose: str) -> str | None:
    """Return the placement rule. All charts default to preferring."""
    return None if purpose == "Prefer" else purpose.lower()


def tolerations(purpose: str, more: Iterable[Toleration]) -> list[dict[str, str]] | None:
    """Return the charts' default tolerations and the additional ones; None when there are no additional ones."""
    usual = [{"key": key, "operator": "Equal", "value": purpose, "effect": "NoSchedule"} for key in DEDICATED]
    own = [
        {
            "key": one.key,
            "operator": "Equal" if one.value is not None else "Exists",
            **({"value": one.value} if one.value is not None else {}),
            **({"effect": one.effect} if one.effect else {}),
        }
        for one in more
    ]
    return [*usual, *own] if own else None


def _profile(profile: Profile) -> dict[str, Any]:
    return _without_none(
        {
            "display_name": profile.display_name,
            "slug": profile.name,
            "description": profile.description,
            "default": True if profile.default else None,
            "kubespawner_override": _override(profile),
            "profile_options": {option.name: _option(option) for option in profile.options} or None,
        }
    )


def _option(option: Option) -> dict[str, Any]:
    choices = {
        choice.name: _without_none(
            {
                "display_name": choice.display_name,
                "default": True if choice.default else None,
                "kubespawner_override": _override(choice),
            }
        )
        for choice in option.choices
    }
    return {"display_name": option.display_name, "choices": choices}


def _override(shape: Shape) -> dict[str, Any]:
    """https://jupyterhub-kubespawner.readthedocs.io/en/latest/spawner.html#kubespawner.KubeSpawner.profile_list"""
    return _without_none(
        {
            "image": shape.image,
            "cpu_guarantee": number(shape.cpu.guarantee),
            "cpu_limit": number(shape.cpu.limit),
            "mem_guarantee": shape.memory.guarantee,
            "mem_limit": shape.memory.limit,
            "extra_resource_limits": {GPU: str(shape.gpus)} if shape.gpus else None,
            "node_selector": dict(sorted(shape.node_selector.items())) or None,
        }
    )


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def split_image(image: str | None) -> tuple[str | None, str | None]:
    """Split an image into (name, tag) as the chart takes them. A digest has no place of its own there: `name@sha256` and its
    digits."""
    name, _, tag = (image or "").rpartition(":")
    return (name, tag) if name else (None, None)


def _image(image: str) -> dict[str, str | None]:
    name, tag = split_image(image)
    return {"name": name, "tag": tag}


def seconds(duration: str) -> int:
    """Convert a duration to seconds: `10m` gives 600."""
    return int(parse_duration(duration).total_seconds())


def number(text: str | None) -> float | None:
    """Convert CPUs to a number: `500m` gives 0.5."""
    if text is None:
        return None
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)
