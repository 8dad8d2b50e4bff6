"""What a check finds."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from notebook_platform.api.reasons import AnyReason
from notebook_platform.azure.scope import AzureScope

SEEN_LASTS = 30.0
"""Seconds for which a cached answer is good enough: a problem that it shows is confirmed by a fresh read before it counts."""


def oldest(context: AzureScope) -> float:
    """How old such a look may be, in seconds."""
    return max(context.max_age, SEEN_LASTS)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at. `reason` is None when it is well; `blocks`: nothing can be made before it is.

    `retry_in`: seconds after which it may have healed by itself; None: only a person or Azure can change it.
    """

    sentence: str
    reason: AnyReason | None = None
    remedy: str = ""
    blocks: bool = True
    retry_in: float | None = None


Check = Callable[[AzureScope, bool], Awaitable[list[Finding]]]
"""Takes what the steps work with, and whether to look at the thing itself instead of at what was seen some minutes ago.
Raises StepError when it cannot look."""
