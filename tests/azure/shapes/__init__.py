"""Managed clusters in the shapes that Azure answers with, from `bodies.yaml`, and the resources around each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from notebook_platform.outputs import ROLES

from sandbox.azure.nodes import POOL_TAG, scale_set_name
from sandbox.azure.world import CLIENT_ID, SUBSCRIPTION

Body = dict[str, Any]

RULE: Body = {
    "metricTrigger": {
        "metricName": "Percentage CPU",
        "metricNamespace": "",
        "timeGrain": "PT1M",
        "statistic": "Average",
        "timeWindow": "PT5M",
        "timeAggregation": "Average",
        "operator": "GreaterThan",
        "threshold": 75.0,
        "dimensions": None,
        "dividePerInstance": False,
    },
    "scaleAction": {"direction": "Increase", "type": "ChangeCount", "value": "1", "cooldown": "PT1M"},
}


@dataclass(frozen=True)
class Shape:
    """A cluster and its neighbours. `resources`: bodies by id; `says`: what the remarks of an import must name; `busy`: an operation runs
    on the cluster."""

    name: str
    group: str
    resources: Mapping[str, Body]
    says: tuple[str, ...]
    busy: bool


def shapes() -> list[Shape]:
    """Return all of bodies.yaml."""
    document = yaml.safe_load((Path(__file__).parent / "bodies.yaml").read_text())
    return [_shape(f"shape{number}", item, document["eras"][item["era"]]) for number, item in enumerate(document["bodies"])]


def _shape(key: str, item: Body, era: Body) -> Shape:
    group, name = f"rg-{key}", f"aks-{key}"
    patched = _patched(era["cluster"], item.get("patch") or {})
    text = json.dumps({**item, "cluster": patched, "pool": era["pool"]})
    for word, value in {"SUB": SUBSCRIPTION, "GROUP": group, "CLUSTER": name, "PRINCIPAL": CLIENT_ID}.items():
        text = text.replace(f"/{word}", f"/{value}").replace(f"_{word}", f"_{value}").replace(f'"{word}"', f'"{value}"')
        text = text.replace(f"-{word}", f"-{value}")
    filled: Body = json.loads(text)
    resources = dict(_resources(filled, group, name))
    return Shape(item["name"], group, resources, tuple(item.get("says") or ()), bool(item.get("busy")))


def _resources(item: Body, group: str, name: str) -> list[tuple[str, Body]]:
    cluster, properties = item["cluster"], item["cluster"]["properties"]
    root, done = f"/subscriptions/{SUBSCRIPTION}/resourceGroups", {"provisioningState": "Succeeded"}
    id_, location = f"{root}/{group}/providers/Microsoft.ContainerService/managedClusters/{name}", cluster["location"]
    node_group = f"{root}/{properties['nodeResourceGroup']}"
    network = f"{root}/{group}/providers/Microsoft.Network/virtualNetworks/net"
    pools = [_patched(item["pool"], patch) for patch in item.get("pools", [{}])]
    for pool in pools:
        if subnet := pool.pop("subnet", None):
            pool["vnetSubnetID"] = f"{network}/subnets/{subnet}"
    found = [
        (f"{root}/{group}", {"location": location, "properties": done, **item.get("group", {})}),
        (node_group, {"location": location, "properties": done}),
        (id_, {**cluster, "id": id_, "name": name, "properties": {**properties, "agentPoolProfiles": pools}}),
    ]
    root_of_sets = f"{node_group}/providers/Microsoft.Compute/virtualMachineScaleSets"
    sets = {pool["name"]: f"{root_of_sets}/{scale_set_name(id_, pool['name'])}" for pool in pools}
    for pool in pools:
        sku = {"name": pool["vmSize"], "tier": "Standard", "capacity": pool["count"]}
        body = {"location": location, "tags": {POOL_TAG: pool["name"]}, "sku": sku, "properties": done}
        found.append((sets[pool["name"]], body))
    found += [_setting(setting, node_group, next(iter(sets.values()))) for setting in item.get("settings", ())]
    for window, body in item.get("windows", {}).items():
        found.append((f"{id_}/maintenanceConfigurations/{window}", {"properties": {"maintenanceWindow": body}}))
    if given := item.get("network"):
        found.append((network, _network(given, network, location)))
    if rule := item.get("association"):
        path = f"{id_}/providers/Microsoft.Insights/dataCollectionRuleAssociations/ContainerInsightsExtension"
        found += [(rule, {"location": location, "properties": {}}), (path, {"properties": {"dataCollectionRuleId": rule}})]
    if item.get("role"):
        found.append(_role(network, cluster["identity"]["principalId"]))
    for identity, ids in ((cluster.get("identity") or {}).get("userAssignedIdentities") or {}).items():
        found.append((identity, {"location": location, "properties": ids}))
    return found


def _setting(given: Body, node_group: str, target: str) -> tuple[str, Body]:
    rule = _patched(RULE, given.get("rule") or {})
    rule["metricTrigger"] = {"metricResourceUri": target, **rule["metricTrigger"]}
    profile = {"name": "profile", "capacity": {"minimum": "1", "maximum": "5", "default": "1"}, "rules": [rule]}
    properties = {
        "name": given["name"],
        "enabled": given.get("enabled", True),
        "targetResourceUri": target,
        "profiles": given.get("profiles", [profile]),
        "notifications": None,
        "predictiveAutoscalePolicy": {"scaleMode": "Disabled", "scaleLookAheadTime": None},
    }
    id_ = f"{node_group}/providers/microsoft.insights/autoscalesettings/{given['name']}"
    return id_, {"location": "eastus", "tags": {}, "properties": properties}


def _network(given: Body, id_: str, location: str) -> Body:
    subnets = [
        {
            "id": f"{id_}/subnets/{name}",
            "name": name,
            "properties": {"addressPrefix": ranges[0]} if len(ranges) == 1 else {"addressPrefixes": ranges},
        }
        for name, ranges in given["subnets"].items()
    ]
    properties = {
        "provisioningState": "Succeeded",
        "addressSpace": {"addressPrefixes": given["addressSpace"]},
        "subnets": subnets,
    }
    return {"location": location, "properties": properties}


def _role(scope: str, principal: str) -> tuple[str, Body]:
    definition = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{ROLES['Network Contributor']}"
    properties = {"roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal", "scope": scope}
    return f"{scope}/providers/Microsoft.Authorization/roleAssignments/3f5b0000-0000-4000-8000-000000002026", {
        "properties": properties
    }


def _patched(document: Any, patch: Any) -> Any:
    """Return a document with a JSON merge patch applied (RFC 7396)."""
    if not isinstance(patch, Mapping):
        return patch
    found = dict(document) if isinstance(document, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = _patched(found.get(key), value)
    return found
