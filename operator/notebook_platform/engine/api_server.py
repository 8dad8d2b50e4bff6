"""Classify errors of the management cluster's API server, inside and outside steps. Steps classify those of their workload cluster themselves.

An API server that starts answers 403 until it has read the roles, and one that ends breaks connections, so a retry helps within seconds.
"""

import logging

import aiohttp
from kubernetes.aio.client.exceptions import ApiException, OpenApiException

from notebook_platform.api.reasons import Reason
from notebook_platform.bounded.unanswered import why
from notebook_platform.engine.outcome import Failed

log = logging.getLogger(__name__)

API_RETRY = 5.0
"""Seconds until the first retry; later waits are longer."""

PASSING = frozenset({401, 403, 409, 429, 500, 502, 503, 504})
"""Statuses with which it rejects a request that may be right: rights are missing, another client wrote at the same moment, or it starts, ends
or has too much to do."""


def refused(error: ApiException, label: str) -> Failed:
    """Return the failure that a rejected request means. `label`: what the operator works on, for the log."""
    log.warning("%s: the API server rejected a request: %s %s", label, error.status, error.reason)
    return Failed(
        reason=Reason.API_SERVER_REFUSED,
        message=f"the management cluster's API server rejected a request from the operator with HTTP status {error.status}",
        remedy="The operator retries. If the error persists, compare its rights with its RoleBinding in the namespace: "
        "`kubectl auth can-i --list -n NAMESPACE --as system:serviceaccount:notebook-platform:notebook-platform`.",
        retry_in=API_RETRY,
    )


def unanswered(error: Exception, label: str) -> Failed:
    """Return the failure that a request without an answer means. `label`: what the operator works on, for the log."""
    log.warning("%s: the API server did not answer: %s", label, why(error))
    return Failed(
        reason=Reason.API_SERVER_UNAVAILABLE,
        message=f"the management cluster's API server did not answer a request from the operator: {why(error)}",
        remedy="The operator retries.",
        retry_in=API_RETRY,
    )


def failure_of_request(error: Exception, label: str) -> Failed | None:
    """Return the failure that an exception which a step does not classify means; None: it does not come from a request."""
    if isinstance(error, ApiException):
        return refused(error, label) if error.status in PASSING else None
    return unanswered(error, label) if isinstance(error, aiohttp.ClientError | OpenApiException | ConnectionError) else None
