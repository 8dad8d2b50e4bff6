"""Token buckets that many platforms share fairly. Pure: the caller passes the time, in seconds of a monotonic clock.

A request takes a token. When there is none, the platform gets a grant: tokens of the near future, in the order in which platforms asked,
at most one grant for each platform at a time. With it a platform sends the requests of one reconcile: the grant reserves as many tokens
as that takes as a rule, and further ones delay the grants behind it. So the platforms take turns whatever each of them wants to send,
each knows when its turn comes, and none polls for it. A reconcile begins with the same requests each time, so a turn that is too short for it
would never get further: a platform that has used up its turn gets one of twice the length. A caller never sleeps: `wait` says when to ask
again. Used by `rate_limit`.
"""

from dataclasses import dataclass

GRANT_SECONDS = 120.0
"""Seconds for which a grant is kept for a platform that is late: it may wait for a slot of the operator."""

USE_SECONDS = 5.0
"""Seconds after a use for which the rest of a grant is kept: it is for the requests of one reconcile."""

LONGEST_TURN = 256
"""Requests. A reconcile or a deletion sends far fewer of one kind."""

PAUSE_BELOW = 0.04
"""Part of the burst: when less remains by Azure's count, the bucket pauses until this much is there again."""

SWEEP_SECONDS = 1.0
EASE_SECONDS, FORGET_SECONDS = 60.0, 600.0
"""Seconds without a refusal after which a limit that was learned from refusals allows twice the rate, and after which it is forgotten. A turn
that was used up is forgotten after as long."""


@dataclass(frozen=True, kw_only=True)
class Limit:
    """`burst` requests at once, then `rate` a second. `grant`: the tokens that a turn of a platform reserves; `most`: the requests that
    it allows."""

    burst: float
    rate: float
    grant: int = 1
    most: int = 1


@dataclass
class _Grant:
    """Tokens of one platform: usable from `due`, returned at `until`. `left`: those reserved; `more`: further requests; `most`: all that
    the turn allowed."""

    due: float
    until: float
    left: int
    more: int
    most: int


class Bucket:
    """One bucket. `limit` None: no limit is known; the first refusal teaches one. `kind`: of the requests that it limits."""

    def __init__(self, limit: Limit | None, now: float, kind: str = "") -> None:
        self.kind = kind
        self._known = limit
        self._limit = limit
        self._tokens = limit.burst if limit else 0.0
        self._at = now
        self._grants: dict[str, _Grant] = {}
        self._used_up: dict[str, tuple[float, int]] = {}
        """When a platform last used up a turn, and the number of requests that the turn allowed."""
        self._sweep_at = now
        self._refused_at = self._eased_at = now
        self._paused_until = float("-inf")

    @property
    def queued(self) -> int:
        """Return the number of platforms that have a grant."""
        return len(self._grants)

    def level(self, now: float) -> float:
        """Return the tokens that are free; infinite without a limit."""
        self._advance(now)
        return self.seen(now)

    def seen(self, now: float) -> float:
        """Return the level without a change of the bucket, so that any thread may call it; grants that have ended are not in it yet."""
        limit = self._limit
        return min(limit.burst, self._tokens + max(0.0, now - self._at) * limit.rate) if limit else float("inf")

    def share(self, now: float) -> float:
        """Return the part of the burst that is free, at least 0; 1 without a limit."""
        return max(0.0, self.level(now) / self._limit.burst) if self._limit else 1.0

    def wait(self, platform: str, now: float) -> float:
        """Return the seconds until the platform may send a request; 0: now. A platform that has to wait gets a grant."""
        self._advance(now)
        if self._limit is None:
            return 0.0
        if grant := self._grants.get(platform):
            return max(0.0, grant.due - now)
        if self._tokens >= 1 and now >= self._paused_until:
            return 0.0
        size, most = self._limit.grant, max(self._limit.grant, self._limit.most)
        if platform in self._used_up:
            most = max(most, min(2 * self._used_up[platform][1], LONGEST_TURN))
        self._tokens -= size
        due = max(now, self._paused_until) + max(0.0, -self._tokens / self._limit.rate)
        self._grants[platform] = _Grant(due, due + GRANT_SECONDS, size, most - size, most)
        return due - now

    def remaining(self, platform: str, now: float) -> float:
        """Return the seconds until the grant of a platform is due; 0: it has none, or it is due."""
        self._advance(now)
        grant = self._grants.get(platform)
        return max(0.0, grant.due - now) if grant else 0.0

    def spend(self, platform: str, now: float) -> None:
        """Take the token of a request that is sent now, after `wait` has returned 0."""
        if self._limit is None:
            return
        grant = self._grants.get(platform)
        if grant is None:
            self._tokens -= 1
            return
        grant.until = now + USE_SECONDS
        if grant.left:
            grant.left -= 1
        else:
            grant.more -= 1
            self._tokens -= 1
            self._delay(1 / self._limit.rate, now, behind=grant)
        if not grant.left and not grant.more:
            del self._grants[platform]
            self._used_up[platform] = (now, grant.most)

    def correct(self, remaining: float, now: float) -> None:
        """Lower the free tokens to the number that Azure reports, because other clients use tokens too. Pause when few remain.

        Grants do not count: their tokens are of the future, and Azure's bucket is never fuller than its burst.
        """
        self._advance(now)
        if self._limit is None:
            return
        self._tokens = min(self._tokens, remaining)
        few = PAUSE_BELOW * self._limit.burst
        if remaining < few:
            self._pause((few - remaining) / self._limit.rate, now)

    def refuse(self, seconds: float, now: float) -> None:
        """Send nothing for some seconds: Azure has refused a request and asks for this wait.

        Without a known limit, one request in the wait that Azure asks for is the limit at first.
        """
        self._advance(now)
        self._refused_at, self._eased_at = now, now + seconds
        if self._known is None and (self._limit is None or seconds > 1 / self._limit.rate):
            self._learn(1 / seconds, now)
        self._tokens = min(self._tokens, 0.0)
        self._pause(seconds, now)

    def is_idle(self, now: float) -> bool:
        """Return whether the bucket is as a new one."""
        self._advance(now)
        return not self._grants and (self._limit is None or (self._limit is self._known and self._tokens >= self._limit.burst))

    def _advance(self, now: float) -> None:
        if self._limit:
            self._tokens = self.seen(now)
        self._at = max(self._at, now)
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_SECONDS
            self._sweep(now)

    def _sweep(self, now: float) -> None:
        """Return the tokens of grants that were not used, so that those behind them come earlier, and forget what is outdated."""
        assert self._limit or not self._grants
        for platform, grant in [(p, g) for p, g in self._grants.items() if g.until < now]:
            del self._grants[platform]
            self._tokens += grant.left
            if self._limit:
                self._delay(-grant.left / self._limit.rate, now)
        self._used_up = {p: used for p, used in self._used_up.items() if now - used[0] < FORGET_SECONDS}
        if self._known is None and self._limit:
            self._ease(self._limit, now)

    def _ease(self, learned: Limit, now: float) -> None:
        """Let a learned limit recover, however many platforms wait: one refusal says little about the rate."""
        if now - self._refused_at > FORGET_SECONDS:
            self._limit, self._tokens = None, 0.0
            self._grants.clear()
        elif now - self._eased_at > EASE_SECONDS:
            self._eased_at = now
            self._learn(2 * learned.rate, now)

    def _learn(self, rate: float, now: float) -> None:
        """Set the learned rate, and move the grants that are not due in proportion."""
        factor = self._limit.rate / rate if self._limit else 1.0
        self._limit = Limit(burst=1, rate=rate)
        start = max(now, self._paused_until)
        for grant in self._grants.values():
            if grant.due > start:
                due = start + (grant.due - start) * factor
                grant.until += due - grant.due
                grant.due = due

    def _pause(self, seconds: float, now: float) -> None:
        """Send nothing for some seconds. Pauses that several responses ask for at the same time are one."""
        longer = now + seconds - max(now, self._paused_until)
        if longer > 0:
            self._paused_until = now + seconds
            self._delay(longer, now)

    def _delay(self, seconds: float, now: float, *, behind: _Grant | None = None) -> None:
        """Move the grants: all but `behind` to later, or those that are not due to earlier."""
        for grant in self._grants.values():  # for each request of a platform that has used its turn up: no calls in the loop
            before = grant.due
            if grant is behind or (seconds <= 0 and before <= now):
                continue
            due = (before if before > now else now) + seconds
            if due < now:
                due = now
            grant.until += due - before
            grant.due = due
