"""Cluster: the managed cluster, created with all its agent pools in one PUT, then changed, upgraded and repaired in place."""

import hashlib
import json
from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError

from notebook_platform.azure import outputs
from notebook_platform.azure.arm.errors import is_missing, speaking_of
from notebook_platform.azure.arm.operations import accept
from notebook_platform.azure.cluster_body import (
    IMMUTABLE,
    STATE_PATH,
    VERSION_PATH,
    Wire,
    cluster_changes,
    current_version,
    desired_cluster,
    updated_cluster,
)
from notebook_platform.azure.context import AzureContext
from notebook_platform.azure.versions import next_version
from notebook_platform.engine import Action, Change, Done, InProgress, Inputs, Notice, Observed, Outcome, Refused, Step

FIELD = "spec.cluster"
CREATE_SECONDS, UPDATE_SECONDS, UPGRADE_SECONDS, DELETE_SECONDS = 300.0, 120.0, 600.0, 240.0
"""Usual lengths (https://learn.microsoft.com/azure/aks/), for progress; nothing depends on them."""

BUSY = frozenset({"Creating", "Updating", "Upgrading", "Deleting", "Starting", "Stopping", "Canceling", "Scaling"})

REPAIRS = 3
REPAIRS_TAG = "notebookplatform-repairs"
"""`<digest of the body>:<count>`: so often a Failed cluster was sent the same body again. It survives the operator."""


class Cluster(Step[Wire, Wire]):
    """What is found is the cluster as Azure tells it."""

    name = "Cluster"
    needs = ("ResourceGroup", "Network", "Identity", "RoleAssignment")

    def __init__(self, context: AzureContext) -> None:
        self._context = context
        self._name = context.spec.cluster.name
        self._ssh_key: str | None = context.spec.cluster.ssh_public_key

    def desired(self, inputs: Inputs) -> Wire:
        return desired_cluster(
            self._context.spec,
            network=inputs.get("Network"),
            identity=inputs["Identity"],
            ssh_key=self._ssh_key,
            tags=self._context.tags,
        )

    async def prepare(self, inputs: Inputs) -> None:
        reference = self._context.spec.cluster.ssh_public_key_from
        if reference is not None:
            data = await self._context.secrets.read(reference.name, reference.key, field=f"{FIELD}.sshPublicKeyFrom")
            self._ssh_key = data[reference.key]

    async def observe(self, inputs: Inputs) -> Observed[Wire]:
        pending = await self._context.pending(self.name, FIELD)
        if pending is not None:
            return pending
        async with speaking_of(FIELD):
            try:
                found: Wire = (await self._clusters.get(self._context.group, self._name)).as_dict()
            except HttpResponseError as error:
                if is_missing(error):
                    return Observed(notices=tuple(self._notices()))
                raise
        what, adoption = f"the managed cluster {self._name!r}", self._context.spec.adoption
        failed = self._context.owner.objection(what, f"{FIELD}.name", found.get("tags"), adoption)
        if failed:
            return Observed(failed=failed, ours=False)
        state = str(found["properties"].get("provisioningState"))
        busy = None
        if state in BUSY:
            busy = InProgress(reason=state, message=f"The managed cluster {self._name} is {state}", look_again_in=5)
        return Observed(found=found, busy=busy, notices=tuple(self._notices()))

    def plan(self, desired: Wire | None, found: Wire | None) -> Sequence[Change]:
        return () if desired is None else cluster_changes(desired, found)

    async def apply(self, desired: Wire | None, found: Wire | None, changes: Sequence[Change]) -> Outcome:
        assert desired is not None
        if found is None:
            return await self._create(desired)
        if found["properties"].get("powerState", {}).get("code") == "Stopped":
            raise Refused.because(
                "ClusterStopped",
                f"{FIELD}: the managed cluster {self._name!r} is stopped, and Azure takes no change until it runs",
                "Start it (az aks start).",
                retry_in=60,
            )
        for change in changes:
            if change.action is Action.REPLACE:
                raise Refused.because(
                    "ImmutableField",
                    f"{IMMUTABLE[change.path]} asks for {change.after!r} but the cluster has {change.before!r}, for life",
                    "Set it back, or make a new platform with it.",
                )
        return await self._update(desired, found, changes)

    async def _create(self, desired: Wire) -> Outcome:
        body = {**desired, "properties": dict(desired["properties"])}
        profile = body["properties"].get("servicePrincipalProfile")
        if profile:
            secret = await self._principal_secret()
            body["properties"]["servicePrincipalProfile"] = {**profile, "secret": secret}
        kind = f"create managed cluster {self._name}"
        async with speaking_of(FIELD):
            begin, guard = self._clusters.begin_create_or_update, MatchConditions.IfMissing
            busy = await accept(
                begin, self._context.group, self._name, body, kind=kind, expected=CREATE_SECONDS, match_condition=guard
            )
        return busy or Done()

    async def _update(self, desired: Wire, found: Wire, changes: Sequence[Change]) -> Outcome:
        paths = {change.path for change in changes}
        version, kind, expected = None, f"update managed cluster {self._name}", UPDATE_SECONDS
        if VERSION_PATH in paths:
            wanted = desired["properties"]["kubernetesVersion"]
            version = next_version(current_version(found), wanted, f"{FIELD}.kubernetesVersion")
            kind, expected = f"upgrade managed cluster {self._name} to {version}", UPGRADE_SECONDS
        body = updated_cluster(found, desired, version)
        if STATE_PATH in paths:
            body["tags"][REPAIRS_TAG] = self._next_repair(desired, found)
        etag = found.get("eTag")
        guard = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        async with speaking_of(FIELD):
            begin = self._clusters.begin_create_or_update
            busy = await accept(begin, self._context.group, self._name, body, kind=kind, expected=expected, **guard)
        return busy or Done()

    def _next_repair(self, desired: Wire, found: Wire) -> str:
        """Count one more repair of this very body. Raises Refused when it was tried often enough."""
        digest = hashlib.sha256(json.dumps(desired, sort_keys=True).encode()).hexdigest()[:12]
        before, _, count = (found.get("tags") or {}).get(REPAIRS_TAG, "").partition(":")
        done = int(count) if before == digest and count.isdigit() else 0
        if done >= REPAIRS:
            told = found["properties"].get("status", {}).get("provisioningError") or {}
            words = f": {told['message']}" if told.get("message") else ""
            raise Refused.because(
                "ClusterFailed",
                f"{FIELD}: Azure left the managed cluster {self._name!r} {found['properties']['provisioningState']}, "
                f"also after {REPAIRS} repairs{words}",
                "See what Azure said in earlier Events, mend it, and change the spec or repair the cluster by hand.",
            )
        return f"{digest}:{done + 1}"

    async def _principal_secret(self) -> str:
        identity = self._context.spec.identity.service_principal
        name = identity.secret_ref.name if identity and identity.secret_ref else f"{self._context.owner.name}-service-principal"
        field = "spec.identity.servicePrincipal.secretRef"
        return (await self._context.secrets.read(name, "clientId", "clientSecret", field=field))["clientSecret"].strip()

    def _notices(self) -> list[Notice]:
        notices, spec = [], self._context.spec
        if spec.cluster.network.docker_bridge_cidr:
            message = "spec.cluster.network.dockerBridgeCidr is accepted for old runbooks and without effect: AKS runs containerd"
            notices.append(Notice(condition="DockerBridgeIgnored", reason="WithoutEffect", message=message))
        service = ip_network(spec.cluster.network.service_cidr, strict=False)
        for prefix in spec.network.virtual_network.address_prefixes if spec.network else ():
            if service.subnet_of(ip_network(prefix, strict=False)):  # type: ignore[arg-type]
                message = (
                    f"spec.cluster.network.serviceCidr {service} lies inside the virtual network's {prefix}: "
                    "it works while no subnet uses these addresses"
                )
                notices.append(Notice(condition="ServiceCidrInNetwork", reason="AddressesOverlap", message=message))
        return notices

    def output(self, found: Wire | None) -> Any:
        if found is None:
            return None
        properties = found["properties"]
        return outputs.Cluster(
            id=found["id"],
            name=found["name"],
            resource_group=self._context.group,
            node_resource_group=properties["nodeResourceGroup"],
            location=found["location"],
            kubernetes_version=current_version(found),
            power_state=properties.get("powerState", {}).get("code", "Running"),
            fqdn=properties.get("fqdn"),
            pools=tuple(pool["name"] for pool in properties.get("agentPoolProfiles") or ()),
        )

    async def delete(self, found: Wire, inputs: Inputs) -> Outcome:
        if not self._context.owner.owns(found.get("tags")):
            return Done()
        kind = f"delete managed cluster {self._name}"
        async with speaking_of(FIELD):
            begin = self._clusters.begin_delete
            busy = await accept(begin, self._context.group, self._name, kind=kind, expected=DELETE_SECONDS)
        return busy or InProgress(reason="Deleting", message=f"Azure is at work: {kind}", look_again_in=5)

    @property
    def _clusters(self) -> Any:
        return self._context.session.container_service.managed_clusters
