"""Strict parsing of kubeconfigs: five facts are read, every other feature is refused."""

import base64
from typing import Any

import pytest
import trustme
import yaml
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.engine.outcome import StepError
from notebook_platform.workload.kubeconfig import (
    CLUSTER,
    CONTEXT,
    TOP,
    USER,
    ClusterAccess,
    kubelogin_kubeconfig,
    parse_address,
    parse_kubeconfig,
)

AUTHORITY = trustme.CA()
CA = AUTHORITY.cert_pem.bytes().decode()
LEAF = AUTHORITY.issue_cert("client.example")
CERTIFICATE, KEY = LEAF.cert_chain_pems[0].bytes().decode(), LEAF.private_key_pem.bytes().decode()
SERVER = "https://lab-1.hcp.eastus.azmk8s.io:443"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def document() -> dict[str, Any]:
    """Return Azure's kubeconfig: `az aks get-credentials --admin`."""
    user = {"client-certificate-data": encoded(CERTIFICATE), "client-key-data": encoded(KEY), "token": "t0ken"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "current-context": "lab-admin",
        "clusters": [{"name": "lab", "cluster": {"server": SERVER, "certificate-authority-data": encoded(CA)}}],
        "users": [{"name": "clusterAdmin_rg_lab", "user": user}],
        "contexts": [{"name": "lab-admin", "context": {"cluster": "lab", "user": "clusterAdmin_rg_lab"}}],
    }


def refusal(text: str | bytes) -> str:
    with pytest.raises(StepError) as caught:
        parse_kubeconfig(text)
    assert caught.value.failed.reason == "KubeconfigRefused" and caught.value.failed.remedy
    return caught.value.failed.message


def test_a_kubeconfig_from_azure_is_parsed_and_rendered_deterministically() -> None:
    access = parse_kubeconfig(yaml.safe_dump(document()))
    assert access == ClusterAccess(server=SERVER, ca_data=CA, client_certificate=CERTIFICATE, client_key=KEY, token="t0ken")
    rendered = access.kubeconfig("lab", "lab-admin")
    assert parse_kubeconfig(rendered) == access and rendered == access.kubeconfig("lab", "lab-admin")
    assert not {"t0ken", KEY} & set(repr(access).split("'"))


EXEC = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "/bin/sh", "args": ["-c", "id"]}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("exec", EXEC),
        ("exec", None),
        ("auth-provider", {"name": "gcp", "config": {"cmd-path": "/bin/sh"}}),
        ("auth-provider", {"name": "oidc", "config": {"idp-issuer-url": "https://evil.example"}}),
        ("tokenFile", "/var/run/secrets/kubernetes.io/serviceaccount/token"),
        ("client-certificate", "/etc/passwd"),
        ("client-key", "/etc/passwd"),
        ("username", "admin"),
        ("password", "hunter2"),
        ("as", "system:admin"),
        ("as-uid", "1"),
        ("as-groups", ["system:masters"]),
        ("as-user-extra", {"a": ["b"]}),
        ("impersonate", "x"),
        ("Exec", EXEC),
        ("a-member-of-tomorrow", True),
    ],
)
@pytest.mark.parametrize("place", ["current", "another"])
def test_a_user_with_another_power_is_refused_and_named(member: str, value: Any, place: str) -> None:
    found = document()
    if place == "another":
        found["users"].append({"name": "other", "user": {"token": "x"}})
    found["users"][-1]["user"][member] = value
    message = refusal(yaml.safe_dump(found))
    assert f"users[{len(found['users']) - 1}].user.{member} is not allowed" in message


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("proxy-url", "http://evil.example:3128"),
        ("insecure-skip-tls-verify", True),
        ("insecure-skip-tls-verify", False),
        ("tls-server-name", "evil.example"),
        ("certificate-authority", "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"),
    ],
)
@pytest.mark.parametrize("place", ["current", "another"])
def test_a_cluster_with_another_power_is_refused_and_named(member: str, value: Any, place: str) -> None:
    found = document()
    if place == "another":
        found["clusters"].append({"name": "other", "cluster": {"server": SERVER}})
    found["clusters"][-1]["cluster"][member] = value
    assert f"cluster.{member} is not allowed" in refusal(yaml.safe_dump(found))
    with pytest.raises(StepError, match="is not allowed"):
        parse_address(yaml.safe_dump(found))


@pytest.mark.parametrize(
    "server",
    [
        "http://lab.example:80", "https://", "https://:443", "https://user@lab.example", "https://user:pw@lab.example",
        "https://lab.example?x=1", "https://lab.example#x", "https://lab.example/../x", "https://lab.example/api",
        "https://lab.example:0", "https://lab.example:99999", "https://[::1", "https://lab.example\n", " https://lab.example",
        "HTTPS://lab.example", "file:///etc/passwd", "unix:///run/x", "//lab.example", "lab.example:443", "https://lab\\@evil",
        "https://l%61b.example", None, 5, ["https://lab.example"], {"a": "b"}, "",
    ],
)  # fmt: skip
def test_only_the_https_address_of_a_host_is_a_server(server: Any) -> None:
    found = document()
    found["clusters"][0]["cluster"]["server"] = server
    assert "clusters[0].cluster.server is not an https address" in refusal(yaml.safe_dump(found))


@pytest.mark.parametrize(
    "change",
    [
        {"current-context": "nothing"}, {"current-context": ["lab-admin"]}, {"current-context": None}, {"contexts": None},
        {"contexts": "lab-admin"}, {"contexts": [{"name": "lab-admin"}]}, {"contexts": [None]}, {"users": {"name": "x"}},
        {"users": [{"name": ["x"], "user": {}}]}, {"users": []}, {"clusters": []}, {"clusters": [{"name": "lab", "cluster": None}]},
        {"contexts": [{"name": "lab-admin", "context": {"cluster": ["lab"], "user": "clusterAdmin_rg_lab"}}]},
        {"contexts": [{"name": "lab-admin", "context": {"cluster": "lab", "user": {"a": "b"}}}]},
        {"contexts": [{"name": "lab-admin", "context": {"cluster": "lab", "user": "x"}}]},
        {"contexts": [{"name": "lab-admin", "context": {"cluster": "lab", "user": "x"}}] * 2},
        {"users": [{"name": "clusterAdmin_rg_lab", "user": {}}]},
        {"users": [{"name": "clusterAdmin_rg_lab", "user": {"client-key-data": encoded(KEY)}}]},
        {"users": [{"name": "clusterAdmin_rg_lab", "user": {"client-certificate-data": encoded(CERTIFICATE)}}]},
        {"users": [{"name": "clusterAdmin_rg_lab", "user": {"token": "a b"}}]},
        {"users": [{"name": "clusterAdmin_rg_lab", "user": {"token": "a\r\nX: y"}}]},
        {"users": [{"name": "clusterAdmin_rg_lab", "user": {"token": 5}}]},
        {"users": [{"name": "clusterAdmin_rg_lab", "user": {"token": "x"}, "more": 1}]},
        {"users": [{"name": "clusterAdmin_rg_lab", "user": {"token": "x", "client-key-data": encoded(CERTIFICATE)}}]},
        {"clusters": [{"name": "lab", "cluster": {"server": SERVER, "certificate-authority-data": "%%%"}}]},
        {"clusters": [{"name": "lab", "cluster": {"server": SERVER, "certificate-authority-data": encoded("no PEM")}}]},
        {"clusters": [{"name": "lab", "cluster": {"server": SERVER, "certificate-authority-data": encoded(KEY)}}]},
        {"clusters": [{"name": "lab", "cluster": {"server": SERVER, "certificate-authority-data": 7}}]},
        {"unknown": 1},
    ],
)  # fmt: skip
def test_another_shape_is_refused(change: dict[str, Any]) -> None:
    refusal(yaml.safe_dump({**document(), **change}))


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "5", "a: &a [1]\nb: *a", "a: {", "\x00", b"\xff\xfe", "x" * 300_000, "[" * 2000, "{a: " * 200,
        "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]", "!!python/object/apply:os.system [id]", "a: 1\n---\nb: 2",
    ],
)  # fmt: skip
def test_a_document_that_is_none_or_is_over_its_budget_is_refused(text: str | bytes) -> None:
    refusal(text)


def test_the_name_of_a_strange_member_is_not_repeated() -> None:
    found = document()
    found["users"][0]["user"]["\x1b[2J sekret"] = 1
    message = refusal(yaml.safe_dump(found))
    assert "sekret" not in message and message.isprintable()


leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.binary(max_size=20)
names = st.sampled_from(sorted(TOP | CLUSTER | USER | CONTEXT | {"name", "cluster", "user", "context", "exec"})) | st.text(
    max_size=8
)
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6), max_leaves=25)


@given(trees)
def test_whatever_a_document_holds_it_is_read_or_refused(tree: Any) -> None:
    try:
        access = parse_kubeconfig(yaml.safe_dump(tree))
    except StepError as refused:
        assert refused.failed.reason == "KubeconfigRefused" and refused.failed.message.isprintable()
    else:
        assert access.server.startswith("https://")


@given(
    st.dictionaries(names, trees, max_size=4),
    st.dictionaries(names, trees, max_size=4),
    st.dictionaries(names, trees, max_size=4),
)
def test_a_parsed_kubeconfig_holds_no_member_beside_the_five(user: Any, cluster: Any, context: Any) -> None:
    found = document()
    found["users"][0]["user"] |= user
    found["clusters"][0]["cluster"] |= cluster
    found["contexts"][0]["context"] |= context
    try:
        access = parse_kubeconfig(yaml.safe_dump(found))
    except StepError:
        return
    rendered = yaml.safe_load(access.kubeconfig())
    assert set(rendered["clusters"][0]["cluster"]) <= {"server", "certificate-authority-data"}
    assert set(rendered["users"][0]["user"]) <= {"client-certificate-data", "client-key-data", "token"}
    assert not set(user) - USER and not set(cluster) - CLUSTER and not set(context) - CONTEXT


def test_without_local_accounts_the_address_alone_is_taken_and_kubelogin_is_rendered_anew() -> None:
    found = document()
    found["users"][0]["user"] = {"exec": {**EXEC, "command": "kubelogin"}}
    address = parse_address(yaml.safe_dump(found))
    assert (address.server, address.ca_data) == (SERVER, CA)
    rendered = yaml.safe_load(
        kubelogin_kubeconfig(address, environment="AzurePublicCloud", tenant_id="t", cluster="lab", user="me")
    )
    user = rendered["users"][0]["user"]
    assert set(user) == {"exec"} and user["exec"]["command"] == "kubelogin"
    assert user["exec"]["args"] == [
        "get-token", "--environment", "AzurePublicCloud", "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630",
        "--client-id", "80faf920-1908-4b52-b5ef-a8e7bedfc67a", "--tenant-id", "t", "--login", "devicecode",
    ]  # fmt: skip
