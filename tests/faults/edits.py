"""The first spec of each platform of a fleet, and the random edits of a user. Pure but for the source of choices."""

import random
from typing import Any

from tests.unit.azure.specs import runbook_spec

POOLS = ("blue", "green", "red")


def spec_of(number: int) -> dict[str, Any]:
    """Return the first spec of a platform; each has names of its own, and the first has a service principal."""
    hub = {"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}}
    spec = runbook_spec(autoscale=[], deletionProtection=False, jupyterhub=hub)
    spec["azure"] |= {"resourceGroup": f"rg-{number}", "features": []}
    spec["network"]["virtualNetwork"]["name"] = f"vnet-{number}"
    spec["cluster"] |= {"name": f"aks-{number}", "nodeResourceGroup": f"rg-{number}-nodes"}
    spec["nodePools"][0] |= {"count": 1}
    spec["nodePools"][0].pop("autoscaling")
    if number:
        spec["identity"] = {"type": "UserAssigned", "userAssigned": {"name": f"identity-{number}"}}
    else:
        spec["identity"]["servicePrincipal"]["name"] = "sp-0"
    return spec


def _edit_pools(choose: random.Random, spec: dict[str, Any]) -> str:
    pools = spec["nodePools"]
    name = choose.choice(POOLS)
    known = next((pool for pool in pools if pool["name"] == name), None)
    if known is None:
        pools.append({"name": name, "mode": "User", "vmSize": "Standard_D2s_v3", "count": 1})
        return f"pool {name} is added"
    if choose.random() < 0.5:
        pools.remove(known)
        return f"pool {name} is removed"
    known["nodeLabels"] = {"team": choose.choice(("physics", "maths", "art"))}
    known["count"] = choose.randint(1, 2)
    return f"pool {name} is changed"


def _edit_tags(choose: random.Random, spec: dict[str, Any]) -> str:
    spec["azure"]["tags"] = {"team": choose.choice(("physics", "maths", "art"))}
    return "tags are changed"


def _edit_version(choose: random.Random, spec: dict[str, Any]) -> str:
    spec["cluster"]["kubernetesVersion"] = "1.36"
    return "Kubernetes is upgraded"


def _edit_access(choose: random.Random, spec: dict[str, Any]) -> str:
    spec["cluster"]["apiServer"] = {"authorizedIPRanges": [f"203.0.113.{choose.randint(1, 9)}/32"]}
    return "the API server's ranges are changed"


def _edit_hub(choose: random.Random, spec: dict[str, Any]) -> str:
    spec["jupyterhub"]["values"] = {"singleuser": {"extraLabels": {"team": choose.choice(("physics", "maths", "art"))}}}
    return "the hub's values are changed"


def _edit_protection(choose: random.Random, spec: dict[str, Any]) -> str:
    spec["deletionProtection"] = not spec["deletionProtection"]
    return f"deletionProtection becomes {spec['deletionProtection']}"


EDITS = (_edit_pools, _edit_pools, _edit_tags, _edit_version, _edit_access, _edit_hub, _edit_protection)
