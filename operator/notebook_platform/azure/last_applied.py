"""Last applied: what the spec set last of members that it may leave out, so that taking one out of the spec is seen. Pure.

A member that the spec never set is left as it is in Azure: a user or another tool may have set it. One that the spec set and no longer
sets is removed or reset to AKS's default, as its description says. `kubectl apply` knows the difference from an annotation of the object;
the operator keeps it by step in the Secret `<platform>-applied` (`kube/applied.py`).
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.autoscaler_profile import autoscaler_profile
from notebook_platform.azure.patch_defaults import AUTOSCALER_DEFAULTS, DEFAULT_SURGE
from notebook_platform.azure.patch_removal import patch_claims
from notebook_platform.engine import Action, Change

Record = Mapping[str, Mapping[str, str]]
"""What was applied of one step: its `tags`, and its `members` by a name of this module, each with its value."""

TAGGED = (
    "ResourceGroup",
    "Network",
    "Identity",
    "Registry",
    "Cluster",
    "NodePools",
    "Autoscale",
    "DataCollection",
    "MonitorWorkspace",
    "MetricsCollection",
    "AlertRules",
)
OWN_TAGS = "notebookplatform-"

MONITORING, PROMETHEUS, ENTRA, WINDOW = "monitoring", "prometheus", "entra", "window"
AUTOSCALER, SURGE, NOTIFICATIONS = "autoscaler/", "/maxSurge", "/notifications"


def claims_of(spec: NotebookPlatformSpec) -> dict[str, Record]:
    """Return what the spec sets now, by step."""
    cluster = spec.cluster
    metrics = {PROMETHEUS: ""} if spec.managed_prometheus else {}
    members: dict[str, dict[str, str]] = {
        "Cluster": {
            **({MONITORING: cluster.monitoring.workspace_id} if cluster.monitoring else {}),
            **metrics,
            **({ENTRA: ""} if cluster.entra else {}),
            **_autoscaler(spec),
            **patch_claims(cluster.patch),
        },
        "DataCollection": {MONITORING: cluster.monitoring.workspace_id} if cluster.monitoring else {},
        "MetricsCollection": metrics,
        "AlertRules": metrics if spec.managed_prometheus and spec.managed_prometheus.alerts.enabled else {},
        "HubMetrics": dict.fromkeys(spec.hub_namespaces, "") if spec.scrapes_hubs else {},
        "NodePools": {
            **{f"{pool.name}{SURGE}": pool.max_surge for pool in spec.node_pools if pool.max_surge},
            **_of_patches((pool.name, pool.patch) for pool in spec.node_pools),
        },
        "MaintenanceWindow": {WINDOW: cluster.maintenance_window.start} if cluster.maintenance_window else {},
        "Autoscale": {
            **{f"{setting.pool}{NOTIFICATIONS}": "" for setting in spec.autoscale if setting.notifications},
            **_of_patches((setting.pool, setting.patch) for setting in spec.autoscale),
        },
    }
    found: dict[str, Record] = {}
    for step in dict.fromkeys((*TAGGED, *members)):
        tags = dict(spec.azure.tags) if step in TAGGED else {}
        if tags or members.get(step):
            found[step] = {"tags": tags, "members": members.get(step, {})}
    return found


def _of_patches(patches: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, str]:
    """Return the record of patches of pools or of their autoscale settings. `patches`: (the pool, its patch)."""
    return {name: kind for pool, patch in patches for name, kind in patch_claims(patch, f"{pool}/").items()}


def _autoscaler(spec: NotebookPlatformSpec) -> dict[str, str]:
    profile = spec.cluster.autoscaler_profile
    return {f"{AUTOSCALER}{name}": value for name, value in autoscaler_profile(profile).items()} if profile else {}


def joined(known: Mapping[str, Record], claims: Mapping[str, Record]) -> dict[str, Record]:
    """Return the record before a write: what was applied, and what is about to be. It holds each member that may be in Azure."""
    return {
        step: {part: {**known.get(step, {}).get(part, {}), **claims.get(step, {}).get(part, {})} for part in ("tags", "members")}
        for step in {**known, **claims}
    }


def confirmed(known: Mapping[str, Record], claims: Mapping[str, Record], steps: Collection[str]) -> dict[str, Record]:
    """Return the record after a reconcile in which these steps were as the spec asks: of them, what the spec sets alone."""
    kept = {step: record for step, record in known.items() if step not in steps}
    return {**kept, **{step: record for step, record in claims.items() if step in steps}}


def removed_tags(record: Record | None, wanted: Mapping[str, str], found: Mapping[str, str] | None) -> list[Change]:
    """Return the removal of tags that the spec set and no longer has. Names of tags have no case; the operator's own tags stay."""
    kept = {name.casefold() for name in wanted}
    gone = {name.casefold() for name in (record or {}).get("tags", {})} - kept
    return [
        Change(path=f"tags.{name}", action=Action.UPDATE, before=value, keys=("tags", name))
        for name, value in (found or {}).items()
        if name.casefold() in gone and not name.casefold().startswith(OWN_TAGS)
    ]


def with_resets(body: Mapping[str, Any], record: Record | None) -> dict[str, Any]:
    """Return the desired cluster with AKS's defaults for what the spec set and no longer sets."""
    members, properties = (record or {}).get("members", {}), dict(body["properties"])
    addons = properties.get("addonProfiles") or {}
    if MONITORING in members and "omsagent" not in addons:
        properties["addonProfiles"] = {**addons, "omsagent": {"enabled": False}}
    agents = properties.get("azureMonitorProfile") or {}
    if PROMETHEUS in members and "enabled" not in (metrics := agents.get("metrics") or {}):
        properties["azureMonitorProfile"] = {**agents, "metrics": {**metrics, "enabled": False}}
    chosen = properties.get("autoScalerProfile") or {}
    names = [name.removeprefix(AUTOSCALER) for name in members if name.startswith(AUTOSCALER)]
    resets = {name: AUTOSCALER_DEFAULTS[name] for name in names if name in AUTOSCALER_DEFAULTS and name not in chosen}
    if resets:
        properties["autoScalerProfile"] = {**chosen, **resets}
    return {**body, "properties": properties}


def with_surge(name: str, body: Mapping[str, Any], record: Record | None) -> dict[str, Any]:
    """Return the desired pool with AKS's default surge if the spec set one and no longer does."""
    settings = body.get("upgradeSettings") or {}
    if f"{name}{SURGE}" in (record or {}).get("members", {}) and "maxSurge" not in settings:
        return {**body, "upgradeSettings": {**settings, "maxSurge": DEFAULT_SURGE}}
    return dict(body)
