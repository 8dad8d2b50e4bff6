"""Changes of a hub's values that hide users' data: nothing is deleted, yet users get an empty home.

A user finds their files by what the hub makes of their name, the volume that belongs to it, and the directory where it is mounted;
the hub finds its users in its database. A change of any of these is a `DataChange`. Judged are the values of the installed release
against the wanted ones, after all sources are merged, so that `values` and `valuesFrom` are no way around. Pure.

Values: https://z2jh.jupyter.org/en/stable/resources/reference.html. Traits in hub.config win over the chart's own values
(jupyterhub_config.py of the chart).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from notebook_platform.hubs.naming import CLAIMS, ESCAPE, ReleaseSnapshot, scheme_of
from notebook_platform.hubs.users.changes import (
    DataChange,
    canonical,
    change,
    differing,
    in_escaped_form,
    mappings_in,
    with_keyed_hash,
)
from notebook_platform.hubs.users.identities import identity_changes
from notebook_platform.paths import at

SPAWNERS = ("KubeSpawner", "BinderSpawner")
SPAWNER_TRAITS = (
    "enable_user_namespaces",
    "handle_legacy_names",
    "namespace",
    "notebook_dir",
    "remember_pvc_name",
    "storage_class",
    "storage_pvc_ensure",
    "storage_selector",
    "user_namespace_template",
    "volume_mounts",
    "volumes",
    "working_dir",
)
"""https://jupyterhub-kubespawner.readthedocs.io/en/latest/spawner.html"""

OVERRIDES = frozenset({*SPAWNER_TRAITS, "pvc_name_template"})
"""Traits of volumes that a profile may set; for all servers the template of names is judged with the chart's own value."""

SAFE_CLAIMS = "claim-{user_server}"
"""What KubeSpawner calls claims by the safe scheme."""

PASSING = frozenset({"configMap", "secret", "emptyDir", "projected", "downwardAPI", "ephemeral", "image", "name"})
"""Sources of volumes that hold no data of users."""


def data_changes(before: ReleaseSnapshot, after: ReleaseSnapshot) -> Iterator[DataChange]:
    """Yield all changes between two releases of a hub that hide users' data."""
    for looked_up in (_homes, _mounts, _spawner, _profiles, identity_changes):
        for one in looked_up(before, after):
            yield with_keyed_hash(one, before, after)


def _storage(release: ReleaseSnapshot, *path: str, usual: str = "") -> str:
    return canonical(at(release.values, "singleuser", "storage", *path)) or usual


def _homes(before: ReleaseSnapshot, after: ReleaseSnapshot) -> Iterator[DataChange]:
    was, will_be = (_storage(one, "type", usual="dynamic") for one in (before, after))
    if was == "none":
        return
    if will_be != "none":
        effect = "homes are mounted at another path"
        yield from differing(before, after, "singleuser.storage.homeMountPath", effect, "/home/jovyan")
    if was != will_be:
        kept = "users start with empty homes; the old ones remain unused"
        effect = "homes are no longer kept" if will_be == "none" else kept
        mark = canonical([_of_homes(before), _of_homes(after)])
        yield DataChange(path="singleuser.storage.type", before=was, after=will_be, effect=effect, mark=mark)
    elif was == "static":
        effect = "users start with empty homes on another volume; the old ones remain on theirs"
        yield from differing(before, after, "singleuser.storage.static.pvcName", effect)
        effect = "homes are expected in another directory of the volume"
        yield from differing(before, after, "singleuser.storage.static.subPath", effect, "{username}")
    elif was == "dynamic":
        yield from _claim_names(before, after)
        effect = "new homes are on another kind of storage than the existing ones"
        yield from differing(before, after, "singleuser.storage.dynamic.storageClass", effect)
        effect = "homes are expected in other directories of their volumes"
        yield from differing(before, after, "singleuser.storage.dynamic.subPath", effect)


def _of_homes(release: ReleaseSnapshot) -> list[str]:
    """Return all settings that place homes: an approval of another storage type covers this one alone."""
    return [_storage(release, "static"), _storage(release, "dynamic"), _claim_template(release)]


def _claim_names(before: ReleaseSnapshot, after: ReleaseSnapshot) -> Iterator[DataChange]:
    """Yield changes of claim names. The naming scheme is checked with upgrades: the default templates of both schemes are no
    change here."""
    was, will_be = _claim_template(before), _claim_template(after)
    if was != will_be and (was, will_be) != (_usual_template(before), _usual_template(after)):
        effect = "homes are expected under other names of claims"
        yield change("singleuser.storage.dynamic.pvcNameTemplate", was, will_be, effect)


def _claim_template(release: ReleaseSnapshot) -> str:
    """Return the template of claim names: the trait's, which takes precedence, the chart's value, or the default."""
    trait = canonical(at(release.values, "hub", "config", "KubeSpawner", "pvc_name_template"))
    return in_escaped_form(release, trait or _storage(release, "dynamic", "pvcNameTemplate") or _usual_template(release))


def _usual_template(release: ReleaseSnapshot) -> str:
    return CLAIMS if scheme_of(release) == ESCAPE else SAFE_CLAIMS


def _mounts(before: ReleaseSnapshot, after: ReleaseSnapshot) -> Iterator[DataChange]:
    had, has = _mounted(before), _mounted(after)
    for path, source in had.items():
        if has.get(path) != source:
            where = f"singleuser.storage.extraVolumes mounted at {path}"
            yield change(where, source, has.get(path, ""), "users no longer find its data")


def _mounted(release: ReleaseSnapshot) -> dict[str, str]:
    """Return the volumes with data that are mounted in users' servers beside their home, by path."""
    sources: dict[str, str] = {}
    for volume in mappings_in(at(release.values, "singleuser", "storage", "extraVolumes")):
        holds = {key: value for key, value in volume.items() if key not in PASSING}
        sources[str(volume.get("name"))] = canonical(holds)
    found = {}
    for mount in mappings_in(at(release.values, "singleuser", "storage", "extraVolumeMounts")):
        if source := sources.get(str(mount.get("name"))):
            below = in_escaped_form(release, str(mount.get("subPath") or mount.get("subPathExpr") or ""))
            found[str(mount.get("mountPath"))] = source + below
    return found


def _spawner(before: ReleaseSnapshot, after: ReleaseSnapshot) -> Iterator[DataChange]:
    effect = "users' volumes are found or mounted differently"
    yield from differing(before, after, "hub.config.JupyterHub.spawner_class", effect)
    for section in SPAWNERS:
        for trait in SPAWNER_TRAITS:
            yield from differing(before, after, f"hub.config.{section}.{trait}", effect)


def _profiles(before: ReleaseSnapshot, after: ReleaseSnapshot) -> Iterator[DataChange]:
    """Yield changes of profiles. A new profile hides nothing; a changed or removed one may be the only access to a volume."""
    has = _overrides(after)
    for profile, was in _overrides(before).items():
        will_be = has.get(profile, "")
        if was != will_be:
            path = f"singleuser.profileList[{profile}].kubespawner_override"
            yield change(path, was, will_be, "servers of this profile have other volumes")


def _overrides(release: ReleaseSnapshot) -> dict[str, str]:
    """Yield the overrides of profiles and their choices that concern volumes, by name."""
    found = {}
    for profile in mappings_in(at(release.values, "singleuser", "profileList")):
        name = str(profile.get("slug") or profile.get("display_name"))
        found[name] = in_escaped_form(release, canonical(_of_volumes(profile)))
        for option, choices in (profile.get("profile_options") or {}).items() if _has_options(profile) else ():
            named = (choices.get("choices") or {}) if isinstance(choices, Mapping) else {}
            for choice, shape in named.items() if isinstance(named, Mapping) else ():
                if isinstance(shape, Mapping):
                    found[f"{name}/{option}/{choice}"] = in_escaped_form(release, canonical(_of_volumes(shape)))
    return found


def _has_options(profile: Mapping[str, Any]) -> bool:
    return isinstance(profile.get("profile_options"), Mapping)


def _of_volumes(shape: Mapping[str, Any]) -> dict[str, Any]:
    override = shape.get("kubespawner_override")
    return {k: v for k, v in override.items() if k in OVERRIDES} if isinstance(override, Mapping) else {}
