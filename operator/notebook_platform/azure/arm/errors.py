"""Translate Azure's errors into failures: one table from code to reason, retry and remedy.

The class of an SDK exception carries little information (every 409 is ResourceExistsError), so the table is searched by
(status, code, text).
"""

import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.utils import CaseInsensitiveDict

from notebook_platform.api.reasons import Reason
from notebook_platform.api.words import AzureCode
from notebook_platform.azure.arm.error_table import AADSTS, CODES, Row
from notebook_platform.bounded.documents import parse_json
from notebook_platform.bounded.text import shortened
from notebook_platform.engine.outcome import Failed, StepError
from notebook_platform.kube.redaction import sanitize
from notebook_platform.observability.context import CORRELATION

log = logging.getLogger(__name__)

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP statuses that are independent of the request itself."""

UNKNOWN_RETRY = 30.0
LONGEST_MESSAGE = 600
LONGEST_CODE = 100


def failure_of(status: int | None, error: Mapping[str, Any], headers: Mapping[str, str], *, field: str) -> Failed:
    """Return the failure that an ARM error body (`code`, `message`, `details`) means for the part of the spec named `field`."""
    code = sanitize(str(error.get("code") or (f"Http{status}" if status else "Unknown")), LONGEST_CODE)
    text = _text(error)
    row = _row(code, text)
    if row is None:
        for detail in error.get("details") or ():
            row = row or _row(str(detail.get("code")), text)
    if row is None:
        transient = status in TRANSIENT
        row = Row(
            reason=Reason.AZURE_UNAVAILABLE if transient else AzureCode(_camel(code)),
            retry_in=15 if transient else UNKNOWN_RETRY,
            remedy="The operator retries." if transient else "Check Azure's message. The operator retries.",
        )
    hint = headers.get("Retry-After", "")
    retry_in = row.retry_in
    if status == 429 and hint.isdigit():
        retry_in = float(int(hint))
    message = f"{field}: Azure answered {code}" + (f": {text}" if text else "")
    return Failed(reason=row.reason, message=message, remedy=row.remedy.format(field=field), retry_in=retry_in)


def _row(code: str, text: str) -> Row | None:
    for row in CODES.get(code, ()):
        if row.contains is None or row.contains.casefold() in text.casefold():
            return row
    return None


def _text(error: Mapping[str, Any]) -> str:
    text = sanitize(" ".join(str(error.get("message") or "").split()))
    details = [str(d["message"]) for d in error.get("details") or () if isinstance(d, Mapping) and d.get("message")]
    if details and details[0] not in text:
        text = f"{text} ({sanitize(details[0])})"
    return shortened(text, LONGEST_MESSAGE)


def _camel(code: str) -> str:
    word = "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", code) if part)
    return word if re.match(r"[A-Za-z]", word) else f"Azure{word}"


def code_of(error: HttpResponseError) -> str:
    """Return the ARM code of an exception; empty when the response had none."""
    return str(_body(error).get("code") or "")


def headers_of(error: HttpResponseError) -> Mapping[str, str]:
    """Return the headers of the response; the case of names has no meaning."""
    return CaseInsensitiveDict(getattr(error.response, "headers", None) or {})


def _body(error: HttpResponseError) -> Mapping[str, Any]:
    """Return the error object of a response: nested ({"error": {...}}) or flat, as AKS sometimes sends it."""
    try:
        document = parse_json(error.response.text()) if error.response is not None else None
    except Exception:  # the transport's own, and DocumentRefused: the SDK's reading of the answer is used then
        document = None
    if isinstance(document, Mapping):
        inner = document.get("error", document)
        if isinstance(inner, Mapping) and inner.get("code"):
            return inner
    if error.error is not None:
        return {"code": error.error.code, "message": error.error.message}
    return {}


def translate(error: AzureError, *, field: str) -> Failed:
    """Return the failure that an exception of the SDK means for the part of the spec named `field`."""
    body = _body(error) if isinstance(error, HttpResponseError) else {}
    if not body and (found := re.search(r"AADSTS(\d+)", str(error))):
        row = AADSTS.get(found.group(1))
        text = sanitize(str(error).split("\n", 1)[0], LONGEST_MESSAGE)
        if row:
            where = row.field or "spec.azure.credentials"
            return Failed(
                reason=row.reason, message=f"{where}: {text}", remedy=row.remedy.format(field=where), retry_in=row.retry_in
            )
        return Failed(
            reason=Reason.SIGN_IN_REFUSED,
            message=f"spec.azure.credentials: {text}",
            remedy="Correct the credentials as Entra ID's message describes.",
            retry_in=60,
        )
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return Failed(
            reason=Reason.AZURE_UNREACHABLE,
            message=f"{field}: Azure did not answer ({type(error).__name__})",
            remedy="Check the operator's Internet access and its CA certificates. The operator retries.",
            retry_in=10,
        )
    if isinstance(error, ClientAuthenticationError) and not body:
        return Failed(
            reason=Reason.SIGN_IN_REFUSED,
            message=f"spec.azure.credentials: no token could be obtained ({type(error).__name__})",
            remedy="Set spec.azure.credentials, or run the operator with an identity of its own.",
            retry_in=60,
        )
    if isinstance(error, HttpResponseError):
        return failure_of(error.status_code, body, headers_of(error), field=field)
    return Failed(
        reason=Reason.AZURE_ERROR,
        message=f"{field}: the Azure SDK failed ({type(error).__name__})",
        remedy="The operator retries. Search its log for the details.",
        retry_in=UNKNOWN_RETRY,
    )


@asynccontextmanager
async def azure_errors(field: str) -> AsyncIterator[None]:
    """Raise an Azure error inside the block as StepError: the table's reason and remedy, `field`, and the correlation id."""
    try:
        yield
    except AzureError as error:
        raise StepError.of(replace(translate(error, field=field), correlation_id=CORRELATION.get())) from None


def is_missing(error: HttpResponseError) -> bool:
    """Return whether the requested resource does not exist (as opposed to, say, the subscription)."""
    return error.status_code == 404 and code_of(error) != "SubscriptionNotFound"
