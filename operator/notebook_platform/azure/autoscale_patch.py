"""spec.autoscale[].patch over the body of an autoscale setting. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from azure.mgmt.monitor.models import AutoscaleSettingResource

from notebook_platform.api.autoscale import Autoscale
from notebook_platform.api.patches import AUTOSCALE
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.resource_types import wire
from notebook_platform.azure.autoscale_body import FIELD, setting_properties
from notebook_platform.azure.last_applied import Record
from notebook_platform.azure.merge_patch import leaves, with_absent, without_absent
from notebook_platform.azure.patch_removal import resets
from notebook_platform.azure.patches import Patch, Wire
from notebook_platform.engine import StepError
from notebook_platform.paths import at

API_VERSION = "2022-10-01"
"""Of the SDK's operations on autoscale settings."""

OWNERS = {"properties.notifications": "notifications", "properties.profiles": "rules and recurring"}
"""The fields of spec.autoscale[] that set a member."""


def autoscale_patch(setting: Autoscale, applied: Record | None = None, body: Wire | None = None) -> Patch:
    """Return the patch of a setting with the resets of what was taken out of it. `applied`: what was applied last of all settings;
    `body`: what the spec asks for."""
    here = f"{FIELD}[{setting.pool}]"
    owners = {path: f"{here}.{member}" for path, member in OWNERS.items()}
    patch = Patch(step="Autoscale", field=f"{here}.patch", document=setting.patch, guarded=AUTOSCALE, owners=owners)
    return replace(patch, resets=resets((applied or {}).get("members", {}), f"{setting.pool}/", patch, body or {}))


def patched_setting(setting: Autoscale, body: Wire, name: str, scale_set: str, applied: Record | None = None) -> Wire:
    """Return the setting's body with its patch and its resets applied; a rule without metricResourceUri is about the pool's scale set.
    `applied`: what was applied last. Raises StepError (PatchRefused)."""
    patch = autoscale_patch(setting, applied, body)
    if not patch.effective:
        return body
    plain = Autoscale(pool=setting.pool, capacity=setting.capacity)
    found = patch.over(body, {**body, "properties": setting_properties(plain, name, scale_set)})
    profiles = _checked(setting, found["properties"].get("profiles"))
    found["properties"]["profiles"] = [_completed(profile, scale_set) for profile in profiles]
    return with_absent(_as_returned(setting, without_absent(found)), _removed(patch.effective))


def _as_returned(setting: Autoscale, body: Wire) -> Wire:
    """Return the body with times and durations in the form in which the SDK returns them. Raises StepError for a member that the API
    version does not have: the SDK would drop it."""
    field = f"{FIELD}[{setting.pool}].patch"
    try:
        known = wire(AutoscaleSettingResource.deserialize(body))
    except ValueError:
        message = f"{field} has a value that does not match the schema of Azure Monitor's API version {API_VERSION}"
        raise StepError(Reason.PATCH_REFUSED, message, "Correct the value as Azure's REST reference describes.") from None
    for keys, value in leaves(setting.patch):
        if value not in (None, {}) and at(known, *keys) is None:
            message = f"{'.'.join((field, *keys))} is not known to Azure Monitor's API version {API_VERSION}"
            raise StepError(Reason.PATCH_REFUSED, message, "Correct its name and place, or remove it.")
    return known


def _removed(patch: Mapping[str, Any]) -> Wire:
    """Return the members of the patch that are null."""
    found = {name: _removed(value) if isinstance(value, Mapping) else None for name, value in patch.items()}
    return {name: value for name, value in found.items() if value or patch[name] is None}


def _checked(setting: Autoscale, profiles: Any) -> Sequence[Mapping[str, Any]]:
    """Return the profiles. Raises StepError when they are none, or when none has the capacity of the spec."""
    here = f"{FIELD}[{setting.pool}]"
    items = profiles if isinstance(profiles, list) else []
    if not items or not all(isinstance(item, Mapping) and {"name", "capacity", "rules"} <= item.keys() for item in items):
        message = f"{here}.patch.properties.profiles is not a list of profiles"
        raise StepError(Reason.PATCH_REFUSED, message, "Give each profile a name, a capacity and rules.")
    bounds = {key: str(value) for key, value in setting.capacity.model_dump().items()}
    if bounds not in [item["capacity"] for item in items]:
        raise StepError(
            Reason.PATCH_REFUSED,
            f"{here}.patch.properties.profiles has no profile with the bounds of {here}.capacity",
            f"Set the bounds of the default profile in {here}.capacity too.",
        )
    return items


def _completed(profile: Mapping[str, Any], scale_set: str) -> Wire:
    return {**profile, "rules": [_about(rule, scale_set) for rule in profile["rules"] or ()]}


def _about(rule: Any, scale_set: str) -> Any:
    trigger = rule.get("metricTrigger") if isinstance(rule, Mapping) else None
    if not isinstance(trigger, Mapping):
        return rule
    return {**rule, "metricTrigger": {"metricResourceUri": scale_set, **trigger}}
