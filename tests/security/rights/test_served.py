"""Operators that run with rights by namespace: a platform whose credentials are missing has that in its status, which proves that it is
served."""

import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from sandbox.operator_process import NAMESPACE, kubectl, kustomized, secret
from tests.environments import Say
from tests.security.rights.management import PLATFORMS, Management, control_plane
from tests.security.rights.tenant import Tenant

pytestmark = pytest.mark.attack


@pytest_asyncio.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Management]:
    """A management cluster with nothing installed."""
    async with control_plane(tmp_path / "plane") as made:
        yield made


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
