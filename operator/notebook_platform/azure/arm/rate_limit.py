"""Limit the operator's request rate, so that Azure's own limits are never reached.

Each request takes a token from the bucket of its kind: Resource Manager counts reads, writes and deletions of a principal in a
subscription, Microsoft Graph those of an application, AKS the calls for each kind of resource. What Azure reports corrects the buckets:
the remaining number in its responses, and the wait that a refusal asks for. A request without a token is not sent; its step ends as
queued, and the reconcile begins again when the token is there (docs/decisions/0017-work-queue.md).

https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
https://learn.microsoft.com/azure/aks/quotas-skus-regions
https://learn.microsoft.com/graph/throttling-limits
https://learn.microsoft.com/troubleshoot/azure/virtual-machines/linux/troubleshooting-throttling-errors
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy

from notebook_platform.azure.arm.retry_after import LONGEST, retry_after
from notebook_platform.azure.arm.token_bucket import Bucket, Limit
from notebook_platform.engine.outcome import Queued
from notebook_platform.observability.context import PLATFORM
from notebook_platform.observability.metrics import TOKENS_LEFT

METHODS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}
RESOURCE_MANAGER = {
    "reads": Limit(burst=250, rate=25, grant=4, most=20),
    "writes": Limit(burst=200, rate=10, grant=1, most=4),
    "deletes": Limit(burst=200, rate=10, grant=1, most=4),
}
GRAPH = {
    "reads": Limit(burst=300, rate=40, grant=4, most=20),
    "writes": Limit(burst=600, rate=16, grant=1, most=4),
    "deletes": Limit(burst=600, rate=16, grant=1, most=4),
}
"""Graph counts 3,500 units in 10 seconds, up to five for a read, and 3,000 writes in 150 seconds."""

OF_GRAPH = "graph "
"""How the kinds of Microsoft Graph's buckets begin."""

SHORTEST_WAIT, LONGEST_WAIT = 0.5, 60.0
"""Seconds after which a platform asks again for its turn at the earliest, because a reconcile costs more than a request, and at the latest,
because its turn may come earlier than it expects."""

UNKNOWN_WAIT = 5.0
"""Seconds without a request after a refusal that names no wait."""

MANY_BUCKETS = 1024
TOO_MANY = 429


@dataclass(frozen=True)
class Provider:
    """A limit of a resource provider for requests whose path matches. The groups of `path` tell buckets apart."""

    kind: str
    methods: str
    path: re.Pattern[str]
    limit: Limit | None


_AKS = r"/providers/microsoft\.containerservice"
_CLUSTER = rf"(/subscriptions/[^/]+/resourcegroups/[^/]+{_AKS}/managedclusters/[^/]+"
PROVIDERS = (
    Provider("AKS operations", "GET", re.compile(rf"{_AKS}/locations/[^/]+/operation(?:s|results)/"), Limit(burst=200, rate=2)),
    Provider("cluster writes", "PUT", re.compile(rf"{_CLUSTER})$"), Limit(burst=20, rate=1 / 60)),
    Provider("pool writes", "PUT", re.compile(rf"{_CLUSTER}/agentpools/[^/]+)$"), Limit(burst=20, rate=1 / 60)),
    Provider("cluster reads", "GET", re.compile(rf"{_CLUSTER})$"), Limit(burst=60, rate=1, grant=1, most=5)),
    Provider(
        "cluster lists",
        "GET",
        re.compile(rf"^/subscriptions/[^/]+{_AKS}/managedclusters$"),
        Limit(burst=500, rate=1, grant=1, most=5),
    ),
    Provider("other AKS calls", "GET POST PUT DELETE", re.compile(_AKS), Limit(burst=60, rate=1, grant=1, most=5)),
    Provider("scale sets", "GET", re.compile(r"/providers/microsoft\.compute/"), None),
)
"""The first match counts. Compute reports its limits in its responses."""

COMPUTE = re.compile(r"([A-Za-z]+)(\d{1,4})Min;(\d{1,6})$")
"""A limit of Compute and what remains of it: `Microsoft.Compute/GetVMScaleSet3Min;197`."""

SPREAD_BELOW = 20
"""Requests that remain in a window of Compute from which on they are spread over the window."""


class Buckets:
    """The buckets of all principals and subscriptions.

    `documented`: the limits that Azure documents for its resource providers apply; a custom cloud has limits of its own, which are
    learned from refusals.
    """

    def __init__(self, *, documented: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._documented = documented
        self._buckets: dict[str, dict[tuple[str, ...], Bucket]] = {}
        """By kind, and then by scope."""
        self._waiting: dict[str, dict[tuple[Bucket, ...], float]] = {}
        """By platform: when it last asked for a token of these buckets."""
        self._prune_at = MANY_BUCKETS
        for kind in (*RESOURCE_MANAGER, *(f"{OF_GRAPH}{kind}" for kind in GRAPH), *(p.kind for p in PROVIDERS)):
            TOKENS_LEFT.labels(kind=kind).set_function(partial(self.fewest, kind))

    def of(self, kind: str, limit: Limit | None, *scope: str) -> Bucket:
        """Return the bucket of a kind of request in a scope, such as a subscription and a principal."""
        found = self._buckets.get(kind, {}).get(scope)
        if found is None:
            self._prune()
            found = self._buckets.setdefault(kind, {})[scope] = Bucket(limit, self.clock(), kind)
        return found

    @property
    def count(self) -> int:
        """Return the number of buckets."""
        return sum(map(len, self._buckets.values()))

    def provider(self, method: str, path: str, subscription_id: str) -> Bucket | None:
        """Return the bucket of the resource provider that a request of Resource Manager goes to; None: it is not known to have one."""
        path = path.lower()
        for one in PROVIDERS:
            if method in one.methods.split() and (found := one.path.search(path)):
                if not self._documented:
                    return self.of(one.kind, None, subscription_id)
                return self.of(one.kind, one.limit, subscription_id, *found.groups())
        return None

    def of_resource_manager(self, method: str, path: str, subscription_id: str, principal: str) -> list[Bucket]:
        """Return the buckets of a request: that of the principal in the subscription, then that of the resource provider if it has one."""
        kind = METHODS.get(method, "writes")
        general = self.of(kind, RESOURCE_MANAGER[kind], subscription_id, principal)
        provider = self.provider(method, path, subscription_id)
        return [general, provider] if provider else [general]

    def share_left(self, method: str, path: str, subscription_id: str, principal: str) -> float:
        """Return the part that is left of the limits that a request counts in, the smallest: 0 to 1."""
        now = self.clock()
        return min(bucket.share(now) for bucket in self.of_resource_manager(method, path, subscription_id, principal))

    def take(self, platform: str, buckets: Sequence[Bucket]) -> float:
        """Take the token of a request from its buckets. Returns 0, or the seconds after which the platform asks again, from SHORTEST_WAIT to
        LONGEST_WAIT: then none is taken."""
        now = self.clock()
        if (wait := max(bucket.wait(platform, now) for bucket in buckets)) > 0:
            self._waiting.setdefault(platform, {})[tuple(buckets)] = now
            return min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)
        for bucket in buckets:
            bucket.spend(platform, now)
        return 0.0

    def slowest(self, platform: str, buckets: Sequence[Bucket]) -> Bucket:
        """Return the bucket whose token a platform waits for longest."""
        now = self.clock()
        return max(buckets, key=lambda bucket: bucket.remaining(platform, now))

    def turn_of(self, platform: str) -> float:
        """Return the seconds until a platform may send one of the requests that it could not send; 0: now, or none is known.

        Its turn may come later than the time it was given: platforms before it send more requests than their turns reserve. It may come
        earlier, so at most LONGEST_WAIT is returned.
        """
        now = self.clock()
        waits = [
            max(asked + SHORTEST_WAIT - now, *(bucket.remaining(platform, now) for bucket in buckets))
            for buckets, asked in self._waiting.get(platform, {}).items()
        ]
        if (wait := min(waits, default=0.0)) <= 0:
            self._waiting.pop(platform, None)
        return min(max(wait, 0.0), LONGEST_WAIT)

    def forget(self, platform: str) -> None:
        """Forget what a platform waits for."""
        self._waiting.pop(platform, None)

    def fewest(self, kind: str) -> float:
        """Return the smallest number of tokens in the buckets of a kind; infinite when it has none. The thread that serves metrics calls it,
        while requests add buckets."""
        now = self.clock()
        return min((bucket.seen(now) for bucket in list(self._buckets.get(kind, {}).values())), default=float("inf"))

    def _prune(self) -> None:
        """Drop buckets that are as new, when their number has doubled."""
        if self.count < self._prune_at:
            return
        now = self.clock()
        self._buckets = {
            kind: {scope: bucket for scope, bucket in found.items() if not bucket.is_idle(now)}
            for kind, found in self._buckets.items()
        }
        self._prune_at = max(MANY_BUCKETS, 2 * self.count)


class ThrottlePolicy(SansIOHTTPPolicy[Any, Any]):
    """Ends a step as queued whose request has no token (`Queued`), and learns from responses.

    `graph`: the requests go to Microsoft Graph, whose limits no subscription has a part in.
    """

    def __init__(self, buckets: Buckets, subscription_id: str, principal: str, *, graph: bool = False) -> None:
        self._buckets = buckets
        self._subscription_id = subscription_id
        self._principal = principal
        self._graph = graph

    def on_request(self, request: PipelineRequest[Any]) -> None:
        platform = PLATFORM.get()
        name = platform.label if platform else ""
        buckets = self._of(request)
        if wait := self._buckets.take(name, buckets):
            empty = self._buckets.slowest(name, buckets)
            raise Queued(f"Waiting for a token: the rate limit of {_in_words(empty.kind)} is used up", wait)

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        general, *specific = self._of(request)
        headers, now = response.http_response.headers, self._buckets.clock()
        kind = METHODS.get(request.http_request.method, "writes")
        remaining = headers.get(f"x-ms-ratelimit-remaining-subscription-{kind}") or ""
        if remaining.isdecimal() and len(remaining) < 10:
            general.correct(float(remaining), now)
        if response.http_response.status_code == TOO_MANY:
            by_provider = headers.get("x-ms-failure-cause") != "gateway"
            for bucket in specific if specific and by_provider else [general]:
                bucket.refuse(retry_after(headers) or UNKNOWN_WAIT, now)
            return
        for bucket in specific:
            if spread := max(_spread(headers.get("x-ms-ratelimit-remaining-resource") or ""), default=0.0):
                bucket.refuse(spread, now)

    def _of(self, request: PipelineRequest[Any]) -> list[Bucket]:
        """Return the buckets of a request: that of Resource Manager or Graph, then that of the resource provider."""
        method, url = request.http_request.method, request.http_request.url
        if self._graph:
            kind = METHODS.get(method, "writes")
            return [self._buckets.of(f"{OF_GRAPH}{kind}", GRAPH[kind], self._principal)]
        return self._buckets.of_resource_manager(method, urlsplit(url).path, self._subscription_id, self._principal)


def _in_words(kind: str) -> str:
    """Return a kind of request as a sentence names it."""
    if kind.startswith(OF_GRAPH):
        return f"Microsoft Graph's {kind.removeprefix(OF_GRAPH)}"
    return f"{kind} in the subscription" if kind in RESOURCE_MANAGER else kind


def _spread(remaining: str) -> Iterator[float]:
    """Yield the seconds between two requests that each limit of Compute leaves, where little remains of it."""
    for part in remaining[:1000].split(","):
        if (found := COMPUTE.search(part.strip())) and int(found[3]) < SPREAD_BELOW:
            yield min(60.0 * int(found[2]) / (int(found[3]) + 1), LONGEST)
