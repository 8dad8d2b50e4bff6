"""Decide whose Azure rights a platform may use, and where: the allow-list of shared identities.

A shared identity is one that the operator or its machine has: its own, a managed identity, a workload identity. Every user who
may write a NotebookPlatform could use its rights, so the operator's configuration lists which namespace may use which identity,
in which subscriptions and resource groups; without an entry none may. Credentials in a Secret of the platform's namespace
(`secretRef`, `certificateRef`) are the author's own and limited by Azure's roles alone.

The model is `allowedNamespaces` of Cluster API Provider Azure's AzureClusterIdentity
(https://capz.sigs.k8s.io/topics/multitenancy), with scopes in addition. Pure: `allowed` decides before any request is sent,
and the session's policy refuses requests outside the scope a second time, whichever step sends them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from notebook_platform.api.arm_ids import ArmId, GroupName, Guid, marked_values, placed
from notebook_platform.api.azure import Credentials
from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.engine.outcome import Failed

ResourceType = Literal["own", "managed", "workload"]

REASON = Reason.IDENTITY_NOT_ALLOWED
CREDENTIALS = "spec.azure.credentials"
ID = re.compile(r"/+subscriptions/+([^/?#\s]+)(?:/+resourcegroups/+([^/?#\s]+))?")
"""The subscription and the resource group in an ARM id, in a text in lower case."""

SHOWN = 5
"""The maximum number of fields that one message names."""


def matches(pattern: str, text: str) -> bool:
    """Return whether a name matches a pattern in which only `*` is special, for any characters; ASCII case counts."""
    return text.isascii() and re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def _any_case(patterns: Sequence[str], text: str) -> bool:
    """Compare without regard to case, as Azure compares the names of subscriptions, groups and features."""
    return any(matches(pattern.lower(), text.lower() if text.isascii() else text) for pattern in patterns)


def _patterns(characters: str, sentence: str) -> AfterValidator:
    def check(pattern: str) -> str:
        if re.fullmatch(f"[{characters}*]+", pattern, re.ASCII) is None:
            raise ValueError(f"must be {sentence}, with * for any characters")
        return pattern

    return AfterValidator(check)


NamespacePattern = Annotated[str, _patterns("-a-z0-9", "the name of a namespace")]
SubscriptionPattern = Annotated[str, _patterns("-0-9a-fA-F", "the id (GUID) of a subscription")]
GroupPattern = Annotated[str, _patterns(r"-\w.()", "the name of a resource group")]
FeaturePattern = Annotated[str, _patterns(r"\w./", "a feature as Namespace/Feature")]


class IdentityGrant(BaseModel):
    """One entry of `identities` in the operator's configuration: an identity, who may use it, and for what."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid")

    identity: ResourceType = Field(description="`own`: the operator's; `managed`: of its machine or pod; `workload`: federated.")
    client_id: Guid | None = Field(
        None, description="Client id of a workload or a user-assigned managed identity. Default: the system-assigned identity."
    )
    namespaces: list[NamespacePattern] = Field(min_length=1, description="Namespaces whose platforms may use it.")
    subscriptions: list[SubscriptionPattern] = Field(min_length=1, description="Subscriptions it may be used in.")
    resource_groups: list[GroupPattern] = Field(
        min_length=1, description="Resource groups in them that may be created, written, taken over and referred to."
    )
    features: list[FeaturePattern] = Field(
        default_factory=list, description="Preview features it may register: each concerns the whole subscription."
    )

    @model_validator(mode="after")
    def _client(self) -> "IdentityGrant":
        if self.identity == "workload" and self.client_id is None:
            raise ValueError("clientId is needed for a workload identity")
        if self.identity == "own" and self.client_id is not None:
            raise ValueError("clientId is not for the operator's own identity")
        return self

    def covers(self, subscription: str, group: str) -> bool:
        """Return whether a resource group lies in the grant."""
        return _any_case(self.subscriptions, subscription) and _any_case(self.resource_groups, group)


@dataclass(frozen=True, kw_only=True)
class SharedIdentity:
    """An identity that does not belong to the author of the platform."""

    kind: ResourceType
    client_id: str | None = None

    def is_of(self, grant: IdentityGrant) -> bool:
        """Return whether the entry is for this identity."""
        return self.kind == grant.identity and (self.client_id or "").lower() == (grant.client_id or "").lower()

    @property
    def words(self) -> str:
        """Return how a sentence names it."""
        named = f" {self.client_id}" if self.client_id else ""
        return {
            "own": f"{CREDENTIALS} is not set, so the platform uses the operator's own identity",
            "managed": f"{CREDENTIALS}.managedIdentity selects the managed identity{named or ' of the operator'}",
            "workload": f"{CREDENTIALS}.workloadIdentity selects the workload identity{named}",
        }[self.kind]


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Where a platform may use a shared identity. `home`: its subscription and the group that AKS creates there for the
    nodes."""

    grants: tuple[IdentityGrant, ...]
    home: tuple[str, str]

    def covers(self, subscription: str, group: str) -> bool:
        """Return whether a resource group lies in the scope."""
        at_home = (subscription.lower(), group.lower()) == (self.home[0].lower(), self.home[1].lower())
        return at_home or any(grant.covers(subscription, group) for grant in self.grants)

    def knows(self, subscription: str) -> bool:
        """Return whether any part of a subscription lies in the scope."""
        return any(_any_case(grant.subscriptions, subscription) for grant in self.grants)

    def takes_feature(self, subscription: str, feature: str) -> bool:
        """Return whether a preview feature may be registered for the whole subscription."""
        return any(_any_case(g.subscriptions, subscription) and _any_case(g.features, feature) for g in self.grants)


def shared_identity(credentials: Credentials | None) -> SharedIdentity | None:
    """Return the shared identity that spec.azure.credentials selects; None: the author provides credentials."""
    if credentials is None:
        return SharedIdentity(kind="own")
    if credentials.workload_identity is not None:
        return SharedIdentity(kind="workload", client_id=credentials.workload_identity.client_id)
    if credentials.managed_identity is not None:
        return SharedIdentity(kind="managed", client_id=credentials.managed_identity.client_id)
    if credentials.secret_ref is not None or credentials.certificate_ref is not None:
        return None
    return SharedIdentity(kind="own")


def allowed(
    grants: Sequence[IdentityGrant], namespace: str, spec: NotebookPlatformSpec, node_group: str
) -> Scope | Failed | None:
    """Decide whether a platform may use the identity that it names for everything that its spec names.

    Args: the allow-list; the platform's namespace and spec; the name of the group that AKS will create for its nodes.

    Returns the scope; or the failure IdentityNotAllowed, whose remedy is the entry that an administrator adds; or None when
    the identity is the author's own and only Azure's roles limit it.
    """
    identity = shared_identity(spec.azure.credentials)
    if identity is None:
        return None
    found = tuple(g for g in grants if identity.is_of(g) and any(matches(p, namespace) for p in g.namespaces))
    home = spec.azure.subscription_id
    scope = Scope(grants=found, home=(home, node_group))
    outside = [(path, place) for path, place in _places(spec) if not any(g.covers(*place) for g in found)]
    outside += [(path, place) for path, place in _places_in_patches(spec) if not scope.covers(*place)]
    features = [feature for feature in spec.azure.features if not scope.takes_feature(home, feature)]
    where = f"the operator's configuration allows namespace {namespace!r}"
    if not found:
        message = f"{identity.words}, and the operator's configuration does not allow namespace {namespace!r} to use it"
    elif outside:
        paths = [path for path, _ in outside] if scope.knows(home) else ["spec.azure.subscriptionId"]
        message = f"{_fields(paths)} outside the subscriptions and resource groups in which {where} to use the identity: {identity.words}"
    elif features:
        message = (
            f"spec.azure.features names {', '.join(features[:SHOWN])}, which would be registered for the whole subscription; they are "
            f"not among the features that {where}: {identity.words}"
        )
    else:
        return scope
    places = [place for _, place in outside] or [(home, spec.azure.resource_group)]
    return Failed(reason=REASON, message=message, remedy=_remedy(identity, namespace, places, features))


def _places(spec: NotebookPlatformSpec) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield (field, (subscription, resource group)) of everything that a spec names, found by the types of its fields."""
    home = spec.azure.subscription_id
    for path, marker, value in marked_values(spec, "spec"):
        if isinstance(marker, GroupName):
            yield path, (home, value)
        elif isinstance(marker, ArmId) and value not in marker.words:
            yield path, placed(value)


def _places_in_patches(spec: NotebookPlatformSpec) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield (field, (subscription, resource group)) of every id in a patch; the group is * in the id of a subscription.

    Azure follows such an id with the rights of the identity. Patches have no limit of depth yet, so this does not recurse.
    """
    waiting: list[tuple[str, Any]] = [("spec.cluster.patch", spec.cluster.patch)]
    waiting += [(f"spec.nodePools[{pool.name}].patch", pool.patch) for pool in spec.node_pools]
    waiting += [(f"spec.autoscale[{setting.pool}].patch", setting.patch) for setting in spec.autoscale]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, dict):
            waiting += [(f"{path}.{name}", name) for name in node]
            waiting += [(f"{path}.{name}", child) for name, child in node.items()]
        elif isinstance(node, list):
            waiting += [(path, child) for child in node]
        elif isinstance(node, str):
            yield from ((path, (found[1], found[2] or "*")) for found in ID.finditer(node.casefold()))


def _fields(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    return f"{', '.join(paths[:SHOWN])}{more} {'lies' if len(paths) == 1 else 'lie'}"


def _remedy(identity: SharedIdentity, namespace: str, places: Sequence[tuple[str, str]], features: Sequence[str]) -> str:
    """Return the entries that an administrator adds to the configuration file, one for each subscription."""
    groups: dict[str, list[str]] = {}
    for subscription, group in dict.fromkeys((subscription.lower(), group) for subscription, group in places):
        groups.setdefault(subscription, []).append(group)
    entries = [
        {
            "identity": identity.kind,
            **({"clientId": identity.client_id} if identity.client_id else {}),
            "namespaces": [namespace],
            "subscriptions": [subscription],
            "resourceGroups": names,
            **({"features": list(features)} if features else {}),
        }
        for subscription, names in groups.items()
    ]
    line = yaml.safe_dump(entries, default_flow_style=True, sort_keys=False, width=2**30).strip()
    return (
        f"Set {CREDENTIALS} to credentials of your own, or ask an administrator to add to the operator's configuration: "
        f"identities: {line}"
    )
