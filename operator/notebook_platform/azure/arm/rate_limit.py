"""Limit the operator's request rate with token buckets, so that Azure's own never run dry.

There is one for each subscription and kind of request, corrected by the remaining number in Azure's responses
(https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import StepError


@dataclass(frozen=True)
class Limit:
    """`burst` requests at once, then `rate` a second."""

    burst: float
    rate: float


LIMITS = {"reads": Limit(250, 25), "writes": Limit(200, 10), "deletes": Limit(200, 10)}
KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


class Bucket:
    """A token bucket."""

    def __init__(self, limit: Limit, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._tokens = limit.burst
        self._at = clock()

    def take(self) -> float:
        """Take a token. Returns the seconds until there is one; 0: it was taken."""
        self._refill()
        if self._tokens < 1:
            return (1 - self._tokens) / self._limit.rate
        self._tokens -= 1
        return 0.0

    def correct(self, remaining: float) -> None:
        """Lower the number of tokens to the one that Azure reports."""
        self._refill()
        self._tokens = min(self._tokens, remaining)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._limit.burst, self._tokens + (now - self._at) * self._limit.rate)
        self._at = now


class Buckets:
    """The buckets of all subscriptions."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def of(self, subscription_id: str, kind: str) -> Bucket:
        """Return the bucket of a subscription for a kind of request."""
        key = (subscription_id, kind)
        if key not in self._buckets:
            self._buckets[key] = Bucket(LIMITS[kind])
        return self._buckets[key]


class ThrottlePolicy(SansIOHTTPPolicy[Any, Any]):
    """Refuses a request whose bucket is empty: the step is retried when there is a token."""

    def __init__(self, buckets: Buckets, subscription_id: str) -> None:
        self._buckets = buckets
        self._subscription_id = subscription_id

    def _kind(self, request: PipelineRequest[Any]) -> str:
        return KINDS.get(request.http_request.method, "writes")

    def on_request(self, request: PipelineRequest[Any]) -> None:
        wait = self._buckets.of(self._subscription_id, self._kind(request)).take()
        if wait:
            raise StepError(
                Reason.THROTTLED,
                f"the operator has used up its rate limit of {self._kind(request)} on subscription {self._subscription_id}",
                "The operator retries.",
                retry_in=max(wait, 1.0),
            )

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        kind = self._kind(request)
        remaining = response.http_response.headers.get(f"x-ms-ratelimit-remaining-subscription-{kind}")
        if remaining and remaining.isdigit():
            self._buckets.of(self._subscription_id, kind).correct(float(remaining))
