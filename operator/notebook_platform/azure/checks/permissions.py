"""Checks of access: the clock, and the roles for everything that the operator will do."""

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.answer import document_of
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.resource_types import GROUPS
from notebook_platform.azure.arm.sign_in_table import SYNCHRONIZE
from notebook_platform.azure.checks.finding import Finding, oldest
from notebook_platform.azure.scope import AzureScope

SKEW_SECONDS = 300
"""Entra ID refuses assertions whose clock is further off (AADSTS700024)."""

SUBSCRIPTIONS_API = "2022-12-01"
PERMISSIONS_API = "2022-04-01"
AGAIN = 60.0
"""Seconds. New roles take minutes to become effective, and a clock is soon synchronised."""

ASSIGN = "Microsoft.Authorization/roleAssignments/write"

Permissions = Sequence[Mapping[str, Any]]


async def clock(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Compare the operator's clock with Azure's."""
    session, path = scope.session, f"/subscriptions/{scope.spec.azure.subscription_id}"

    async def ask() -> float:
        answer = await session.send("GET", path, api_version=SUBSCRIPTIONS_API)
        theirs = answer.headers.get("Date")
        return abs((datetime.now(UTC) - parsedate_to_datetime(theirs)).total_seconds()) if theirs else 0.0

    async with azure_errors("spec.azure.subscriptionId"):
        skew = await scope.cache.cached_call("clock", ask, max_age=oldest(scope), fresh=fresh)
    if skew > SKEW_SECONDS:
        sentence = f"The clock of the operator's machine is {skew:.0f} s off Azure's, and Entra ID allows {SKEW_SECONDS} s"
        return [Finding(sentence=sentence, reason=Reason.CLOCK_SKEW, remedy=SYNCHRONIZE, retry_in=AGAIN)]
    return [Finding(sentence=f"{skew:.0f} s off Azure's")]


@dataclass(frozen=True)
class Need:
    """An action on a scope, in the words of roles. `certain`: the spec cannot be applied without it; else it may have been done
    before, or is needed later."""

    action: str
    scope: str
    certain: bool = True


async def permissions(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Return findings for the missing actions by scope. What Azure does not show is not counted as missing."""
    subscription = f"/subscriptions/{scope.spec.azure.subscription_id}"
    async with azure_errors("spec.azure.resourceGroup"):
        group = await _group(scope, fresh)
    return await lacking(scope, needs(scope, group is not None), fresh) or [
        Finding(sentence=f"all required permissions are granted on {group['id'] if group else subscription}")
    ]


async def lacking(scope: AzureScope, wanted: Iterable[Need], fresh: bool) -> list[Finding]:
    """Return a finding for each scope on which actions of `wanted` are not granted."""
    subscription = f"/subscriptions/{scope.spec.azure.subscription_id}"
    missing: dict[tuple[str, bool], list[str]] = {}
    silent = True
    for need in wanted:
        listed: list[Permissions] = []
        for place in dict.fromkeys((subscription, need.scope)):  # most have roles on the subscription, which are inherited
            listed.append(await _granted(scope, place, fresh))
            if is_granted(need.action, listed[-1]):
                break
        else:
            if any(listed):
                missing.setdefault((need.scope, need.certain), []).append(need.action)
        silent = silent and not any(listed)
    if silent:
        return [Finding(sentence="Azure does not show the permissions", reason=Reason.UNKNOWN, blocks=False)]
    return [_lacks(scope, place, actions, certain) for (place, certain), actions in missing.items()]


async def _group(scope: AzureScope, fresh: bool) -> Mapping[str, Any] | None:
    try:
        return await scope.cache.get(GROUPS, "", scope.group, max_age=oldest(scope), fresh=fresh)
    except HttpResponseError as error:
        if error.status_code == 403:
            return None
        raise


async def _granted(scope: AzureScope, place: str, fresh: bool) -> Permissions:
    """Return the permissions of the principal's roles on a scope, inherited ones too; empty when Azure does not show them.

    https://learn.microsoft.com/rest/api/authorization/permissions
    """

    async def ask() -> Permissions:
        path = f"{place}/providers/Microsoft.Authorization/permissions"
        try:
            answer: Permissions = (
                document_of(await scope.session.send("GET", path, api_version=PERMISSIONS_API)).get("value") or ()
            )
        except HttpResponseError as error:
            if error.status_code is not None and error.status_code < 500 and error.status_code != 429:
                return ()
            raise
        return answer

    async with azure_errors("spec.azure.credentials"):
        cache = scope.cache
        granted: Permissions = await cache.cached_call(f"permissions/{place}", ask, max_age=oldest(scope), fresh=fresh)
    return granted


def needs(scope: AzureScope, group_exists: bool) -> Iterator[Need]:
    """Return what the operator will do in Azure for the spec."""
    spec, subscription = scope.spec, f"/subscriptions/{scope.spec.azure.subscription_id}"
    group = f"{subscription}/resourceGroups/{scope.group}" if group_exists else subscription
    managed = spec.network is not None and spec.network.virtual_network is not None
    made, metrics = _identity_is_made(scope), spec.managed_prometheus
    credential = "listClusterAdminCredential" if spec.cluster.local_accounts else "listClusterUserCredential"
    in_group = {
        "Microsoft.Resources/subscriptions/resourceGroups/write": not group_exists,
        "Microsoft.ContainerService/managedClusters/write": True,
        "Microsoft.ContainerService/managedClusters/agentPools/write": True,
        f"Microsoft.ContainerService/managedClusters/{credential}/action": True,
        "Microsoft.Network/virtualNetworks/write": managed,
        "Microsoft.Network/virtualNetworks/subnets/write": managed,
        "Microsoft.Network/virtualNetworks/subnets/join/action": managed,
        "Microsoft.ManagedIdentity/userAssignedIdentities/write": bool(
            spec.identity.user_assigned and spec.identity.user_assigned.name
        ),
        "Microsoft.Insights/dataCollectionRules/write": bool(spec.cluster.monitoring or metrics),
        "Microsoft.Insights/dataCollectionRuleAssociations/write": bool(spec.cluster.monitoring or metrics),
        "Microsoft.Insights/dataCollectionEndpoints/write": metrics is not None,
        "Microsoft.Monitor/accounts/write": bool(metrics and metrics.workspace_id is None),
        "Microsoft.AlertsManagement/prometheusRuleGroups/write": bool(metrics and metrics.alerts.enabled),
    }
    yield from (Need(action, group) for action, used in in_group.items() if used)
    if managed:
        yield Need(ASSIGN, group, certain=made)
    for subnet in existing_subnets(scope):
        yield Need("Microsoft.Network/virtualNetworks/subnets/join/action", subnet)
        yield Need(ASSIGN, subnet, certain=made)
    if zone := spec.cluster.api_server.own_zone:
        yield Need(ASSIGN, zone, certain=made)
    for registry in spec.cluster.registries:
        yield Need(ASSIGN, registry, certain=made)
    if spec.autoscale:
        # AKS makes the nodes' group; a role on it alone can only be given afterwards.
        yield Need("Microsoft.Insights/autoscaleSettings/write", subscription, certain=False)
        yield Need("Microsoft.Compute/virtualMachineScaleSets/read", subscription, certain=False)
    if spec.deletion_policy == "Delete":
        yield Need("Microsoft.Resources/subscriptions/resourceGroups/delete", group, certain=False)


def _identity_is_made(scope: AzureScope) -> bool:
    """Return whether the cluster's identity is new, so that it cannot have a role yet."""
    identity = scope.spec.identity
    existing = (identity.service_principal and identity.service_principal.secret_ref) or (
        identity.user_assigned and identity.user_assigned.resource_id
    )
    return not existing


def existing_subnets(scope: AzureScope) -> list[str]:
    """Return the ids of existing subnets in the platform's subscription."""
    spec = scope.spec
    ids = [spec.network.subnet_id if spec.network else None, *(pool.subnet_id for pool in spec.node_pools)]
    inside = f"/subscriptions/{spec.azure.subscription_id}/".lower()
    return list(dict.fromkeys(id_ for id_ in ids if id_ and id_.lower().startswith(inside)))


def is_granted(action: str, given: Permissions) -> bool:
    """Return whether one of the roles' permissions allows an action
    (https://learn.microsoft.com/azure/role-based-access-control/role-definitions)."""

    def among(patterns: Iterable[str]) -> bool:
        return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)

    return any(among(role.get("actions") or ()) and not among(role.get("notActions") or ()) for role in given)


def _lacks(scope: AzureScope, place: str, actions: Sequence[str], certain: bool) -> Finding:
    who = "spec.azure.credentials" if scope.spec.azure.credentials else "the operator's own identity"
    roles = ["Role Based Access Control Administrator"] if ASSIGN in actions else []
    roles = ["Contributor", *roles] if [action for action in actions if action != ASSIGN] else roles
    return Finding(
        sentence=f"{who} lacks {', '.join(actions)} on {place}",
        reason=Reason.PERMISSION_MISSING,
        remedy=f"Assign {' and '.join(roles)} to it there. New roles take minutes to become effective.",
        blocks=certain,
        retry_in=AGAIN,
    )
