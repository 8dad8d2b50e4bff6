"""Reads of single resources that several checks need."""

from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform.azure.arm.cache import CLUSTERS, ResourceType
from notebook_platform.azure.arm.errors import is_missing
from notebook_platform.azure.checks.finding import oldest
from notebook_platform.azure.scope import AzureScope

Wire = Mapping[str, Any]


async def cluster_is_there(context: AzureScope, fresh: bool) -> bool:
    """Return whether the platform's cluster exists. Raises HttpResponseError."""
    return await look_up(context, CLUSTERS, context.spec.cluster.name, context.group, fresh) is not None


async def look_up(context: AzureScope, kind: ResourceType, name: str, group: str, fresh: bool) -> Wire | None:
    """Return one resource, or None. Raises HttpResponseError."""
    try:
        return await context.session.cache.get(kind, group, name, max_age=oldest(context), fresh=fresh)
    except HttpResponseError as error:
        if is_missing(error):
            return None
        raise
