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
    DecodeError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.utils import CaseInsensitiveDict

from notebook_platform.api.reasons import Reason
from notebook_platform.api.words import AzureCode
from notebook_platform.azure.arm.answer import UnusableAnswer
from notebook_platform.azure.arm.credentials import FederatedTokenRefused
from notebook_platform.azure.arm.error_body import LONGEST_MESSAGE, body_of, codes_inside, shown_text, words_of
from notebook_platform.azure.arm.error_rows import UNAVAILABLE, Row
from notebook_platform.azure.arm.error_table import CODES, NODE_GROUP_GONE, PHRASES, STATUSES
from notebook_platform.azure.arm.retry_after import retry_after
from notebook_platform.azure.arm.sign_in_table import AADSTS, FEDERATED, SIGN_IN_REFUSED
from notebook_platform.bounded.unanswered import why
from notebook_platform.engine.outcome import REPORT, Failed, StepError
from notebook_platform.kube.redaction import sanitize
from notebook_platform.observability.context import CORRELATION

log = logging.getLogger(__name__)

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
"""HTTP statuses that are independent of the request itself."""

PLAIN = frozenset({"NotFound", "ResourceNotFound", "Canceled"})
"""Codes that say nothing inside another error."""

OPERATION = 200
"""The status with which the result of a failed operation comes."""

NODE_FIELDS = ("spec.cluster", "spec.nodePools")
"""The fields whose operations AKS runs in the node resource group."""

UNREADABLE = (LookupError, TypeError, AttributeError, ValueError, RecursionError)
"""What Python raises where a member of a response is missing or has another type."""

NO_TOKEN = ("Unexpected response", "No response content")
"""Words of azure-identity for a successful answer without a token."""

UNKNOWN_RETRY = 30.0
LONGEST_CODE = 100

UNKNOWN_TRIES = 5
"""Failures in a row with an unknown code after which a user has to act."""


def failure_of(status: int | None, error: Mapping[str, Any], headers: Mapping[str, str], *, field: str) -> Failed:
    """Return the failure that an ARM error body (`code`, `message`, `details`) means for the part of the spec named `field`.

    A code that says little, or that is unknown, gives way to a known one inside it.
    """
    answered = str(error.get("code") or ("Failed" if status == OPERATION else ""))
    code = sanitize(answered or (f"Http{status}" if status else "Unknown"), LONGEST_CODE)
    row, inside = _meaning(answered, error, status)
    if answered == "ResourceGroupNotFound" and field.startswith(NODE_FIELDS if status == OPERATION else "spec.autoscale"):
        row = NODE_GROUP_GONE
    text = shown_text(error, inside)
    if row is None:
        row = _unknown(code, status)
    retry_in = row.retry_in
    if status in (429, 503) and (asked := retry_after(headers)) is not None:
        retry_in = asked
    where = row.field or field
    named = f"{code} ({inside})" if inside and inside != code else code
    message = f"{where}: Azure answered {named}" + (f": {text}" if text else "")
    return Failed(
        reason=row.reason,
        message=message,
        remedy=row.remedy.format(field=where),
        retry_in=retry_in,
        growth=row.growth,
        tries=row.tries,
        last_remedy=_last_remedy(row, where),
    )


def _meaning(code: str, error: Mapping[str, Any], status: int | None) -> tuple[Row | None, str]:
    """Return the row that applies, and the code inside the error that led to it; empty when it is the error's own."""
    text = words_of(error)
    own = _row(code or STATUSES.get(status or 0, ""), text)
    if own is not None and not own.vague:
        return own, ""
    for inner in codes_inside(error):
        row = _row(inner, text)
        if row is not None and not row.vague and inner not in PLAIN:
            return row, sanitize(inner, LONGEST_CODE)
    for phrase, meant in PHRASES:
        if phrase.casefold() in text.casefold() and (row := _row(meant, text)):
            return row, ""
    return own, ""


def _unknown(code: str, status: int | None) -> Row:
    """Return what a code without a row means: an outage with some statuses, else a refusal that a user may have to end."""
    if status in TRANSIENT:
        return UNAVAILABLE
    remedy = "Check Azure's message. The operator retries."
    return Row(reason=AzureCode(_camel(code)), retry_in=UNKNOWN_RETRY, tries=UNKNOWN_TRIES, remedy=remedy)


def _last_remedy(row: Row, field: str) -> str:
    """Return the remedy after the last try: what a user has to do instead of waiting."""
    if row.tries is None:
        return ""
    advice = row.remedy.format(field=field).replace("The operator retries.", "").replace("Check Azure's message.", "").strip()
    return f"{advice or f'Correct {field} as Azure’s message describes.'} Retries failed; the operator now retries at every interval."


def _row(code: str, text: str) -> Row | None:
    for row in CODES.get(code, ()):
        if row.contains is None or row.contains.casefold() in text.casefold():
            return row
    return None


def _camel(code: str) -> str:
    word = "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", code) if part)
    return word if re.match(r"[A-Za-z]", word) else f"Azure{word}"


def code_of(error: HttpResponseError) -> str:
    """Return the ARM code of an exception; empty when the response had none."""
    return str(body_of(error).get("code") or "")


def headers_of(error: HttpResponseError) -> Mapping[str, str]:
    """Return the headers of the response; the case of names has no meaning."""
    return CaseInsensitiveDict(getattr(error.response, "headers", None) or {})


def translate(error: AzureError, *, field: str) -> Failed:
    """Return the failure that an exception of the SDK means for the part of the spec named `field`."""
    body = body_of(error) if isinstance(error, HttpResponseError) else {}
    if not body and (found := re.search(r"AADSTS(\d+)", str(error))):
        return _refused_sign_in(error, found.group(1))
    if isinstance(error, UnusableAnswer):
        return _unusable(field, "Azure", error.clause)
    if isinstance(error, ClientAuthenticationError | DecodeError) and not body and error.status_code in TRANSIENT:
        return failure_of(error.status_code, body, headers_of(error), field=field)  # a gateway of Entra ID is down
    if isinstance(error, ServiceRequestError | ServiceResponseError) or is_unreadable(error):
        return Failed(
            reason=Reason.AZURE_UNREACHABLE,
            message=f"{field}: Azure did not answer: {why(error)}",
            remedy="Check the operator's DNS, egress, proxy and CA certificates (ca_file). The operator retries.",
            retry_in=10,
        )
    if isinstance(error, ClientAuthenticationError) and not body and any(words in str(error) for words in NO_TOKEN):
        return _unusable("spec.azure.credentials", "Entra ID", "holds no token")
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
        remedy=REPORT,
        retry_in=UNKNOWN_RETRY,
    )


def _unusable(field: str, service: str, clause: str) -> Failed:
    """Return the failure that an answer means which does not come from Azure, or not whole."""
    return Failed(
        reason=Reason.ANSWER_UNUSABLE,
        message=f"{field}: {service}'s answer {clause}",
        remedy="Check that no proxy or gateway answers in place of Azure (HTTPS_PROXY, the cloud's endpoints). The operator retries.",
        retry_in=UNKNOWN_RETRY,
    )


def _refused_sign_in(error: AzureError, number: str) -> Failed:
    """Return the failure that a refusal of Entra ID with this number means."""
    federated = isinstance(error, FederatedTokenRefused) or "WorkloadIdentityCredential" in str(error)
    row = (FEDERATED.get(number) if federated else None) or AADSTS.get(number) or SIGN_IN_REFUSED
    where = row.field or "spec.azure.credentials"
    text = sanitize(str(error).split("\n", 1)[0], LONGEST_MESSAGE)
    return Failed(
        reason=row.reason,
        message=f"{where}: {text}",
        remedy=row.remedy.format(field=where),
        retry_in=row.retry_in,
        growth=row.growth,
        tries=row.tries,
        last_remedy=_last_remedy(row, where),
    )


@asynccontextmanager
async def azure_errors(field: str) -> AsyncIterator[None]:
    """Raise an Azure error inside the block as StepError: the table's reason and remedy, `field`, and the correlation id. A response that
    lacks a member is one too."""
    try:
        yield
    except AzureError as error:
        raise StepError.of(replace(translate(error, field=field), correlation_id=CORRELATION.get())) from None
    except UNREADABLE as error:
        raise StepError.of(unreadable(error, field=field)) from None


def unreadable(error: Exception, *, field: str) -> Failed:
    """Return the failure that an exception of Python means while a response for `field` is read: a member of it is missing or has another
    type. The exception is logged: its text could hold a part of the response."""
    log.error("a response for %s could not be read", field, exc_info=error)
    return Failed(
        reason=Reason.ANSWER_UNUSABLE,
        message=f"{field}: Azure's answer lacks a member, or one has another type ({type(error).__name__})",
        remedy=REPORT,
        retry_in=UNKNOWN_RETRY,
        correlation_id=CORRELATION.get(),
    )


def is_unreadable(error: AzureError) -> bool:
    """Return whether the body of an answer ended too early, or is no document. azure-core files it under the errors of a status."""
    return isinstance(error, DecodeError)


def is_missing(error: HttpResponseError) -> bool:
    """Return whether the requested resource does not exist (as opposed to, say, the subscription)."""
    return error.status_code == 404 and code_of(error) != "SubscriptionNotFound"
