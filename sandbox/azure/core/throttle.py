"""Throttling as Resource Manager does it: a token bucket for each caller and kind of call, refilled by simulated time.

https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

from dataclasses import dataclass
from datetime import datetime

from sandbox.azure.core.clock import Clock
from sandbox.azure.core.errors import ArmError

LIMITS = {"reads": (250.0, 25.0), "writes": (200.0, 10.0), "deletes": (200.0, 10.0)}
KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


@dataclass
class _Bucket:
    tokens: float
    at: datetime


class Throttle:
    """All buckets."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def take(self, caller: str, method: str) -> dict[str, str]:
        """Take a token. Returns the header that tells how many are left; raises ArmError 429 when there is none."""
        kind = KINDS.get(method, "writes")
        burst, rate = LIMITS[kind]
        now = self._clock.now()
        bucket = self._buckets.setdefault((caller, kind), _Bucket(burst, now))
        bucket.tokens = min(burst, bucket.tokens + (now - bucket.at).total_seconds() * rate)
        bucket.at = now
        if bucket.tokens < 1:
            wait = max(1, round((1 - bucket.tokens) / rate))
            message = f"Number of {kind} for subscription exceeded. Please try again after '{wait}' seconds."
            headers = {"Retry-After": str(wait), "x-ms-failure-cause": "gateway"}
            raise ArmError(429, "SubscriptionRequestsThrottled", message, headers=headers)
        bucket.tokens -= 1
        return {f"x-ms-ratelimit-remaining-subscription-{kind}": str(int(bucket.tokens))}
