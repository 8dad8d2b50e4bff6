"""Reads of single resources that several checks need."""

from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform.azure.arm.errors import is_missing
from notebook_platform.azure.arm.resource_types import CLUSTERS, ResourceType
from notebook_platform.azure.checks.finding import oldest
from notebook_platform.azure.scope import AzureScope

Wire = Mapping[str, Any]


async def cluster_exists(scope: AzureScope, fresh: bool) -> bool:
    """Return whether the platform's cluster exists. Raises HttpResponseError."""
    return await look_up(scope, CLUSTERS, scope.spec.cluster.name, scope.group, fresh) is not None


async def look_up(scope: AzureScope, kind: ResourceType, name: str, group: str, fresh: bool) -> Wire | None:
    """Return one resource, or None. Raises HttpResponseError."""
    try:
        return await scope.cache.get(kind, group, name, max_age=oldest(scope), fresh=fresh)
    except HttpResponseError as error:
        if is_missing(error):
            return None
        raise
