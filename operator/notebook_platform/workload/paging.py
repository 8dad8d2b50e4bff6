"""Read lists of the workload cluster's API page by page within a budget.

Users of that cluster decide how many objects there are and how large they are, so a list is never read whole: a page has few
objects and is parsed in a thread, into JSON and not into the client's models.

https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from notebook_platform.bounded.documents import Budget, DocumentRefused, DocumentTooLarge
from notebook_platform.workload.response import json_of

PAGE = 50
"""Objects. Annotations of one object take 256 KiB at most, so a page fits into the client's limit."""

PAGES = 1000
PAGE_BUDGET = Budget(bytes=32 << 20, nodes=2_000_000, depth=100)

Listing = Callable[..., Awaitable[Any]]
"""A `list_..._without_preload_content` method of the client."""


async def each(listing: Listing, **selection: Any) -> AsyncIterator[Mapping[str, Any]]:
    """Yield each object of a list as JSON; `selection` holds the method's own arguments (label_selector, a namespace).

    Raises ApiException for a refusal, and DocumentRefused for a response that exceeds the budget or a list of more than PAGE
    * PAGES objects.
    """
    token: str | None = None
    for _ in range(PAGES):
        document = await _page(await listing(limit=PAGE, _continue=token, **selection))
        for item in document["items"] or ():
            yield _object(item)
        token = document["metadata"].get("continue")
        if not token:
            return
    raise DocumentTooLarge(f"the list has more than {PAGE * PAGES} objects")


async def whole(listing: Listing, *arguments: Any, **selection: Any) -> list[Any]:
    """Return all objects of a `list_...` method as the client's models, read in pages. Raises DocumentTooLarge for too many."""
    found: list[Any] = []
    token: dict[str, str] = {}
    for _ in range(PAGES):
        listed = await listing(*arguments, limit=PAGE, **token, **selection)
        found += listed.items
        if not (listed.metadata and listed.metadata._continue):
            return found
        token = {"_continue": listed.metadata._continue}
    raise DocumentTooLarge(f"the list has more than {PAGE * PAGES} objects")


def _object(item: Any) -> Mapping[str, Any]:
    """Return an object that has a name; its labels and annotations, if any, are mappings. Raises DocumentRefused for anything
    else."""
    found: Mapping[str, Any] = item if isinstance(item, Mapping) else {}
    metadata = found.get("metadata")
    if isinstance(metadata, Mapping) and isinstance(metadata.get("name"), str):
        parts = (found.get("spec"), found.get("status"), metadata.get("labels"), metadata.get("annotations"))
        if all(part is None or isinstance(part, Mapping) for part in parts):
            return found
    raise DocumentRefused("it holds an item that is not an object")


async def _page(response: Any) -> Mapping[str, Any]:
    document = await json_of(response, PAGE_BUDGET)
    if isinstance(document, Mapping) and isinstance(document.get("items") or [], list):
        return {"items": document.get("items"), "metadata": document.get("metadata") or {}}
    raise DocumentRefused("it is not a list")
