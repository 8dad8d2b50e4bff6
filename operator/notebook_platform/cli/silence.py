"""Why a platform has no status: no operator runs, or none serves its namespace.

The operator has no rights in a namespace that it does not serve, so it cannot report there that it does not. `watch` and `wait` find the
reason instead, from what their user may read: the operator's leases, a review of its account's rights, the list in its Deployment.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api import GROUP, PLURAL
from notebook_platform.api.manual import troubleshooting
from notebook_platform.cli.bundle_parts import OPERATOR
from notebook_platform.cli.flags import OPERATOR_NAMESPACE
from notebook_platform.cli.management import NO_ANSWER
from notebook_platform.cli.view import View, format_distance, format_duration

ACCOUNT = f"system:serviceaccount:{OPERATOR_NAMESPACE}:notebook-platform"
LEASE = "notebook-platform"
"""Name of the operator's Lease, or the beginning of it with several shards."""

VARIABLE = "NOTEBOOK_PLATFORM_NAMESPACES"
"""The variable of the operator's container that lists its namespaces as JSON."""

PATIENCE = timedelta(seconds=30)
"""Age from which a platform without a status is explained: an operator that runs reports within seconds."""

LEASE_LIFE = timedelta(seconds=60)
"""Age of the last renewal from which no operator runs: four times the default lease duration."""

CALL_SECONDS = 10
PAGE = f"{troubleshooting('')}#no-status"


@dataclass(frozen=True, kw_only=True)
class OperatorSigns:
    """What the user of the command may read about the operator. None, or an empty list: not readable, or absent.

    `renewed`: when it renewed a lease last; `leases`: whether its leases could be listed; `may_write`: whether its account may write
    platforms in the namespace; `serves`: the namespaces of its Deployment, exact names or kopf's patterns."""

    leases: bool = False
    renewed: datetime | None = None
    may_write: bool | None = None
    serves: Sequence[str] = ()


def explain(namespace: str, signs: OperatorSigns, now: datetime) -> str:
    """Return why a platform in the namespace has no status, and the remedy. Pure."""
    served = f"Apply it in a namespace that the operator serves, or let an administrator add {namespace}: {PAGE}"
    logs = f"`kubectl logs -n {OPERATOR_NAMESPACE} deployment/notebook-platform`"
    if signs.leases and signs.renewed is None:
        return f"no operator runs in the namespace {OPERATOR_NAMESPACE}: it has no Lease there. Install it, or start it"
    if signs.renewed is not None and now - signs.renewed > LEASE_LIFE:
        return f"no operator runs: its Lease was last renewed {format_distance(signs.renewed, now)}. {logs} says why"
    if signs.may_write is False:
        return f"the operator has no rights in the namespace {namespace}. {served}"
    if signs.serves and not any(_matches(namespace, one) for one in signs.serves):
        return f"the operator does not serve the namespace {namespace}, but {', '.join(signs.serves)}. {served}"
    if signs.renewed is not None and signs.may_write:
        return f"the operator runs and may write here; {logs} says why it reports nothing"
    return f"either no operator runs, or it does not serve the namespace {namespace}. An administrator can check both: {PAGE}"


def _matches(namespace: str, pattern: str) -> bool:
    """Return whether kopf's pattern has the namespace: globs separated by commas. One with `!` takes namespaces out; a later one puts
    back what was taken out of the first (https://docs.kopf.dev/en/stable/scopes/)."""
    first, *more = [part.strip() for part in (f"*,{pattern}" if pattern.strip().startswith("!") else pattern).split(",")]
    at_first = matched = fnmatchcase(namespace, first)
    for part in more:
        if fnmatchcase(namespace, part.lstrip("!")):
            matched = at_first and not part.startswith("!")
    return matched


async def explain_silence(api: client.ApiClient, view: View) -> str:
    """Wait until the platform is older than PATIENCE; return why it has no status."""
    created = view.created or datetime.now(UTC)
    await asyncio.sleep((created + PATIENCE - datetime.now(UTC)).total_seconds())  # a negative number is no sleep
    signs, now = await observe(api, view.namespace), datetime.now(UTC)
    return f"no status for {format_duration((now - created).total_seconds())}: {explain(view.namespace, signs, now)}"


async def observe(api: client.ApiClient, namespace: str) -> OperatorSigns:
    """Read what the user may read about the operator. Changes nothing: a review of rights is not stored."""
    renewals, may_write, serves = await asyncio.gather(_renewals(api), _may_write(api, namespace), _serves(api))
    return OperatorSigns(
        leases=renewals is not None, renewed=max(renewals, default=None) if renewals else None, may_write=may_write, serves=serves
    )


async def _renewals(api: client.ApiClient) -> list[datetime] | None:
    """Return when each of the operator's leases was renewed; None when they cannot be listed."""
    try:
        found = await client.CoordinationV1Api(api).list_namespaced_lease(OPERATOR_NAMESPACE, _request_timeout=CALL_SECONDS)
    except (ApiException, *NO_ANSWER):
        return None
    return [one.spec.renew_time for one in found.items if one.metadata.name.startswith(LEASE) and one.spec.renew_time]


async def _may_write(api: client.ApiClient, namespace: str) -> bool | None:
    """Return whether the operator's account may patch platforms in the namespace; None when the user may not ask."""
    what = client.V1ResourceAttributes(group=GROUP, resource=PLURAL, verb="patch", namespace=namespace)
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{OPERATOR_NAMESPACE}", "system:authenticated"]
    spec = client.V1SubjectAccessReviewSpec(user=ACCOUNT, groups=groups, resource_attributes=what)
    review = client.V1LocalSubjectAccessReview(metadata=client.V1ObjectMeta(namespace=namespace), spec=spec)
    try:
        answer = await client.AuthorizationV1Api(api).create_namespaced_local_subject_access_review(
            namespace, review, _request_timeout=CALL_SECONDS
        )
    except (ApiException, *NO_ANSWER):
        return None
    return bool(answer.status.allowed)


async def _serves(api: client.ApiClient) -> list[str]:
    """Return the namespaces of the operator's Deployment; empty when it serves all, or cannot be read."""
    try:
        found = await client.AppsV1Api(api).list_namespaced_deployment(
            OPERATOR_NAMESPACE, label_selector=OPERATOR, _request_timeout=CALL_SECONDS
        )
        containers = [container for one in found.items for container in one.spec.template.spec.containers]
        texts = [entry.value for container in containers for entry in container.env or () if entry.name == VARIABLE]
        return [str(name) for text in texts for name in json.loads(text or "[]")]
    except (ApiException, *NO_ANSWER, ValueError, TypeError):
        return []
