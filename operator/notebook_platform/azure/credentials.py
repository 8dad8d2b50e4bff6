"""Credentials: a token is issued, and the subscription is visible and Enabled."""

from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Check, Failed, Inputs, Observed

USABLE = frozenset({"Enabled", "Warned"})
"""States in which a subscription takes writes
(https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states)."""


class Credentials(Check[outputs.Subscription]):
    """Creates nothing; every other step needs it."""

    name = "Credentials"
    provides = outputs.Subscription
    cacheable = True

    def __init__(self, scope: AzureScope) -> None:
        self._scope = scope

    def desired(self, inputs: Inputs) -> outputs.Subscription:
        return outputs.Subscription(id=self._scope.spec.azure.subscription_id)

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[outputs.Subscription]:
        wanted, cache = self._scope.spec.azure.subscription_id, self._scope.cache
        async with azure_errors("spec.azure.subscriptionId"):
            state = await cache.cached_call("subscription", self._state, max_age=self._scope.max_age, fresh=fresh)
        if state in USABLE:
            return Observed(found=outputs.Subscription(id=wanted))
        message = f"spec.azure.subscriptionId: the subscription {wanted} is {state}, so Azure refuses every write"
        remedy = "Enable the subscription again (billing). The operator checks again at every interval."
        return Observed(failed=Failed(reason=Reason.SUBSCRIPTION_DISABLED, message=message, remedy=remedy))

    async def _state(self) -> str:
        wanted = self._scope.spec.azure.subscription_id
        subscription = await self._scope.session.subscriptions.subscriptions.get(wanted)
        return str(getattr(subscription.state, "value", subscription.state))
