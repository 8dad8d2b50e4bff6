"""Token buckets that many platforms share fairly. Pure: the caller passes the time, in seconds of a monotonic clock.

A request takes a token. When there is none, the platform gets a grant: tokens of the near future, in the order in which platforms asked,
at most one grant for each platform at a time. So the platforms take turns whatever each of them wants to send, each knows when its turn
comes, and none polls for it. A caller never sleeps: `wait` says when to ask again. Used by `rate_limit`.
"""

from dataclasses import dataclass

GRANT_SECONDS = 120.0
"""Seconds for which a grant is kept for a platform that is late: it may wait for a slot of the operator."""

USE_SECONDS = 5.0
"""Seconds after a use for which the rest of a grant is kept: it is for the requests of one reconcile."""

SWEEP_SECONDS = 1.0
FORGET_SECONDS = 600.0
"""Seconds without a refusal after which a limit that was learned from refusals is forgotten."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """`burst` requests at once, then `rate` a second. `grant`: how many requests of a platform one turn allows."""

    burst: float
    rate: float
    grant: int = 1


@dataclass
class _Grant:
    """Tokens of one platform: usable from `due`, returned at `until`."""

    due: float
    until: float
    left: int


class Bucket:
    """One bucket. `limit` None: no limit is known; the first refusal teaches one."""

    def __init__(self, limit: Limit | None, now: float) -> None:
        self._known = limit
        self._limit = limit
        self._tokens = limit.burst if limit else 0.0
        self._at = now
        self._grants: dict[str, _Grant] = {}
        self._reserved = 0
        self._sweep_at = now
        self._refused_at = now

    @property
    def queued(self) -> int:
        """Return the number of platforms that have a grant."""
        return len(self._grants)

    def level(self, now: float) -> float:
        """Return the tokens that are free; infinite without a limit."""
        self._advance(now)
        return self._tokens if self._limit else float("inf")

    def wait(self, platform: str, now: float) -> float:
        """Return the seconds until the platform may send a request; 0: now. A platform that has to wait gets a grant."""
        self._advance(now)
        if self._limit is None:
            return 0.0
        if grant := self._grants.get(platform):
            return max(0.0, grant.due - now)
        if self._tokens >= 1:
            return 0.0
        size = self._limit.grant
        self._tokens -= size
        self._reserved += size
        due = now - self._tokens / self._limit.rate
        self._grants[platform] = _Grant(due, due + GRANT_SECONDS, size)
        return due - now

    def spend(self, platform: str, now: float) -> None:
        """Take the token of a request that is sent now, after `wait` has returned 0."""
        if self._limit is None:
            return
        grant = self._grants.get(platform)
        if grant is None:
            self._tokens -= 1
            return
        self._reserved -= 1
        grant.left -= 1
        grant.until = now + USE_SECONDS
        if not grant.left:
            del self._grants[platform]

    def correct(self, remaining: float, now: float) -> None:
        """Lower the number of tokens to the whole number that Azure reports; other clients use tokens too."""
        self._advance(now)
        missing = self._tokens + self._reserved - remaining
        if self._limit and missing >= 1:
            self._tokens -= missing
            self._delay(missing / self._limit.rate, now)

    def refuse(self, seconds: float, now: float) -> None:
        """Send nothing for some seconds: Azure has refused a request and asks for this wait.

        Without a known limit, one request in the longest wait that Azure has asked for is the limit.
        """
        self._advance(now)
        self._refused_at = now
        if self._known is None and (self._limit is None or seconds > 1 / self._limit.rate):
            self._limit = Limit(burst=1, rate=1 / seconds)
        assert self._limit is not None
        self.correct(1 - seconds * self._limit.rate, now)

    def is_idle(self, now: float) -> bool:
        """Return whether the bucket is as a new one."""
        self._advance(now)
        return not self._grants and (self._limit is None or (self._limit is self._known and self._tokens >= self._limit.burst))

    def _advance(self, now: float) -> None:
        if self._limit:
            self._tokens = min(self._limit.burst, self._tokens + max(0.0, now - self._at) * self._limit.rate)
        self._at = max(self._at, now)
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_SECONDS
            self._sweep(now)

    def _sweep(self, now: float) -> None:
        """Return the tokens of grants that were not used, so that those behind them come earlier, and forget what is outdated."""
        assert self._limit or not self._grants
        for platform, grant in [(p, g) for p, g in self._grants.items() if g.until < now]:
            del self._grants[platform]
            self._reserved -= grant.left
            self._tokens += grant.left
            if self._limit:
                self._delay(-grant.left / self._limit.rate, now)
        if self._known is None and not self._grants and now - self._refused_at > FORGET_SECONDS:
            self._limit = None

    def _delay(self, seconds: float, now: float) -> None:
        """Move the grants: all of them to later, or those that are not due to earlier."""
        for grant in self._grants.values():
            if seconds > 0 or grant.due > now:
                due = max(now, grant.due) + seconds if seconds > 0 else max(now, grant.due + seconds)
                grant.until += due - grant.due
                grant.due = due
