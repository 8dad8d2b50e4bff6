"""What is done about each state of a release: one function a word. Each starts helm and returns, or frees a lock first."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from kubernetes.aio import client
from pyhelm3 import Command

from notebook_platform.engine.outcome import Failed, InProgress, Outcome
from notebook_platform.helm import marker
from notebook_platform.helm.release import Release
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.state import State, Wanted

LOOK_AGAIN = 1.0


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a release lives and who keeps it."""

    api: client.ApiClient
    kubeconfig: str
    owner: str
    field: str
    key: str


async def _install(helm: Helm, site: Site, release: Release | None, wanted: Wanted) -> Outcome:
    return await _write(helm, site, release, wanted, "install", "Installing")


async def _upgrade(helm: Helm, site: Site, release: Release | None, wanted: Wanted) -> Outcome:
    return await _write(helm, site, release, wanted, "upgrade", "Upgrading")


async def _unlock(helm: Helm, site: Site, release: Release | None, wanted: Wanted) -> Outcome:
    """The helm that held the lock died with the operator that started it: its unfinished record goes, then it is done again."""
    assert release is not None
    await client.CoreV1Api(site.api).delete_namespaced_secret(release.secret_name, release.namespace)
    message = f"Release {release.name}: revision {release.revision} was left unfinished ({release.status}) and is written again"
    return InProgress(reason="Recovering", message=message, look_again_in=0.1)


async def _wait(helm: Helm, site: Site, release: Release | None, wanted: Wanted) -> Outcome:
    assert release is not None
    message = f"Somebody else's helm is at work on release {release.name} ({release.status})"
    return InProgress(reason="ReleaseLocked", message=message, look_again_in=10)


async def _give_up(helm: Helm, site: Site, release: Release | None, wanted: Wanted) -> Outcome:
    assert release is not None
    minutes = timedelta(seconds=helm.timeout).total_seconds() / 60
    return Failed(
        reason="ReleaseLocked",
        message=f"{site.field}: release {release.name} is {release.status} for more than {minutes:.0f} min, and not by this operator",
        remedy=f"See that no helm is at work, then delete the Secret {release.secret_name} in namespace {release.namespace}.",
        retry_in=60,
    )


ACTIONS: Mapping[State, Callable[[Helm, Site, Release | None, Wanted], Awaitable[Outcome]]] = {
    State.ABSENT: _install,
    State.OUTDATED: _upgrade,
    State.IN_LINE: _upgrade,  # live objects were changed by hand: helm's three-way merge puts its members back
    State.FAILED: _upgrade,
    State.ABANDONED: _unlock,
    State.HELD: _wait,
    State.STUCK: _give_up,
}


async def _write(helm: Helm, site: Site, release: Release | None, wanted: Wanted, verb: str, reason: str) -> Outcome:
    revision = release.revision + 1 if release else 1
    await marker.write(site.api, wanted.namespace, wanted.name, marker.Marker(site.owner, revision))

    async def work(command: Command) -> None:
        await command.install_or_upgrade(
            wanted.name,
            wanted.chart.reference,
            dict(wanted.values),
            cleanup_on_fail=True,
            create_namespace=False,
            namespace=wanted.namespace,
            repo=wanted.chart.repository,
            version=wanted.chart.version if wanted.chart.repository else None,
            reset_values=True,
        )

    helm.start(site.key, verb, site.kubeconfig, work)
    message = f"Helm is at work: {verb} {wanted.name} ({wanted.chart.name}-{wanted.chart.version}) in {wanted.namespace}"
    return InProgress(reason=reason, message=message, look_again_in=LOOK_AGAIN)


def uninstall(helm: Helm, site: Site, release: Release) -> Outcome:
    """Begin to uninstall."""

    async def work(command: Command) -> None:
        await command.uninstall(release.name, namespace=release.namespace)

    helm.start(site.key, "uninstall", site.kubeconfig, work)
    message = f"Helm is at work: uninstall {release.name} from {release.namespace}"
    return InProgress(reason="Uninstalling", message=message, look_again_in=LOOK_AGAIN)
