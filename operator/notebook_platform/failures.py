"""Turn an exception that ended a whole reconcile, outside any step, into a `Failed`, so that a condition can report it."""

import hashlib
import logging
import traceback

import aiohttp
from kubernetes.aio.client.exceptions import ApiException, OpenApiException

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.api_server import refused, unanswered
from notebook_platform.engine.outcome import REPORT, Failed, StepError

log = logging.getLogger(__name__)

UNFORESEEN_RETRY = 30.0
"""Seconds until the first retry; later waits are longer."""


def failure_of_reconcile(error: Exception, label: str) -> Failed:
    """Return the failure that an exception means. The text of an unknown exception is left out: it could hold secrets."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, StepError):
        return error.failed
    if isinstance(error, ApiException):
        return refused(error, label)
    if isinstance(error, OSError | aiohttp.ClientError | OpenApiException):
        return unanswered(error, label)
    incident = incident_of(error)
    log.error("%s: a reconcile failed with an unknown error (incident %s)", label, incident, exc_info=error)
    return Failed(
        reason=Reason.INTERNAL_ERROR,
        message=f"the reconcile failed with an unknown error ({type(error).__name__}, incident {incident})",
        remedy=REPORT,
        retry_in=UNFORESEEN_RETRY,
    )


def incident_of(error: BaseException) -> str:
    """Return an id of the place an exception came from. It is the same for each retry, so that status and Events do not
    change with it."""
    frames = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    return hashlib.sha256("|".join([type(error).__name__, *frames]).encode()).hexdigest()[:8]
