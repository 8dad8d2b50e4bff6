"""The operator's rights, by namespace, on a separate real API server: checked by what the API server grants and by operators that
run with them. There is no Azure here: a platform whose credentials are missing has that in its status, which proves that it is
served."""

import contextlib
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from sandbox.kubernetes.binaries import find
from sandbox.kubernetes.control_plane import ControlPlane, Wanted
from sandbox.operator_process import ACCOUNT, NAMESPACE, ROOT, OperatorProcess, install, kubectl, kustomized, secret
from tests.environments import Say
from tests.security.conftest import namespace_of

pytestmark = pytest.mark.attack

OPERATOR = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
PLATFORMS = "notebookplatforms.notebookplatform.io"
KUSTOMIZATIONS = ["base", "overlays/whole-cluster", "overlays/workload-identity", "namespaces/platforms"]
COMPONENTS = ["private-addresses/networkpolicy", "managed-identity/networkpolicy", "whole-cluster/clusterrolebinding"]
OWN = {"app.kubernetes.io/managed-by": "notebook-platform"}
NOT_OWN = "the operator writes only Secrets with the label"
TIMEOUT = 90.0

REFUSAL = re.compile(r"may not|orbidden|(?<![.\w])403(?!\w)|ERROR")
"""The status as a word: 403 may be part of a time or of a correlation id."""


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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Management]:
    async with control_plane(tmp_path_factory.mktemp("plane")) as made:
        install(made.environment)
        yield made


@pytest_asyncio.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Management]:
    """A management cluster with nothing installed."""
    async with control_plane(tmp_path / "plane") as made:
        yield made


def may(site: Management, *asked: tuple[str, str], namespace: str = "") -> dict[tuple[str, str], bool]:
    """Return whether the operator's ServiceAccount may do something, (verb, resource.group/subresource), by a question to the API
    server. Without a namespace: in the whole cluster."""
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated"]
    reviews = []
    for verb, named in asked:
        whole, _, subresource = named.partition("/")
        resource, _, group = whole.partition(".")
        attributes = {"verb": verb, "resource": resource, "group": group, "subresource": subresource, "namespace": namespace}
        spec = {"user": OPERATOR, "groups": groups, "resourceAttributes": attributes}
        reviews.append({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
    text = yaml.safe_dump_all(reviews)
    answers = site.kubectl("create", "-f", "-", "-o", 'jsonpath={.status.allowed}{"\\n"}', stdin=text).split()
    return {question: answer == "true" for question, answer in zip(asked, answers, strict=True)}


RBAC = "rbac.authorization.k8s.io"
NEVER = [
    *[
        (verb, f"{kind}.{RBAC}")
        for kind in ("roles", "rolebindings", "clusterroles", "clusterrolebindings")
        for verb in ("create", "update", "patch")
    ],
    ("bind", f"clusterroles.{RBAC}"),
    ("escalate", f"clusterroles.{RBAC}"),
    ("escalate", f"roles.{RBAC}"),
    ("impersonate", "users"),
    ("impersonate", "groups"),
    ("impersonate", "serviceaccounts"),
    ("create", "serviceaccounts"),
    ("create", "serviceaccounts/token"),
    ("create", "pods"),
    ("create", "pods/exec"),
    ("get", "pods"),
    ("get", "pods/log"),
    ("get", "nodes"),
    ("get", "nodes/proxy"),
    ("create", "namespaces"),
    ("delete", "namespaces"),
    ("patch", "namespaces"),
    ("create", PLATFORMS),
    ("delete", PLATFORMS),
    ("update", PLATFORMS),
    ("deletecollection", "secrets"),
    ("patch", "secrets"),
    ("create", "configmaps"),
    ("update", "configmaps"),
    ("delete", "configmaps"),
    ("list", "events"),
    ("delete", "events"),
    ("delete", "customresourcedefinitions.apiextensions.k8s.io"),
    ("patch", "customresourcedefinitions.apiextensions.k8s.io"),
    ("update", "validatingadmissionpolicies.admissionregistration.k8s.io"),
    ("delete", "validatingadmissionpolicybindings.admissionregistration.k8s.io"),
    ("create", "mutatingwebhookconfigurations.admissionregistration.k8s.io"),
    ("delete", "networkpolicies.networking.k8s.io"),
    ("create", "deployments.apps"),
    ("approve", "certificatesigningrequests.certificates.k8s.io"),
]
NEEDED = [
    *[(verb, "secrets") for verb in ("get", "list", "watch", "create", "update", "delete")],
    *[(verb, "configmaps") for verb in ("get", "list", "watch")],
    *[(verb, PLATFORMS) for verb in ("get", "list", "watch", "patch")],
    ("patch", f"{PLATFORMS}/status"),
    ("create", "events"),
]
ANYWHERE = [
    (verb, resource)
    for verb in ("get", "list", "watch", "create", "update", "patch", "delete")
    for resource in ("secrets", "configmaps", "events", PLATFORMS, f"{PLATFORMS}/status")
]


@pytest.mark.parametrize("namespace", ["platforms", NAMESPACE, ""])
def test_the_operator_cannot_do_what_it_does_not_need_not_even_in_its_namespaces(site: Management, namespace: str) -> None:
    assert [question for question, yes in may(site, *NEVER, namespace=namespace).items() if yes] == []


def test_the_operator_has_leases_in_its_own_namespace_and_deletes_none(site: Management) -> None:
    leases = "leases.coordination.k8s.io"
    verbs = ("get", "list", "create", "patch", "update", "delete", "watch")
    allowed = {verb for (verb, _), yes in may(site, *((verb, leases) for verb in verbs), namespace=NAMESPACE).items() if yes}
    assert allowed == {"get", "list", "create", "patch"}
    assert not any(may(site, *((verb, leases) for verb in verbs), namespace="kube-system").values())


@pytest.mark.parametrize("namespace", ["kube-system", "default", NAMESPACE])
def test_the_operator_reads_nothing_in_a_namespace_without_a_rolebinding(site: Management, namespace: str) -> None:
    assert [question for question, yes in may(site, *ANYWHERE, namespace=namespace).items() if yes] == []


def test_the_operator_has_no_right_on_the_whole_cluster_but_on_namespaces_and_crds(site: Management) -> None:
    assert [question for question, yes in may(site, *ANYWHERE).items() if yes] == []
    observed = ("namespaces", "customresourcedefinitions.apiextensions.k8s.io")
    assert all(may(site, *[(verb, name) for name in observed for verb in ("list", "watch")]).values())


def test_the_operator_has_what_it_needs_where_a_rolebinding_is(site: Management) -> None:
    assert [question for question, yes in may(site, *NEEDED, namespace="platforms").items() if not yes] == []


@pytest.fixture
def namespace(site: Management, request: pytest.FixtureRequest) -> str:
    """Create a namespace of an author."""
    name = namespace_of(request, "author")
    site.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    bind(site, name, {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE})
    return name


def bind(site: Management, namespace: str, account: dict[str, str]) -> None:
    """Bind an account in a namespace, as components/namespace does."""
    (binding,) = [one for one in kustomized("namespaces/platforms") if one["kind"] == "RoleBinding"]
    binding["metadata"]["namespace"], binding["subjects"] = namespace, [account]
    site.apply(binding)


def as_operator(site: Management, *arguments: str, of: dict[str, Any] | None = None) -> str:
    """Run kubectl with the operator's identity; return its output, errors included."""
    return site.kubectl("--as", OPERATOR, *arguments, stdin=json.dumps(of) if of else None, check=False)


@pytest.mark.parametrize("labels", [{}, {"app.kubernetes.io/managed-by": "Helm"}, {"app.kubernetes.io/managed-by": ""}])
def test_the_operators_token_cannot_change_or_delete_a_secret_of_the_author(
    site: Management, namespace: str, labels: dict[str, str]
) -> None:
    mine: Any = secret("mine", namespace, {"password": "an-authors-own-word"})
    mine["metadata"]["labels"] = labels
    site.apply(mine)
    for claimed in ({}, labels, OWN):
        other: Any = secret("mine", namespace, {"password": "overwritten"})
        other["metadata"]["labels"] = claimed
        assert NOT_OWN in as_operator(site, "replace", "-f", "-", of=other)
    assert NOT_OWN in as_operator(site, "delete", "secret", "mine", "-n", namespace)
    kept = json.loads(site.kubectl("get", "secret", "mine", "-n", namespace, "-o", "json"))
    assert kept["data"] == mine["data"]


def test_the_operators_token_makes_no_secret_for_a_service_accounts_token(site: Management, namespace: str) -> None:
    trap: Any = secret("trap", namespace, {})
    trap["type"] = "kubernetes.io/service-account-token"
    trap["metadata"] |= {"labels": OWN, "annotations": {"kubernetes.io/service-account.name": "default"}}
    answer = as_operator(site, "create", "-f", "-", of=trap)
    assert "makes no Secret of the type kubernetes.io/service-account-token" in answer
    assert site.kubectl("get", "secret", "trap", "-n", namespace, "--ignore-not-found").strip() == ""


def test_the_operators_token_writes_its_own_secrets_and_keeps_their_label(site: Management, namespace: str) -> None:
    own: Any = secret("own", namespace, {"a": "b"})
    assert NOT_OWN in as_operator(site, "create", "-f", "-", of=own)
    own["metadata"]["labels"] = OWN
    assert "created" in as_operator(site, "create", "-f", "-", of=own)
    assert "replaced" in as_operator(site, "replace", "-f", "-", of=own)
    own["metadata"]["labels"] = {}
    assert NOT_OWN in as_operator(site, "replace", "-f", "-", of=own)
    site.platform(namespace, suspend=True)
    owner = {
        "apiVersion": "notebookplatform.io/v1alpha1",
        "kind": "NotebookPlatform",
        "name": "x",
        "uid": site.kubectl(
            "get", "nbp", "x", "-n", namespace, "-o", "jsonpath={.metadata.uid}"
        ),  # else it is garbage, and collected
        "controller": True,
    }
    own["metadata"]["ownerReferences"] = [owner]
    site.apply(own)
    site.kubectl("label", "secret", "own", "-n", namespace, "app.kubernetes.io/managed-by-")
    own["metadata"]["labels"] = OWN
    assert "replaced" in as_operator(site, "replace", "-f", "-", of=own), "its author took the label away"
    assert "deleted" in as_operator(site, "delete", "secret", "own", "-n", namespace)


@pytest.mark.parametrize(
    "change",
    [{"deletionProtection": False}, {"suspend": False}, {"interval": "5m"}, {"cluster": {"kubernetesVersion": "1.36"}}],
)
def test_the_operators_token_changes_no_spec(site: Management, namespace: str, change: dict[str, Any]) -> None:
    site.platform(namespace, deletionProtection=True, suspend=True)
    before = site.kubectl("get", "nbp", "x", "-n", namespace, "-o", "jsonpath={.spec}")
    answer = as_operator(site, "patch", "nbp", "x", "-n", namespace, "--type=merge", "-p", json.dumps({"spec": change}))
    assert "the operator changes no spec" in answer
    assert site.kubectl("get", "nbp", "x", "-n", namespace, "-o", "jsonpath={.spec}") == before
    finalizer = {"metadata": {"finalizers": ["notebookplatform.io/test"]}}
    assert "patched" in as_operator(site, "patch", "nbp", "x", "-n", namespace, "--type=merge", "-p", json.dumps(finalizer))
    released = {"metadata": {"finalizers": []}, "spec": {"deletionProtection": False}}
    site.kubectl("patch", "nbp", "x", "-n", namespace, "--type=merge", "-p", json.dumps(released))


def accepted(site: Management, objects: list[dict[str, Any]]) -> None:
    """Assert that the API server accepts these objects, with no unknown field."""
    command = ["apply", "--dry-run=server", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-"]
    answer = site.kubectl(*command, stdin=yaml.dump_all(objects, Dumper=yaml.CSafeDumper))
    assert answer.count("(server dry run)") == len(objects)


@pytest.mark.parametrize("path", KUSTOMIZATIONS)
def test_the_api_server_takes_every_deployment_as_it_is(site: Management, path: str) -> None:
    accepted(site, kustomized(path))


@pytest.mark.parametrize("path", COMPONENTS)
def test_the_api_server_takes_every_component_as_it_is(site: Management, path: str) -> None:
    accepted(site, list(yaml.safe_load_all((ROOT / "deploy/kustomize/components" / f"{path}.yaml").read_text())))


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


@pytest.fixture
def tenant(site: Management, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tenant]:
    made = Tenant(site, namespace_of(request, "alone"), tmp_path)
    yield made
    made.stop()
    for kind in ("clusterrolebinding", "serviceaccount"):
        site.kubectl("delete", kind, made.name, "-n", NAMESPACE, "--ignore-not-found", check=False)


def test_one_namespace_and_one_rolebinding_work_at_once(tenant: Tenant, say: Say) -> None:
    namespace = tenant.namespace()
    tenant.platform(namespace)
    operator, began = tenant.configured(f'["{namespace}"]'), time.monotonic()
    operator.start()
    ready = time.monotonic() - began
    status = tenant.until_served(namespace)
    say(f"rights by namespace: ready {ready:.1f} s after the process was started, first status {status:.1f} s later")
    assert tenant.refusals() == []
    assert status < 30, "kopf's retries of a refused request alone take 54 seconds"


def test_a_namespace_without_a_rolebinding_does_not_stop_further_ones_and_is_served_once_granted(tenant: Tenant) -> None:
    bound, unbound, missing = tenant.namespace("-a"), tenant.namespace("-b", bound=False), f"{tenant.name}-c"
    tenant.platform(bound)
    tenant.platform(unbound)
    tenant.configured(f'["{unbound}", "{bound}", "{missing}"]').start()
    tenant.until_served(bound)
    for name in (unbound, missing):
        tenant.until_logged(f"namespace {name}: the operator may not list")
    assert tenant.log.count(f"namespace {unbound}: ") == 1 and "notebook-platform-namespace" in tenant.log
    assert not tenant.served(unbound)
    tenant.bind(unbound)
    tenant.until_served(unbound)
    tenant.until_logged(f"namespace {unbound}: the operator now has its rights there")
    tenant.namespace("-c")
    tenant.platform(missing)
    tenant.until_served(missing)
    assert "ERROR" not in tenant.log


def test_removing_and_restoring_a_rolebinding_affects_no_other_namespace(tenant: Tenant) -> None:
    first, second = tenant.namespace("-a"), tenant.namespace("-b")
    operator = tenant.configured(f'["{first}", "{second}"]')
    operator.start()
    tenant.site.kubectl("delete", "rolebinding", "notebook-platform", "-n", first)
    tenant.platform(second)
    tenant.until_served(second)
    operator.stop()
    operator.start()
    tenant.until_logged(f"namespace {first}: the operator may not list")
    tenant.platform(first)
    tenant.bind(first)
    tenant.until_served(first)


def test_a_namespace_added_later_is_served_with_a_pattern(tenant: Tenant) -> None:
    tenant.bind_cluster("notebook-platform", "base")
    tenant.configured(f'["{tenant.name}-*"]').start()
    namespace = tenant.namespace("-later", bound=False)
    tenant.platform(namespace)
    tenant.until_logged(f"namespace {namespace}: the operator may not list")
    tenant.bind(namespace)
    tenant.until_served(namespace)
    assert "ERROR" not in tenant.log


def test_a_pattern_without_the_right_to_list_namespaces_is_explained_and_works_when_it_is_granted(tenant: Tenant) -> None:
    namespace = tenant.namespace("-a")
    tenant.platform(namespace)
    tenant.configured(f'["{tenant.name}-*"]').launch()
    tenant.until_logged(
        "namespaces has a pattern, and the operator may not list and watch namespaces and customresourcedefinitions"
    )
    tenant.bind_cluster("notebook-platform", "base")
    tenant.until_served(namespace)
    assert "ERROR" not in tenant.log


def test_the_overlay_for_the_whole_cluster_serves_a_namespace_without_a_rolebinding(tenant: Tenant) -> None:
    namespace = tenant.namespace(bound=False)
    tenant.platform(namespace)
    tenant.configured("[]").start()
    tenant.until_logged("in the whole cluster, and no namespaces are configured. Apply deploy/kustomize/overlays/whole-cluster")
    assert not tenant.served(namespace)
    tenant.bind_cluster("notebook-platform-whole-cluster", "overlays/whole-cluster")
    tenant.until_served(namespace)
    assert "ERROR" not in tenant.log


def test_an_operator_without_rights_on_leases_says_so_in_one_line_and_acts_when_it_has_them(tenant: Tenant) -> None:
    namespace = tenant.namespace()
    tenant.platform(namespace)
    tenant.site.kubectl("delete", "rolebinding", tenant.name, "-n", NAMESPACE)
    tenant.configured(f'["{namespace}"]').launch()
    tenant.until_logged(f"may not read and write leases in namespace {NAMESPACE}, so it reconciles no platform")
    assert not tenant.served(namespace)
    tenant.bind_leases()
    tenant.until_served(namespace)
    (line,) = tenant.refusals()
    assert "Apply deploy/kustomize/base/rbac.yaml" in line


def test_an_operator_that_starts_before_its_crd_is_installed_serves_when_it_is(bare: Management, tmp_path: Path) -> None:
    everything = kustomized("base")
    bare.apply(*(one for one in everything if one["kind"] in ("Namespace", "ServiceAccount", "ClusterRole")))
    tenant = Tenant(bare, "early", tmp_path)
    namespace = tenant.namespace()
    tenant.configured(f'["{namespace}"]').launch()
    try:
        tenant.until_logged("Install the CustomResourceDefinition")
        bare.apply(*(one for one in everything if one["kind"] == "CustomResourceDefinition"))
        served = ("api-resources", "--api-group=notebookplatform.io", "-o", "name")
        bare.until("the kind is served", lambda: PLATFORMS in bare.kubectl(*served, check=False))
        tenant.platform(namespace)
        tenant.until_served(namespace)
        assert "may not" not in tenant.log and "orbidden" not in tenant.log
    finally:
        tenant.stop()


def test_a_name_that_no_namespace_has_is_refused_at_the_start(tenant: Tenant) -> None:
    with pytest.raises(RuntimeError, match="neither a namespace name nor a pattern"):
        tenant.configured('["../kube-system"]').start()


def test_contents_of_secrets_that_no_platform_names_stay_out_of_the_operators_memory(tenant: Tenant) -> None:
    namespace = tenant.namespace()
    marker = "n0b0dy-reads-this-word"
    for number in range(4):
        big = secret(f"big-{number}", namespace, {"value": marker * 30000})
        kubectl(tenant.site.environment, "create", "-f", "-", stdin=yaml.dump(big, Dumper=yaml.CSafeDumper))
    tenant.platform(namespace)
    operator = tenant.configured(f'["{namespace}"]')
    operator.start()
    tenant.until_served(namespace)
    kubectl(tenant.site.environment, "-n", namespace, "annotate", "secret", "big-0", "touched=now")
    tenant.until_served(namespace)
    assert not holds(operator.pid, secret("x", "y", {"value": marker * 3})["data"]["value"][:40].encode())


def holds(pid: int, words: bytes) -> bool:
    """Return whether a process has these bytes anywhere in its memory."""
    with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights = line.split()[:2]
            start, end = (int(part, 16) for part in place.split("-"))
            if rights.startswith("rw") and end - start < 1 << 31:
                memory.seek(start)
                with contextlib.suppress(OSError):
                    if words in memory.read(end - start):
                        return True
    return False


def test_the_health_ports_reveal_nothing(tenant: Tenant) -> None:
    operator = tenant.configured(f'["{tenant.namespace()}"]')
    operator.start()
    for path in ("/healthz", "/readyz"):
        with urllib.request.urlopen(f"http://127.0.0.1:{operator.health_port}{path}", timeout=5) as answer:
            assert answer.read() == b"ok\n"
    for port, path in ((operator.health_port, "/metrics"), (operator.health_port, "/"), (operator.metrics_port, "/healthz")):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5)
    assert tenant.name not in operator.metrics()
