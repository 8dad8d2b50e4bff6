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

LOOK_AGAIN = 2.0
"""Seconds; a registration takes some tens of them."""

REGISTERED = "Registered"
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

    def __init__(self, scope: AzureScope) -> None:
        self._scope = scope

    def desired(self, inputs: Inputs) -> Mapping[str, str]:
        names = [*self._scope.spec.azure.features, *needed(self._scope.spec)]
        return dict.fromkeys(names, REGISTERED)

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Mapping[str, str]]:
        names = list(self.desired(inputs))
        async with azure_errors("spec.azure.features"):
            states = dict(zip(names, await asyncio.gather(*(self._state(name, fresh=fresh) for name in names)), strict=True))
        marker = self._scope.operations.get(self.name)
        if waiting := [name for name, state in states.items() if state == "Registering"]:
            return Observed(found=states, busy=_registering(waiting, marker))
        if marker is not None:
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
        features = [name for name in names if "/" in name]
        async with azure_errors("spec.azure.features"):
            if features:
                await asyncio.gather(*map(self._register_feature, features))
                kind = f"register features {', '.join(features)}"
                marker = Operation(kind=kind, url=FEATURES_DOCS, started=datetime.now(UTC), expected=FEATURE_SECONDS)
                return _registering(features, marker)
            await asyncio.gather(*map(self._register, names))
        return _registering(names, None)

    def planned_output(self, desired: Mapping[str, str]) -> outputs.Providers | None:
        return outputs.Providers(names=tuple(desired))

    def estimate_seconds(self, changes: Sequence[Change]) -> float:
        return FEATURE_SECONDS if changes else 0.0

    def output(self, found: Mapping[str, str] | None) -> outputs.Providers | None:
        return outputs.Providers(names=tuple(found or ()))

    async def delete(self, found: Mapping[str, str], inputs: Inputs) -> Outcome:
        return Ready()

    async def _state(self, name: str, *, fresh: bool) -> str:
        """Return the state. A recently cached one counts while it is the wanted one."""
        cache, age = self._scope.cache, self._scope.max_age
        body = await cache.cached_call(name, lambda: self._ask(name), max_age=age, fresh=fresh)
        if body != REGISTERED and not fresh:
            body = await cache.cached_call(name, lambda: self._ask(name), max_age=age, fresh=True)
        return str(body)

    async def _ask(self, name: str) -> str:
        namespace, _, feature = name.partition("/")
        if feature:
            answer = await self._scope.session.features.features.get(namespace, feature)
            return str(answer.properties.state)
        provider = await self._scope.session.resources.providers.get(namespace)
        return str(provider.registration_state)

    async def _register_feature(self, name: str) -> None:
        namespace, _, feature = name.partition("/")
        await self._scope.session.features.features.register(namespace, feature)

    async def _register(self, namespace: str) -> None:
        await self._scope.session.resources.providers.register(namespace)


def _registering(names: Sequence[str], marker: Operation | None) -> Progressing:
    return Progressing(
        reason=Reason.REGISTERING,
        message=f"Azure registers {', '.join(names)}",
        requeue_after=LOOK_AGAIN,
        operation=marker,
        stall_after=LONGEST_STALL,
        since=marker.started if marker else None,
        remedy="If it does not finish, contact Azure support.",
    )
