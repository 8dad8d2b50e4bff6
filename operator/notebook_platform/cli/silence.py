"""Why a platform has no status: no operator runs, or none serves its namespace.

The operator has no rights in a namespace that it does not serve, so it cannot report there that it does not. `watch`, `wait`, `plan` and
`doctor` find the reason instead, from what their user may read: the operator's leases, a review of its account's rights, the list in its Deployment.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException
from pydantic import ValidationError

from notebook_platform.api import GROUP, PLURAL
from notebook_platform.api.manual import troubleshooting
from notebook_platform.cli.flags import OPERATOR_NAMESPACE
from notebook_platform.cli.management import NO_ANSWER
from notebook_platform.cli.operator_place import ACCOUNT, CALL_SECONDS, OPERATOR, operator_namespace
from notebook_platform.cli.output import show_error
from notebook_platform.cli.view import View, format_distance, format_duration, one_line

LEASE = "notebook-platform"
"""Name of the operator's Lease, or the beginning of it with several shards."""

VARIABLE = "NOTEBOOK_PLATFORM_NAMESPACES"
"""The variable of the operator's container that lists its namespaces as JSON."""

PATIENCE = timedelta(seconds=30)
"""Age from which a platform without a status is explained: an operator that runs reports within seconds."""

LEASE_LIFE = timedelta(seconds=60)
"""Age of the last renewal from which no operator runs: four times the default lease duration."""

PAGE = f"{troubleshooting('')}#no-status"


@dataclass(frozen=True, kw_only=True)
class OperatorSigns:
    """What the user of the command may read about the operator. None, or an empty list: not readable, or absent.

    `where`: its namespace; `renewed`: when it renewed a lease last; `leases`: whether its leases could be listed; `may_write`: whether its
    account may write platforms in the namespace; `serves`: the namespaces of its Deployment, exact names or kopf's patterns."""

    where: str = OPERATOR_NAMESPACE
    leases: bool = False
    renewed: datetime | None = None
    may_write: bool | None = None
    serves: Sequence[str] = ()


def explain(namespace: str, signs: OperatorSigns, now: datetime) -> str:
    """Return why a platform in the namespace has no status, and the remedy. Pure."""
    served = f"Apply it in a namespace that the operator serves, or ask an administrator to add {namespace}: {PAGE}"
    logs = f"`kubectl logs -n {signs.where} deployment/notebook-platform`"
    if signs.leases and signs.renewed is None:
        return f"no operator runs in the namespace {signs.where}: it has no Lease there. Install it, or name another --operator-namespace"
    if signs.renewed is not None and now - signs.renewed > LEASE_LIFE:
        return f"no operator runs: its Lease was last renewed {format_distance(signs.renewed, now)}. {logs} says why"
    if signs.may_write is False:
        return f"the operator has no rights in the namespace {namespace}. {served}"
    if signs.serves and not any(_matches(namespace, one) for one in signs.serves):
        return f"the operator does not serve the namespace {namespace}, but {', '.join(signs.serves)}. {served}"
    if signs.renewed is not None and signs.may_write:
        return f"the operator runs and is allowed to write here; {logs} shows why it reports nothing"
    return f"either no operator runs, or it does not serve the namespace {namespace}. An administrator can check both: {PAGE}"


def account_in(operator: str) -> str:
    """Return the user name of the operator's account in a namespace."""
    return f"system:serviceaccount:{operator}:{ACCOUNT}"


def _matches(namespace: str, pattern: str) -> bool:
    """Return whether kopf's pattern has the namespace: globs separated by commas. One with `!` takes namespaces out; a later one puts
    back what was taken out of the first (https://docs.kopf.dev/en/stable/scopes/)."""
    first, *more = [part.strip() for part in (f"*,{pattern}" if pattern.strip().startswith("!") else pattern).split(",")]
    at_first = matched = fnmatchcase(namespace, first)
    for part in more:
        if fnmatchcase(namespace, part.lstrip("!")):
            matched = at_first and not part.startswith("!")
    return matched


async def explain_silence(api: client.ApiClient, view: View, operator: str | None = None) -> str:
    """Wait until the platform is older than PATIENCE; return why it has no status. `operator`: its namespace, None when it is not given."""
    created = view.created or datetime.now(UTC)
    await asyncio.sleep((created + PATIENCE - datetime.now(UTC)).total_seconds())  # a negative number is no sleep
    signs, now = await observe(api, view.namespace, operator), datetime.now(UTC)
    return f"no status for {format_duration((now - created).total_seconds())}: {explain(view.namespace, signs, now)}"


async def warn_of_silence(api: client.ApiClient, body: Mapping[str, Any], operator: str | None) -> None:
    """Print a warning when a stored platform is older than PATIENCE and has no status, as a command needs no status."""
    try:
        view = View.of(body)
    except ValidationError:  # a status of another version is a status
        return
    if view.silent and view.created is not None and datetime.now(UTC) - view.created > PATIENCE:
        show_error(f"Warning: {one_line(await explain_silence(api, view, operator))}")


async def observe(api: client.ApiClient, namespace: str, operator: str | None = None) -> OperatorSigns:
    """Read what the user may read about the operator. Changes nothing: a review of rights is not stored."""
    where = await operator_namespace(api, operator, namespace)
    renewals, may_write, serves = await asyncio.gather(
        _renewals(api, where), _may_write(api, namespace, where), _serves(api, where)
    )
    renewed = max(renewals, default=None) if renewals else None
    return OperatorSigns(where=where, leases=renewals is not None, renewed=renewed, may_write=may_write, serves=serves)


async def _renewals(api: client.ApiClient, operator: str) -> list[datetime] | None:
    """Return when each of the operator's leases was renewed; None when they cannot be listed."""
    try:
        found = await client.CoordinationV1Api(api).list_namespaced_lease(operator, _request_timeout=CALL_SECONDS)
    except (ApiException, *NO_ANSWER):
        return None
    return [one.spec.renew_time for one in found.items if one.metadata.name.startswith(LEASE) and one.spec.renew_time]


async def _may_write(api: client.ApiClient, namespace: str, operator: str) -> bool | None:
    """Return whether the operator's account may patch platforms in the namespace; None when the user may not ask."""
    what = client.V1ResourceAttributes(group=GROUP, resource=PLURAL, verb="patch", namespace=namespace)
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{operator}", "system:authenticated"]
    spec = client.V1SubjectAccessReviewSpec(user=account_in(operator), groups=groups, resource_attributes=what)
    review = client.V1LocalSubjectAccessReview(metadata=client.V1ObjectMeta(namespace=namespace), spec=spec)
    try:
        answer = await client.AuthorizationV1Api(api).create_namespaced_local_subject_access_review(
            namespace, review, _request_timeout=CALL_SECONDS
        )
    except (ApiException, *NO_ANSWER):
        return None
    return bool(answer.status.allowed)


async def _serves(api: client.ApiClient, operator: str) -> list[str]:
    """Return the namespaces of the operator's Deployment; empty when it serves all, or cannot be read."""
    try:
        found = await client.AppsV1Api(api).list_namespaced_deployment(
            operator, label_selector=OPERATOR, _request_timeout=CALL_SECONDS
        )
        containers = [container for one in found.items for container in one.spec.template.spec.containers]
        texts = [entry.value for container in containers for entry in container.env or () if entry.name == VARIABLE]
        return [str(name) for text in texts for name in json.loads(text or "[]")]
    except (ApiException, *NO_ANSWER, ValueError, TypeError):
        return []
