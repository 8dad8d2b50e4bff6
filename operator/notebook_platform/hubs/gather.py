"""Gather the context of a hub before its values are rendered: its issuer, the installed release, its namespace. Read only."""

from dataclasses import replace

from kubernetes.aio import client

from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.helm.release import RELEASE_NAME, Release
from notebook_platform.helm.storage import neighbours
from notebook_platform.hubs.fields.auth import asks_issuer
from notebook_platform.hubs.inputs import UNLOCKABLE_CLASSES, HubContext
from notebook_platform.hubs.naming import ReleaseSnapshot
from notebook_platform.hubs.net.oidc_discovery import DISCOVERY, Issuer
from notebook_platform.kube.existing import existing
from notebook_platform.workload.paging import whole

CHARTS = frozenset({"jupyterhub", "binderhub"})
"""One release of either to a namespace: their names are fixed."""

HUB = "hub"
"""Name of the hub's Deployment in both charts, unless `fullnameOverride` is set."""

NETWORK_SHARES = frozenset({"file.csi.azure.com", "kubernetes.io/azure-file", "blob.csi.azure.com"})
"""https://learn.microsoft.com/azure/aks/azure-csi-files-storage-provision, https://www.sqlite.org/faq.html#q5"""

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"

ENFORCED = "pod-security.kubernetes.io/enforce"
"""https://kubernetes.io/docs/concepts/security/pod-security-admission/"""


async def gather_context(
    api: client.ApiClient | None, spec: JupyterHubSpec, known: HubContext, existing: Release | None, *, allow_private: bool
) -> HubContext:
    """Return what the values depend on beside the spec; `known` is the hub's place. Raises StepError (for the issuer, see
    `oidc_discovery`)."""
    url = asks_issuer(spec.auth.oidc)
    issuer = Issuer(url, known.fields.path("auth.oidc")) if url else None
    ca_bundle = spec.auth.oidc.ca_bundle if spec.auth.oidc else None
    return replace(
        known,
        endpoints=await DISCOVERY.endpoints(issuer, allow_private=allow_private, ca_bundle=ca_bundle) if issuer else None,
        claims=DISCOVERY.claims(issuer) if issuer else frozenset(),
        before=ReleaseSnapshot(existing.chart_version, existing.config) if existing else None,
        neighbours=await _neighbours(api, spec) if api else (),
        pod_security=await _pod_security(api, spec.namespace) if api else None,
        unlockable_classes=await _unlockable_classes(api) if api and existing is None else UNLOCKABLE_CLASSES,
    )


async def _unlockable_classes(api: client.ApiClient) -> frozenset[str]:
    """Return the StorageClasses on whose volumes SQLite fails; "" if the default class is one."""
    listed = await whole(client.StorageV1Api(api).list_storage_class)
    found = [one for one in listed if _unlockable(one)]
    default = any((one.metadata.annotations or {}).get(DEFAULT_CLASS) == "true" for one in found)
    return frozenset({*(one.metadata.name for one in found), *([""] if default else [])})


def _unlockable(storage_class: client.V1StorageClass) -> bool:
    """Return whether volumes of a class have no working byte-range locks: SMB but for the mount option `nobrl`, and blobfuse."""
    parameters, options = storage_class.parameters or {}, storage_class.mount_options or []
    if storage_class.provisioner not in NETWORK_SHARES or parameters.get("protocol", "").lower() == "nfs":
        return False
    return "nobrl" not in options


async def _neighbours(api: client.ApiClient, spec: JupyterHubSpec) -> tuple[str, ...]:
    """Return the other release of these charts whose hub runs in the namespace.

    A record alone proves nothing, since whoever may write Secrets there can forge one: the Deployment `hub` must name its release.
    """
    names = {one.name for one in await neighbours(api, spec.namespace, spec.release) if one.chart in CHARTS}
    if not names:
        return ()
    found = await existing(client.AppsV1Api(api).read_namespaced_deployment(HUB, spec.namespace))
    if found is None:
        return ()
    owner = (found.metadata.annotations or {}).get(RELEASE_NAME)
    return (owner,) if owner in names else ()


async def _pod_security(api: client.ApiClient, namespace: str) -> str | None:
    """Return the Pod Security level that a namespace enforces; None: none, or the namespace does not exist yet."""
    found = await existing(client.CoreV1Api(api).read_namespace(namespace))
    return (found.metadata.labels or {}).get(ENFORCED) if found is not None else None
