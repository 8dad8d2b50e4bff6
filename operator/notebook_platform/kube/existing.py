"""Read an object of Kubernetes that may not exist."""

from collections.abc import Awaitable
from typing import TypeVar

from kubernetes.aio.client.exceptions import ApiException

Answer = TypeVar("Answer")


async def existing(request: Awaitable[Answer]) -> Answer | None:
    """Return the answer to a request for an object; None when the API server answers 404. Raises ApiException for other errors."""
    try:
        return await request
    except ApiException as error:
        if error.status == 404:
            return None
        raise
