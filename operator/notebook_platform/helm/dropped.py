"""Volumes that an upgrade takes out of a release: a claim that the next manifest no longer has, a StatefulSet with claims that is
dropped or renamed. Helm keeps the claims (`helm/claims.py`), but what comes after them begins with empty ones; and with a
retention policy of the StatefulSet, Kubernetes deletes its claims with it. Pure.

https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention
"""

from collections.abc import Iterator
from typing import Any

from notebook_platform.helm.approval import Concern
from notebook_platform.helm.hooks import Place
from notebook_platform.helm.release import Release
from notebook_platform.helm.values import at


def dropped_volumes(release: Release, objects: frozenset[Place]) -> Iterator[Concern]:
    """One concern for each claim and each StatefulSet with claims in the installed release that is not among the `objects` (kind, name)
    of the next one."""
    for thing in release.objects():
        kind, name = str(thing.get("kind")), str(at(thing, "metadata", "name"))
        if (kind, name) in objects:
            continue
        if kind == "PersistentVolumeClaim":
            yield Concern(
                clause=f"claim {name} is no longer part of the release, and its volume is not used any more", key=f"{kind} {name}"
            )
        elif kind == "StatefulSet" and at(thing, "spec", "volumeClaimTemplates"):
            yield Concern(clause=_without(name, thing), key=f"{kind} {name}")


def _without(name: str, thing: dict[str, Any]) -> str:
    if at(thing, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted") == "Delete":
        return f"StatefulSet {name} is no longer part of the release, and Kubernetes deletes its volumes with it"
    return f"StatefulSet {name} is no longer part of the release, and its volumes are not used any more"
