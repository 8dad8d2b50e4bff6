"""A management cluster with deploy/kustomize/base on a separate real API server. There is no Azure here."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sandbox.kubernetes.binaries import find
from sandbox.kubernetes.control_plane import ControlPlane, Wanted
from sandbox.operator_process import kubectl, kustomized

PLATFORMS = "notebookplatforms.notebookplatform.io"
TIMEOUT = 90.0


@dataclass
class Management:
    """A management cluster with deploy/kustomize/base and no operator yet."""

    environment: dict[str, str]

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl as the administrator."""
        return kubectl(self.environment, *arguments, stdin=stdin, check=check)

    def apply(self, *documents: dict[str, Any]) -> str:
        text = yaml.dump_all(documents, Dumper=yaml.CSafeDumper)
        return self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)

    def until(self, what: str, check: Callable[[], Any]) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not check():
            assert time.monotonic() < deadline, f"never came true: {what}"
            time.sleep(0.2)

    def platform(self, namespace: str, **spec: Any) -> None:
        """Create a platform whose credentials are missing."""
        azure = {"subscriptionId": "00000000-0000-0000-0000-000000000001", "location": "eastus", "resourceGroup": namespace}
        whole = {
            "azure": {**azure, "credentials": {"secretRef": {"name": "none"}}},
            "cluster": {"name": namespace, "kubernetesVersion": "1.35"},
            "nodePools": [{"name": "system", "mode": "System", "vmSize": "Standard_D2s_v5", "count": 1}],
            "deletionProtection": False,
            **spec,
        }
        metadata = {"name": "x", "namespace": namespace}
        self.apply(
            {"apiVersion": "notebookplatform.io/v1alpha1", "kind": "NotebookPlatform", "metadata": metadata, "spec": whole}
        )


@contextlib.asynccontextmanager
async def control_plane(directory: Path) -> AsyncIterator[Management]:
    plane = ControlPlane(directory, find(), Wanted(name="management", nodes=False))
    await plane.start()
    try:
        yield Management(
            {
                "KUBECONFIG": str(plane.kubeconfig_path),
                **{f"SANDBOX_{name}": "https://127.0.0.1:1" for name in ("ARM", "TENANT", "CLIENT_ID", "CLIENT_SECRET")},
                "SANDBOX_CA": str(plane.directory / "ca.pem"),
                "SANDBOX_HELM": str(find().path("helm")),
                "SANDBOX_CHARTS": str(plane.directory),
            }
        )
    finally:
        await plane.stop()


def bind(site: Management, namespace: str, account: dict[str, str]) -> None:
    """Bind an account in a namespace, as components/namespace does."""
    (binding,) = [one for one in kustomized("namespaces/platforms") if one["kind"] == "RoleBinding"]
    binding["metadata"]["namespace"], binding["subjects"] = namespace, [account]
    site.apply(binding)
