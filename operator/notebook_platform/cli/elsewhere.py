"""The remedy for a platform that is not in the namespace in which a command searched: the namespaces that have one of this name."""

from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api import GROUP, PLURAL, VERSION
from notebook_platform.cli.management import NO_ANSWER, REMEDIES, UsageError, reading
from notebook_platform.cli.watch_stream import Place

CALL_SECONDS = 10
MOST = 20
"""Platforms of one name that are listed."""

NOT_FOUND = 404


async def read_platform(api: client.ApiClient, place: Place) -> dict[str, Any]:
    """Return the platform. Raises UsageError; for one that does not exist, that of `not_found`."""
    with reading(f"the platform {place}"):
        try:
            found: dict[str, Any] = await client.CustomObjectsApi(api).get_namespaced_custom_object(
                GROUP, VERSION, place.namespace, PLURAL, place.name
            )
        except ApiException as error:
            if error.status != NOT_FOUND:
                raise
            raise await not_found(api, place) from None
        return found


async def not_found(api: client.ApiClient, place: Place) -> UsageError:
    """Return the error for a platform that does not exist. It names the namespaces with a platform of this name that the user may list.

    A command never works on a platform in another namespace than the one that its user named.
    """
    namespaces = await _namespaces(api, place.name)
    match namespaces:
        case []:
            remedy = REMEDIES[NOT_FOUND]
        case [one]:
            remedy = f"It is in the namespace {one}: use -n {one}"
        case _:
            remedy = f"Platforms of this name are in the namespaces {', '.join(namespaces)}: name one with -n"
    return UsageError(f"NotebookPlatform {place} not found. {remedy}")


async def _namespaces(api: client.ApiClient, name: str) -> list[str]:
    """Return the namespaces with a platform of this name; none when the user may not list them."""
    call = client.CustomObjectsApi(api).list_cluster_custom_object
    try:
        found = await call(
            GROUP, VERSION, PLURAL, field_selector=f"metadata.name={name}", limit=MOST, _request_timeout=CALL_SECONDS
        )
    except (ApiException, *NO_ANSWER):
        return []
    return sorted(str(item["metadata"]["namespace"]) for item in found["items"])
