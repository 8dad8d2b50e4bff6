"""Read the body of an Azure error: its code, the codes inside it, and its words.

Resource Manager nests a body ({"error": {...}}), AKS sends a flat one, a gateway none. A service wraps what another one answered: in
`details`, in `innererror`, or as JSON inside its own message
(https://learn.microsoft.com/azure/azure-resource-manager/management/common-deployment-errors).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from azure.core.exceptions import HttpResponseError

from notebook_platform.bounded.documents import parse_json
from notebook_platform.bounded.text import shortened
from notebook_platform.kube.redaction import sanitize

LONGEST_MESSAGE = 600
HEAD = 150
"""Characters of a long message that are shown before the part that names the code inside it."""

DEEPEST, MOST = 8, 50
"""Levels of details that are read, and codes."""

IN_TEXT = re.compile(r"\b(?:error|sub)?code[\\\"']*\s*[:=]\s*[\\\"']*([A-Za-z]\w{2,99})", re.IGNORECASE)
WORD = re.compile(r"\b[A-Z][A-Za-z0-9]*[a-z0-9][A-Z_]\w{2,99}")


def body_of(error: HttpResponseError) -> Mapping[str, Any]:
    """Return the error object of a response, nested or flat; empty when the response had none."""
    try:
        document = parse_json(error.response.text()) if error.response is not None else None
    except Exception:  # the transport's own, and DocumentRefused: the SDK's reading of the answer is used then
        document = None
    if isinstance(document, Mapping):
        inner = document.get("error", document)
        if isinstance(inner, Mapping) and (inner.get("code") or inner.get("message")):
            return inner
    if error.error is not None:
        return {"code": error.error.code, "message": error.error.message}
    return {}


def parts_of(error: Mapping[str, Any], depth: int = DEEPEST) -> Iterator[Mapping[str, Any]]:
    """Yield the errors inside an error, outer ones first: its details and its inner error, and theirs."""
    details = error.get("details")
    inner = [*(details if isinstance(details, Sequence) else ()), error.get("innererror"), error.get("innerError")]
    for part in inner:
        if isinstance(part, Mapping) and depth:
            yield part
            yield from parts_of(part, depth - 1)


def words_of(error: Mapping[str, Any]) -> str:
    """Return all messages of an error and of those inside it, outer ones first, on one line."""
    messages = [str(part.get("message") or "") for part in (error, *parts_of(error))]
    return " ".join(" ".join(messages).split())


def codes_inside(error: Mapping[str, Any]) -> Iterator[str]:
    """Yield the codes inside an error: of its parts, then those that its messages give as codes, then words like a code."""
    found = [str(part.get("code") or "") for part in parts_of(error)]
    text = words_of(error)
    found += IN_TEXT.findall(text)[:MOST]
    found += WORD.findall(text)[:MOST]
    yield from dict.fromkeys(code for code in found if code)


def shown_text(error: Mapping[str, Any], inside: str = "") -> str:
    """Return an error's message for a user, sanitized and of bounded length; of a long one the part with the code `inside`."""
    text = sanitize(" ".join(str(error.get("message") or "").split()))
    parts = [part for part in parts_of(error) if part.get("message")]
    named = [part for part in parts if part.get("code") == inside]
    more = [sanitize(" ".join(str(part["message"]).split())) for part in [*named, *parts][:1]]
    if more and more[0] not in text:
        text = f"{shortened(text, LONGEST_MESSAGE // 2)} ({more[0]})"
    place = text.find(inside) if inside else -1
    if len(text) > LONGEST_MESSAGE and place > LONGEST_MESSAGE // 2:
        text = f"{text[:HEAD]} … {text[place:]}"
    return shortened(text, LONGEST_MESSAGE)
