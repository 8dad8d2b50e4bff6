"""Preflight: what Azure would reject later, found before anything costs money. Each finding names the field and the remedy."""

from notebook_platform import outputs
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.resource_types import CLUSTERS
from notebook_platform.azure.checks import ALL, BEFORE_CREATION, FIRST
from notebook_platform.azure.checks.finding import failure, run
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Check as CheckStep
from notebook_platform.engine import Inputs, Observed


class Preflight(CheckStep[outputs.Preflight]):
    """Checks only while the cluster does not exist. Its upgrades and new pools are checked where they are planned, so that one that
    Azure would refuse does not hold up the rest (`checks.BEFORE_UPGRADE`, `checks.new_pools`)."""

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
        passed = self.desired(inputs)
        if self._scope.deleting or await self._cluster_exists(fresh=fresh):
            return Observed(found=passed)
        failed = failure(await run(self._scope, [ALL[FIRST]], fresh)) or failure(await run(self._scope, BEFORE_CREATION, fresh))
        return Observed(failed=failed) if failed else Observed(found=passed)

    async def _cluster_exists(self, *, fresh: bool) -> bool:
        async with azure_errors("spec.cluster"):
            return await self._scope.get(CLUSTERS, self._spec.cluster.name, fresh=fresh) is not None
