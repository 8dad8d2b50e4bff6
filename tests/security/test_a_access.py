"""Access to a built cluster: requested from Azure once, kept in memory, and written to a Secret that the operator never reads.
The tests share one platform and continue where the last one ended."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.operator_process import kubectl
from tests.security.conftest import Author, Field, make_author
from tests.security.test_a_kubeconfig import alive, kubeconfig, runs

pytestmark = [pytest.mark.attack, pytest.mark.story, pytest.mark.timeout(900)]

POOL = {"name": "nodepool1", "mode": "System", "vmSize": "Standard_D2s_v3", "count": 2}


def small(author: Author, name: str, **spec: Any) -> dict[str, Any]:
    """Return a platform with a cluster and no releases."""
    found = author.runbook(name, identity={"type": "SystemAssigned"}, nodePools=[POOL], autoscale=[], **spec)
    del found["spec"]["jupyterhub"]
    found["spec"]["azure"].pop("features", None)
    return found


@pytest.fixture(scope="module")
def built(site: Field, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Author]:
    author = make_author(site, "evil-built", tmp_path_factory.mktemp("author"))
    author.apply(small(author, "x", deletionProtection=False))
    until_ready(author, "x")
    yield author
    author.retire()


def until_ready(author: Author, name: str) -> None:
    def ready() -> bool:
        generation = author.platform(name)["metadata"]["generation"]
        now = author.condition(name, "Ready")
        return now["status"] == "True" and now["observedGeneration"] == generation

    author.site.until(f"{name} is Ready", ready, timeout=180)


def asked(author: Author, since: int = 0) -> int:
    """Return how often the operator requested access to clusters in the author's namespace from Azure."""
    entries = author.site.control("GET", f"/journal?since={since}")["value"]
    return sum("credential" in e["path"].lower() and f"aks-{author.namespace}" in e["path"].lower() for e in entries)


def reconciles(author: Author) -> int:
    text = author.site.operator.metrics()
    found = re.search(r'step_outcomes_total\{outcome="Ready",[^}]*step="WorkloadCluster"\} ([0-9.]+)', text)
    return int(float(found.group(1))) if found else 0


def more_reconciles(author: Author, count: int) -> None:
    before = reconciles(author)
    author.site.until(f"{count} more reconciles", lambda: reconciles(author) >= before + count)


def published(author: Author, name: str = "x") -> str:
    text = author.kubectl("get", "secret", f"{name}-kubeconfig", "-o", "jsonpath={.data.value}")
    return base64.b64decode(text).decode()


def write(author: Author, text: str, **metadata: Any) -> None:
    """Change the Secret as a user with edit rights on Secrets can."""
    data = {"value": base64.b64encode(text.encode()).decode()}
    author.kubectl("patch", "secret", "x-kubeconfig", "--type=merge", "-p", json.dumps({"data": data, "metadata": metadata}))


def test_azure_is_asked_once_over_many_reconciles(built: Author) -> None:
    more_reconciles(built, 8)
    assert asked(built) == 1
    document = yaml.safe_load(published(built))
    assert set(document["users"][0]["user"]) <= {"token", "client-certificate-data", "client-key-data"}
    path = built.kubeconfig.parent / "published"
    path.write_text(published(built))
    assert "aks-nodepool1" in kubectl({**built.site.environment, "KUBECONFIG": str(path)}, "get", "nodes")


@pytest.mark.parametrize("metadata", [{}, {"ownerReferences": None}], ids=["owned", "as-an-orphan"])
def test_a_change_of_the_secret_is_written_over_and_never_used(built: Author, tmp_path: Path, metadata: dict[str, Any]) -> None:
    marker, before = tmp_path / "ran", published(built)
    write(built, yaml.safe_dump(kubeconfig({"exec": runs(marker)})), **metadata)
    built.site.until("the Secret is written over", lambda: published(built) == before)
    more_reconciles(built, 2)
    owners = json.loads(built.kubectl("get", "secret", "x-kubeconfig", "-o", "json"))["metadata"]["ownerReferences"]
    assert [owner["uid"] for owner in owners] == [built.platform("x")["metadata"]["uid"]]
    assert not marker.exists() and asked(built) == 1 and alive(built.site)
    until_ready(built, "x")


def test_a_secret_that_is_taken_away_is_left_alone_and_named(built: Author, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    text = yaml.safe_dump(kubeconfig({"exec": runs(marker)}))
    write(built, text, ownerReferences=None, labels=None)
    condition = built.until_reason("x", "WorkloadClusterReady", "SecretNameTaken")
    assert "x-kubeconfig" in condition["message"] and published(built) == text
    built.kubectl("delete", "secret", "x-kubeconfig")
    until_ready(built, "x")
    assert published(built) != text and not marker.exists() and asked(built) == 1


def test_a_restart_does_not_ask_again(built: Author) -> None:
    mark = built.site.mark()
    built.site.operator.stop()
    built.site.restart_operator()
    built.site.until("it reconciles", lambda: reconciles(built) >= 3)
    assert asked(built, mark) == 0


def test_access_that_the_cluster_refuses_is_asked_for_once_more(built: Author) -> None:
    mark = built.site.mark()
    patch = {"spec": {"cluster": {"powerState": "Stopped"}}}
    built.kubectl("patch", "nbp", "x", "--type=merge", "-p", json.dumps(patch))
    until_ready(built, "x")
    state = Path(built.site.environment["SANDBOX_JOURNAL"]).parent
    (tokens,) = [path for path in state.rglob("tokens.csv") if f"aks-{built.namespace}-x" in str(path)]
    tokens.write_text(tokens.read_text().replace(tokens.read_text().split(",", 1)[0], "another-token-of-the-cluster"))
    patch["spec"]["cluster"]["powerState"] = "Running"
    built.kubectl("patch", "nbp", "x", "--type=merge", "-p", json.dumps(patch))
    until_ready(built, "x")
    more_reconciles(built, 3)
    assert asked(built, mark) == 1
    assert yaml.safe_load(published(built))["users"][0]["user"]["token"] == "another-token-of-the-cluster"


def test_without_local_accounts_the_secret_holds_no_credential(built: Author) -> None:
    mark = built.site.mark()
    found = small(built, "entra", deletionProtection=False)
    found["spec"]["cluster"] |= {"entra": {"azureRBAC": True}, "localAccounts": False}
    built.apply(found)
    until_ready(built, "entra")
    text = published(built, "entra")
    user = yaml.safe_load(text)["users"][0]["user"]
    assert set(user) == {"exec"} and user["exec"]["command"] == "kubelogin" and "get-token" in user["exec"]["args"]
    assert "eyJ" not in text and "token:" not in text
    secrets = json.loads(built.kubectl("get", "secrets", "-o", "json"))["items"]
    values = [base64.b64decode(value).decode() for one in secrets for value in (one.get("data") or {}).values()]
    assert not [value for value in values if "eyJ" in value], "no Secret holds a token of the operator"
    entries = built.site.control("GET", f"/journal?since={mark}")["value"]
    paths = [e["path"].lower() for e in entries if f"aks-{built.namespace}-entra" in e["path"].lower()]
    assert sum("listclusterusercredential" in path for path in paths) == 1


def test_a_platform_is_deleted_without_reading_the_secret(built: Author, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    write(built, yaml.safe_dump(kubeconfig({"exec": runs(marker)})))
    built.kubectl("delete", "nbp", "x", "entra", "--wait=false")
    built.site.until("both are deleted", lambda: not built.platform("x") and not built.platform("entra"), timeout=180)
    assert not marker.exists() and alive(built.site)
    assert not [key for key in built.site.resources() if f"aks-{built.namespace}-x" in key]
