"""Conflicts: another release has objects that a release is to have, and Helm refuses to take them over.

Most conflicts need a user. One ends without: the other release is ours and the spec no longer has it, so it is uninstalled (a release
that gets another name), or it is uninstalled and Kubernetes still deletes its objects. `helm/observation.py` asks before it reports one,
and before a release becomes one of another chart.
"""

from dataclasses import replace

from kubernetes.aio import client

from notebook_platform.api.reasons import Reason
from notebook_platform.api.releases import HUBS
from notebook_platform.engine.outcome import Failed
from notebook_platform.helm.errors import Conflict
from notebook_platform.helm.ledger import OwnedRelease, Place
from notebook_platform.helm.ownership import ReleaseScope
from notebook_platform.helm.release import Release
from notebook_platform.helm.state import Wanted
from notebook_platform.helm.storage import list_records

VOLUME_CLAIM = "PersistentVolumeClaim"
LEFT_RETRY, LEFT_TRIES = 5.0, 7
"""Seconds until the first retry, and retries, while objects of an uninstalled release are deleted: ten minutes in all."""


def after_retirement(failed: Failed, field: str, retired: frozenset[Place]) -> Failed:
    """Return the failure of a release that conflicts with releases of ours (`retired`) that the spec no longer has; with none of them, the
    failure is as it was. Pure."""
    if not retired:
        return failed
    namespace, release = min(retired)
    return Failed(
        reason=failed.reason,
        message=f"{field} waits until release {release} in namespace {namespace}, which the spec no longer has, is uninstalled: objects of both "
        "have the same names",
        remedy="The operator continues automatically. The condition RetiredReleasesReady says what the uninstallation waits for.",
        retry_in=3,
    )


async def explained(api: client.ApiClient, failed: Failed, scope: ReleaseScope, field: str, conflict: Conflict) -> Failed:
    """Return the failure of a release that conflicts with an object of another release. Raises ApiException."""
    if conflict.holder in scope.retiring():
        return after_retirement(failed, field, frozenset({conflict.holder}))
    records, complete = await list_records(api, *conflict.holder)
    if records or not complete:
        return failed
    last = _of_left(conflict, field)
    if conflict.kind == VOLUME_CLAIM:
        return replace(failed, remedy=last)  # no uninstallation deletes one
    remedy = "The operator retries while Kubernetes deletes what that release has left."
    return replace(failed, remedy=remedy, retry_in=LEFT_RETRY, tries=LEFT_TRIES, last_remedy=last)


def under_another_chart(release: Release | None, owned: OwnedRelease | None, wanted: Wanted, field: str) -> Failed | None:
    """Return why a hub cannot become a release of another chart, or such a release of ours a hub; None: neither is wanted. Pure.

    An upgrade keeps the name, but ends the hub: users' servers would run on without it, and nothing would tell which homes are left.
    """
    if release is None or release.status == "uninstalled" or release.chart == wanted.chart.name:
        return None
    if release.chart not in HUBS and (owned is None or wanted.chart.name not in HUBS):
        return None
    return Failed(
        reason=Reason.OWNERSHIP_CONFLICT,
        message=f"{field}: release {release.name} in namespace {release.namespace} has chart {release.chart}, and chart {wanted.chart.name} "
        "cannot replace it, because an upgrade would not count what it leaves of users' data",
        remedy=f"Give {field} another release name. The operator then uninstalls the old release, and asks for approval if volumes are concerned.",
    )


def _of_left(conflict: Conflict, field: str) -> str:
    """Return the remedy for an object whose release no longer exists."""
    place = f" -n {conflict.namespace}" if conflict.namespace else ""
    target = f"{conflict.kind.lower()} {conflict.name}{place}"
    return (
        f"Release {conflict.holder[1]} no longer exists. To use the object, and the data of a volume claim, give it to the release of {field}: "
        f"`kubectl --kubeconfig workload.kubeconfig annotate {target} --overwrite meta.helm.sh/release-name=NAME "
        "meta.helm.sh/release-namespace=NAMESPACE`. If you need neither, delete it. The operator checks again at every interval."
    )
