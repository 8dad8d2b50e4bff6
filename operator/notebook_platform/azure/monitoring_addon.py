"""The agents of Azure Monitor on a managed cluster: Container insights in addonProfiles, and the metrics agent. Pure.

The data of Container insights goes to the workspace with the cluster's managed identity, or on clusters with a service principal with
the workspace's key. Which of the two is chosen when the add-on is turned on; an existing add-on keeps its own. Names in addonProfiles have no case.
"""

from collections.abc import Mapping
from typing import Any

from azure.core.utils import CaseInsensitiveDict

Wire = Mapping[str, Any]

ADDON, WORKSPACE, BY_IDENTITY = "omsagent", "logAnalyticsWorkspaceResourceID", "useAADAuth"


def monitoring_addon(workspace_id: str, *, service_principal: bool) -> dict[str, Any]:
    """Return addonProfiles with the add-on turned on. `service_principal`: the cluster's identity is one."""
    config = {WORKSPACE: workspace_id, BY_IDENTITY: "false" if service_principal else "true"}
    return {ADDON: {"enabled": True, "config": config}}


def as_spelled(wanted: Wire, properties: Wire) -> dict[str, Any]:
    """Return the wanted properties of a cluster with the add-on in the spelling of the observed `properties`; an add-on that is on keeps
    the way its data goes."""
    addon = (wanted.get("addonProfiles") or {}).get(ADDON)
    name = _name(properties.get("addonProfiles") or {}, ADDON)
    if addon is None or name is None:
        return dict(wanted)
    found = properties["addonProfiles"][name] or {}
    theirs = found.get("config") or {}
    config = {_name(theirs, key) or key: value for key, value in (addon.get("config") or {}).items()}
    if found.get("enabled"):
        config = {key: value for key, value in config.items() if key.casefold() != BY_IDENTITY.casefold()}
    others = {key: value for key, value in wanted["addonProfiles"].items() if key != ADDON}
    return {**wanted, "addonProfiles": {**others, name: {**addon, **({"config": config} if config else {})}}}


def is_monitored_by_identity(properties: Wire) -> bool:
    """Return whether the add-on is on and sends its data with the cluster's identity."""
    addon = monitoring_of(properties)
    return bool(addon.get("enabled")) and str(_config(addon).get(BY_IDENTITY)).lower() == "true"


def workspace_of(properties: Wire) -> str | None:
    """Return the id of the workspace, if the add-on is on."""
    addon = monitoring_of(properties)
    return _config(addon).get(WORKSPACE) if addon.get("enabled") else None


def monitoring_of(properties: Wire) -> Wire:
    """Return the add-on, empty when there is none."""
    addons = properties.get("addonProfiles") or {}
    return addons.get(_name(addons, ADDON) or "") or {}


def sends_metrics(properties: Wire) -> bool:
    """Return whether the metrics agent of managed Prometheus is on."""
    return bool(((properties.get("azureMonitorProfile") or {}).get("metrics") or {}).get("enabled"))


def _config(addon: Wire) -> Any:
    return CaseInsensitiveDict(addon.get("config") or {})


def _name(mapping: Wire, name: str) -> str | None:
    return next((key for key in mapping if key.casefold() == name.casefold()), None)
