"""Providers: the resource providers and preview features that the spec's blocks need are Registered in the subscription."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.operations import LONGEST_STALL
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Action, Change, Inputs, Observed, Operation, Outcome, Progressing, Ready, Step

FIRST_POLL, LONGEST_POLL = 0.2, 5.0
"""Seconds: a registration takes some tens of them, sometimes minutes."""

JUST_NOW = 0.1
"""Seconds. The two observations of a reconcile, and platforms that poll at the same time, share an answer of this age."""

REGISTERED = "Registered"
REGISTERED_LASTS = 3.0
"""Intervals for which a registration is not read again: Azure refuses to end that of a provider with resources."""

FEATURE_CAME = "Registered before its features"

FEATURE_SECONDS = 60.0
FEATURES_DOCS = "https://learn.microsoft.com/azure/azure-resource-manager/management/preview-features"
"""Features have no operation in Azure; the one that is remembered says only that their provider is to be registered again."""


def needed(spec: NotebookPlatformSpec) -> tuple[str, ...]:
    """Return the providers that the blocks of the spec use."""
    blocks = {
        "Microsoft.ContainerService": True,
        "Microsoft.Compute": True,
        "Microsoft.Network": True,
        "Microsoft.ManagedIdentity": spec.identity.type != "ServicePrincipal",
        "Microsoft.ContainerRegistry": bool(spec.binderhub and spec.binderhub.registry.azure),
        "microsoft.insights": bool(spec.autoscale or spec.cluster.monitoring or spec.managed_prometheus),
        "Microsoft.Monitor": bool(spec.managed_prometheus),
        "Microsoft.AlertsManagement": bool(spec.managed_prometheus),
    }
    return tuple(namespace for namespace, used in blocks.items() if used)


class Providers(Step[Mapping[str, str], Mapping[str, str], outputs.Providers]):
    """Registers and never unregisters, because other users of the subscription may rely on a registration.

    What is wanted and found are states by name; a feature is named `Namespace/Feature`, a provider by its namespace.
    """

    name = "Providers"
    provides = outputs.Providers
    needs = (outputs.Subscription,)
    cacheable = True
    dispensable = True

    def __init__(self, scope: AzureScope) -> None:
        self._scope = scope

    def desired(self, inputs: Inputs) -> Mapping[str, str]:
        names = [*self._scope.spec.azure.features, *needed(self._scope.spec)]
        return dict.fromkeys(names, REGISTERED)

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Mapping[str, str]]:
        names = list(self.desired(inputs))
        async with azure_errors("spec.azure.features"):
            states = dict(zip(names, await asyncio.gather(*map(self._state, names)), strict=True))
        operation = self._scope.operations.get(self.name)
        if waiting := [name for name, state in states.items() if state == "Registering"]:
            return Observed(found=states, busy=_registering(waiting, operation))
        if operation is not None:
            # The features have come since: a provider serves them only once it is registered again.
            states |= {feature.split("/")[0]: FEATURE_CAME for feature in self._scope.spec.azure.features}
        return Observed(found=states)

    def plan(self, desired: Mapping[str, str] | None, found: Mapping[str, str] | None) -> Sequence[Change]:
        return [
            Change(path=name, action=Action.UPDATE, before=(found or {}).get(name), after=wanted)
            for name, wanted in (desired or {}).items()
            if (found or {}).get(name) != wanted
        ]

    async def apply(
        self, desired: Mapping[str, str] | None, found: Mapping[str, str] | None, changes: Sequence[Change]
    ) -> Outcome:
        names = [change.path for change in changes]
        async with azure_errors("spec.azure.features"):
            states = await asyncio.gather(*map(self._register, names))
        if features := [name for name in names if "/" in name]:
            kind = f"register features {', '.join(features)}"
            operation = Operation(kind=kind, url=FEATURES_DOCS, started=datetime.now(UTC), expected=FEATURE_SECONDS)
            return _registering(names, operation)
        return Ready() if set(states) == {REGISTERED} else _registering(names, None)

    def planned_output(self, desired: Mapping[str, str]) -> outputs.Providers | None:
        return outputs.Providers(names=tuple(desired))

    def estimate_seconds(self, changes: Sequence[Change]) -> float:
        return FEATURE_SECONDS if changes else 0.0

    def output(self, found: Mapping[str, str] | None) -> outputs.Providers | None:
        return outputs.Providers(names=tuple(found or ()))

    async def delete(self, found: Mapping[str, str], inputs: Inputs) -> Outcome:
        return Ready()

    async def _state(self, name: str) -> str:
        """Return the state. A cached one counts while it is the wanted one: only another one leads to a write, which is repeatable."""
        cache, age = self._scope.cache, self._scope.max_age
        state = await cache.cached_call(name, lambda: self._ask(name), max_age=age, fresh=False, times=REGISTERED_LASTS)
        if state != REGISTERED:
            state = await cache.cached_call(name, lambda: self._ask(name), max_age=min(JUST_NOW, age), fresh=False)
        return str(state)

    async def _ask(self, name: str) -> str:
        namespace, _, feature = name.partition("/")
        if feature:
            answer = await self._scope.session.features.features.get(namespace, feature)
            return str(answer.properties.state)
        provider = await self._scope.session.resources.providers.get(namespace)
        return str(provider.registration_state)

    async def _register(self, name: str) -> str:
        """Register a provider or a feature. Returns its state, which is cached in place of an earlier one."""
        return str(await self._scope.cache.cached_call(name, lambda: self._send(name), max_age=0, fresh=True))

    async def _send(self, name: str) -> str:
        namespace, _, feature = name.partition("/")
        if feature:
            return str((await self._scope.session.features.features.register(namespace, feature)).properties.state)
        return str((await self._scope.session.resources.providers.register(namespace)).registration_state)


def _registering(names: Sequence[str], operation: Operation | None) -> Progressing:
    return Progressing(
        reason=Reason.REGISTERING,
        message=f"Azure registers {', '.join(names)}",
        requeue_after=FIRST_POLL,
        longest_wait=LONGEST_POLL,
        operation=operation,
        stall_after=LONGEST_STALL,
        since=operation.started if operation else None,
        remedy=_remedy(names[0]),
    )


def _remedy(name: str) -> str:
    """Return the remedy for a registration that does not end."""
    namespace, _, feature = name.partition("/")
    command = (
        f"az feature show --namespace {namespace} --name {feature}" if feature else f"az provider show --namespace {namespace}"
    )
    return f"If `{command}` shows the same state for hours, open a support request with Azure."
