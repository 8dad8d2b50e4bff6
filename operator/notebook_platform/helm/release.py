"""A release as Helm keeps it: a Secret a revision, gzipped JSON in it. Read through the API, with no process started.

https://helm.sh/docs/topics/advanced/#storage-backends
"""

import base64
import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
import yaml
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.engine.outcome import Refused

AKS_OWN = "aks-managed-"
"""Releases of these names are AKS's own (https://learn.microsoft.com/azure/aks/faq)."""

LARGEST_INTEGER = 2**53
"""Helm reads numbers as floats: larger integers do not come back as they went in."""

DID_NOT_WORK = re.compile(r'^(Release|Upgrade|Rollback) ".*" failed')
"""How Helm describes a failed revision; the description stays when the status becomes `superseded` after a rollback that failed."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """One revision of a release. `config` are the values it was given; they hold secrets and are never shown."""

    name: str
    namespace: str
    revision: int
    status: str
    chart: str
    chart_version: str
    description: str
    last_deployed: datetime | None
    config: Mapping[str, Any] = field(repr=False)
    manifest: str = field(repr=False)
    secret_name: str
    hooks: tuple[str, ...] = field(default=(), repr=False)
    deleted: datetime | None = None

    @property
    def pending(self) -> bool:
        """Helm holds it: something is, or was, at work."""
        return self.status.startswith("pending-") or self.removing

    @property
    def removing(self) -> bool:
        """Helm uninstalls it, or did not get to the end of it. The revision is the one that was there: helm makes none for this."""
        return self.status == "uninstalling"

    @property
    def held_since(self) -> datetime | None:
        """When helm began what it is, or was, at."""
        return self.deleted if self.removing and self.deleted else self.last_deployed

    def objects(self) -> list[dict[str, Any]]:
        """The objects of its manifest."""
        return _documents(self.manifest)

    def hook_objects(self) -> list[dict[str, Any]]:
        """The objects of its hooks, which are not in the manifest."""
        return [thing for manifest in self.hooks for thing in _documents(manifest)]


def _documents(text: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(text) if isinstance(document, dict)]


@dataclass(frozen=True)
class History:
    """The Secrets of all revisions that Helm keeps of a release, oldest first; a revision is decoded when it is asked for."""

    secrets: tuple[Any, ...] = field(repr=False)

    @property
    def newest(self) -> Release | None:
        """The last revision; None when there is none."""
        return _decoded(self.secrets[-1]) if self.secrets else None

    def revision(self, number: int) -> Release | None:
        """One revision; None when Helm keeps it no longer."""
        return next((_decoded(secret) for secret in self.secrets if _version(secret) == number), None)

    @property
    def good(self) -> Release | None:
        """The last revision before the newest that worked."""
        ended = [s for s in self.secrets[:-1] if s.metadata.labels.get("status") in ("deployed", "superseded")]
        return next((r for r in map(_decoded, reversed(ended)) if not DID_NOT_WORK.match(r.description)), None)


def _version(secret: Any) -> int:
    return int(secret.metadata.labels["version"])


def _decoded(secret: Any) -> Release:
    return decode(secret.data["release"], secret.metadata.name)


def as_helm_makes_it(thing: Mapping[str, Any], release: Release) -> dict[str, Any]:
    """An object with the marks by which helm knows its own: they are not in the manifest that it keeps."""
    metadata = thing["metadata"]
    labels = {**(metadata.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
    marks = {"meta.helm.sh/release-name": release.name, "meta.helm.sh/release-namespace": release.namespace}
    annotations = {**(metadata.get("annotations") or {}), **marks}
    return {**thing, "metadata": {**metadata, "labels": labels, "annotations": annotations}}


def as_helm_keeps_them(values: Any) -> Any:
    """JSON values that are equal to what comes back from Helm's book."""
    return json.loads(json.dumps(values, default=str), parse_int=_integer)


def _integer(text: str) -> int | float:
    return int(text) if abs(int(text)) <= LARGEST_INTEGER else float(text)


def unpacked(data: str) -> dict[str, Any]:
    """The document in the `release` key of a Secret. Raises ValueError, OSError or EOFError for anything else."""
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(data))), parse_int=_integer)
    return found


def packed(document: Mapping[str, Any]) -> str:
    """The `release` key of a Secret, as Helm writes it."""
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(document).encode()))).decode()


def decode(data: str, secret_name: str = "") -> Release:
    """From the `release` key of a Secret (base64 of base64 of gzip of JSON). Raises ValueError for anything else."""
    try:
        document = unpacked(data)
        chart = document["chart"]["metadata"]
        info = document["info"]
    except (KeyError, OSError, EOFError) as error:
        raise ValueError(f"not a release: {error}") from None
    return Release(
        name=document["name"],
        namespace=document.get("namespace", ""),
        revision=int(document["version"]),
        status=info["status"],
        chart=chart["name"],
        chart_version=chart["version"],
        description=info.get("description", ""),
        last_deployed=datetime.fromisoformat(info["last_deployed"]) if info.get("last_deployed") else None,
        config=document.get("config") or {},
        manifest=document.get("manifest", ""),
        secret_name=secret_name,
        hooks=tuple(hook.get("manifest", "") for hook in document.get("hooks") or ()),
        deleted=datetime.fromisoformat(info["deleted"]) if info.get("deleted") else None,
    )


async def history(api: client.ApiClient, namespace: str, name: str) -> History:
    """What Helm keeps of a release."""
    selector = f"owner=helm,name={name}"
    listed = await client.CoreV1Api(api).list_namespaced_secret(namespace, label_selector=selector)
    return History(tuple(sorted(listed.items, key=_version)))


async def releases(api: client.ApiClient) -> list[Release]:
    """The last revision of every release in a cluster, but for AKS's own. Raises Refused (TargetUnreachable)."""
    try:
        listed = await client.CoreV1Api(api).list_secret_for_all_namespaces(label_selector="owner=helm", _request_timeout=30)
    except (ApiException, TimeoutError, aiohttp.ClientError, OSError) as error:
        raise Refused.because(
            "TargetUnreachable", f"the cluster's API did not answer ({type(error).__name__})", "Try again."
        ) from None
    last: dict[tuple[str, str], Any] = {}
    for secret in listed.items:
        key = (secret.metadata.namespace, secret.metadata.labels["name"])
        if not key[1].startswith(AKS_OWN) and (key not in last or _version(secret) > _version(last[key])):
            last[key] = secret
    found = [_decoded(secret) for secret in last.values()]
    return [release for release in found if release.status != "uninstalled"]
