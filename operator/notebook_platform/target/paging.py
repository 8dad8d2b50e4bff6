"""Lists of the built cluster's API, read page by page within a budget.

Whoever works in that cluster decides how many objects there are and how large they are, so a list is never read whole: a page has
few objects, its bytes are counted while they arrive, and it is parsed beside the event loop.
https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.bounded.documents import Budget, DocumentTooLarge, read_json

PAGE = 100
"""Objects. Annotations of one object take 256 KiB at most, so that a page of them fits into PAGE_BUDGET."""

PAGES = 500
PAGE_BUDGET = Budget(bytes=32 << 20, nodes=2_000_000, depth=100)

Listing = Callable[..., Awaitable[Any]]
"""A `list_..._without_preload_content` method of the client."""


async def each(listing: Listing, **selection: Any) -> AsyncIterator[Mapping[str, Any]]:
    """Yield each object of a list as JSON; `selection` holds the method's own arguments (label_selector, a namespace).

    Raises ApiException for a refusal, and DocumentRefused for an answer beyond the budget or a list of more than PAGE * PAGES
    objects.
    """
    token: str | None = None
    for _ in range(PAGES):
        document = await _page(await listing(limit=PAGE, _continue=token, **selection))
        for item in document.get("items") or ():
            yield item
        token = (document.get("metadata") or {}).get("continue")
        if not token:
            return
    raise DocumentTooLarge(f"the list has more than {PAGE * PAGES} objects")


async def _page(response: Any) -> Mapping[str, Any]:
    async with response:
        if response.status != 200:
            raise ApiException(status=response.status, reason=response.reason)
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > PAGE_BUDGET.bytes:
                raise DocumentTooLarge(f"it is larger than {PAGE_BUDGET.bytes} bytes")
    document = await read_json(bytes(body), PAGE_BUDGET)
    return document if isinstance(document, Mapping) else {}
