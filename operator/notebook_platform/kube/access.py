"""Wait for what kopf requires of the management cluster at its start: the CustomResourceDefinition, and rights for patterns of
namespaces.

kopf discovers the resources that it serves once, unless it may watch CustomResourceDefinitions in the whole cluster. The
operator needs that right for patterns only, so it waits for its own resource here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api import GROUP, PLURAL, VERSION

log = logging.getLogger(__name__)

WAIT = 2.0
"""Seconds between two requests to the API server."""

OBSERVED = (("", "namespaces"), ("apiextensions.k8s.io", "customresourcedefinitions"))
"""(API group, resource) that kopf watches for patterns of namespaces."""


async def until_served(api: client.ApiClient) -> None:
    """Wait until the API server serves NotebookPlatforms."""

    async def missing() -> str | None:
        try:
            found = await client.CustomObjectsApi(api).get_api_resources(GROUP, VERSION)
        except ApiException as error:
            if error.status != 404:
                raise
            found = None
        if found is not None and any(resource.name == PLURAL for resource in found.resources):
            return None
        return f"the API server does not serve {PLURAL}.{GROUP}. Install the CustomResourceDefinition (crds/); the operator waits for it."

    await _until(missing)


async def until_observable(api: client.ApiClient) -> None:
    """Wait until the operator may list and watch namespaces, as patterns of namespaces require."""

    async def missing() -> str | None:
        refused = [resource for group, resource in OBSERVED if not await _may_observe(api, group, resource)]
        if not refused:
            return None
        return (
            f"namespaces has a pattern, and the operator may not list and watch {' and '.join(refused)}. Apply the ClusterRole "
            "notebook-platform and its binding (deploy/kustomize/base/rbac.yaml), or list exact names; the operator waits for it."
        )

    await _until(missing)


async def _may_observe(api: client.ApiClient, group: str, resource: str) -> bool:
    """Return whether the API server lets the operator list and watch a resource.

    https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
    """
    for verb in ("list", "watch"):
        asked = client.V1ResourceAttributes(group=group, resource=resource, verb=verb)
        review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=asked))
        answer = await client.AuthorizationV1Api(api).create_self_subject_access_review(review)
        if not answer.status.allowed:
            return False
    return True


async def _until(missing: Callable[[], Awaitable[str | None]]) -> None:
    """Repeat the check until nothing is missing; log each different answer once."""
    logged = None
    while True:
        try:
            sentence = await missing()
        except (OSError, client.exceptions.OpenApiException) as error:
            sentence = f"the management cluster did not answer: {type(error).__name__}"
        if sentence is None:
            return
        if sentence != logged:
            log.warning("%s", sentence)
            logged = sentence
        await asyncio.sleep(WAIT)
