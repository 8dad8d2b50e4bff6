"""What errors of the built cluster's API mean. It is reached over the Internet and is upgraded under us: most pass by themselves."""

import aiohttp
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.bounded.documents import DocumentRefused
from notebook_platform.bounded.http import AnswerTooLarge
from notebook_platform.engine.outcome import Failed

PASSING = frozenset({409, 429, 500, 502, 503, 504})
"""Somebody wrote at the same moment, or the server is busy or restarts."""


def failure(error: Exception, field: str) -> Failed | None:
    """The failure that an exception means for the part of the spec `field`; None for one that is not known."""
    if isinstance(error, ApiException):
        status = int(error.status or 0)
        if status in (401, 403):
            return Failed(
                reason="ClusterForbids",
                message=f"{field}: the cluster's API does not let the operator do what is needed ({status} {error.reason})",
                remedy="Whoever the kubeconfig belongs to needs the rights of a cluster administrator; it is tried again.",
                retry_in=60,
            )
        if status in PASSING:
            return Failed(
                reason="ClusterBusy",
                message=f"{field}: the cluster's API answered {status} {error.reason}",
                remedy="It is tried again.",
                retry_in=5,
            )
        return None
    if isinstance(error, DocumentRefused | AnswerTooLarge):
        return Failed(
            reason="ClusterAnswerRefused",
            message=f"{field}: an answer of the cluster's API is not read: {error}",
            remedy="See what lies there in such numbers or of such a size.",
            retry_in=60,
        )
    if isinstance(error, aiohttp.ClientError | OSError) and not isinstance(error, TimeoutError):
        return Failed(
            reason="ClusterUnreachable",
            message=f"{field}: the cluster's API did not answer ({type(error).__name__})",
            remedy="It is tried again.",
            retry_in=10,
        )
    return None
