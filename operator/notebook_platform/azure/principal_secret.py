"""PrincipalSecret: the cluster uses the current secret of its service principal, and secrets it no longer uses are removed.

A new secret reaches the cluster by resetServicePrincipalProfile, which rolls every node
(https://learn.microsoft.com/azure/aks/update-credentials); until that is over both secrets are valid.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from notebook_platform import outputs
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.credentials import guid_of
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.operations import begin_lro
from notebook_platform.azure.arm.paths import guid
from notebook_platform.azure.arm.resource_types import CLUSTERS
from notebook_platform.azure.scope import AzureScope
from notebook_platform.engine import Action, Change, Inputs, Observed, Outcome, Progressing, Ready, Step, StepError
from notebook_platform.engine.change import Scheduled
from notebook_platform.kube.validated import GUID, MOMENT, SHORT_WORD, WORD, select

FIELD = "spec.identity.servicePrincipal"
PRINCIPAL = {"clientId": GUID, "clientSecret": WORD, "secretId": GUID, "expires": MOMENT}
"""What the operator keeps of a principal that it made."""
APPLICATION = "the id of the application"
UNKNOWN = "unknown"
"""Stands for the id of the cluster's secret where the record of it was lost."""
LAST_DAYS = timedelta(days=3)
RESET_SECONDS = 600.0
AT_ONCE = 0.05


@dataclass(frozen=True)
class Secret:
    """A secret of the principal: its key id, its value, and when it ends (RFC 3339)."""

    id: str
    client_id: str
    value: str = field(repr=False)
    ends: str | None = None


@dataclass(frozen=True)
class Used:
    """The secret that the cluster was given, and the operator's older secrets of the application."""

    given: str
    identity: outputs.Identity


def _state_name(scope: AzureScope) -> str:
    return f"{scope.owner.name}-cluster-credential"


async def current_secret(scope: AzureScope) -> Secret:
    """Return the principal's secret, from the Secret of the spec or from the operator's. Raises StepError."""
    principal = scope.spec.identity.service_principal
    existing = principal.secret_ref.name if principal and principal.secret_ref else None
    name = existing or f"{scope.owner.name}-service-principal"
    if existing:
        data = await scope.secrets.read(name, "clientId", "clientSecret", field=f"{FIELD}.secretRef")
    else:
        data = select(await scope.secrets.own(name), PRINCIPAL)
        if data.keys() != PRINCIPAL.keys():
            raise StepError(
                Reason.PRINCIPAL_SECRET_UNUSABLE,
                f"{FIELD}: the Secret {name!r}, in which the operator keeps the principal's secret, is missing or was changed",
                "No action required: the step Identity creates a new secret.",
                retry_in=5,
            )
    client_id, value = guid_of(data, "clientId", field=f"{FIELD}.secretRef", secret=name), data["clientSecret"].strip()
    # Known by nothing of the platform: one that is orphaned and applied anew must not take the same secret for a new one.
    known_by = data.get("secretId") or hashlib.sha256(f"{client_id}\0{value}".encode()).hexdigest()[:16]
    return Secret(known_by, client_id, value, data.get("expires"))


def _ends_soon(used: Used, now: datetime) -> bool:
    """Return whether the cluster's secret has ended or ends so soon that its replacement waits for no maintenance window: without it no node
    could start, and no volume be mounted. Of a secret whose end is unknown, False."""
    ends = dict(used.identity.ends)
    known = [ends[used.given]] if used.given in ends else [ends[key] for key in used.identity.old_secrets]
    return any(MOMENT.fullmatch(end) and datetime.fromisoformat(end) - now < LAST_DAYS for end in known)


async def record_cluster_secret(scope: AzureScope, secret_id: str) -> None:
    """Record that the cluster is being created with this secret."""
    await scope.secrets.apply(_state_name(scope), {"given": secret_id})


class PrincipalSecret(Step[Secret, Used, outputs.Identity]):
    """The desired state is the current secret."""

    name = "PrincipalSecret"
    needs = (outputs.NodePools, outputs.Cluster, outputs.Identity)
    deleted_with = outputs.Cluster

    def __init__(self, scope: AzureScope) -> None:
        self._scope = scope

    async def prepare(self, inputs: Inputs) -> Inputs:
        cluster = inputs.get(outputs.Cluster)
        if cluster and cluster.exists and self._scope.spec.identity.type == "ServicePrincipal":
            return inputs.including(await current_secret(self._scope))
        return inputs

    def desired(self, inputs: Inputs) -> Secret | None:
        return inputs.get(Secret)

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Used]:
        current, gives = inputs.get(Secret), self.name in self._scope.operations and not self._scope.deleting
        if current is None and not gives:
            return Observed()
        if (pending := await self._scope.pending(self.name, FIELD, CLUSTERS, self._scope.spec.cluster.name)) is not None:
            return pending
        state = select(await self._scope.secrets.own(_state_name(self._scope)), {"given": SHORT_WORD, "giving": SHORT_WORD})
        if "giving" in state and gives:
            state = {"given": state["giving"]}  # the operation that gave it is over, and went well
            await self._keep(state)
        if current is None:  # the cluster has been stopped since
            return Observed()
        if "given" not in state:
            # A cluster that was taken over works, so it has the current one; where the operator made more of them, it may have another.
            state = {"given": UNKNOWN if inputs[outputs.Identity].old_secrets else current.id}
            await self._keep(state)
        return Observed(found=Used(state["given"], inputs[outputs.Identity]))

    async def _keep(self, state: dict[str, str]) -> None:
        if not self._scope.planning:
            await self._scope.secrets.apply(_state_name(self._scope), state)

    def plan(self, desired: Secret | None, found: Used | None) -> Sequence[Change]:
        if desired is None or found is None:
            return ()
        if found.given != desired.id:
            after = f"the one that ends {desired.ends}" if desired.ends else "the current one"
            path = "servicePrincipalProfile.secret"
            waits = not _ends_soon(found, self._scope.now)
            return [Change(path=path, action=Action.UPDATE, before="an older one", after=after, gate=Scheduled(disruptive=waits))]
        return [
            Change(path=f"passwordCredentials[{key}]", action=Action.DELETE, before="no longer used", gate=Scheduled())
            for key in found.identity.old_secrets
        ]

    async def apply(self, desired: Secret | None, found: Used | None, changes: Sequence[Change]) -> Outcome:
        assert desired is not None and found is not None
        if found.given == desired.id:
            return await self._remove_old(found.identity)
        await self._scope.secrets.apply(_state_name(self._scope), {"given": found.given, "giving": desired.id})
        name = self._scope.spec.cluster.name
        kind, body = f"update credentials of managed cluster {name}", {"clientId": desired.client_id, "secret": desired.value}
        async with azure_errors(f"{FIELD}.secretRef"):
            begin = self._scope.session.container_service.managed_clusters.begin_reset_service_principal_profile
            busy = await begin_lro(begin, self._scope.group, name, body, kind=kind, expected=RESET_SECONDS)
        if busy is not None:
            return busy
        await self._scope.secrets.apply(_state_name(self._scope), {"given": desired.id})  # it was over with the response
        return Progressing(reason=Reason.UPDATING, message=f"Azure operation in progress: {kind}", requeue_after=AT_ONCE)

    async def _remove_old(self, identity: outputs.Identity) -> Outcome:
        async with azure_errors(FIELD):
            for key in identity.old_secrets:
                path = f"/applications/{guid(identity.application_id, APPLICATION)}/removePassword"
                await self._scope.session.graph("POST", path, json={"keyId": key})
        return Ready(output=identity)

    def estimate_seconds(self, changes: Sequence[Change]) -> float:
        return RESET_SECONDS if any(change.action is Action.UPDATE for change in changes) else 2.0 if changes else 0.0

    def output(self, found: Used | None) -> outputs.Identity | None:
        return found.identity if found else None

    async def delete(self, found: Used, inputs: Inputs) -> Outcome:
        return Ready()
