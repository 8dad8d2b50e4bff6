"""The CRD is deleted too early, by `kubectl delete -k` or by name, in a cluster of its own: the platform is held and can be
rescued."""

import json
from collections.abc import Iterator

import pytest

from sandbox.operator_process import ROOT, OperatorProcess, allow_namespace, install
from tests.integration.conftest import running_sandbox
from tests.security.conftest import TIMEOUT, Author, Field, make_author
from tests.security.protected import NAME, release, secrets_of, until_passes

pytestmark = [pytest.mark.attack, pytest.mark.story]

CRD = "notebookplatforms.notebookplatform.io"
BASE = ("-k", str(ROOT / "deploy" / "kustomize" / "base"))
OWNER = "notebookplatform-owner"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """A management cluster for these tests alone, whose CRD is deleted and installed again."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as environment:
        install(environment)
        directory = tmp_path_factory.mktemp("operator")
        found = Field(environment, directory, OperatorProcess(environment, directory))
        try:
            found.operator.start()
            yield found
        finally:
            found.operator.stop()


@pytest.fixture(scope="module")
def author(cluster: Field, tmp_path_factory: pytest.TempPathFactory) -> Author:
    made = make_author(cluster, "protected", tmp_path_factory.mktemp("author"))
    made.apply(made.runbook(NAME, deletionProtection=True))
    cluster.until("the platform is Ready", lambda: made.condition(NAME, "Ready")["status"] == "True", 2 * TIMEOUT)
    return made


def install_again(author: Author) -> None:
    """Install the operator as an administrator does; its ServiceAccount is a new one."""
    site = author.site
    site.operator.stop()
    install(site.environment)
    allow_namespace(site.environment, author.namespace)
    site.operator = OperatorProcess(site.environment, site.directory / f"again-{site.mark()}")
    site.operator.start()


def test_an_uninstall_in_one_command_leaves_the_crd_and_every_platform(author: Author) -> None:
    site, kept = author.site, secrets_of(author)
    mark, hub = site.mark(), release(author)
    uid = author.platform(NAME)["metadata"]["uid"]
    answer = site.kubectl("delete", *BASE, "--wait=false", check=False)
    assert "allow-deletion" in answer
    metadata = author.platform(NAME)["metadata"]
    assert metadata["uid"] == uid and "deletionTimestamp" not in metadata and secrets_of(author) == kept
    gone = "the operator's namespace is gone"
    site.until(gone, lambda: "NotFound" in site.kubectl("get", "namespace", "notebook-platform", check=False))
    install_again(author)
    until_passes(site, 3)
    assert author.condition(NAME, "Ready")["status"] == "True" and site.writes(mark) == [] and release(author) == hub


def test_a_crd_that_is_deleted_on_purpose_takes_no_protected_platform_with_it(author: Author) -> None:
    site, kept = author.site, secrets_of(author)
    mark, hub = site.mark(), release(author)
    site.kubectl("annotate", "crd", CRD, "notebookplatform.io/allow-deletion=true")
    site.kubectl("delete", "crd", CRD, "--wait=false")
    author.until_reason(NAME, "Ready", "DeletionProtected")
    until_passes(site)
    assert site.writes(mark) == [] and release(author) == hub and secrets_of(author) == kept
    assert author.condition(NAME, "DeletionProtected")["reason"] == "DeletionHeld"
    assert author.condition(NAME, "JupyterHubReady")["status"] == "True"


def test_an_operator_that_is_installed_again_beside_a_crd_that_is_being_deleted_holds_it_too(author: Author) -> None:
    site, kept = author.site, secrets_of(author)
    mark, hub = site.mark(), release(author)
    site.kubectl("delete", *BASE, "--wait=false", check=False)
    gone = "the operator's namespace is gone"
    site.until(gone, lambda: "NotFound" in site.kubectl("get", "namespace", "notebook-platform", check=False))
    site.operator.stop()
    before = author.condition(NAME, "Ready")
    assert "deletionTimestamp" in author.platform(NAME)["metadata"]
    install_again(author)
    until_passes(site, 3)
    assert author.condition(NAME, "Ready")["reason"] == before["reason"] == "DeletionProtected"
    assert site.writes(mark) == [] and release(author) == hub and secrets_of(author) == kept


def test_a_held_platform_is_saved_by_orphaning_and_applying_it_again(author: Author) -> None:
    site, kept = author.site, secrets_of(author)
    hub, keys = release(author), author.kubectl("get", "secret", f"{NAME}-hub", "-o", "jsonpath={.data}")
    mark = site.mark()
    patch = {"spec": {"deletionPolicy": "Orphan", "deletionProtection": False}}
    author.kubectl("patch", "nbp", NAME, "--type=merge", "-p", json.dumps(patch))
    site.until("the CRD is gone", lambda: "NotFound" in site.kubectl("get", "crd", CRD, check=False))
    assert not any(OWNER in (one.get("tags") or {}) for one in site.resources().values())
    assert not [w for w in site.writes(mark) if w.startswith("DELETE")]
    assert {name: kept[name] for name in (f"{NAME}-hub", f"{NAME}-service-principal")}.items() <= secrets_of(author).items()
    install_again(author)
    again = author.runbook(NAME, deletionProtection=True, adoption="IfUnowned")
    author.apply(again)
    assert f"{NAME}-service-principal" in author.until_reason(NAME, "IdentityReady", "PrincipalLeftBehind")["message"]
    principal = {"secretRef": {"name": f"{NAME}-service-principal"}, "role": "Contributor"}
    identity = json.dumps({"spec": {"identity": {"servicePrincipal": {**principal, "name": None}}}})
    author.kubectl("patch", "nbp", NAME, "--type=merge", "-p", identity)
    site.until("the platform is Ready again", lambda: author.condition(NAME, "Ready")["status"] == "True", 2 * TIMEOUT)
    assert release(author) == hub and not [w for w in site.writes(mark) if w.startswith("DELETE")]
    assert author.kubectl("get", "secret", f"{NAME}-hub", "-o", "jsonpath={.data}") == keys
