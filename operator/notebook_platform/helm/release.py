"""A release as Helm keeps it: a Secret a revision, gzipped JSON in it. Read through the API, with no process started.

https://helm.sh/docs/topics/advanced/#storage-backends
"""

import base64
import gzip
import json
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

    @property
    def pending(self) -> bool:
        """Helm holds it: something is, or was, at work."""
        return self.status.startswith("pending-") or self.status == "uninstalling"

    def objects(self) -> list[dict[str, Any]]:
        """The objects of its manifest."""
        return [document for document in yaml.safe_load_all(self.manifest) if isinstance(document, dict)]


def decode(data: str, secret_name: str = "") -> Release:
    """From the `release` key of a Secret (base64 of base64 of gzip of JSON). Raises ValueError for anything else."""
    try:
        document = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(data))))
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
    )


async def newest(api: client.ApiClient, namespace: str, name: str) -> Release | None:
    """The last revision of a release; None when there is none."""
    selector = f"owner=helm,name={name}"
    listed = await client.CoreV1Api(api).list_namespaced_secret(namespace, label_selector=selector)
    if not listed.items:
        return None
    last = max(listed.items, key=lambda secret: int(secret.metadata.labels["version"]))
    return decode(last.data["release"], last.metadata.name)


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
        version = int(secret.metadata.labels["version"])
        if not key[1].startswith(AKS_OWN) and (key not in last or version > int(last[key].metadata.labels["version"])):
            last[key] = secret
    found = [decode(secret.data["release"], secret.metadata.name) for secret in last.values()]
    return [release for release in found if release.status != "uninstalled"]
