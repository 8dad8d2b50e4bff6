"""The result of a check."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from notebook_platform.api.reasons import AnyReason, Reason
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Failed, StepError

SEEN_LASTS = 30.0
"""Seconds for which a cached answer is good enough: a problem that it shows is confirmed by a fresh read before it counts."""

LISTS_LAST = 3600.0
"""Seconds for which the regions, and the sizes of a region, are taken to be the same."""


def oldest(scope: AzureScope) -> float:
    """Return the maximum age of a cached read, in seconds."""
    return max(scope.max_age, SEEN_LASTS)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One result. `reason` is None when it is good; `blocks`: nothing can be created before it is resolved.

    `retry_in`: seconds after which it may have resolved itself; None: only a user or Azure can change it. `pool` and `profile`: the item
    of spec.nodePools, or of spec.jupyterhub.singleUser.profiles, that it is about; empty: none, or several.
    """

    sentence: str
    reason: AnyReason | None = None
    remedy: str = ""
    blocks: bool = True
    retry_in: float | None = None
    pool: str = ""
    profile: str = ""

    @classmethod
    def of(cls, failed: Failed, *, blocks: bool = True) -> "Finding":
        """Return a failure as a finding."""
        return cls(sentence=failed.message.rstrip(". "), reason=failed.reason, remedy=failed.remedy, blocks=blocks)


Check = Callable[[AzureScope, bool], Awaitable[list[Finding]]]
"""Takes the scope of the steps, and whether to read the resource itself instead of a cached answer.
Raises StepError when it cannot be read."""


def failure(findings: Iterable[Finding]) -> Failed | None:
    """Return the blocking findings as one failure, retried only if each of them may resolve itself; None: nothing blocks. Pure."""
    blocking = [finding for finding in findings if finding.reason and finding.blocks]
    if not blocking:
        return None
    waits = [finding.retry_in for finding in blocking if finding.retry_in is not None]
    return Failed(
        reason=blocking[0].reason or Reason.UNKNOWN,
        message="; ".join(finding.sentence for finding in blocking),
        remedy=" ".join(dict.fromkeys(finding.remedy for finding in blocking)),
        retry_in=min(waits) if len(waits) == len(blocking) else None,
    )


async def run(scope: AzureScope, checks: Iterable[Check], fresh: bool) -> list[Finding]:
    """Return the findings of checks that run side by side. One that the principal may not make blocks nothing: the steps will find
    out. Raises StepError for one that cannot be made for another reason."""

    async def findings(check: Check) -> list[Finding]:
        try:
            return await check(scope, fresh)
        except StepError as refused:
            if refused.failed.reason == Reason.PERMISSION_MISSING:
                return []
            raise

    return [finding for found in await asyncio.gather(*map(findings, checks)) for finding in found]
