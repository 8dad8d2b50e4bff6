"""The result of a check."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from notebook_platform.api.reasons import AnyReason
from notebook_platform.azure.scope import AzureScope

SEEN_LASTS = 30.0
"""Seconds for which a cached answer is good enough: a problem that it shows is confirmed by a fresh read before it counts."""


def oldest(scope: AzureScope) -> float:
    """Return the maximum age of a cached read, in seconds."""
    return max(scope.max_age, SEEN_LASTS)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One result. `reason` is None when it is good; `blocks`: nothing can be created before it is resolved.

    `retry_in`: seconds after which it may have resolved itself; None: only a user or Azure can change it.
    """

    sentence: str
    reason: AnyReason | None = None
    remedy: str = ""
    blocks: bool = True
    retry_in: float | None = None


Check = Callable[[AzureScope, bool], Awaitable[list[Finding]]]
"""Takes the scope of the steps, and whether to read the resource itself instead of a cached answer.
Raises StepError when it cannot be read."""
