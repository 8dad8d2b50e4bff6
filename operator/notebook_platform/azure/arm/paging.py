"""Paging: read a list of Resource Manager or Microsoft Graph to its end, page by page, as plain JSON."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from notebook_platform.azure.arm.answer import Pages, document_of, items_of
from notebook_platform.azure.arm.resource_types import Wire
from notebook_platform.azure.arm.session import AzureSession


async def list_resources(
    session: AzureSession, path: str, *, api_version: str, params: Mapping[str, str] | None = None
) -> AsyncIterator[Wire]:
    """Yield the resources of all pages of a list, also those that are not complete. `path`, `params`: of the first page; each further
    one has an address of Azure's. Raises HttpResponseError, UnusableAnswer."""

    async def read(url: str) -> Mapping[str, Any]:
        first = url is path
        return document_of(
            await session.send("GET", url, params=params if first else None, api_version=api_version if first else None)
        )

    async for item in _items(path, read, "nextLink"):
        yield item


async def list_objects(session: AzureSession, path: str, params: Mapping[str, str]) -> AsyncIterator[Wire]:
    """Yield the directory's objects of all pages of a list. `path`, `params`: of the first page. Raises HttpResponseError, UnusableAnswer."""

    async def read(url: str) -> Mapping[str, Any]:
        return await session.graph("GET", url, params=params if url is path else None) or {}

    async for item in _items(path, read, "@odata.nextLink"):
        yield item


async def _items(path: str, read: Callable[[str], Awaitable[Mapping[str, Any]]], link: str) -> AsyncIterator[Wire]:
    """Yield the items of all pages. `read` returns the page at an address; `link`: its member that holds the address of the next one."""
    url, pages = path, Pages()
    while url:
        pages.open(url)
        page = await read(url)
        for item in items_of(page):
            yield item
        url = page.get(link) or ""
