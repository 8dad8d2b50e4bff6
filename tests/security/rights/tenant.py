"""A separate operator for one test, with an account of its own."""

import re
import time
from pathlib import Path

import yaml

from sandbox.operator_process import NAMESPACE, OperatorProcess, kustomized
from tests.security.rights.management import Management, bind

REFUSAL = re.compile(r"may not|orbidden|(?<![.\w])403(?!\w)|ERROR")
"""The status as a word: 403 may be part of a time or of a correlation id."""


class Tenant:
    """A separate operator for one test, with an account that has no rights yet."""

    def __init__(self, site: Management, name: str, directory: Path) -> None:
        self.site = site
        self.name = name
        self.directory = directory
        self.account = {"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}
        site.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}})
        self.bind_leases()
        document = yaml.safe_load(Path(site.environment["KUBECONFIG"]).read_text())
        token = site.kubectl("create", "token", name, "-n", NAMESPACE, "--duration=4h").strip()
        document["users"][0]["user"] = {"token": token}
        self.kubeconfig = directory / "tenant.kubeconfig"
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(yaml.safe_dump(document))
        self.operator: OperatorProcess | None = None

    def namespace(self, suffix: str = "", *, bound: bool = True) -> str:
        """Create a namespace that only this test's operator serves."""
        name = f"{self.name}{suffix}"
        self.site.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        if bound:
            self.bind(name)
        return name

    def bind(self, namespace: str) -> None:
        bind(self.site, namespace, self.account)

    def bind_leases(self) -> None:
        """Bind the Role of the base that allows leases to this test's account."""
        role, binding = (o for o in kustomized("base") if o["metadata"]["name"] == "notebook-platform-leases")
        self.site.apply(role, binding | {"metadata": {**binding["metadata"], "name": self.name}, "subjects": [self.account]})

    def bind_cluster(self, name: str, path: str) -> None:
        """Apply a ClusterRoleBinding of a deployment for this test's account."""
        (binding,) = [o for o in kustomized(path) if o["kind"] == "ClusterRoleBinding" and o["metadata"]["name"] == name]
        binding["metadata"]["name"] = self.name
        binding["subjects"] = [self.account]
        self.site.apply(binding)

    def configured(self, namespaces: str) -> OperatorProcess:
        own = {"namespaces": namespaces, "cluster_id": self.name, "lease_name": self.name[:40].strip("-")}
        found = OperatorProcess(self.site.environment, self.directory / "operator", **own)
        found.environment["KUBECONFIG"] = str(self.kubeconfig)
        self.operator = found
        return found

    def stop(self) -> None:
        if self.operator is not None:
            self.operator.stop()

    @property
    def log(self) -> str:
        assert self.operator is not None
        return self.operator.log.read_text()

    def refusals(self) -> list[str]:
        return [line for line in self.log.splitlines() if REFUSAL.search(line)]

    def platform(self, namespace: str) -> None:
        self.site.platform(namespace)

    def served(self, namespace: str) -> bool:
        path = "-o=jsonpath={.status.conditions[?(@.type=='CredentialsReady')].reason}"
        return self.site.kubectl("get", "nbp", "x", "-n", namespace, path, check=False).strip() == "SecretNotFound"

    def until_served(self, namespace: str) -> float:
        """Wait until a platform's status is written; return the seconds it took."""
        began = time.monotonic()
        self.site.until(f"the platform in {namespace} is served", lambda: self.served(namespace))
        return time.monotonic() - began

    def until_logged(self, words: str) -> None:
        self.site.until(f"the log says {words!r}; it says {self.log}", lambda: words in self.log)
