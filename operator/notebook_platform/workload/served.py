"""Read which version of Kubernetes the API of a workload cluster serves."""

import re

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.bounded.documents import Budget, DocumentRefused, parse_json
from notebook_platform.workload.client import TIMEOUT_SECONDS

BUDGET = Budget(bytes=16 * 1024, nodes=100, depth=4)
NUMBER = re.compile(r"(\d{1,4})\+?")
"""A part of the version; a vendor may append a plus sign (https://kubernetes.io/docs/reference/kubernetes-api/definitions/)."""


async def served_version(api: client.ApiClient) -> tuple[int, int]:
    """Return (major, minor). Raises ApiException for a refusal, and DocumentRefused for an answer that is no version."""
    response = await client.VersionApi(api).get_code_without_preload_content(_request_timeout=TIMEOUT_SECONDS)
    body = await response.read()
    if response.status != 200:
        raise ApiException(status=response.status, reason=response.reason)
    answer = parse_json(body, BUDGET)
    parts = [answer.get(name) if isinstance(answer, dict) else None for name in ("major", "minor")]
    numbers = [NUMBER.fullmatch(part) if isinstance(part, str) else None for part in parts]
    if not all(numbers):
        raise DocumentRefused("it is not a version of Kubernetes")
    major, minor = (int(number[1]) for number in numbers if number)
    return major, minor
