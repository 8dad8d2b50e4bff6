"""A hub whose homes are on one claim, with the commands of its author and of an administrator of the built cluster."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import yaml

from sandbox.operator_process import kubectl
from tests.security.conftest import Author, Field

NAME = "data"
HUB = "jhub"
SHARED = {"type": "static", "shared": {"claim": "homes"}}


@dataclass
class Hub:
    """The platform under attack, with the commands of its author and of an administrator of the built cluster."""

    author: Author

    @property
    def site(self) -> Field:
        return self.author.site

    def inside(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl against the built cluster."""
        namespace = self.author.namespace
        data = json.loads(self.site.kubectl("get", "secret", f"{NAME}-kubeconfig", "-n", namespace, "-o", "json"))["data"]
        path = self.site.directory / f"{namespace}.kubeconfig"
        path.touch(mode=0o600)
        path.write_bytes(base64.b64decode(data["value"]))
        return kubectl({**self.site.environment, "KUBECONFIG": str(path)}, *arguments, stdin=stdin, check=check)

    def create(self, *documents: dict[str, Any]) -> None:
        """Create or change objects in the built cluster."""
        self.inside("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump_all(documents))

    def remove(self, *documents: dict[str, Any]) -> None:
        """Delete objects in the built cluster, without their finalizers."""
        for one in documents:
            metadata = one["metadata"]
            where = ["-n", metadata["namespace"]] if "namespace" in metadata else []
            where += ["--wait=false", "--ignore-not-found"]
            if one["kind"] in ("PersistentVolumeClaim", "PersistentVolume"):
                patch = '{"metadata":{"finalizers":null}}'
                self.inside("patch", one["kind"], metadata["name"], *where[:-2], "--type=merge", "-p", patch, check=False)
            self.inside("delete", one["kind"], metadata["name"], *where)

    def want(self, approve: str | None = None, **changes: Any) -> None:
        """Apply the platform with changed parts of spec.jupyterhub."""
        wanted = self.author.runbook(NAME)
        wanted["spec"]["jupyterhub"] = merged(wanted["spec"]["jupyterhub"], changes)
        wanted["metadata"]["annotations"] = {"notebookplatform.io/approve": approve} if approve else {}
        self.author.apply(wanted)

    def condition(self, type_: str = "JupyterHubReady") -> dict[str, Any]:
        return self.author.condition(NAME, type_)

    def until(self, type_: str, reason: str, *words: str) -> str:
        """Wait until a condition of the current generation has a reason and these words in its message; return the message."""

        def reached() -> str | None:
            found = self.author.platform(NAME)
            now = self.condition(type_)
            of_now = now.get("observedGeneration") == found["metadata"]["generation"]
            has_words = all(word in now["message"] for word in words)
            return str(now["message"]) if now["reason"] == reason and of_now and has_words else None

        return str(self.site.until(f"{type_} is {reason} and has {words}; it is {self.condition(type_)}", reached))

    def until_ready(self) -> None:
        self.until("Ready", "Ready")

    @property
    def revision(self) -> int:
        listed = self.inside("get", "secrets", "-n", HUB, "-l", "owner=helm,name=jhub", "-o", "name").split()
        return len(listed)


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return both mappings merged: `over` wins, None removes."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        if value is None:
            result.pop(key, None)
            continue
        result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) and value else value
    return result


def claim(name: str, namespace: str = HUB, labels: Any = None, annotations: Any = None, **spec: Any) -> dict[str, Any]:
    modes = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}, "annotations": annotations or {}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": {**modes, **spec}}


def files(name: str, **more: Any) -> dict[str, Any]:
    """Return a claim of Azure Files, which is bound at once; its volume is deleted with it."""
    return claim(name, storageClassName="azurefile-csi", **more)
