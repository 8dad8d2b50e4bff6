"""What an author writes into the Secret with the kubeconfig has no effect: no program runs, no file is read, nothing connects."""

import base64
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.operator_process import secret
from tests.security.conftest import Author, Field

pytestmark = [pytest.mark.attack, pytest.mark.timeout(900)]

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


class Listener:
    """A server of the author: counts connections and records what they send."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.close()


def kubeconfig(
    user: dict[str, Any], cluster: dict[str, Any] | None = None, users: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster or {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": user}, *(users or [])],
    }


def runs(marker: Path) -> dict[str, Any]:
    """Return a credential plugin that leaves a mark."""
    return {
        "apiVersion": "client.authentication.k8s.io/v1",
        "interactiveMode": "Never",
        "command": "/bin/sh",
        "args": ["-c", f"id > {marker}; cat {SERVICE_ACCOUNT}/token >> {marker}"],
    }


def attacks(marker: Path, port: int) -> dict[str, dict[str, Any]]:
    """Return kubeconfigs by the feature that they abuse."""
    theirs = {"server": f"https://127.0.0.1:{port}"}
    exec_ = {"exec": runs(marker)}
    command = {"cmd-path": "/bin/sh", "cmd-args": f"-c 'id>{marker}'", "expiry-key": "{.x}", "token-key": "{.y}"}
    issuer = {"idp-issuer-url": f"https://127.0.0.1:{port}", "client-id": "a", "client-secret": "b", "refresh-token": "c"}
    other = {**kubeconfig({"token": "x"}, theirs), "contexts": [
        {"name": "c", "context": {"cluster": "c", "user": "other"}}, {"name": "d", "context": {"cluster": "c", "user": "u"}},
    ], "users": [{"name": "other", "user": exec_}, {"name": "u", "user": {"token": "x"}}]}  # fmt: skip
    return {
        "exec": kubeconfig(exec_),
        "exec-of-another-user": kubeconfig({"token": "x"}, theirs, [{"name": "v", "user": exec_}]),
        "exec-in-another-context": other,
        "exec-beta": kubeconfig({"exec": {**runs(marker), "apiVersion": "client.authentication.k8s.io/v1beta1"}}),
        "auth-provider-gcp": kubeconfig({"auth-provider": {"name": "gcp", "config": command}}),
        "auth-provider-oidc": kubeconfig({"auth-provider": {"name": "oidc", "config": issuer}}, theirs),
        "token-file": kubeconfig({"tokenFile": f"{SERVICE_ACCOUNT}/token"}, theirs),
        "client-certificate-file": kubeconfig({"client-certificate": "/etc/hostname", "client-key": "/etc/hostname"}, theirs),
        "certificate-authority-file": kubeconfig(
            {"token": "x"}, {**theirs, "certificate-authority": f"{SERVICE_ACCOUNT}/ca.crt"}
        ),
        "proxy-url": kubeconfig({"token": "x"}, {"server": "https://10.1.2.3", "proxy-url": f"http://127.0.0.1:{port}"}),
        "insecure": kubeconfig({"token": "x"}, {**theirs, "insecure-skip-tls-verify": True}),
        "impersonation": kubeconfig({"token": "x", "as": "system:admin", "as-groups": ["system:masters"]}, theirs),
        "their-server": kubeconfig({"token": "x"}, theirs),
        "their-server-in-the-clear": kubeconfig({"token": "x"}, {"server": f"http://127.0.0.1:{port}"}),
    }


def alive(site: Field) -> bool:
    return Path("/proc", str(site.operator.pid)).exists()


def forged(name: str, owner: dict[str, Any] | None, text: str) -> dict[str, Any]:
    """Return the Secret as the operator would have written it."""
    found: dict[str, Any] = dict(secret(name, "x", {"value": text, "clusterId": "/subscriptions/x"}))
    found["metadata"] |= {"labels": {"app.kubernetes.io/managed-by": "notebook-platform"}}
    if owner is not None:
        found["metadata"]["ownerReferences"] = [
            {
                "apiVersion": "notebookplatform.io/v1alpha1",
                "kind": "NotebookPlatform",
                "name": owner["name"],
                "uid": owner["uid"],
                "controller": True,
            }
        ]
    return found


@pytest.mark.parametrize("owner", ["unowned", "forged-owner"])
def test_a_kubeconfig_in_the_secret_has_no_power_when_the_platform_is_deleted(
    author: Author, listener: Listener, tmp_path: Path, owner: str
) -> None:
    texts = {name: yaml.safe_dump(attack) for name, attack in attacks(tmp_path / "ran", listener.port).items()}
    secrets = [secret(f"{name}-kubeconfig", "x", {"value": text}) for name, text in texts.items()]
    if owner == "unowned":
        author.apply(*secrets)
    author.apply(*(author.runbook(name, suspend=True, interval="5m", deletionProtection=False) for name in texts))
    if owner == "forged-owner":
        author.apply(*(forged(f"{name}-kubeconfig", author.platform(name)["metadata"], text) for name, text in texts.items()))
    author.site.until("the operator has seen them", lambda: all(p["status"].get("conditions") for p in platforms(author)))
    author.kubectl("delete", "nbp", "--all", "--wait=false")
    author.site.until("all are deleted", lambda: not platforms(author), timeout=180)
    assert not (tmp_path / "ran").exists() and listener.connections == 0 and alive(author.site)
    if owner == "unowned":
        kept = {s["metadata"]["name"]: s["data"] for s in items(author, "secrets")}
        for name, text in texts.items():
            value = base64.b64decode(kept[f"{name}-kubeconfig"]["value"]).decode()
            assert value == text, "a Secret of another owner is left alone"


def items(author: Author, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(author.kubectl("get", kind, "-o", "json"))["items"]
    return found


def platforms(author: Author) -> list[dict[str, Any]]:
    return [{"status": {}, **one} for one in items(author, "nbp")]


def test_a_plan_on_an_administrators_machine_runs_nothing(author: Author, listener: Listener, tmp_path: Path) -> None:
    chosen = attacks(tmp_path / "ran", listener.port)
    texts = {name: yaml.safe_dump(chosen[name]) for name in ("exec", "exec-of-another-user", "token-file", "their-server")}
    author.apply(*(author.runbook(name, suspend=True, interval="5m", deletionProtection=False) for name in texts))
    environment = {**author.site.operator.environment, "KUBECONFIG": author.site.environment["KUBECONFIG"]}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"

    def start(*words: str) -> subprocess.Popen[str]:
        command = ["notebook-platform", "plan", *words, "-n", author.namespace, "-o", "json"]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    for owned in (False, True):
        running = []
        for name, text in texts.items():
            owner = author.platform(name)["metadata"] if owned else None
            author.apply(forged(f"{name}-kubeconfig", owner, text))
            running.append(start(name))
            file = tmp_path / f"{name}.yaml"
            file.write_text(yaml.safe_dump_all([author.runbook(name), forged(f"{name}-kubeconfig", None, text)]))
            running.append(start("-f", str(file)))
        for process in running:
            out, err = process.communicate(timeout=180)
            assert json.loads(out)["steps"], err[-2000:]
    assert not (tmp_path / "ran").exists() and listener.connections == 0
    author.kubectl("delete", "nbp", "--all", "--wait=false")


TAKEN = {
    "operations": "CredentialsReady",
    "service-principal": "IdentityReady",
    "registry": "RegistryReady",
    "kubeconfig": "WorkloadClusterReady",
    "hub": "JupyterHubReady",
    "binder": "BinderHubReady",
}
"""The operator's Secrets by the suffix after the platform's name, and the condition that reports a name in use."""
BINDER = {
    "release": "binder",
    "namespace": "binder",
    "chart": {"version": "1.0.0-0.dev.git.3941.h9056a226"},
    "address": {"ingress": {"dnsLabel": "lab-binder", "className": "nginx"}},
    "registry": {"azure": {"name": "labregistry"}},
}
HOLDERS = {
    "another-platform": {},
    "no-controller": {"controller": False},
}
CASES = {
    "no-owner": tuple(TAKEN),
    "another-platform": ("operations", "service-principal", "hub", "kubeconfig"),
    "no-controller": ("service-principal", "hub", "kubeconfig"),
}
CANARY = "a-value-that-must-not-be-used"


@pytest.mark.parametrize("holder", sorted(CASES))
def test_a_secret_of_another_owner_is_not_read_and_is_named_on_a_condition(author: Author, holder: str) -> None:
    quiet = {"suspend": True, "interval": "30s", "deletionProtection": False}
    author.apply(author.runbook("other", **quiet))
    of_other = author.platform("other")["metadata"]
    cases = [(holder, suffix) for suffix in CASES[holder]]

    def named(holder: str, suffix: str) -> str:
        return f"{holder}-{suffix}"[:40]

    def theirs(holder: str, suffix: str, of: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = dict(secret(f"{named(holder, suffix)}-{suffix}", "x", {"value": CANARY}))
        owner = {"apiVersion": "notebookplatform.io/v1alpha1", "kind": "NotebookPlatform", "controller": True}
        owner |= {"name": of.get("name"), "uid": of.get("uid"), **HOLDERS.get(holder, {})}
        found["metadata"]["ownerReferences"] = [] if holder == "no-owner" else [owner]
        return found

    early = [case for case in cases if case[0] in ("no-owner", "another-platform")]
    author.apply(*(theirs(*case, of_other) for case in early))
    wanted = {}
    for holder, suffix in cases:
        more = {"binderhub": BINDER} if suffix in ("registry", "binder") else {}
        wanted[holder, suffix] = author.runbook(named(holder, suffix), **quiet, **more)
    author.apply(*wanted.values())
    author.apply(*(theirs(*case, author.platform(named(*case))["metadata"]) for case in cases if case not in early))
    for holder, suffix in cases:
        name = named(holder, suffix)
        type_ = TAKEN[suffix]

        def taken(name: str = name, type_: str = type_) -> dict[str, Any] | None:
            now = author.condition(name, type_)
            return now if now["reason"] == "SecretNameTaken" else None

        condition = author.site.until(f"{name}: {type_} is SecretNameTaken", taken, timeout=300)
        assert f"{name}-{suffix}" in condition["message"] and CANARY not in json.dumps(author.platform(name))
    kept = {s["metadata"]["name"]: s["data"] for s in items(author, "secrets")}
    for holder, suffix in cases:
        value = kept[f"{named(holder, suffix)}-{suffix}"]["value"]
        assert base64.b64decode(value).decode() == CANARY, "a Secret of another owner is left alone"
    author.kubectl("delete", "nbp", "--all", "--wait=false")
