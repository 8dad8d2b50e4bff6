"""Volumes that hold users' data: those in the workload cluster, their purpose, and what a deletion does to them.

A volume is a PersistentVolumeClaim, or a PersistentVolume that no claim uses. Labels alone do not identify users' data: a shared
claim, a database and a claim that an administrator made by hand have none. So every claim of the cluster counts, whatever it is
called, and its kind only says how it is named in messages; no other label hides a volume. The deletion of a platform
is held until an annotation says how many volumes may be lost (`objection`). Pure; `users/count` reads the cluster.

KubeSpawner's labels: https://jupyterhub-kubespawner.readthedocs.io
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import Failed

CONFIRM = "notebookplatform.io/confirm-deletion"
"""Annotation of a platform: so many volumes of users' data may be lost with it."""

SERVER, STORAGE, HUB = "singleuser-server", "singleuser-storage", "hub"
"""Values of the label `component`: users' servers, their dynamic volumes, the hub."""

USERNAME, SERVER_NAME = "hub.jupyter.org/username", "hub.jupyter.org/servername"
DATABASE_CLAIM = "hub-db-dir"
"""The claim of a hub's SQLite file in all charts; `fullnameOverride` gives it a prefix."""

SHOWN = 5
LONGEST_NAME = 64

AZURE_DRIVERS = frozenset({"disk.csi.azure.com", "file.csi.azure.com", "blob.csi.azure.com"})
"""https://learn.microsoft.com/azure/aks/csi-storage-drivers"""

ARM_GROUP = re.compile(r"(?i)^/subscriptions/[^/]+/resourceGroups/([^/]+)/providers/")

Place = tuple[str, str]
"""(namespace, name)."""


class Kind(StrEnum):
    """The purpose of a volume."""

    HOME = "home"
    SHARED = "shared"
    DATABASE = "database"
    OTHER = "other"
    UNCLAIMED = "unclaimed"


@dataclass(frozen=True, kw_only=True)
class Volume:
    """One volume. `namespace` is empty for one without a claim; `user` is the owner of a home; `survives_in` names the resource
    group that holds the data where they provably outlive the cluster."""

    kind: Kind
    namespace: str = ""
    name: str
    user: str = ""
    survives_in: str = ""

    @property
    def place(self) -> str:
        """Return where it is, for messages."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, kw_only=True)
class UserInventory:
    """The running user servers of a cluster, and all its volumes."""

    servers: int = 0
    volumes: tuple[Volume, ...] = ()

    @property
    def homes(self) -> int:
        """Return the number of home volumes."""
        return sum(volume.kind is Kind.HOME for volume in self.volumes)

    @property
    def lost(self) -> tuple[Volume, ...]:
        """Return what a deletion of the cluster destroys: all that is not proven to survive."""
        return tuple(volume for volume in self.volumes if not volume.survives_in)

    @property
    def survivors(self) -> tuple[Volume, ...]:
        """Return what a deletion of the cluster leaves in another resource group."""
        return tuple(volume for volume in self.volumes if volume.survives_in)


def claim_of(volume: Mapping[str, Any]) -> Place | None:
    """Return the claim that a PersistentVolume is, or was, bound to."""
    reference = (volume.get("spec") or {}).get("claimRef") or {}
    return (str(reference.get("namespace")), str(reference.get("name"))) if reference.get("name") else None


def is_reclaimed(volume: Mapping[str, Any]) -> bool:
    """Return whether Kubernetes is deleting a PersistentVolume and its data, because its claim was deleted."""
    policy = (volume.get("spec") or {}).get("persistentVolumeReclaimPolicy")
    released = (volume.get("status") or {}).get("phase") == "Released"
    return policy == "Delete" and (released or bool((volume.get("metadata") or {}).get("deletionTimestamp")))


def survives_in(volume: Mapping[str, Any], doomed: Collection[str]) -> str:
    """Return the resource group in which the data of a PersistentVolume outlive the cluster; empty when that is not proven.

    Proven is: reclaimPolicy Retain, and a disk or a share of Azure in none of the `doomed` groups, by the volume's handle
    (https://github.com/kubernetes-sigs/azurefile-csi-driver/blob/master/docs/driver-parameters.md).
    """
    spec = volume.get("spec") or {}
    csi = spec.get("csi") or {}
    if spec.get("persistentVolumeReclaimPolicy") != "Retain" or csi.get("driver") not in AZURE_DRIVERS:
        return ""
    handle = str(csi.get("volumeHandle") or "")
    found = ARM_GROUP.match(handle)
    group = str((csi.get("volumeAttributes") or {}).get("resourceGroup") or "")
    if found:
        group = found[1]
    elif not group and handle.count("#") >= 2:
        group = handle.partition("#")[0]
    doomed_namespaces = {name.casefold() for name in doomed}
    return "" if not group or group.casefold() in doomed_namespaces else short(group)


def kind_of(claim: Mapping[str, Any], named: Collection[Place], mounted: Mapping[Place, Collection[str]]) -> Kind:
    """Return the purpose of a claim. `named`: claims that a spec names as users' volumes; `mounted`: the components
    (`component` labels) whose pods mount a claim."""
    metadata = claim.get("metadata") or {}
    labels, marks = metadata.get("labels") or {}, metadata.get("annotations") or {}
    place = (str(metadata.get("namespace")), str(metadata.get("name")))
    if labels.get("component") == STORAGE or USERNAME in marks:
        return Kind.HOME
    if place in named or SERVER in mounted.get(place, ()):
        return Kind.SHARED
    if place[1].endswith(DATABASE_CLAIM) or HUB in mounted.get(place, ()):
        return Kind.DATABASE
    return Kind.OTHER


def volume_of(
    claim: Mapping[str, Any], named: Collection[Place], mounted: Mapping[Place, Collection[str]], survives_in: str = ""
) -> Volume:
    """Convert a claim to a volume; `survives_in` is the result of the function of that name for its PersistentVolume."""
    metadata = claim.get("metadata") or {}
    kind = kind_of(claim, named, mounted)
    return Volume(
        kind=kind,
        namespace=short(metadata.get("namespace")),
        name=short(metadata.get("name")),
        user=short((metadata.get("annotations") or {}).get(USERNAME) or metadata.get("name")) if kind is Kind.HOME else "",
        survives_in=survives_in,
    )


def short(name: object) -> str:
    """Shorten a name from the cluster."""
    text = str(name or "")
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"


WORDS: Mapping[Kind, tuple[str, str]] = {
    Kind.HOME: ("home volume of users", "home volumes of users"),
    Kind.SHARED: ("shared volume of users", "shared volumes of users"),
    Kind.DATABASE: ("database of a hub", "databases of hubs"),
    Kind.OTHER: ("other volume claim", "other volume claims"),
    Kind.UNCLAIMED: ("volume without a claim", "volumes without a claim"),
}


def described(volumes: Iterable[Volume]) -> str:
    """Return the number of each kind, with some names: `2 home volumes of users (ada, grace) and 1 database of a hub
    (jhub/hub-db-dir)`."""
    by_kind: dict[Kind, list[str]] = {}
    for volume in volumes:
        by_kind.setdefault(volume.kind, []).append(volume.user or volume.place)
    parts = [
        f"{len(names)} {WORDS[kind][len(names) > 1]} ({listed(sorted(set(names)))})"
        for kind in Kind
        if (names := by_kind.get(kind))
    ]
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def listed(names: Sequence[str]) -> str:
    """Return some of the names, and the number of the rest."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def confirmed(annotation: str | None) -> int | None:
    """Return the number of volumes that the annotation allows to be deleted; None when it is not a number."""
    text = (annotation or "").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def deletion_refusal(inventory: UserInventory | None, annotation: str | None) -> Failed | None:
    """Return why the platform may not be deleted yet; None: it may. `inventory` is None when there may be volumes that cannot
    be counted; `annotation` is the value of CONFIRM."""
    given = confirmed(annotation)
    way_out = "or set spec.deletionPolicy: Orphan to keep everything."
    if inventory is None:
        if given is not None:
            return None
        return Failed(
            reason=Reason.HOMES_UNKNOWN,
            message="The cluster does not answer, so the users' volumes that the deletion would destroy cannot be counted; the deletion "
            "waits",
            remedy=f"Start the cluster (spec.cluster.powerState), or run `kubectl annotate nbp NAME --overwrite {CONFIRM}=0` if no data "
            f"is needed; {way_out}",
        )
    lost = inventory.lost
    if not lost or (given is not None and given >= len(lost)):
        return None
    outlive = ""
    if survivors := inventory.survivors:
        groups = listed(sorted({volume.survives_in for volume in survivors}))
        outlive = f". Not counted, because their data lie in other resource groups ({groups}): {described(survivors)}"
    return Failed(
        reason=Reason.HOMES_WOULD_BE_LOST,
        message=f"The deletion would destroy {described(lost)} and waits for confirmation{outlive}",
        remedy=f"Back up the data that you need, then run `kubectl annotate nbp NAME --overwrite {CONFIRM}={len(lost)}`; {way_out}",
    )
