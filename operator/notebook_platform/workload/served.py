"""Read which version of Kubernetes the API of a workload cluster serves."""

import re

from kubernetes.aio import client

from notebook_platform.bounded.documents import Budget, DocumentRefused
from notebook_platform.workload.client import TIMEOUT_SECONDS
from notebook_platform.workload.response import json_of

BUDGET = Budget(bytes=16 * 1024, nodes=100, depth=4)
NUMBER = re.compile(r"(\d{1,4})\+?")
"""A part of the version; a vendor may append a plus sign (https://kubernetes.io/docs/reference/kubernetes-api/definitions/)."""


async def served_version(api: client.ApiClient) -> tuple[int, int]:
    """Return (major, minor). Raises ApiException for a refusal, and DocumentRefused for an answer that is no version."""
    response = await client.VersionApi(api).get_code_without_preload_content(_request_timeout=TIMEOUT_SECONDS)
    answer = await json_of(response, BUDGET)
    parts = [answer.get(name) if isinstance(answer, dict) else None for name in ("major", "minor")]
    numbers = [NUMBER.fullmatch(part) if isinstance(part, str) else None for part in parts]
    if not all(numbers):
        raise DocumentRefused("it is not a version of Kubernetes")
    major, minor = (int(number[1]) for number in numbers if number)
    return major, minor
