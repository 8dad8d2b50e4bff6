"""Azure names and ARM ids in the spec.

An ARM id is the path of a resource in Azure Resource Manager, and a name becomes a segment of such a path. Both are written by the
author of a platform and end in the URL of a request that carries a token, so each segment has its rule: the API server checks it
at admission (`api/rules/azure_names.py` makes the CEL rules from what stands here) and the models check it again when the operator
reads the spec. A field takes part by its type alone: annotate it with one of the types below.

Rules of names: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Field, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

GUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
GROUP = "[-A-Za-z0-9_.()]{0,89}[-A-Za-z0-9_()]"
GROUP_SENTENCE = "must be 1-90 letters, digits, underscores, hyphens, periods or parentheses and not end with a period"

NAMES: Mapping[str, tuple[str, str]] = {
    "Microsoft.Network/virtualNetworks": (
        "[a-zA-Z0-9]([-A-Za-z0-9_.]{0,62}[A-Za-z0-9_])?",
        "must be 1-64 letters, digits, underscores, hyphens or periods, starting with a letter or digit",
    ),
    "Microsoft.Network/virtualNetworks/subnets": (
        "[a-zA-Z0-9]([-A-Za-z0-9_.]{0,78}[A-Za-z0-9_])?",
        "must be 1-80 letters, digits, underscores, hyphens or periods, starting with a letter or digit",
    ),
    "Microsoft.Network/privateDnsZones": (
        "[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?([.][a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)+",
        "must be a DNS name",
    ),
    "Microsoft.ManagedIdentity/userAssignedIdentities": (
        "[a-zA-Z0-9][-A-Za-z0-9_]{2,127}",
        "must be 3-128 letters, digits, - or _",
    ),
    "Microsoft.ContainerRegistry/registries": ("[a-zA-Z0-9]{5,50}", "must be 5-50 letters and digits"),
    "Microsoft.Monitor/accounts": (
        "[a-zA-Z0-9][-a-zA-Z0-9]{2,61}[a-zA-Z0-9]",
        "must be 4-63 letters, digits and hyphens, starting and ending with a letter or digit",
    ),
    "Microsoft.Insights/actionGroups": (
        r"[-A-Za-z0-9_.() ]{0,259}[-A-Za-z0-9_()]",
        "must be 1-260 letters, digits, spaces, underscores, hyphens, periods or parentheses and not end with a space or a period",
    ),
    "Microsoft.OperationalInsights/workspaces": (
        "[a-zA-Z0-9][-a-zA-Z0-9]{2,61}[a-zA-Z0-9]",
        "must be 4-63 letters, digits and hyphens, starting and ending with a letter or digit",
    ),
}
"""The rule of a resource's own name by its type: a pattern in the syntax that RE2 and Python share, ASCII alone, and a sentence."""

_FLAGS = re.ASCII


def fits(pattern: str, text: str) -> bool:
    """Return whether all of a text matches a pattern, ASCII alone. A trailing newline does not match, as it would with `$`."""
    return re.fullmatch(pattern, text, _FLAGS) is not None


@dataclass(frozen=True)
class AzureName:
    """Marks a field whose value becomes a segment of a path in Azure, or a value in a query to it."""

    pattern: str
    sentence: str

    def problem(self, text: str) -> str | None:
        """Return why the text is no such name, as `must be ...`; None: it is one."""
        return None if fits(self.pattern, text) else self.sentence

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _checked(self, source, handler)


@dataclass(frozen=True)
class GroupName(AzureName):
    """Marks the name of a resource group in the platform's subscription. A shared identity is held to the groups it is allowed."""

    pattern: str = GROUP
    sentence: str = GROUP_SENTENCE


@dataclass(frozen=True)
class Segment:
    """A segment of an id: a fixed word, or (with a pattern and its sentence) a name that the word says what it is of."""

    word: str
    pattern: str | None = None
    sentence: str = ""

    @property
    def refusal(self) -> str:
        """Return the error of an id whose name does not match."""
        return f"must contain a valid {self.word}: it {self.sentence}"


@dataclass(frozen=True)
class ArmId:
    """Marks the ARM id of an existing resource of one type. `words` are values that mean something else and are taken too."""

    type: str
    words: Sequence[str] = ()

    @property
    def segments(self) -> Sequence["Segment"]:
        """Return the segments of the id in order."""
        provider, *kinds = self.type.split("/")
        head = [Segment(""), Segment("subscriptions"), Segment("subscription", GUID, "must be a GUID"), Segment("resourceGroups")]
        found = [*head, Segment("resource group", GROUP, GROUP_SENTENCE), Segment("providers"), Segment(provider)]
        for depth, kind in enumerate(kinds, 1):
            found += [Segment(kind), Segment(f"name of the {kind}", *NAMES["/".join([provider, *kinds[:depth]])])]
        return found

    @property
    def sentence(self) -> str:
        """Return the requirement as a sentence."""
        shape = "/".join(f"<{segment.word.split(' of ')[0]}>" if segment.pattern else segment.word for segment in self.segments)
        return f"must be the ARM id of a {self.type}{''.join(f' or {word}' for word in self.words)}: {shape}"

    def problem(self, text: str) -> str | None:
        """Return why the text is no such id, as `must be ...`; None: it is one."""
        if text in self.words:
            return None
        given, wanted = text.split("/"), self.segments
        if len(given) != len(wanted):
            return self.sentence
        for part, segment in zip(given, wanted, strict=True):
            if segment.pattern is None and _lower(part) != segment.word.lower():
                return self.sentence
            if segment.pattern is not None and not fits(segment.pattern, part):
                return segment.refusal
        return None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _checked(self, source, handler)


Marker = AzureName | ArmId


def _lower(text: str) -> str:
    """Lower ASCII letters alone: the Kelvin sign is no k."""
    return text.lower() if text.isascii() else text


def _checked(marker: Marker, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    def check(text: str) -> str:
        if (words := marker.problem(text)) is not None:
            raise ValueError(words)
        return text

    return core_schema.no_info_after_validator_function(check, handler(source))


def placed(id_: str) -> tuple[str, str]:
    """Return (subscription, resource group) of a valid id."""
    parts = id_.split("/")
    return parts[2], parts[4]


Guid = Annotated[str, Field(max_length=36), AzureName(GUID, "must be a GUID")]
GroupObjectId = Annotated[str, Field(max_length=36), AzureName(GUID, "must be the object id (GUID) of a group")]
SubscriptionId = Annotated[str, Field(max_length=36), AzureName(GUID, "must be the id (GUID) of a subscription")]
Location = Annotated[str, Field(max_length=64), AzureName("[a-z][a-z0-9]+", "must be a region in lower case, such as eastus")]
ResourceGroupName = Annotated[str, Field(max_length=90), GroupName()]
NodeResourceGroupName = Annotated[
    str,
    Field(max_length=80),
    GroupName("[-A-Za-z0-9_.()]{0,79}[-A-Za-z0-9_()]", "must be 1-80 letters, digits, _, -, . or ()"),
]
FeatureName = Annotated[
    str,
    Field(max_length=128),
    AzureName("[A-Za-z0-9_]+([.][A-Za-z0-9_]+)*/[A-Za-z0-9_]+", "must be written as Namespace/Feature"),
]
VirtualNetworkName = Annotated[str, Field(max_length=64), AzureName(*NAMES["Microsoft.Network/virtualNetworks"])]
SubnetName = Annotated[str, Field(max_length=80), AzureName(*NAMES["Microsoft.Network/virtualNetworks/subnets"])]
IdentityName = Annotated[str, Field(max_length=128), AzureName(*NAMES["Microsoft.ManagedIdentity/userAssignedIdentities"])]
ClusterName = Annotated[
    str,
    Field(max_length=63),
    AzureName(
        "[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?",
        "must be 1-63 letters, digits and hyphens, starting and ending with a letter or digit: Azure does not allow underscores "
        "in cluster names",
    ),
]
PoolName = Annotated[
    str,
    Field(max_length=12),
    AzureName("[a-z][a-z0-9]{0,11}", "must be 1-12 lower-case letters and digits, starting with a letter"),
]
RegistryName = Annotated[str, Field(max_length=50), AzureName("[a-z0-9]{5,50}", "must be 5-50 lower-case letters and digits")]
SettingName = Annotated[
    str,
    Field(max_length=128),
    AzureName(
        r"[A-Za-z0-9_]([-A-Za-z0-9_.,()+=@!~$ ]{0,126}[-A-Za-z0-9_,()+=@!~$])?",
        "must be 1-128 letters, digits, spaces or -_.,()+=@!~$ of ASCII, starting with a letter, digit or underscore and not ending "
        "with a space or a period",
    ),
]
SubnetId = Annotated[str, Field(max_length=512), ArmId("Microsoft.Network/virtualNetworks/subnets")]
UserAssignedIdentityId = Annotated[str, Field(max_length=512), ArmId("Microsoft.ManagedIdentity/userAssignedIdentities")]
RegistryId = Annotated[str, Field(max_length=512), ArmId("Microsoft.ContainerRegistry/registries")]
MonitorWorkspaceId = Annotated[str, Field(max_length=512), ArmId("Microsoft.Monitor/accounts")]
ActionGroupId = Annotated[str, Field(max_length=512), ArmId("Microsoft.Insights/actionGroups")]
WorkspaceId = Annotated[str, Field(max_length=512), ArmId("Microsoft.OperationalInsights/workspaces")]
PrivateDnsZone = Annotated[str, Field(max_length=512), ArmId("Microsoft.Network/privateDnsZones", words=("system", "none"))]


def marked_fields(model: type[BaseModel], path: str) -> Iterator[tuple[str, Marker]]:
    """Yield every marked field of a model and of its inner models: (its path as rules have it, `spec.nodePools[].subnetId`; its
    marker)."""
    for name, info in model.model_fields.items():
        here = f"{path}.{info.alias or name}"
        for suffix, annotation in _leaves(info.annotation):
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                yield from marked_fields(annotation, f"{here}{suffix}")
        for suffix, marker in _markers(info):
            yield f"{here}{suffix}", marker


def marked_values(value: BaseModel, path: str) -> Iterator[tuple[str, Marker, str]]:
    """Yield every marked value that is set: (its path as messages have it, `spec.nodePools[gpu].subnetId`; its marker; the
    value)."""
    for name, info in type(value).model_fields.items():
        here, given = f"{path}.{info.alias or name}", getattr(value, name)
        markers = [marker for _, marker in _markers(info)]
        for place, item in _items(here, given):
            if isinstance(item, BaseModel):
                yield from marked_values(item, place)
            elif isinstance(item, str):
                yield from ((place, marker, item) for marker in markers)


def _items(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield f"{path}[{getattr(item, 'name', None) or getattr(item, 'pool', None) or number}]", item
    elif value is not None:
        yield path, value


def _markers(info: FieldInfo) -> Iterator[tuple[str, Marker]]:
    """Yield (`[]` for items of a list, the marker) of a field's own annotation."""
    own = [marker for marker in info.metadata if isinstance(marker, Marker)]
    yield from (("", marker) for marker in own)
    for suffix, annotation in _leaves(info.annotation):
        if get_origin(annotation) is Annotated:
            yield from ((suffix, marker) for marker in get_args(annotation)[1:] if isinstance(marker, Marker))


def _leaves(annotation: Any, suffix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what an annotation holds below unions and lists, with `[]` for each list."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        for choice in get_args(annotation):
            yield from _leaves(choice, suffix)
    elif origin in (list, tuple, Sequence):
        for choice in get_args(annotation):
            yield from _leaves(choice, f"{suffix}[]")
    else:
        yield suffix, annotation
