"""Fixtures of the attacks, on real parts: a sandbox with an operator, and an author with a ServiceAccount in a namespace."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.operator_process import allow_namespace, azure_credentials, install, kubectl, secret
from tests.api_server import ApiServer, Refused
from tests.forked_operator import ForkedOperator
from tests.integration.conftest import SUBSCRIPTION, TIMEOUT, Field, runbook, sandbox_environment

__all__ = ["SUBSCRIPTION", "TIMEOUT", "Author", "Field", "runbook", "sandbox_environment", "site"]

OWN_IDENTITY = [
    {
        "identity": "own",
        "namespaces": ["own-*"],
        "subscriptions": [SUBSCRIPTION],
        "resourceGroups": ["rg_own-*"],
        "features": ["*"],
    }
]
"""The operator's own identity has all rights in Azure; only these namespaces may use it, and only in these groups."""

VERSION = "/apis/notebookplatform.io/v1alpha1"

AUTHOR_ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "platform-author"},
    "rules": [
        {"apiGroups": ["notebookplatform.io"], "resources": ["notebookplatforms"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "list", "watch"]},
    ],
}
"""What a namespace administrator grants to authors: platforms, Secrets and ConfigMaps of one namespace."""


@dataclass
class Author:
    """A user who may write platforms, Secrets and ConfigMaps in one namespace only."""

    site: Field
    namespace: str
    kubeconfig: Path

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl with the author's own token, in the author's namespace. Returns standard error when it fails and `check` is
        off."""
        environment = {**self.site.environment, "KUBECONFIG": str(self.kubeconfig)}
        return kubectl(environment, "-n", self.namespace, *arguments, stdin=stdin, check=check)

    @cached_property
    def api(self) -> ApiServer:
        """The management cluster's API server, with the author's own token."""
        return ApiServer.of(self.kubeconfig)

    def apply(self, *documents: dict[str, Any], check: bool = True) -> str:
        """Apply objects into the namespace."""
        if not documents:
            return ""
        placed = [{**one, "metadata": {**one["metadata"], "namespace": self.namespace}} for one in documents]
        text = yaml.safe_dump_all(placed)
        return self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text, check=check)

    def secret(self, name: str, **data: str) -> None:
        """Create or change a Secret."""
        self.apply(secret(name, self.namespace, data))

    def platform(self, name: str) -> dict[str, Any]:
        """Return the object; empty when it does not exist."""
        found: dict[str, Any] | None = self.api.read(f"{VERSION}/namespaces/{self.namespace}/notebookplatforms/{name}")
        return found or {}

    def condition(self, name: str, type_: str) -> dict[str, Any]:
        """Return one condition of a platform; empty texts when it does not exist."""
        conditions = self.platform(name).get("status", {}).get("conditions", [])
        return next((c for c in conditions if c["type"] == type_), {"status": "", "reason": "", "message": ""})

    def until_reason(self, name: str, type_: str, reason: str) -> dict[str, Any]:
        """Wait until a condition has this reason; return the condition."""

        def reached() -> dict[str, Any] | None:
            now = self.condition(name, type_)
            return now if now["reason"] == reason else None

        found: dict[str, Any] = self.site.until(f"{self.namespace}/{name}: {type_} has reason {reason}", reached)
        return found

    def retire(self) -> None:
        """Start the deletion of the author's platforms without waiting, to free the machine for the next test; also in namespaces
        that a test derived from this one."""
        for namespace in self.site.names("/api/v1/namespaces"):
            if namespace.startswith(self.namespace):
                self._retire(namespace)

    def _retire(self, namespace: str) -> None:
        platforms = f"{VERSION}/namespaces/{namespace}/notebookplatforms"
        with suppress(Refused):  # the namespace is being deleted
            self.site.apply(secret("azure-credentials", namespace, azure_credentials(self.site.environment)))
        for platform in self.site.read(platforms)["items"]:
            path = f"{platforms}/{platform['metadata']['name']}"
            spec: dict[str, Any] = {"deletionProtection": False, "deletionPolicy": "Delete", "suspend": False}
            if platform["spec"]["azure"].get(
                "credentials"
            ):  # without them it is deleted with the operator's own identity, or at once
                spec["azure"] = {"credentials": {"secretRef": {"name": "azure-credentials"}, "certificateRef": None}}
            patch = {"metadata": {"annotations": {"notebookplatform.io/confirm-deletion": "100000"}}, "spec": spec}
            with suppress(Refused):  # it may be gone, or admission refuses the patch
                self.site.api.request("PATCH", path, patch, type_="application/merge-patch+json")
            with suppress(Refused):  # a protected platform stays
                self.site.api.delete(path)

    def runbook(self, name: str, **spec: Any) -> dict[str, Any]:
        """Return the runbook's platform, with Azure names that no other test uses."""
        found = runbook(f"{self.namespace}-{name}"[:40].rstrip("-"), **spec)
        found["metadata"] = {"name": name, "namespace": self.namespace}
        return found


@pytest.fixture(scope="package")
def site(sandbox_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """The sandbox with an operator that has its own identity."""
    install(sandbox_environment)
    directory = tmp_path_factory.mktemp("operator")
    operator = ForkedOperator(sandbox_environment, directory, identities=json.dumps(OWN_IDENTITY))
    operator.environment |= {
        "AZURE_TENANT_ID": sandbox_environment["SANDBOX_TENANT"],
        "AZURE_CLIENT_ID": sandbox_environment["SANDBOX_CLIENT_ID"],
        "AZURE_CLIENT_SECRET": sandbox_environment["SANDBOX_CLIENT_SECRET"],
    }
    operator.start()
    yield Field(sandbox_environment, directory, operator)
    operator.stop()


def namespace_of(request: pytest.FixtureRequest, prefix: str) -> str:
    """Create a namespace for each test."""
    return f"{prefix}-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:8]}"


@pytest.fixture
def author(site: Field, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Author]:
    made = make_author(site, namespace_of(request, "evil"), tmp_path)
    yield made
    made.retire()


def make_author(site: Field, namespace: str, directory: Path) -> Author:
    """Create a namespace that the operator serves, with an author whose Secret `azure-credentials` holds credentials for
    Azure."""
    allow_namespace(site.environment, namespace)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "author", "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "platform-author"},
        "subjects": [{"kind": "ServiceAccount", "name": "author", "namespace": namespace}],
    }
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "author", "namespace": namespace}}
    oidc = secret("oidc", namespace, {"clientSecret": "an-authors-own-oidc-secret-7720"})
    site.apply(AUTHOR_ROLE, account, binding, secret("azure-credentials", namespace, azure_credentials(site.environment)), oidc)
    document = yaml.safe_load(Path(site.environment["KUBECONFIG"]).read_text())
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 4 * 3600}}
    granted = site.api.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/author/token", asked)
    document["users"][0]["user"] = {"token": granted["status"]["token"]}
    path = directory / f"{namespace}.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document))
    return Author(site, namespace, path)
