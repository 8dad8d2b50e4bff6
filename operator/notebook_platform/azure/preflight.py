"""Preflight: what Azure would reject later, found before anything costs money. Each finding names the field and the remedy."""

import asyncio

from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.cache import CLUSTERS
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.checks import BEFORE_CREATION, BEFORE_UPGRADE, Check, Finding
from notebook_platform.azure.cluster_body import current_version
from notebook_platform.azure.scope import AzureScope
from notebook_platform.azure.versions import satisfies
from notebook_platform.engine import Check as CheckStep
from notebook_platform.engine import Failed, Inputs, Observed, StepError


class Preflight(CheckStep[outputs.Preflight]):
    """Checks only while the cluster does not exist, or runs another version than the spec wants."""

    name = "Preflight"
    provides = outputs.Preflight
    needs = (outputs.Subscription, outputs.Providers)
    cacheable = True

    def __init__(self, scope: AzureScope) -> None:
        self._scope = scope
        self._spec = scope.spec

    def desired(self, inputs: Inputs) -> outputs.Preflight:
        return outputs.Preflight(kubernetes_version=self._spec.cluster.kubernetes_version)

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[outputs.Preflight]:
        wanted, passed = self._spec.cluster.kubernetes_version, self.desired(inputs)
        if self._scope.deleting:
            return Observed(found=passed)
        running = await self._running_version(fresh=fresh)
        if running is not None and satisfies(running, wanted):
            return Observed(found=passed)
        checks = BEFORE_UPGRADE if running else BEFORE_CREATION
        found_by_check = await asyncio.gather(*(self._found(check, fresh=fresh) for check in checks))
        findings = [finding for found in found_by_check for finding in found if finding.reason and finding.blocks]
        return Observed(failed=_failed(findings)) if findings else Observed(found=passed)

    async def _found(self, check: Check, *, fresh: bool) -> list[Finding]:
        """Return the findings of a check. One that the principal may not make blocks nothing: the steps will find out."""
        try:
            return await check(self._scope, fresh)
        except StepError as refused:
            if refused.failed.reason == Reason.PERMISSION_MISSING:
                return []
            raise

    async def _running_version(self, *, fresh: bool) -> str | None:
        async with azure_errors("spec.cluster"):
            found = await self._scope.get(CLUSTERS, self._spec.cluster.name, fresh=fresh)
        return current_version(found) if found else None


def _failed(findings: list[Finding]) -> Failed:
    """Return all findings as one failure; it is retried only if each of them may resolve itself."""
    waits = [finding.retry_in for finding in findings if finding.retry_in is not None]
    return Failed(
        reason=findings[0].reason or Reason.UNKNOWN,
        message="; ".join(finding.sentence for finding in findings),
        remedy=" ".join(dict.fromkeys(finding.remedy for finding in findings)),
        retry_in=min(waits) if len(waits) == len(findings) else None,
    )
