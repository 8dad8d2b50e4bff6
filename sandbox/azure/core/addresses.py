"""Which paths Resource Manager and Microsoft Graph take: each segment decoded once, and no name that could be read as another path.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

import re
from urllib.parse import unquote

from sandbox.azure.core.errors import ArmError

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
GROUP = re.compile(r"[-\w.()]{0,89}[-\w()]")
FORBIDDEN = re.compile(r"[\x00-\x1f\x7f<>*%&\\?/#;\ufffd]|^\.+$|^\s|[\s.]$")
"""What a name never holds: what the gateway refuses in a path (https://learn.microsoft.com/dotnet/api/system.web.configuration
.httpruntimesection.requestpathinvalidcharacters), dots alone, spaces at its ends."""

NAMES = {
    "microsoft.network/virtualnetworks": r"[a-zA-Z0-9]([-\w.]{0,62}\w)?",
    "microsoft.network/virtualnetworks/subnets": r"[a-zA-Z0-9]([-\w.]{0,78}\w)?",
    "microsoft.managedidentity/userassignedidentities": r"[a-zA-Z0-9][-\w]{2,127}",
    "microsoft.containerregistry/registries": r"[a-zA-Z0-9]{5,50}",
    "microsoft.containerservice/managedclusters": r"[a-zA-Z0-9]([-\w]{0,61}[a-zA-Z0-9])?",
    "microsoft.containerservice/managedclusters/agentpools": r"[a-z][a-z0-9]{0,11}",
    "microsoft.authorization/roleassignments": GUID.pattern,
    "microsoft.resources/tags": r"default",
}
"""The rules of names by type, for what is created."""


def check_address(method: str, raw: str) -> None:
    """Refuse a raw path (with its query) that Azure would refuse before it reads any resource. Raises ArmError."""
    path = raw.partition("?")[0]
    segments = [unquote(segment) for segment in path.split("/")[1:]]
    graph = segments[0] == "v1.0"
    for place, segment in enumerate(segments):
        empty = segment == "" and (place == len(segments) - 1 or (place > 1 and segments[place - 2].lower() == "providers"))
        if not empty and (segment == "" or FORBIDDEN.search(segment)):
            raise _refusal(segments, place, graph)
    if segments[0].lower() == "subscriptions":
        _check_names(method, [segment for segment in segments if segment])


def _refusal(segments: list[str], place: int, graph: bool) -> ArmError:
    if graph:
        return ArmError(400, "Request_BadRequest", "The request URI is not valid.")
    before = segments[place - 1].lower() if place else ""
    if before == "subscriptions":
        return _subscription(segments[place])
    if before == "resourcegroups":
        return _group(segments[place])
    return ArmError(400, "InvalidResourceName", f"Resource name {segments[place]!r} is invalid.")


def _subscription(name: str) -> ArmError:
    return ArmError(400, "InvalidSubscriptionId", f"The provided subscription identifier {name!r} is malformed or invalid.")


def _group(name: str) -> ArmError:
    message = (
        f"The provided resource group name {name!r} is invalid. The name can only be a letter, digit, '-', '.', '(', ')' or '_'."
    )
    return ArmError(400, "InvalidResourceGroup", message)


def _check_names(method: str, segments: list[str]) -> None:
    if len(segments) > 1 and not GUID.fullmatch(segments[1]):
        raise _subscription(segments[1])
    if len(segments) > 3 and segments[2].lower() == "resourcegroups" and not GROUP.fullmatch(segments[3]):
        raise _group(segments[3])
    if method != "PUT":
        return
    lower = [segment.lower() for segment in segments]
    last = len(lower) - 1 - lower[::-1].index("providers") if "providers" in lower else len(lower)
    type_ = lower[last + 1 : last + 2]
    for kind, name in zip(lower[last + 2 :: 2], segments[last + 3 :: 2], strict=False):
        type_.append(kind)
        rule = NAMES.get("/".join(type_))
        if rule and not re.fullmatch(rule, name, re.ASCII):
            raise ArmError(400, "InvalidResourceName", f"Resource name {name!r} is invalid for the type {'/'.join(type_)}.")
