"""An estate created by hand with real az and helm is described, adopted with nothing but tags, and built again as an equal
one."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.azure.world import CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION, TENANT
from sandbox.operator_process import secret
from tests.az.conftest import Az, signed_in
from tests.environments import Say, environment
from tests.forked_command import run_command
from tests.integration.conftest import Field

GROUP, NODES, CLUSTER, NETWORK = "typed_rg", "typed_rg_nodes", "typed-aks", "typed_vnet"
NAME = "typed"
NETWORK_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/virtualNetworks/{NETWORK}"
AKS = f"-g {GROUP} -n {CLUSTER}"
VALUES = {
    "proxy": {"secretToken": "5f" * 32},
    "hub": {
        "cookieSecret": "7a" * 32,
        "config": {
            "JupyterHub": {"authenticator_class": "dummy"},
            "DummyAuthenticator": {"password": "typed-by-hand-8861"},
            "Authenticator": {"allow_all": True},
        },
    },
    "singleuser": {"memory": {"guarantee": "1G"}},
}

pytestmark = [pytest.mark.story, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def az(site: Field, say: Say, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Az]:
    simulator = {"ARM": site.environment["SANDBOX_ARM"], "CA": site.environment["SANDBOX_CA"]}
    with signed_in(environment("az", "azure-cli", say), tmp_path_factory.mktemp("az"), simulator) as found:
        yield found


@pytest.fixture(scope="module")
def typed(site: Field, az: Az, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Run the runbook's commands; return the principal."""
    directory = tmp_path_factory.mktemp("typed")
    site.clear()
    az("provider register --wait -n Microsoft.Network")
    az("provider register --wait -n microsoft.insights")
    az(f"group create -n {GROUP} -l eastus")
    az(
        f"network vnet create -g {GROUP} -n {NETWORK} --address-prefixes 10.0.0.0/8 "
        "--subnet-name default --subnet-prefix 10.240.0.0/16"
    )
    principal = az(f"ad sp create-for-rbac -n sp_typed --role Contributor --scopes {NETWORK_ID}")
    key = directory / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(key)], check=True)
    az(
        f"aks create -n {CLUSTER} -g {GROUP} --node-resource-group {NODES} --ssh-key-value {key}.pub --node-count 3 "
        "--node-vm-size Standard_D2s_v3 --enable-cluster-autoscaler --min-count 3 --max-count 6 --kubernetes-version 1.35.1 "
        f"--service-principal {principal['appId']} --client-secret {principal['password']} --dns-service-ip 10.0.0.10 "
        f"--network-plugin azure --network-policy azure --service-cidr 10.0.0.0/16 --vnet-subnet-id {NETWORK_ID}/subnets/default"
    )
    (scale_set,) = az(f"vmss list -g {NODES}")
    az(f"monitor autoscale create -g {NODES} -n typed --resource {scale_set['id']} --min-count 3 --max-count 6 --count 3")
    for condition, scale in (("Percentage CPU > 70 avg 10m", "out 1"), ("Percentage CPU < 5 avg 10m", "in 1")):
        az(f"monitor autoscale rule create -g {NODES} --autoscale-name typed --scale {scale}", "--condition", condition)
    kubeconfig = directory / "kubeconfig"
    az(f"aks get-credentials {AKS} --file {kubeconfig}")
    (directory / "config.yaml").write_text(yaml.safe_dump(VALUES))
    chart = str(Path(site.environment["SANDBOX_CHARTS"]) / "jupyterhub-4.4.0.tgz")
    where = ["--namespace", "jhub", "--create-namespace", "--values", str(directory / "config.yaml")]
    helm(site, kubeconfig, "upgrade", "--cleanup-on-fail", "--install", "jhub", chart, *where)
    yield principal


def helm(site: Field, kubeconfig: Path, *words: str) -> None:
    """Run helm by hand, with the kubeconfig that az wrote."""
    home = {f"HELM_{kind}_HOME": str(kubeconfig.parent / kind) for kind in ("CACHE", "CONFIG", "DATA")}
    command = [site.environment["SANDBOX_HELM"], *words, "--kubeconfig", str(kubeconfig)]
    done = subprocess.run(command, env={**os.environ, **home}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def command(site: Field, *words: str) -> subprocess.CompletedProcess[str]:
    """Run notebook-platform as the operator's administrator."""
    signed = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT_ID, "AZURE_CLIENT_SECRET": CLIENT_SECRET}
    variables = {**site.operator.environment, **signed, "KUBECONFIG": site.environment["KUBECONFIG"]}
    return run_command(variables, *words)


@pytest.fixture(scope="module")
def described(site: Field, typed: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return (the printed NotebookPlatform, the file with the Secret of the release's values)."""
    directory = tmp_path_factory.mktemp("described")
    platform, secrets = directory / "platform.yaml", directory / "secrets.yaml"
    where = ["--subscription", SUBSCRIPTION, "--resource-group", GROUP, "--name", NAME, "-n", "platforms"]
    done = command(site, "import", *where, "--credentials-secret", "azure-credentials", "--secrets-file", str(secrets))
    assert done.returncode == 0, done.stderr
    platform.write_text(done.stdout)
    return platform, secrets


def wanted(described: tuple[Path, Path], **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(described[0].read_text())
    document["spec"] |= {"interval": "2s", "deletionProtection": False, **changes}
    return document


def shown(az: Az) -> dict[str, Any]:
    """Return what az shows of the estate."""
    (scale_set,) = az(f"vmss list -g {NODES}")
    return {
        "group": az(f"group show -n {GROUP}"),
        "network": az(f"network vnet show -g {GROUP} -n {NETWORK}"),
        "cluster": az(f"aks show {AKS}"),
        "nodePools": az(f"aks nodepool list -g {GROUP} --cluster-name {CLUSTER}"),
        "scaleSet": {key: scale_set[key] for key in ("location", "sku", "tags")},
        "autoscale": az(f"monitor autoscale show -g {NODES} -n typed"),
        "roles": [
            {key: role[key] for key in ("roleDefinitionName", "scope", "principalType")}
            for role in az(f"role assignment list --scope {NETWORK_ID}")
        ],
    }


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf with its path; empty containers, null, false and the upgrade channel none count as absent: az sends each flag and
    no channel, the operator the other way round."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, list):
        for place, value in enumerate(tree):
            yield from leaves(value, f"{path}[{place}]")
    elif tree is not None and tree is not False and (path, tree) != ("cluster.autoUpgradeProfile.upgradeChannel", "none"):
        yield path, tree


GENERATED = (
    "etag", "eTag", "createdAt", "lastModifiedAt", "resourceGuid", "resourceUid", "fqdn", "azurePortalFqdn", "targetResourceUri",
    "metricResourceUri", "clientId", "principalId", "createOperationID", "kubeletIdentityClientID",
)  # fmt: skip
"""Members whose values Azure generates for each resource."""


def comparable(tree: dict[str, Any]) -> dict[str, Any]:
    """Return leaves by path, without generated values, the operator's tags, and a notification without receivers."""
    for notification in tree["autoscale"].get("notifications") or ():
        if not ((notification.get("email") or {}).get("customEmails") or notification.get("webhooks")):
            notification.clear()
    return {
        path: value.strip() if isinstance(value, str) else value
        for path, value in leaves(tree)
        if not any(path.split(".")[-1].split("[")[0].endswith(word) for word in GENERATED) and "notebookplatform-" not in path
    }


def test_no_secret_is_printed_and_all_of_it_is_in_the_file_for_the_secret(described: tuple[Path, Path], typed: Any) -> None:
    text = described[0].read_text()
    for hidden in ("5f" * 32, "7a" * 32, "typed-by-hand-8861", typed["password"], CLIENT_SECRET):
        assert hidden not in text
    assert described[1].stat().st_mode & 0o777 == 0o600
    kept = yaml.safe_load(yaml.safe_load(described[1].read_text())["stringData"]["values.yaml"])
    assert kept["proxy"]["secretToken"] == "5f" * 32 and kept["hub"]["config"]["DummyAuthenticator"]["password"]


def test_applied_the_plan_holds_ownership_tags_alone_and_so_do_the_writes(site: Field, described: Any, typed: Any) -> None:
    principal = secret(f"{NAME}-principal", "platforms", {"clientId": typed["appId"], "clientSecret": typed["password"]})
    site.apply(principal, yaml.safe_load(described[1].read_text()))
    done = command(site, "plan", "-f", str(described[0]), "-o", "json")
    assert done.returncode == 2, done.stderr
    steps = {step["step"]: step["changes"] for step in json.loads(done.stdout)["steps"]}
    planned = [(name, change["path"]) for name, changes in steps.items() for change in changes]
    ours = ("secrets/typed-kubeconfig", "releases/jhub/jhub/owner")
    assert [entry for entry in planned if "tags" not in entry[1] and entry[1] not in ours] == [], done.stdout
    mark = site.mark()
    site.apply(wanted(described))
    site.until_ready(NAME)
    writes = site.writes(mark, about="typed")
    assert [w for w in writes if not w.startswith("PATCH tags/") and w != "PUT agentPools/nodepool1"] == [], writes
    assert site.platform(NAME)["status"]["releases"][0]["revision"] == 1, "helm was not run"
    assert json.loads(command(site, "plan", NAME, "-n", "platforms", "-o", "json").stdout)["steps"] == []
    assert command(site, "plan", NAME, "-n", "platforms").returncode == 0


def test_built_again_from_nothing_az_shows_the_same_estate(site: Field, az: Az, described: Any, say: Say) -> None:
    before = shown(az)
    site.kubectl("delete", "nbp", NAME, "-n", "platforms", "--timeout=120s")
    az(f"group delete -n {GROUP} --yes")
    site.apply(wanted(described, adoption="Never", deletionPolicy="Delete"))
    site.until_ready(NAME)
    was, now = comparable(before), comparable(shown(az))
    differing = {path: (was.get(path), now.get(path)) for path in sorted({*was, *now}) if was.get(path) != now.get(path)}
    for part in before:
        total = sum(path.split(".")[0].split("[")[0] == part for path in was)
        say(f"az shows {part}: {total} fields, {sum(path.startswith(part) for path in differing)} differ")
    assert differing == {}, json.dumps(differing, indent=1)
    site.kubectl("annotate", "nbp", NAME, "-n", "platforms", "notebookplatform.io/confirm-deletion=1")  # the hub's database
    site.kubectl("delete", "nbp", NAME, "-n", "platforms", "--timeout=120s")
