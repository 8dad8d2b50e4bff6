"""Classify errors of the workload cluster's API. It is reached over the Internet and is upgraded while it is used: most
errors are transient."""

import re

import aiohttp
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api.reasons import Reason
from notebook_platform.bounded.documents import DocumentRefused
from notebook_platform.bounded.http import AnswerTooLarge
from notebook_platform.bounded.unanswered import why
from notebook_platform.engine.outcome import Failed

PASSING = frozenset({409, 429, 500, 502, 503, 504})
"""Another client wrote at the same moment, or the server is busy or restarting."""

TERMINATING = re.compile(r"unable to create new content in namespace ([a-z0-9-]{1,63}) because it is being terminated")
"""What the API server answers to a creation in a namespace that is being deleted."""


def failure(error: Exception, field: str) -> Failed | None:
    """Return the failure that an exception means for the part of the spec `field`; None for an unknown one."""
    if isinstance(error, ApiException):
        status = int(error.status or 0)
        if status == 403 and (found := TERMINATING.search(str(error.body))):
            return Failed(
                reason=Reason.DELETING,
                message=f"{field}: namespace {found[1]} is being deleted",
                remedy="The operator continues when it is gone. If it stays, its conditions name what holds it: "
                f"`kubectl --kubeconfig workload.kubeconfig get namespace {found[1]} -o yaml`.",
                retry_in=5,
            )
        if status in (401, 403):
            return Failed(
                reason=Reason.CLUSTER_FORBIDS,
                message=f"{field}: the cluster's API refuses a request of the operator ({status} {error.reason})",
                remedy="Give the identity of the kubeconfig the rights of a cluster administrator. The operator retries.",
                retry_in=60,
            )
        if status in PASSING:
            return Failed(
                reason=Reason.CLUSTER_BUSY,
                message=f"{field}: the cluster's API answered {status} {error.reason}",
                remedy="The operator retries.",
                retry_in=5,
            )
        return None
    if isinstance(error, DocumentRefused | AnswerTooLarge):
        return Failed(
            reason=Reason.CLUSTER_ANSWER_REFUSED,
            message=f"{field}: an answer of the cluster's API is refused: {error}",
            remedy="Reduce the number or the size of these objects.",
            retry_in=60,
        )
    if isinstance(error, aiohttp.ClientError | OSError) and not isinstance(error, TimeoutError):
        return Failed(
            reason=Reason.CLUSTER_UNREACHABLE,
            message=f"{field}: the cluster's API did not answer: {why(error)}",
            remedy="The operator retries.",
            retry_in=10,
        )
    return None
