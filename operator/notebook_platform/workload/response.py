"""Read the response to one request to a cluster's API as bytes, or as JSON within a budget, not as the client's models."""

from typing import Any

from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.bounded.documents import Budget, read_json


async def body_of(response: Any) -> bytes:
    """Return the body of a response. Raises ApiException for a refusal."""
    if response.status != 200:
        raise ApiException(status=response.status, reason=response.reason)
    body: bytes = await response.read()
    return body


async def json_of(response: Any, budget: Budget) -> Any:
    """Return the JSON of a response of a `..._without_preload_content` method; the client bounds its bytes (`workload/client.py`).

    Raises ApiException for a refusal, and DocumentRefused for a body that is no JSON or exceeds the budget.
    """
    return await read_json(await body_of(response), budget)
