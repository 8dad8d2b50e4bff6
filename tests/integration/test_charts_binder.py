"""The sandbox's charts, as strict as the public ones, accept what the operator renders for a BinderHub, and it loads as
configuration."""

import base64
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from notebook_platform.api.binderhub import BinderHubSpec
from notebook_platform.hubs.binder.values import BinderSecrets, Registry, render
from notebook_platform.hubs.metrics.monitors import BINDER, ScrapedHub, pod_monitors
from notebook_platform.hubs.values import HubSecrets
from traitlets.config import Config

from sandbox.charts.package import packaged
from sandbox.kubernetes.binaries import find
from tests.unit.hubs.binder_specs import AZURE, EXISTING, INGRESS, LABELS, OIDC, PLACE

VERSION = "1.0.0-0.dev.git.3941.h9056a226"
SECRETS = BinderSecrets(HubSecrets("aa" * 32, "bb" * 32, "cc" * 32, "client-secret"), "dd" * 32, {"GitHub": "github-token"})


def values(address: dict[str, Any] = INGRESS, pushed_to: Registry = AZURE, **changes: Any) -> dict[str, Any]:
    wanted = {"chart": {"version": VERSION, "jupyterhubVersion": "4.4.0"}, "address": address, **changes}
    wanted.setdefault("registry", {"azure": {"name": "universitybinder"}})
    return render(BinderHubSpec.model_validate(wanted), SECRETS, pushed_to, (1, 35), hub_context=PLACE).values


def template(*documents: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    helm = find().path("helm")
    chart = packaged(helm) / f"binderhub-{VERSION}.tgz"
    command = [str(helm), "template", "binder", str(chart), "--namespace", "binder", "--kube-version", "1.35", "--values", "-"]
    merged: dict[str, Any] = {}
    for document in documents:
        merged |= document
    return subprocess.run(command, input=yaml.safe_dump(merged), capture_output=True, text=True)


def objects(*documents: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    done = template(*documents)
    assert done.returncode == 0, done.stderr
    return {(d["kind"], d["metadata"]["name"]): d for d in yaml.safe_load_all(done.stdout) if d}


def load(rendered: dict[tuple[str, str], dict[str, Any]], directory: Path) -> tuple[Any, Any]:
    """Load the configurations of binder and hub as they would."""
    found = []
    for variable, secret, code in (
        ("BINDER_CONFIG_DIR", "binder-secret", None),
        ("HUB_CONFIG_DIR", "hub", rendered["ConfigMap", "hub"]["data"]["jupyterhub_config.py"]),
    ):
        place = directory / secret
        place.mkdir()
        for name, value in rendered["Secret", secret]["data"].items():
            (place / name).write_bytes(base64.b64decode(value))
        os.environ[variable] = str(place)
        c = Config()
        try:
            exec(compile(code or (place / "binderhub_config.py").read_text(), secret, "exec"), {"c": c})
        finally:
            del os.environ[variable]
        found.append(c)
    return found[0], found[1]


@pytest.mark.parametrize("builder", ["dind", "pink"])
@pytest.mark.parametrize("address", [INGRESS, LABELS, EXISTING], ids=["ingress", "labels", "existing"])
def test_every_kind_of_address_and_builder_is_taken_by_the_strict_chart(address: dict[str, Any], builder: str) -> None:
    rendered = objects(values(address, builder={"type": builder, "pool": "users"}, auth=OIDC))
    assert ("DaemonSet", f"binder-{builder}") in rendered and ("DaemonSet", "binder-image-cleaner") in rendered
    pod = rendered["DaemonSet", f"binder-{builder}"]["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"kubernetes.azure.com/agentpool": "users"}
    assert not [v for v in pod["volumes"] if v["hostPath"]["path"] == "/var/run/docker.sock"]
    behind = address is INGRESS
    assert (("Ingress", "binderhub") in rendered, ("Ingress", "jupyterhub") in rendered) == (behind, behind)


def test_one_host_leads_to_both_by_path() -> None:
    rendered = objects(values(INGRESS))
    paths = {}
    for name in ("binderhub", "jupyterhub"):
        spec = rendered["Ingress", name]["spec"]
        assert spec["ingressClassName"] == "nginx" and spec["tls"] == [{"hosts": ["binder.example.org"], "secretName": "tls"}]
        (rule,) = spec["rules"]
        paths[rule["http"]["paths"][0]["path"]] = rule["http"]["paths"][0]["backend"]["service"]["name"]
    assert paths == {"/": "binder", "/hub-base/": "proxy-public"}
    assert rendered["Service", "binder"]["spec"]["type"] == rendered["Service", "proxy-public"]["spec"]["type"] == "ClusterIP"


def test_the_pod_monitor_of_the_binder_finds_the_charts_pod() -> None:
    """The label, the port and the path by which the metrics agent scrapes it."""
    inside = ScrapedHub(namespace="binder", release="binder", version="4.4.0", binder_path="/binder")
    spec = next(one for one in pod_monitors(inside, "owner") if one["metadata"]["name"] == BINDER)["spec"]
    pod = objects(values(INGRESS))["Deployment", "binder"]["spec"]["template"]
    assert spec["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    (endpoint,), (container,) = spec["podMetricsEndpoints"], pod["spec"]["containers"]
    assert endpoint["port"] in [port["name"] for port in container["ports"]]


def test_binder_and_hub_load_what_was_rendered_for_them(tmp_path: Path) -> None:
    wanted = values(INGRESS, auth=OIDC, quotas={"perRepository": 10}, repositories=[{"provider": "GitHub", "banned": ["^x/.*"]}])
    binder, hub = load(objects(wanted), tmp_path)
    assert binder.BinderHub.hub_url == "https://binder.example.org/hub-base/"
    assert binder.BinderHub.image_prefix == "universitybinder.azurecr.io/binder/r2d-"
    assert binder.BinderHub.per_repo_quota == 10 and binder.GitHubRepoProvider.banned_specs == ["^x/.*"]
    assert binder.KubernetesBuildExecutor.docker_host == "unix:///var/run/dind/docker.sock"
    assert hub.JupyterHub.base_url == "/hub-base/" and hub.BinderSpawner.auth_enabled is True
    (service,) = [s for s in hub.JupyterHub.services if s["name"] == "binder"]
    assert service["api_token"] == "dd" * 32
    assert service["oauth_redirect_uri"] == "https://binder.example.org/oauth_callback"
    roles = {role["name"]: role["scopes"] for role in hub.JupyterHub.load_roles}
    assert "access:services!service=binder" in roles["user"] and "servers" in roles["binder"], "the chart's own role stays"


def test_without_sign_in_users_are_anonymous_and_culled(tmp_path: Path) -> None:
    _, hub = load(objects(values(INGRESS)), tmp_path)
    assert hub.JupyterHub.authenticator_class == "null"
    (culler,) = [s for s in hub.JupyterHub.services if s["name"] == "jupyterhub-idle-culler"]
    assert "--cull-users" in culler["command"]


def test_the_builder_pushes_as_the_registrys_token_and_servers_pull_with_an_existing_registrys_secret() -> None:
    rendered = objects(values(INGRESS))
    config = base64.b64decode(rendered["Secret", "binder-build-docker-config"]["data"]["config.json"]).decode()
    assert "https://universitybinder.azurecr.io" in config and base64.b64encode(b"builder:password-2").decode() in config
    assert ("Secret", "image-pull-secret") not in rendered
    own = Registry("registry.example.org", "b/x-", "u", "p")
    existing = {"existing": {"server": "registry.example.org", "prefix": "b/x-", "secretRef": {"name": "r"}}}
    pull = objects(values(INGRESS, own, registry=existing))["Secret", "image-pull-secret"]
    assert "registry.example.org" in base64.b64decode(pull["data"][".dockerconfigjson"]).decode()


def test_the_chart_refuses_what_it_does_not_know_above_and_below() -> None:
    assert "additional properties 'perRepoQuota' not allowed" in template(values(), {"perRepoQuota": 1}).stderr
    broken = values()
    broken["jupyterhub"]["auth"] = {"type": "x"}
    assert "additional properties 'auth' not allowed" in template(broken).stderr
    assert "imageBuilderType" in template(values(), {"imageBuilderType": "kaniko"}).stderr
