"""Start and poll long-running operations: one request starts one, each reconcile polls it once, its address is recorded.

https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from notebook_platform.api.reasons import Reason
from notebook_platform.api.words import AzureCode
from notebook_platform.azure.arm.answer import UnusableAnswer, document_of
from notebook_platform.azure.arm.errors import TRANSIENT, failure_of, headers_of, is_unreadable, translate
from notebook_platform.azure.arm.retry_after import retry_after
from notebook_platform.azure.arm.session import AzureSession
from notebook_platform.engine.outcome import Failed, Operation, Progressing, Queued, StepError
from notebook_platform.observability.context import CORRELATION

SOON, LOOK_AGAIN = 1.0, 5.0
"""Seconds until the first poll, and at most between later ones, when Azure gives no hint."""

ENDS = {word.casefold(): word for word in ("Succeeded", "Failed", "Canceled")}
"""The states in which an operation has ended. Any other word means that it runs; one that never ends is overdue (`in_progress`)."""

REFUSED = frozenset({401, 403})
"""Statuses about the caller. With any other, the address that `Location` names reports that the operation failed."""

LONGEST_LOOK = 30.0
"""Seconds. Upper bound for Azure's hint, so that the end of an operation is noticed soon."""


def next_poll(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until the next poll, as Azure's hint asks; None: it gives no hint."""
    asked = retry_after(headers)
    return None if asked is None else min(asked, LONGEST_LOOK)


async def begin_lro(
    begin: Callable[..., Awaitable[Any]], *arguments: Any, kind: str, expected: float, key: str = "", **options: Any
) -> Progressing | None:
    """Start an operation with an SDK method `begin_...` and return without waiting; None: it ended with the response.

    `kind` describes it ("create managed cluster x"), `expected` is its usual duration in seconds.
    """
    known: list[tuple[Mapping[str, str], str]] = []

    def note(response: Any) -> None:
        known.append((response.http_response.headers, response.http_request.url))

    await begin(*arguments, polling=False, raw_response_hook=note, **options)
    headers, address = known[0] if known else ({}, "")
    return lro_from_headers(headers, address, kind=kind, expected=expected, key=key)


def lro_from_headers(
    headers: Mapping[str, str], address: str, *, kind: str, expected: float, key: str = ""
) -> Progressing | None:
    """Return the operation that the headers of an accepted request name; None when they name none.

    `address`: that of the request. Some services name a path alone, which is one on the same host (RFC 9110, 10.2.2).
    """
    named = headers.get("Azure-AsyncOperation") or headers.get("Location")
    if not named:
        return None
    url = urljoin(address, named)
    operation = Operation(
        kind=kind, url=url, started=datetime.now(UTC), expected=expected, key=key, correlation_id=CORRELATION.get(), percent=0
    )
    return in_progress(operation, next_poll(headers))


VERBS = {
    "create": Reason.CREATING,
    "update": Reason.UPDATING,
    "delete": Reason.DELETING,
    "upgrade": Reason.UPGRADING,
}
"""The reason while an operation runs, by the first word of its kind."""


OVERDUE = 5
"""Multiple of an operation's usual duration after which it is overdue."""

SHORTEST_STALL, LONGEST_STALL = 3600.0, 6 * 3600.0
"""Seconds: the bounds of that duration. Azure's own estimate grows while an operation stands still, so it needs a bound."""

ABORTED_BY = {
    "agent pool": "az aks nodepool operation-abort --resource-group GROUP --cluster-name CLUSTER --name POOL",
    "managed cluster": "az aks operation-abort --resource-group GROUP --name CLUSTER",
}
"""The command that ends the work on a resource."""


def in_progress(operation: Operation, requeue_after: float | None) -> Progressing:
    """Return the outcome while an operation runs. Its message is constant, so that conditions do not change with each poll.

    `requeue_after` None: the polls begin soon and become rarer.
    """
    verb = operation.kind.split(" ", 1)[0]
    reason = VERBS.get(verb, Reason.UPDATING)
    return Progressing(
        reason=reason,
        message=f"Azure operation in progress: {operation.kind}",
        requeue_after=SOON if requeue_after is None else requeue_after,
        longest_wait=LOOK_AGAIN if requeue_after is None else None,
        operation=operation,
        stall_after=min(max(OVERDUE * operation.expected, SHORTEST_STALL), LONGEST_STALL),
        since=operation.started,
        remedy=_abort(operation.kind),
    )


def listed_busy(operation: Operation) -> Progressing:
    """Return the outcome while the list of the type says that Azure works on the operation's resource. Many platforms wait then, so each
    reads the list the more rarely the longer its operation takes."""
    return replace(in_progress(_progressed({}, operation), LOOK_AGAIN), longest_wait=LONGEST_LOOK)


def working(state: str, message: str, requeue_after: float, kind: str) -> Progressing:
    """Return the outcome while Azure works on a resource without an operation of this platform. `state`: its provisioningState;
    `kind`: the resource, as in an operation's kind. The resource is read the more rarely the longer the work takes."""
    return Progressing(
        reason=AzureCode(state),
        message=message,
        requeue_after=requeue_after,
        longest_wait=LONGEST_LOOK,
        stall_after=LONGEST_STALL,
        remedy=_abort(kind),
    )


def _abort(kind: str) -> str:
    """Return the remedy for work that does not end (https://learn.microsoft.com/azure/aks/manage-abort-operations)."""
    for resource, command in ABORTED_BY.items():
        if resource in kind:
            return f"If it does not finish, abort it with `{command}`. The operator then continues."
    return (
        "`az monitor activity-log list --resource-group GROUP --offset 1d` shows the operation. If it does not finish, open a "
        "support request with Azure."
    )


@dataclass(frozen=True, kw_only=True)
class Poll:
    """The result of a poll: still running, failed, or ended (both None: observe the resource itself)."""

    busy: Progressing | None = None
    failed: Failed | None = None


async def poll(session: AzureSession, operation: Operation, field: str) -> Poll:
    """Poll a recorded operation once.

    An address that Azure no longer knows counts as ended; a poll that the operator's own rate limit delays, or that gets no whole answer,
    counts as running. Raises StepError, whose failure holds the operation, when Azure refuses the poll or its answer is unusable.
    """
    try:
        response = await session.send("GET", operation.url)
    except Queued as queued:
        return Poll(busy=replace(in_progress(operation, queued.progressing.requeue_after), queued=True))
    except ClientAuthenticationError as error:
        raise StepError.of(replace(translate(error, field=field), operation=operation)) from None
    except UnusableAnswer as error:
        raise StepError.of(replace(translate(error, field=field), operation=operation)) from None
    except HttpResponseError as error:
        if error.status_code in (404, 410):
            return Poll()
        if error.status_code in TRANSIENT or is_unreadable(error):
            return Poll(busy=in_progress(operation, next_poll(headers_of(error)) or LOOK_AGAIN))
        failed = replace(translate(error, field=field), correlation_id=operation.correlation_id)
        if error.status_code in REFUSED:
            raise StepError.of(replace(failed, operation=operation)) from None
        return Poll(failed=failed)
    except AzureError:
        return Poll(busy=in_progress(operation, LOOK_AGAIN))
    document = document_of(response)
    status = document.get("status")
    if status is None:
        status = "Succeeded" if response.status_code in (200, 204) else "Progressing"
    ended = ENDS.get(str(status).casefold())
    if ended in ("Failed", "Canceled"):
        answer = document.get("error")
        if not isinstance(answer, Mapping) or not answer:
            answer = {"code": ended, "message": f"{operation.kind} was {ended.lower()}"}
        return Poll(
            failed=replace(failure_of(200, answer, response.headers, field=field), correlation_id=operation.correlation_id)
        )
    if ended:
        return Poll()
    return Poll(busy=in_progress(_progressed(document, operation), next_poll(response.headers)))


def _progressed(document: Mapping[str, Any], operation: Operation) -> Operation:
    """Return the operation with its progress: the one that Azure reports (0 to 100), else an estimate by the usual
    duration; never 100 percent.

    Once Azure reports ten percent, the time spent so far predicts the end better than the usual duration.
    """
    elapsed = max(0.0, (datetime.now(UTC) - operation.started).total_seconds())  # the clock may have been set back
    answer = document.get("percentComplete")
    if isinstance(answer, bool) or not isinstance(answer, int | float) or not 0 <= answer <= 100:
        usual = min(95.0, 100 * elapsed / operation.expected) if operation.expected else 0.0
        return replace(operation, percent=usual)
    if answer < 10:
        return replace(operation, percent=float(answer))
    return replace(operation, percent=float(answer), expected=float(5 * round(20 * elapsed / answer)))
