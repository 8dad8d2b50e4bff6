"""The sandbox's charts have z2jh's interface, and what they render is a configuration that a hub would load."""

import base64
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from notebook_platform.bounded.documents import parse_yaml
from notebook_platform.helm.ignored_values import mismatches
from notebook_platform.helm.values import merged
from traitlets.config import Config

from sandbox.kubernetes.binaries import find
from sandbox.operator_process import ROOT
from tests.unit.bounded.anchors import ANCHORS
from tests.unit.hubs.mapping import REFUSED, TABLE, expected
from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import SECRETS, spec

CHARTS = ROOT / "sandbox" / "charts"
OIDC = {
    "hub": {
        "config": {
            "JupyterHub": {"authenticator_class": "generic-oauth"},
            "GenericOAuthenticator": {"client_id": "hub", "oauth_callback_url": "https://hub.example.org/hub/oauth_callback"},
            "Authenticator": {"admin_users": ["ada@example.org"]},
            "CryptKeeper": {"keys": ["ab" * 32]},
        },
        "extraConfig": {"10-own": "c.Spawner.debug = True"},
        "db": {"type": "sqlite-memory"},
    },
    "singleuser": {"memory": {"limit": "2G"}, "storage": {"capacity": "5Gi"}},
    "cull": {"timeout": 600},
}
NEW = {"hub": {"config": {"ConfigurableHTTPProxy": {"auth_token": "aa" * 32}, "JupyterHub": {"cookie_secret": "bb" * 32}}}}
OLD = {"proxy": {"secretToken": "aa" * 32}, "hub": {"cookieSecret": "bb" * 32}}


def template(version: str, *values: dict, kubernetes: str = "1.35") -> subprocess.CompletedProcess[str]:
    command = [str(find().path("helm")), "template", "jhub", str(CHARTS / f"jupyterhub-{version}"), "--kube-version", kubernetes]
    for document in values:
        read, write = os.pipe()
        os.write(write, yaml.safe_dump(document).encode())
        os.close(write)
        command += ["--values", f"/dev/fd/{read}"]
    fds = [int(word.rsplit("/", 1)[1]) for word in command if word.startswith("/dev/fd/")]
    done = subprocess.run(command, capture_output=True, text=True, pass_fds=fds)
    for fd in fds:
        os.close(fd)
    return done


def objects(version: str, *values: dict, kubernetes: str = "1.35") -> dict[tuple[str, str], dict]:
    done = template(version, *values, kubernetes=kubernetes)
    assert done.returncode == 0, done.stderr
    return {(d["kind"], d["metadata"]["name"]): d for d in yaml.safe_load_all(done.stdout) if d}


def load(rendered: dict, secret: str, config_map: str, directory: Path) -> Config:
    """Run the hub's configuration as jupyterhub would."""
    for name, value in rendered["Secret", secret]["data"].items():
        (directory / name).write_bytes(base64.b64decode(value))
    c = Config()
    os.environ["HUB_CONFIG_DIR"] = str(directory)
    try:
        exec(compile(rendered["ConfigMap", config_map]["data"]["jupyterhub_config.py"], "jupyterhub_config.py", "exec"), {"c": c})
    finally:
        del os.environ["HUB_CONFIG_DIR"]
    return c


@pytest.mark.parametrize(
    ("version", "more", "secret", "config_map", "culler"),
    [("4.4.0", NEW, "hub", "hub", "jupyterhub-idle-culler"), ("0.11.1", OLD, "hub-secret", "hub-config", "cull-idle")],
)
def test_the_hubs_configuration_is_rendered_from_the_values(
    version: str, more: dict, secret: str, config_map: str, culler: str, tmp_path: Path
) -> None:
    rendered = objects(version, OIDC, more)
    for kind, name in (
        ("Deployment", "hub"),
        ("Deployment", "proxy"),
        ("Service", "proxy-public"),
        ("Service", "proxy-api"),
        ("Service", "hub"),
    ):
        assert (kind, name) in rendered
    c: Any = load(rendered, secret, config_map, tmp_path)
    assert c.JupyterHub.authenticator_class == "generic-oauth"
    assert c.GenericOAuthenticator.client_id == "hub"
    assert c.Authenticator.admin_users == ["ada@example.org"]
    assert c.ConfigurableHTTPProxy.auth_token == "aa" * 32 and c.JupyterHub.cookie_secret == bytes.fromhex("bb" * 32)
    assert c["CryptKeeper"]["keys"] == ["ab" * 32]
    assert c.KubeSpawner.mem_limit == "2G" and c.KubeSpawner.storage_capacity == "5Gi"
    assert c.Spawner.debug is True
    (service,) = c.JupyterHub.services
    assert service["name"] == culler and "--timeout=600" in service["command"]
    token = rendered["Deployment", "proxy"]["spec"]["template"]["spec"]["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]
    assert token["name"] == secret and token["key"] in rendered["Secret", secret]["data"]


def test_the_new_chart_refuses_unknown_values_and_an_old_kubernetes() -> None:
    assert "additional properties 'bogus' not allowed" in template("4.4.0", {"hub": {"bogus": 1}}).stderr
    assert "additional properties 'auth' not allowed" in template("4.4.0", {"auth": {"type": "x"}}).stderr
    assert "kubeVersion" in template("4.4.0", kubernetes="1.19.6").stderr


def test_the_old_chart_wants_a_proxy_token_and_no_auth_section_and_speaks_policy_v1beta1() -> None:
    assert "openssl rand -hex 32" in template("0.11.1").stderr
    assert "auth.*" in template("0.11.1", OLD, {"auth": {"type": "dummy"}}).stderr
    budgets = [d["apiVersion"] for (kind, _), d in objects("0.11.1", OLD).items() if kind == "PodDisruptionBudget"]
    assert budgets == ["policy/v1beta1"]
    off = {"scheduling": {"userScheduler": {"enabled": False}, "userPlaceholder": {"enabled": False}}}
    assert not [d for (kind, _), d in objects("0.11.1", OLD, off).items() if kind == "PodDisruptionBudget"]


@pytest.mark.parametrize(("version", "kubernetes"), [("0.11.1", (1, 19, 6)), ("4.4.0", (1, 35))])
def test_charts_accept_the_values_of_each_typed_field(version: str, kubernetes: tuple[int, ...], tmp_path: Path) -> None:
    """The new chart's schema is as strict as z2jh's: an unknown name is refused. One run of Helm renders the chart with the values of
    each row: as a subchart under the row's name, in which Helm's error would be found."""
    rows = {re.sub(r"\W+", "-", name): row for name, row in TABLE.items() if expected(row, version) is not REFUSED}
    assert len(rows) == sum(expected(row, version) is not REFUSED for row in TABLE.values()) > 0
    aliases = [{"name": "jupyterhub", "version": version, "alias": name} for name in rows]
    chart = {"apiVersion": "v2", "name": "rows", "version": "0.1.0", "dependencies": aliases}
    (tmp_path / "Chart.yaml").write_text(json.dumps(chart))
    shutil.copytree(CHARTS / f"jupyterhub-{version}", tmp_path / "charts" / "jupyterhub")
    values = {name: render(spec(version, **row[0]), SECRETS, kubernetes) for name, row in rows.items()}
    command = [str(find().path("helm")), "template", "x", str(tmp_path), "--values", "-"]
    done = subprocess.run(
        [*command, "--kube-version", ".".join(map(str, kubernetes))], input=json.dumps(values), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"^# Source: rows/charts/([\w-]+)/", done.stdout, re.MULTILINE)) == set(rows)


def test_two_renders_without_a_cluster_are_the_same_objects() -> None:
    """The chart generates nothing: `helm template` has no cluster in which to find existing Secrets."""
    services = [{"name": "made"}, {"name": "other", "url": "http://other:80", "admin": True}]
    for version, kubernetes in (("0.11.1", (1, 19, 6)), ("4.4.0", (1, 35))):
        values = render(spec(version, services=services), SECRETS, kubernetes)
        first, second = (template(version, values, kubernetes=".".join(map(str, kubernetes))).stdout for _ in range(2))
        assert first == second and "kind: Secret" in first


def test_the_hubs_volume_stays_and_a_route_leads_to_the_hub() -> None:
    values = render(spec("4.4.0", expose={"httpRoute": {"gateway": "web"}, "basePath": "/jupyter/"}), SECRETS, (1, 35))
    rendered = objects("4.4.0", values)
    assert rendered["PersistentVolumeClaim", "hub-db-dir"]["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    route = rendered["HTTPRoute", "jupyterhub"]["spec"]
    assert route["hostnames"] == ["hub.example.org"] and route["parentRefs"] == [{"name": "web"}]
    assert rendered["Service", "proxy-public"]["spec"]["type"] == "ClusterIP"


def test_helm_reads_a_document_as_the_operator_does(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: reader\nversion: 0.1.0\n")
    (tmp_path / "templates" / "read.yaml").write_text("{{ range .Values.texts }}---\n{{ fromYaml . | toJson }}\n{{ end }}")
    command = [str(find().path("helm")), "template", "x", str(tmp_path), "--values", "-"]
    texts = json.dumps({"texts": [text for text, _ in ANCHORS]})
    done = subprocess.run(command, input=texts, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    read = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert read == [value for _, value in ANCHORS] == [parse_yaml(text) for text, _ in ANCHORS]


SUBCHART = {"x": {"a": 1}, "only": {"in": "sub"}, "flat": "text", "global": {"q": {"r": 1}}}
PARENT = {"a": {"b": {"c": 1}, "t": "text", "n": None, "l": []}, "sub": {"x": {"b": 1}}, "global": {"g": {"h": 1}}}
GIVEN = {
    "a": {"b": 3, "t": {"m": 1}, "n": {"m": 1}, "l": {"m": 1}},
    "sub": {"x": "flat", "only": [1], "flat": {"m": 1}},
    "global": {"g": 1, "q": 1},
    "more": 1,
}


def test_helm_warns_of_the_values_that_the_operator_remarks(tmp_path: Path) -> None:
    """In a release record, the chart's values have those of its subcharts."""
    for place, name, values in ((tmp_path, "parent", PARENT), (tmp_path / "charts" / "sub", "sub", SUBCHART)):
        place.mkdir(parents=True, exist_ok=True)
        dependencies = "dependencies: [{name: sub, version: 0.1.0}]\n" if name == "parent" else ""
        (place / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 0.1.0\n{dependencies}")
        (place / "values.yaml").write_text(json.dumps(values))
    command = [str(find().path("helm")), "template", "x", str(tmp_path), "--values", "-"]
    done = subprocess.run(command, input=json.dumps(GIVEN), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    warned = set(re.findall(r"(?:for parent\.|key )(\S+?)(?::| is a table| \(| is table)", done.stderr))
    stored = {**PARENT, "sub": merged(SUBCHART, PARENT["sub"])}
    remarked = {".".join(one.path) for one in mismatches(GIVEN, stored)}
    assert remarked == {"a.b", "a.t", "a.l", "sub.x", "sub.only", "sub.flat", "global.g", "global.q"}
    assert warned - {"g", "q", "sub.global.q"} == remarked - {"global.q"} and "q" in warned
