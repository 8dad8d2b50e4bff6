"""The release is no longer wanted: helm uninstalls it. What its hooks left behind is written down first, for helm leaves that."""

from dataclasses import replace

from kubernetes.aio import client
from pyhelm3 import Command

from notebook_platform.engine.outcome import InProgress, Outcome
from notebook_platform.helm import marker
from notebook_platform.helm.actions.site import LOOK_AGAIN
from notebook_platform.helm.live import live
from notebook_platform.helm.marker import Marker
from notebook_platform.helm.release import Release
from notebook_platform.helm.runner import Helm

HOOK = "helm.sh/hook"


async def uninstall(helm: Helm, api: client.ApiClient, kubeconfig: str, key: str, release: Release, mark: Marker) -> Outcome:
    """Begin to uninstall."""
    await marker.write(api, release.namespace, release.name, replace(mark, leftovers=_references(release), removing=1))

    async def work(command: Command) -> None:
        await command.uninstall(release.name, namespace=release.namespace)

    helm.start(key, "uninstall", kubeconfig, work)
    message = f"Helm is at work: uninstall {release.name} from {release.namespace}"
    return InProgress(reason="Uninstalling", message=message, look_again_in=LOOK_AGAIN)


def _references(release: Release) -> tuple[dict[str, str], ...]:
    return tuple(
        {
            "apiVersion": thing["apiVersion"],
            "kind": thing["kind"],
            "name": thing["metadata"]["name"],
            "namespace": thing["metadata"].get("namespace") or release.namespace,
        }
        for thing in release.hook_objects()
    )


async def sweep(api: client.ApiClient, namespace: str, mark: Marker) -> None:
    """Delete what the hooks of an uninstalled release left behind; only what still is a hook's."""
    if not mark.leftovers:
        return
    async with live(api, namespace) as objects:
        for one in mark.leftovers:
            metadata = {"name": one["name"], "namespace": one["namespace"]}
            thing = {"apiVersion": one["apiVersion"], "kind": one["kind"], "metadata": metadata}
            found = await objects.get(thing)
            if found is not None and HOOK in (found["metadata"].get("annotations") or {}):
                await objects.delete(thing)
