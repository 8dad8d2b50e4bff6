"""Turn names that users, Azure or charts chose into label values of metrics, of which there are few. Pure, but for the set of
resource types that were seen.

A label value becomes a time series that Prometheus keeps for weeks, so each function returns members of a bounded set.
"""

import re

from notebook_platform.api.reasons import Reason

OTHER = "Other"

MOST_TYPES = 80
"""The number of resource types with series of their own. The operator uses about 50; addresses in Azure's responses could name more."""

ACTIONS = frozenset({"create", "update", "upgrade", "delete", "start", "stop", "register"})
"""Verbs with which the kinds of operations begin."""

_PROVIDER = re.compile(r"(?i)microsoft\.[a-z]{1,40}")
_TYPE = re.compile(r"[A-Za-z]{1,60}")
_REASONS = frozenset(map(str, Reason))


def step_label(step: str) -> str:
    """Return a step's name; the steps of `spec.releases`, whose names users choose (`helm/releases.py`), are all `Release`."""
    return "Release" if step.startswith("Release") else step


def reason_label(reason: str) -> str:
    """Return a reason that docs/reference/reasons.md lists; every other one, which is a code of Azure, is `Other`."""
    return reason if reason in _REASONS else OTHER


def action_label(kind: str) -> str:
    """Return the verb of an operation's kind, as `create` for "create managed cluster x"; `Other` for an unknown one."""
    verb = kind.partition(" ")[0].lower()
    return verb if verb in ACTIONS else OTHER


class ResourceTypes:
    """The resource types of requests. A type beyond the first `most` becomes `Other`."""

    def __init__(self, most: int = MOST_TYPES) -> None:
        self._most = most
        self._seen: dict[str, str] = {}
        """The first spelling, by the type in lower case: Azure compares types without case, and responses spell them as they like."""

    def label(self, path: str) -> str:
        """Return the resource type of a request's path, as `Microsoft.Network/virtualNetworks/subnets`.

        An action is part of it (`.../managedClusters/listClusterUserCredential`). Outside providers it is the kind of the last
        collection: `resourceGroups`, `subscriptions`; for Microsoft Graph the collection after the version: `applications`.
        """
        found = resource_type(path)
        if found.lower() not in self._seen and len(self._seen) >= self._most:
            return OTHER
        return self._seen.setdefault(found.lower(), found)


def resource_type(path: str) -> str:
    """Return the resource type that a path of Resource Manager or Microsoft Graph names; `Other` when it names none.

    https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
    """
    segments = [segment for segment in path.split("/") if segment]
    if segments[:1] in (["v1.0"], ["beta"]):
        collection = segments[1].partition("(")[0] if len(segments) > 1 else ""  # a key follows: applications(appId='...')
        return collection if _TYPE.fullmatch(collection) else OTHER
    at = max((index for index, segment in enumerate(segments) if segment.lower() == "providers"), default=None)
    if at is None or at + 1 >= len(segments):
        types = segments[0::2] if at is None else ["providers"]
        return types[-1] if types and _TYPE.fullmatch(types[-1]) else OTHER
    provider, types = segments[at + 1], segments[at + 2 :: 2]
    if not _PROVIDER.fullmatch(provider) or not all(map(_TYPE.fullmatch, types)):
        return OTHER
    return "/".join([provider, *types])


RESOURCE_TYPES = ResourceTypes()
"""The types that this process has sent requests for."""
