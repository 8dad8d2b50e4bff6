"""Usable answers: what a response of Azure has to be before anything reads it.

A proxy answers with its own page, a gateway with an empty body, a replica with `null`, and each reader, the SDK's models too, would fail in
a way of its own. The session's pipeline therefore checks each successful response once: the body is JSON within a limit of values and
depth, and the members that all resources and pages share have their types. What is not so raises UnusableAnswer, which the table of errors
turns into a failure (`errors.translate`).
"""

import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from azure.core.exceptions import DecodeError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import ContentDecodePolicy

from notebook_platform.azure.arm.resource_types import Wire
from notebook_platform.bounded.documents import measure
from notebook_platform.bounded.http import MOST
from notebook_platform.bounded.limits import Budget, DocumentRefused

BUDGET = Budget(bytes=MOST, nodes=2_000_000, depth=64)
"""A page of a thousand clusters has 300,000 values; Resource Manager nests members 20 levels deep at most."""

PARSED = "parsed_document"
"""The attribute of a response under which the pipeline keeps its document: a page of a list has a megabyte and is parsed once."""

MOST_PAGES = 1000
"""Pages of one list. A page of Resource Manager has up to a thousand items."""

NO_CONTENT = 204
JSON = re.compile(r"(application|text)/([0-9a-z+.-]+\+)?json")
POLLS = re.compile(r"/operation(s|results|statuses)/", re.IGNORECASE)
"""Addresses of operations. Some services answer them with an empty body, or with null."""

LINKS = ("nextLink", "@odata.nextLink")
OBJECTS, TEXTS = ("properties", "tags", "sku", "identity"), ("id", "name", "type", "location")
"""Members of a resource. What has no id, as a quota, is no resource, and words its name in another way."""


class UnusableAnswer(DecodeError):
    """A successful response that is not what was asked for. `clause` completes "the answer ..." and holds none of its content."""

    def __init__(self, clause: str, **more: Any) -> None:
        super().__init__(message=f"the answer {clause}", **more)
        self.clause = clause


class AnswerPolicy(ContentDecodePolicy):
    """Parses each response for the SDK, and checks it. `graph`: the responses are those of Microsoft Graph."""

    def __init__(self, *, graph: bool = False) -> None:
        super().__init__()
        self._graph = graph

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        """Keep the parsed body where the SDK expects it. Raises UnusableAnswer."""
        if response.context.options.get("stream", True):
            return
        answer = response.http_response
        if answer.status_code >= 400:
            self._keep_refusal(response)
            return
        url, method = request.http_request.url, request.http_request.method
        text = answer.text()
        required = method == "GET" and answer.status_code != NO_CONTENT and not POLLS.search(urlsplit(url).path)
        document = _document(text, answer.content_type or "", required=required)
        if isinstance(document, Mapping):
            check_members(document, url, listing=method == "GET", graph=self._graph)
        response.context[self.CONTEXT_NAME] = document
        setattr(answer, PARSED, document)

    def _keep_refusal(self, response: PipelineResponse[Any, Any]) -> None:
        """Keep the body of a refusal if it is one; the status says what it means otherwise."""
        try:
            document = _parsed(response.http_response.text())
        except (DocumentRefused, UnicodeError, LookupError):
            document = None
        response.context[self.CONTEXT_NAME] = document


def _document(text: str, content_type: str, *, required: bool) -> Any:
    """Return the JSON object of a body; None when it is empty or null and need not be there. Raises UnusableAnswer."""
    if not text.strip():
        if required:
            raise UnusableAnswer("is empty")
        return None
    kind = content_type.partition(";")[0].strip().lower()
    if kind and not JSON.fullmatch(kind):
        raise UnusableAnswer("is a web page" if "html" in kind else "is not JSON")
    try:
        document = _parsed(text.removeprefix("\ufeff"))
    except DocumentRefused as refused:
        if text.lstrip()[:1] == "<":
            raise UnusableAnswer("is a web page") from None
        raise UnusableAnswer(f"is not usable JSON: {refused}") from None
    if document is None and not required:
        return None
    if not isinstance(document, Mapping):
        raise UnusableAnswer("is not a JSON object")
    return document


def _parsed(text: str) -> Any:
    """Parse JSON. Raises DocumentRefused. Faster than `parse_json`, which the few responses with odd numbers do not need: a page of
    clusters has a megabyte."""
    try:
        document = json.loads(text, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise DocumentRefused(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except DocumentRefused:
        raise
    except (ValueError, RecursionError):
        raise DocumentRefused("it has a number or a depth beyond the limits") from None
    measure(document, BUDGET, surrogates="\\ud" in text or "\\uD" in text)
    return document


def _constant(text: str) -> float:
    raise DocumentRefused(f"it has {text}")


def check_members(document: Mapping[str, Any], url: str, *, listing: bool = True, graph: bool = False) -> None:
    """Check the members of a resource or a page from an address. Raises UnusableAnswer.

    `listing`: a member `value` is that of a page, as in each answer to a GET. Graph's objects have tags that are a list.
    """
    _check_resource(document, graph=graph)
    for link in LINKS:
        following = document.get(link)
        if following is not None and not isinstance(following, str):
            raise UnusableAnswer(f"has a {link} that is not a URL")
        if following and following == url:
            raise UnusableAnswer(f"has a {link} that leads to the same page")
    if (items := document.get("value")) is None or not listing:
        return
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise UnusableAnswer("has a value that is not a list of objects")
    for item in items:
        _check_resource(item, graph=graph)


def _check_resource(resource: Mapping[str, Any], *, graph: bool) -> None:
    for name in OBJECTS:
        value = resource.get(name)
        if value is not None and not isinstance(value, Mapping) and not (graph and name == "tags"):
            raise UnusableAnswer(f"has a member {name} that is not an object")
    for name in TEXTS if "id" in resource else ():
        if not isinstance(resource.get(name), str | None):
            raise UnusableAnswer(f"has a member {name} that is not text")


def parsed_of(response: Any) -> Any:
    """Return the document of a response that passed the pipeline; None when the body is empty or null."""
    return getattr(response, PARSED)


def document_of(response: Any) -> Mapping[str, Any]:
    """Return the object of a response that passed the pipeline; empty when the body is empty or null."""
    return parsed_of(response) or {}


def resource_of(response: Any) -> Wire:
    """Return the resource of a response. Raises UnusableAnswer when it has no id, or is not complete."""
    return complete(_resource(document_of(response), "is not a resource: it has no id"))


def items_of(page: Mapping[str, Any]) -> list[Wire]:
    """Return the resources of a page that passed the pipeline. Raises UnusableAnswer.

    One that is not complete is among them: it may be another owner's, and must not hide the rest. Who uses an item calls `complete`.
    """
    return [_resource(item, "is a list with an item that is not a resource") for item in page.get("value") or ()]


def is_complete(resource: Wire) -> bool:
    """Return whether a resource shows what a write would replace: one of a provider has properties."""
    return "/providers/" not in resource["id"].lower() or isinstance(resource.get("properties"), Mapping)


def complete(resource: Wire) -> Wire:
    """Return the resource. Raises UnusableAnswer when it is not complete: a write would take away what the answer does not show."""
    if not is_complete(resource):
        raise UnusableAnswer("has a resource without properties")
    return resource


def _resource(document: Any, otherwise: str) -> Wire:
    if not isinstance(document, Mapping) or not isinstance(document.get("id"), str):
        raise UnusableAnswer(otherwise)
    return dict(document)


class Pages:
    """Counts the pages of one list, and remembers their addresses."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def open(self, url: str) -> None:
        """Take note of a page before it is read. Raises UnusableAnswer when the list does not end."""
        if url in self._seen:
            raise UnusableAnswer("is a list whose pages lead back to an earlier one")
        if len(self._seen) >= MOST_PAGES:
            raise UnusableAnswer(f"is a list of more than {MOST_PAGES} pages")
        self._seen.add(url)


async def all_items(listed: Any) -> AsyncIterator[Any]:
    """Yield the items of the SDK's iterator over a list. Raises UnusableAnswer when the list does not end."""
    pages, number = listed.by_page(), 0
    async for page in pages:
        number += 1
        if number > MOST_PAGES:
            raise UnusableAnswer(f"is a list of more than {MOST_PAGES} pages")
        async for item in page:
            yield item
