"""Paging: read a list of Resource Manager or Microsoft Graph to its end, page by page, as plain JSON."""

from collections.abc import AsyncIterator, Mapping

from notebook_platform.azure.arm.answer import Pages, document_of, items_of
from notebook_platform.azure.arm.resource_types import Wire
from notebook_platform.azure.arm.session import AzureSession


async def list_resources(
    session: AzureSession, path: str, *, api_version: str, params: Mapping[str, str] | None = None
) -> AsyncIterator[Wire]:
    """Yield the resources of all pages of a list, also those that are not complete. `path`, `params`: of the first page; each further
    one has an address of Azure's. Raises HttpResponseError, UnusableAnswer."""
    url, pages = path, Pages()
    while url:
        pages.open(url)
        first = url is path
        answer = await session.send("GET", url, params=params if first else None, api_version=api_version if first else None)
        page = document_of(answer)
        for item in items_of(page):
            yield item
        url = page.get("nextLink") or ""


async def list_objects(session: AzureSession, path: str, params: Mapping[str, str]) -> AsyncIterator[Wire]:
    """Yield the directory's objects of all pages of a list. `path`, `params`: of the first page. Raises HttpResponseError, UnusableAnswer."""
    url, pages = path, Pages()
    while url:
        pages.open(url)
        page = await session.graph("GET", url, params=params if url is path else None) or {}
        for item in items_of(page):
            yield item
        url = page.get("@odata.nextLink") or ""
