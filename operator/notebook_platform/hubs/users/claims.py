"""Claims that a hub's values name but do not create: an administrator creates them, and no server starts without them.

Faults of a claim are reported while the hub runs, before a user signs in. A claim that is not bound yet is no fault where its
StorageClass waits for the first pod (WaitForFirstConsumer).
https://kubernetes.io/docs/concepts/storage/persistent-volumes/
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.step import Notice
from notebook_platform.helm.health.issues import HealthIssue
from notebook_platform.hubs.users.volumes import short
from notebook_platform.kube.existing import existing
from notebook_platform.paths import at

CLAIM_KEYS = frozenset({"claimName", "pvcName"})
MOST = 32
"""Claims that are read in one round; a hub names one or two."""

DEEPEST = 40
RANK = 2
SHARED_MODES = frozenset({"ReadWriteMany", "ReadOnlyMany"})
HOMES = "singleuser.storage.static.pvcName"
FOR_ALL = (HOMES, "singleuser.storage.extraVolumes")
"""Where values name claims that the servers of all users mount, on whatever node they are."""


@dataclass(frozen=True, kw_only=True)
class NamedClaim:
    """A claim as values name it: at `path`, in the chart's words."""

    name: str
    path: str


def named_claims(values: Mapping[str, Any]) -> list[NamedClaim]:
    """Return the claims that a hub's values name, each once, at its first place. Name templates are left out; so is the volume
    of static storage while storage has another type. Pure."""
    found: dict[str, NamedClaim] = {}
    for path, name in _walk(values, ()):
        where = ".".join(path)
        if "{" in name or name in found or (where == HOMES and not _is_static(values)):
            continue
        found[name] = NamedClaim(name=name, path=where)
        if len(found) == MOST:
            break
    return list(found.values())


def _is_static(values: Mapping[str, Any]) -> bool:
    return bool(at(values, "singleuser", "storage", "type") == "static")


def _walk(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if len(path) > DEEPEST:
        return
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in CLAIM_KEYS and isinstance(value, str) and value:
                yield (*path, str(key)), value
            else:
                yield from _walk(value, (*path, str(key)))
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from _walk(value, (*path[:-1], f"{path[-1] if path else ''}[{place}]"))


@dataclass(frozen=True, kw_only=True)
class Examined:
    """Issues of claims, and notices."""

    issues: tuple[HealthIssue, ...] = ()
    notices: tuple[Notice, ...] = ()


async def examine(
    api: client.ApiClient, namespace: str, claims: Collection[NamedClaim], origins: Mapping[str, str], field: str, nodes: int
) -> Examined:
    """Read the claims. `origins` maps a value's path to the part of the spec that it comes from, `field` is the part for the
    remaining values; `nodes`: the number of nodes."""
    core, storage = client.CoreV1Api(api), client.StorageV1Api(api)
    found = await asyncio.gather(*(_read(core, namespace, claim.name) for claim in claims))
    issues: list[HealthIssue] = []
    notices: list[Notice] = []
    for named, claim in zip(claims, found, strict=True):
        where = f"{origin_of(named.path, origins, field)}: claim {short(named.name)!r}"
        waits = claim is not None and _is_pending(claim) and await _waits_for_a_pod(storage, claim)
        if issue := check_claim(claim, where, namespace, waits=waits):
            issues.append(issue)
        elif (
            claim is not None
            and named.path.startswith(FOR_ALL)
            and nodes > 1
            and not SHARED_MODES & set(claim.spec.access_modes or ())
        ):
            notices.append(_one_node(claim, where))
    return Examined(issues=tuple(issues), notices=tuple(notices))


def origin_of(path: str, origins: Mapping[str, str], field: str) -> str:
    """Return the part of the spec that a value comes from; a list has one origin for all of its items. Pure."""
    whole = path.partition("[")[0]
    below = (origin for leaf, origin in sorted(origins.items()) if leaf.startswith(f"{whole}."))
    known = origins.get(path) or origins.get(whole) or next(below, None)
    return known.removesuffix(" (default)") if known else f"{field}.values.{path}"


def check_claim(claim: Any, where: str, namespace: str, *, waits: bool) -> HealthIssue | None:
    """Return the issue of a claim (None: it does not exist); `waits`: its StorageClass binds it when the first pod needs it.
    Pure."""
    if claim is None:
        return HealthIssue(
            RANK,
            Reason.CLAIM_NOT_FOUND,
            f"{where} does not exist in namespace {namespace}, and no server of a user can start: create the "
            "PersistentVolumeClaim there, or name another",
        )
    if claim.metadata.deletion_timestamp:
        return HealthIssue(
            RANK,
            Reason.CLAIM_TERMINATING,
            f"{where} in namespace {namespace} is being deleted and disappears when no pod uses it: back up its data, then create it again, "
            "or name another",
        )
    phase = claim.status.phase if claim.status else None
    if phase == "Lost":
        return HealthIssue(
            RANK,
            Reason.CLAIM_LOST,
            f"{where} in namespace {namespace} has lost its PersistentVolume {claim.spec.volume_name}: restore the volume, or name "
            "another claim",
        )
    if _is_pending(claim) and not waits:
        kind = claim.spec.storage_class_name or "the default class"
        return HealthIssue(
            RANK,
            Reason.CLAIM_NOT_BOUND,
            f"{where} in namespace {namespace} is not bound to a volume: check its events (kubectl describe pvc) and StorageClass "
            f"{kind}",
        )
    return None


def _one_node(claim: Any, where: str) -> Notice:
    modes = ", ".join(claim.spec.access_modes or ("no mode",))
    message = (
        f"{where} has access mode {modes}: servers of users on a second node will not start. Use a claim with ReadWriteMany, which "
        "Azure Files supports"
    )
    return Notice(condition=ConditionType.CLAIM_NOT_SHARED, reason=Reason.ACCESS_MODE_TOO_NARROW, message=message)


def _is_pending(claim: Any) -> bool:
    return claim.status is None or claim.status.phase in (None, "Pending")


async def _read(core: "client.CoreV1Api", namespace: str, name: str) -> Any:
    try:
        return await core.read_namespaced_persistent_volume_claim(name, namespace)
    except ApiException as error:
        if error.status in (400, 404, 422):  # a name that Kubernetes would not take does not exist either
            return None
        raise


async def _waits_for_a_pod(storage: "client.StorageV1Api", claim: Any) -> bool:
    """Return whether the claim is expected to be unbound until a pod uses it."""
    name = claim.spec.storage_class_name
    if name == "" or claim.spec.volume_name:
        return False
    found = await existing(storage.read_storage_class(name)) if name is not None else None
    return found is not None and bool(found.volume_binding_mode == "WaitForFirstConsumer")
