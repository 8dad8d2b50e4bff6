"""Map users' servers, culling and placement to the chart's rows. Pure."""

from collections.abc import Mapping
from typing import Any

from notebook_platform.api.durations import parse_duration
from notebook_platform.api.hubs import JupyterHubSpec, SingleUser
from notebook_platform.api.hubs.servers import ExtraVolume
from notebook_platform.api.server_kinds import pool_taints
from notebook_platform.hubs.fields.profiles import escaped, number, profile_list, tolerated, tolerations, without_none
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.naming import CLAIMS, ESCAPE, VOLUMES

FieldValues = Mapping[str, Any]

ESCAPED = ("{username}", "{escaped_username}")
"""What charts from 4 on call the name that older ones made of a user's."""


def single_user_values(spec: JupyterHubSpec, scheme: str | None, hub_context: HubContext) -> FieldValues:
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
        "singleUser.profiles": profile_list(spec, hub_context) or None,
        "singleUser.profiles#expanded": profile_list(spec, hub_context, expanded=True) or None,
        "singleUser.profiles[].options": True if any(profile.options for profile in server.profiles) else None,
        "singleUser.startTimeout": seconds(server.start_timeout),
        "singleUser.defaultUrl": server.default_url,
        "singleUser.env": dict(sorted(server.env.items())) or None,
        "singleUser.env#expanded": escaped(server.env) or None,
        "singleUser.allowSudo": True if server.allow_sudo else None,
        "singleUser.namedServers": True if server.named_servers else None,
        "singleUser.namedServers#limit": server.named_servers or None,
        **_storage(server, scheme),
        **_culling(spec),
        **_placement(spec, hub_context),
    }


def _storage(server: SingleUser, scheme: str | None) -> FieldValues:
    storage, old_names = server.storage, scheme == ESCAPE
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
        "singleUser.storage.shared.subPath#named": sub_path.replace(*ESCAPED) if sub_path and old_names else sub_path,
        "singleUser.storage.keepOnUserDelete": not storage.keep_on_user_delete,
        "singleUser.storage.extraVolumes": [_volume(volume) for volume in storage.extra_volumes] or None,
        "singleUser.storage.extraVolumes#mounts": [_mount(volume) for volume in storage.extra_volumes] or None,
        "singleUser.storage.extraVolumes#named": [_mount(v, escaped=old_names) for v in storage.extra_volumes] or None,
        "naming.scheme": scheme,
        "naming.scheme#claims": CLAIMS if old_names and dynamic else None,
        "naming.scheme#volumes": VOLUMES if old_names and dynamic else None,
    }


def _volume(volume: ExtraVolume) -> dict[str, Any]:
    """https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.35/#volume-v1-core"""
    directory = volume.empty_dir
    medium = "Memory" if directory and directory.medium == "Memory" else None
    return without_none(
        {
            "name": volume.name,
            "persistentVolumeClaim": {"claimName": volume.claim} if volume.claim else None,
            "configMap": {"name": volume.config_map} if volume.config_map else None,
            "secret": {"secretName": volume.secret} if volume.secret else None,
            "emptyDir": without_none({"medium": medium, "sizeLimit": directory.size_limit}) if directory else None,
        }
    )


def _mount(volume: ExtraVolume, *, escaped: bool = False) -> dict[str, Any]:
    """Return the mount of a volume. `escaped`: the chart calls the escaped name of a user otherwise than `{username}`."""
    sub_path = volume.sub_path
    return without_none(
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


def _placement(spec: JupyterHubSpec, hub_context: HubContext) -> FieldValues:
    placement, seats, pull = spec.placement, spec.scaling.spare_seats, spec.pre_pull
    return {
        "placement.userPods": _strictness(placement.user_pods),
        "placement.corePods": _strictness(placement.core_pods),
        "placement.userTolerations#pools": [*map(tolerated, pool_taints(spec, hub_context.pools, hub_context.location or ""))]
        or None,
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
