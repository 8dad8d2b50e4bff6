"""Preflight: what Azure would refuse later, found before anything costs money. Each finding names the field and the remedy."""

from notebook_platform.azure import checks
from notebook_platform.azure.arm.errors import speaking_of
from notebook_platform.azure.arm.inventory import CLUSTERS
from notebook_platform.azure.cluster_body import current_version
from notebook_platform.azure.context import AzureContext
from notebook_platform.azure.versions import satisfies
from notebook_platform.engine import Check, Failed, Inputs, Observed


class Preflight(Check[str]):
    """Looks only while the cluster is not there yet, or runs another version than the spec wants."""

    name = "Preflight"
    needs = ("Credentials", "Providers")
    shares_looks = True

    def __init__(self, context: AzureContext) -> None:
        self._context = context
        self._spec = context.spec

    def desired(self, inputs: Inputs) -> str:
        return self._spec.cluster.kubernetes_version

    async def observe(self, inputs: Inputs) -> Observed[str]:
        running = await self._running_version()
        wanted = self._spec.cluster.kubernetes_version
        if self._context.deleting or (running is not None and satisfies(running, wanted)):
            return Observed(found=wanted)
        chosen = (checks.version,) if running else checks.BEFORE_CREATION
        findings = [finding for check in chosen for finding in await check(self._context) if finding.reason and finding.blocks]
        if not findings:
            return Observed(found=wanted)
        message = "; ".join(finding.sentence for finding in findings)
        remedy = " ".join(dict.fromkeys(finding.remedy for finding in findings))
        return Observed(failed=Failed(reason=findings[0].reason, message=message, remedy=remedy))

    async def _running_version(self) -> str | None:
        async with speaking_of("spec.cluster"):
            found = await self._context.look(CLUSTERS, self._spec.cluster.name, sharp=self.sharp)
        return current_version(found) if found else None
