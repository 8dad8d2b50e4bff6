"""Comparison of documents of Resource Manager: which of two different values mean the same to Azure. Pure.

Azure returns ids, places and enumerations in another case than they were sent, names of tags too, lists that are sets in another order,
and leaves out what is off. Values that users choose (labels, taints, values of tags, keys, logins) are compared exactly.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from isodate import parse_duration

from notebook_platform.engine import Change
from notebook_platform.engine.change import Comparison, compare

CASELESS = frozenset(
    {"location", "vmSize", "osType", "osSKU", "osDiskType", "type", "mode", "tier", "kind", "status"}
    | {"scaleSetPriority", "scaleSetEvictionPolicy", "gpuInstanceProfile", "driver", "expander"}
    | {"upgradeChannel", "nodeOSUpgradeChannel", "nodeResourceGroup", "dnsPrefix", "privateDNSZone"}
    | {"networkPlugin", "networkPluginMode", "networkPolicy", "networkDataplane", "loadBalancerSku", "outboundType"}
    | {"dayOfWeek", "days", "frequency", "timeZone", "statistic", "timeAggregation", "operator", "direction"}
    | {"metricName", "metricNamespace", "operation", "actions", "supportPlan", "artifactSource"}
)
"""Members that hold a place, an enumeration or a name without case."""

CASELESS_MEMBERS = frozenset({("sku", "name")})
"""The same for members whose name alone does not say it: (parent, name)."""

OFF = frozenset(
    {"enableAutoScaling", "enablePrivateCluster", "enableAzureRBAC", "disableLocalAccounts", "dividePerInstance"}
    | {"enableEncryptionAtHost", "enableFIPS", "enableNodePublicIP", "enableUltraSSD"}
)
OFF_MEMBERS = frozenset(
    {("oidcIssuerProfile", "enabled"), ("workloadIdentity", "enabled"), ("omsagent", "enabled"), ("metrics", "enabled")}
)
"""Members that are off where Azure leaves them out. What is on by default (CSI drivers, RBAC) is not among them."""

OWN_WORDS = frozenset({"tags", "nodeLabels", "nodeTaints"})
"""Members whose content users choose; nothing in them is without case, except the names of tags."""

CASELESS_NAMES = frozenset({"tags", "userAssignedIdentities"})
"""Mappings whose names have no case (https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources)."""

SETS = frozenset(
    {"availabilityZones", "nodeTaints", "authorizedIPRanges", "adminGroupObjectIDs", "addressPrefixes", "actions"}
    | {"days", "customEmails"}
)
"""Lists whose order means nothing."""

ONE_ADDRESS = "/32"
"""Azure returns a single address as a network of this size."""

TIMES = frozenset({("fixedDate", "start"), ("fixedDate", "end")})
DURATIONS = frozenset({("timeGrain",), ("timeWindow",), ("cooldown",), ("scaleLookAheadTime",)})
"""Members with a time or a length of time, which one text or another can say: `08:00:00Z` and `08:00:00.000Z`, `PT60M` and `PT1H`."""

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class _AzureComparison(Comparison):
    """The rules of Resource Manager."""

    def same(self, keys: tuple[str, ...], wanted: object, found: object) -> bool:
        if not (isinstance(wanted, str) and isinstance(found, str)):
            return wanted == found
        if keys[-1:] == ("keyData",):
            return wanted.strip() == found.strip()  # a public key with the newline of its file
        if keys[-1:] == ("authorizedIPRanges",):
            return wanted.removesuffix(ONE_ADDRESS) == found.removesuffix(ONE_ADDRESS)
        if keys[-2:] in TIMES or keys[-1:] in DURATIONS:
            return _moment_or_length(wanted) == _moment_or_length(found)
        if OWN_WORDS.isdisjoint(keys) and _has_no_case(keys, wanted):
            return _folded(keys, wanted) == _folded(keys, found)
        return wanted == found

    def absent(self, keys: tuple[str, ...], wanted: object) -> bool:
        return wanted is None or (wanted is False and (keys[-1] in OFF or keys[-2:] in OFF_MEMBERS))

    def name_in(self, keys: tuple[str, ...], name: str, found: Mapping[str, Any]) -> str:
        if name in found or keys[-1:] == () or keys[-1] not in CASELESS_NAMES:
            return name
        return next((other for other in found if other.casefold() == name.casefold()), name)

    def is_set(self, keys: tuple[str, ...]) -> bool:
        return keys[-1] in SETS


def _has_no_case(keys: tuple[str, ...], value: str) -> bool:
    named = keys[-1] in CASELESS or keys[-2:] in CASELESS_MEMBERS
    return named or value.casefold().startswith("/subscriptions/") or GUID.fullmatch(value) is not None


def _moment_or_length(text: str) -> object:
    """Return the time or the length of time that a text says; the text itself if it says none."""
    try:
        return parse_duration(text) if text.startswith("P") else datetime.fromisoformat(text)
    except ValueError:
        return text


def _folded(keys: tuple[str, ...], value: str) -> str:
    return value.replace(" ", "").casefold() if keys[-1] == "location" else value.casefold()


AZURE = _AzureComparison()


def compare_wire(
    wanted: Mapping[str, Any], found: Mapping[str, Any], path: str = "", keys: tuple[str, ...] = ()
) -> Iterator[Change]:
    """Yield an update for each leaf of `wanted` that Azure would tell from the one in `found`."""
    return compare(wanted, found, path, keys, AZURE)
