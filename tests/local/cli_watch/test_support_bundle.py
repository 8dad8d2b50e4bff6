"""A support bundle holds what a maintainer needs, and none of the secrets that were planted in every part of it."""

import asyncio
import base64
import json
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from notebook_platform.cli.bundle_redaction import BundleRedactor
from notebook_platform.cli.management import UsageError
from notebook_platform.cli.support_bundle import create
from notebook_platform.kube.redaction import HIDDEN

from tests.unit.azure.specs import runbook_spec

UID = "11111111-2222-3333-4444-555555555555"
PLANTED = {
    name: f"planted-{name.replace(' ', '-')}-secret"
    for name in (
        "client secret",
        "kubeconfig token",
        "chart value",
        "value under an innocent name",
        "release value",
        "patch",
        "environment variable",
        "annotation of another tool",
        "value applied before",
        "unnamed own secret",
    )
}
EVERYTHING = " and ".join(value for name, value in PLANTED.items() if name != "annotation of another tool")
KUBECONFIG = {"apiVersion": "v1", "kind": "Config", "users": [{"name": "a", "user": {"token": PLANTED["kubeconfig token"]}}]}
SIGNED = "https://management.azure.com/x?sig=a-signature-of-azure"


def platform() -> dict[str, Any]:
    """Return a platform with a secret in each place that its author controls."""
    hub = {
        "chart": {"version": "4.4.0"},
        "auth": {"fromValues": True},
        "values": {"hub": {"password": PLANTED["chart value"], "motto": PLANTED["value under an innocent name"]}, "replicas": 2},
        "singleUser": {"env": {"TOKEN": PLANTED["environment variable"]}},
    }
    release = {"name": "db", "namespace": "db", "chart": {"name": "db", "version": "1"}}
    spec = runbook_spec(jupyterhub=hub, releases=[{**release, "values": {"list": [PLANTED["release value"]]}}])
    spec["cluster"]["patch"] = {"properties": {"storageProfile": {"blob": PLANTED["patch"]}}}
    applied = {"spec": {"jupyterhub": {"values": {"old": PLANTED["value applied before"]}}}}
    conditions = [{"type": "Ready", "status": "False", "reason": "Refused", "message": f"it refused {EVERYTHING}"}]
    return {
        "apiVersion": "notebookplatform.io/v1alpha1",
        "kind": "NotebookPlatform",
        "metadata": {
            "name": "hub",
            "namespace": "platforms",
            "uid": UID,
            "generation": 3,
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": json.dumps(applied),
                "other.io/note": PLANTED["annotation of another tool"],
                "notebookplatform.io/approve": "4.4.0",
            },
            "managedFields": [{"manager": "kubectl"}],
        },
        "spec": spec,
        "status": {
            "conditions": conditions,
            "releases": [{"name": "hub", "namespace": "jhub", "chart": "jupyterhub-4.4.0", "revision": 3, "state": "deployed"}],
        },
    }


def secret(name: str, data: dict[str, str], *, own: bool = False) -> dict[str, Any]:
    """Return a Secret as the API server lists it."""
    owners = [{"apiVersion": "v1", "kind": "NotebookPlatform", "name": "hub", "uid": UID}] if own else []
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"metadata": {"name": name, "ownerReferences": owners}, "type": "Opaque", "data": encoded}


def log(**members: str) -> str:
    return json.dumps({"level": "info", "logger": "notebook_platform", **members})


LOG = "\n".join(
    [
        log(message=f"applying {EVERYTHING}", platform="platforms/hub", step="Cluster", correlation_id="c-1"),
        log(message="applying for another team", platform="other-team/hub"),
        log(message="a line of the process"),
        f"2026-01-01 INFO text: refused {EVERYTHING} platform=platforms/hub step=Cluster",
        "2026-01-01 INFO text: of another team platform=platforms/hub-2 step=Cluster",
    ]
)
API = "/api/v1/namespaces"
ANSWERS: dict[str, Any] = {
    "/apis/notebookplatform.io/v1alpha1/namespaces/platforms/notebookplatforms/hub": platform(),
    f"{API}/platforms/secrets": {
        "items": [
            secret("azure-credentials", {"clientId": "visible-client-id", "clientSecret": PLANTED["client secret"]}),
            secret("hub-kubeconfig", {"value": yaml.safe_dump(KUBECONFIG)}, own=True),
            secret("hub-service-principal", {"secret": PLANTED["unnamed own secret"]}, own=True),
            secret("of-another-platform", {"password": "not of this platform"}),
        ]
    },
    f"{API}/platforms/events": {
        "items": [
            {
                "metadata": {"name": "e"},
                "involvedObject": {},
                "type": "Warning",
                "reason": "Refused",
                "message": f"{EVERYTHING} {SIGNED}",
                "lastTimestamp": "2026-05-01T12:00:00Z",
            }
        ]
    },
    f"{API}/notebook-platform/pods": {
        "items": [
            {"metadata": {"name": "op-1"}, "spec": {"containers": [{"name": "operator", "image": "notebook-platform:0.1.0"}]}}
        ]
    },
    f"{API}/notebook-platform/pods/op-1/log": LOG,
    "/version/": dict.fromkeys(
        ("major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"), "v1.37.2"
    ),
}


async def bundle(directory: Path, *arguments: str, answers: Mapping[str, Any] = ANSWERS) -> tuple[int, str]:
    """Run the command against a server with answers, as JSON, text, or JSON in bytes; return its exit code and its output."""

    async def answer(request: web.Request) -> web.Response:
        found = answers.get(request.path)
        if isinstance(found, bytes):
            return web.Response(body=found, content_type="application/json")
        if isinstance(found, str) and "tailLines" in request.query:
            found = "".join(found.splitlines(keepends=True)[-int(request.query["tailLines"]) :])
        if isinstance(found, str) and "limitBytes" in request.query:
            found = found[: int(request.query["limitBytes"])]
        if found is None:
            return web.json_response({"kind": "Status", "code": 403, "reason": "Forbidden"}, status=403, reason="Forbidden")
        return web.Response(text=found) if isinstance(found, str) else web.json_response(found)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": str(server.make_url(""))}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": "platforms"}}],
            "users": [{"name": "u", "user": {}}],
        }
        (directory / "kubeconfig").write_text(yaml.safe_dump(config))
        environment = {"KUBECONFIG": str(directory / "kubeconfig"), "PYTHONPATH": ":".join(sys.path), "PATH": "/nowhere"}
        program = "import sys; from notebook_platform.cli import main; sys.exit(main())"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, "support-bundle", *arguments),
            env=environment,
            cwd=directory,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


def files_of(archive: Path) -> dict[str, str]:
    """Return the files of a bundle by name."""
    with tarfile.open(archive) as tar:
        return {member.name.rpartition("/")[2]: tar.extractfile(member).read().decode() for member in tar}  # type: ignore[union-attr]


async def test_the_bundle_has_each_part_and_no_planted_secret(tmp_path: Path) -> None:
    code, output = await bundle(tmp_path, "hub", "-f", "b.tar.gz")
    assert (code, output.splitlines()) == (
        0,
        [
            "The CustomResourceDefinition could not be read: 403 Forbidden.",
            "b.tar.gz is written. Read it before you send it: it still contains names of resources, hosts and users.",
        ],
    )
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600
    files = files_of(tmp_path / "b.tar.gz")
    whole = "\n".join(files.values())
    assert {
        name for name, value in PLANTED.items() if value in whole or base64.b64encode(value.encode()).decode() in whole
    } == set()
    assert "a-signature-of-azure" not in whole and "not of this platform" not in whole and "another team" not in whole

    shown = yaml.safe_load(files["platform.yaml"])
    assert shown["spec"]["jupyterhub"]["values"] == {"hub": {"password": HIDDEN, "motto": HIDDEN}, "replicas": HIDDEN}
    assert shown["spec"]["jupyterhub"]["chart"] == {"version": "4.4.0"}
    assert shown["metadata"]["annotations"]["notebookplatform.io/approve"] == "4.4.0"
    assert "managedFields" not in shown["metadata"]
    assert shown["status"]["conditions"][0]["message"].startswith(f"it refused {HIDDEN} and {HIDDEN}")
    assert yaml.safe_load(files["secrets.yaml"]) == [
        {"name": "azure-credentials", "type": "Opaque", "ofOperator": False, "keys": ["clientId", "clientSecret"]},
        {"name": "hub-kubeconfig", "type": "Opaque", "ofOperator": True, "keys": ["value"]},
        {"name": "hub-service-principal", "type": "Opaque", "ofOperator": True, "keys": ["secret"]},
    ]
    (event,) = yaml.safe_load(files["events.yaml"])
    assert event["reason"] == "Refused" and event["message"].startswith(HIDDEN)
    journal = [json.loads(line) for line in files["journal.jsonl"].splitlines()]
    assert [line.get("correlation_id") for line in journal] == ["c-1", None] and {line["pod"] for line in journal} == {"op-1"}
    assert yaml.safe_load(files["releases.yaml"])[0]["chart"] == "jupyterhub-4.4.0"
    versions = yaml.safe_load(files["versions.yaml"])
    assert versions["kubernetes"] == "v1.37.2" and versions["operator"][0]["images"] == ["notebook-platform:0.1.0"]
    assert "The CustomResourceDefinition could not be read: 403 Forbidden." in files["README.txt"]


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "b.tar.gz"
    path.write_text("mine")
    with pytest.raises(UsageError, match=r"b\.tar\.gz cannot be written: File exists"):
        create(path, b"archive")
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    "extra",
    [{}, {"jupyterhub": 5}, {"cluster": {"patch": {"properties": {"windowsProfile": {"adminPassword": "planted-secret"}}}}}],
)
def test_a_spec_that_does_not_fit_the_crd_is_hidden_too(extra: dict[str, Any]) -> None:
    redactor, body = BundleRedactor(), platform()
    body["spec"] = {"notInTheCrd": {"a": "planted-secret"}, **extra}
    redactor.learn_free_parts(body)
    assert "planted-secret" not in json.dumps(redactor.platform(body))


def test_with_more_values_than_can_be_searched_for_all_texts_are_hidden() -> None:
    redactor, body = BundleRedactor(), platform()
    redactor.learn("the Secret large", {f"key-{n}": f"a-value-number-{n}" for n in range(3000)})
    assert redactor.unlearned == ["the Secret large"]
    assert redactor.platform(body)["status"]["conditions"][0]["message"] == HIDDEN
