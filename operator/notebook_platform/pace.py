"""Limit the rate of one platform's reconciles, whatever its author does.

A token bucket holds `burst` tokens and gains `per_minute` tokens a minute; each reconcile takes one. Changes of the spec, of
annotations and of the Secrets and ConfigMaps that the spec names trigger reconciles, and an author can make any number of
them: without a limit one author could exhaust the event loop and the request budgets of the API server and of Azure for all
platforms. Used by the reconciler.
"""

from dataclasses import dataclass

from notebook_platform.api.manual import SITE


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the operator's configuration sets for each platform: limits (`least_interval` and `rest_after` are in seconds), and the address of
    the manual. During a wait of `rest_after` or longer a platform has no task, and keeps in memory only what it cannot read again, packed."""

    least_interval: float = 30.0
    per_minute: float = 20.0
    burst: int = 60
    rest_after: float = 60.0
    docs_url: str = SITE


class Pace:
    """A token bucket. Times are seconds of a monotonic clock, read by the caller."""

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._tokens = float(limits.burst)
        self._counted = now

    def take(self, now: float) -> float:
        """Take one token. Returns the seconds to wait until the reconcile may begin; 0 when a token was available."""
        rate = self._limits.per_minute / 60
        self._tokens = min(float(self._limits.burst), self._tokens + max(0.0, now - self._counted) * rate)
        self._counted = max(now, self._counted)
        self._tokens -= 1
        return 0.0 if self._tokens >= 0 else -self._tokens / rate
