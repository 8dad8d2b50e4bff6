"""`notebook-platform import`: describe existing Azure resources as a NotebookPlatform that changes nothing."""

import argparse
import os
import re
from collections.abc import Mapping
from typing import Any

from notebook_platform.api import GROUP, KIND, VERSION
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.credentials import sign_in
from notebook_platform.azure.arm.session_pool import SessionPool, SignedIn
from notebook_platform.azure.importing.scan import Taken, scan
from notebook_platform.azure.kubeconfig import cluster_access, cluster_key
from notebook_platform.bounded.writer import write_yaml
from notebook_platform.cli.azure_command import run_azure_command
from notebook_platform.cli.flags import FIRST_NAMESPACE
from notebook_platform.cli.import_check import keep_differences
from notebook_platform.cli.import_fit import fitting_model
from notebook_platform.cli.import_patches import patch_left_out
from notebook_platform.cli.logs import configure
from notebook_platform.cli.management import context_namespace
from notebook_platform.cli.operator_config import configuration
from notebook_platform.cli.output import show
from notebook_platform.cli.target_platform import FileSecrets
from notebook_platform.cloud_choice import cloud_of
from notebook_platform.engine.outcome import StepError
from notebook_platform.helm.release import Release
from notebook_platform.helm.storage import releases
from notebook_platform.hubs.describe import describe_jupyterhub
from notebook_platform.kube.redaction import sanitize
from notebook_platform.kube.secrets import Platform
from notebook_platform.outputs import Cluster
from notebook_platform.workload.access import WorkloadClusters

HUB_CHART = "jupyterhub"

COMMENT = "Members that Azure has but no field of the spec can express:"
PATCHED = frozenset({"cluster", "nodePools", "autoscale"})
BLOCK, PATCH = re.compile(r"  (\w+):"), re.compile(r"( +)patch:$")


def import_platform(options: argparse.Namespace) -> int:
    """Print the resource as YAML; return the exit code."""
    return run_azure_command("import", _import_platform(options))


async def _import_platform(options: argparse.Namespace) -> int:
    configure("text", "ERROR")
    options.namespace = options.namespace or context_namespace(FIRST_NAMESPACE)
    sessions, clusters = SessionPool(cloud_of(configuration())), WorkloadClusters()
    try:
        nothing = FileSecrets(None, Platform(namespace=options.namespace, name="import", uid="import"), [])
        azure = sessions.of(await sign_in(None, sessions.cloud, nothing), options.subscription)
        taken = await describe(azure, options.resource_group, options.cluster, options.name, options.namespace)
        hub, secrets = await _releases(azure, clusters, taken)
    finally:
        await clusters.close()
        await sessions.close()
    if hub:
        taken.spec["jupyterhub"] = hub
        fitting_model(taken)
        secrets = secrets if "jupyterhub" in taken.spec else {}
    if options.credentials_secret:
        taken.spec["azure"]["credentials"] = {"secretRef": {"name": options.credentials_secret}}
    else:
        taken.remarks.append(
            "The operator signs in to Azure with its own identity, which its configuration must allow: name a Secret with "
            "--credentials-secret for another"
        )
    _write_secrets(options, taken.name, secrets, taken.remarks)
    show(rendered(options.namespace, taken), end="")
    return 0


async def describe(azure: SignedIn, group: str, cluster: str | None, name: str | None, namespace: str) -> Taken:
    """Return the platform of a managed cluster, whose first reconcile writes tags alone. `cluster`: its name; None: the only one of the
    group; `name`: of the platform; None: the cluster's. Raises StepError, UsageError."""
    taken = await scan(azure, group, cluster, name)
    fitting_model(taken)
    patch_left_out(taken)
    await keep_differences(azure, taken, namespace)
    return taken


def rendered(namespace: str, taken: Taken) -> str:
    """Return the resource as YAML, remarks first, validated so that it can be applied.
    Raises UsageError."""
    body = fitting_model(taken).model_dump(mode="json", by_alias=True, exclude_defaults=True)
    document = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "metadata": {"name": taken.name, "namespace": namespace},
        "spec": body,
    }
    remarks = "".join(f"# {sanitize(remark)}.\n" for remark in (*taken.remarks, *taken.left_out.values()))
    return remarks + _commented(write_yaml(document))


def _commented(text: str) -> str:
    """Return the YAML with a comment above each patch over a body of Azure."""
    lines, block = [], ""
    for line in text.splitlines():
        if found := BLOCK.match(line):
            block = found[1]
        if block in PATCHED and (found := PATCH.match(line)):
            lines.append(f"{found[1]}# {COMMENT}")
        lines.append(line)
    return "\n".join(lines) + "\n"


async def _releases(azure: SignedIn, clusters: WorkloadClusters, taken: Taken) -> tuple[dict[str, Any] | None, Mapping[str, Any]]:
    """Return (spec.jupyterhub, the secret values); add remarks on what cannot be described."""
    try:
        found = await _listed(azure, clusters, taken)
    except StepError as refused:
        taken.remarks.append(f"The releases in the cluster could not be read: {refused.failed.message}")
        return None, {}
    hubs = [revisions for revisions in found if revisions[-1].chart == HUB_CHART]
    others = [f"{r.namespace}/{r.name} ({r.chart}-{r.chart_version})" for *_, r in found if r.chart != HUB_CHART]
    if others:
        taken.remarks.append(f"Other Helm releases in the cluster are left alone: {', '.join(sorted(others))}")
    if len(hubs) > 1:
        names = ", ".join(f"{release.namespace}/{release.name}" for release, *_ in hubs)
        taken.remarks.append(f"The cluster has several hubs ({names}); the first is described")
    if not hubs:
        return None, {}
    last, *_, described = (hubs[0][0], *hubs[0])
    if not last.worked:
        taken.remarks.append(_unfinished(last, described))
    return describe_jupyterhub(described, f"{taken.name}-values")


def _unfinished(last: Release, described: Release) -> str:
    """Return the remark on a release whose last revision Helm did not complete."""
    which = f"described is revision {described.revision}, the last one that Helm completed"
    if described is last:
        which = "Helm completed none before it, so that its values may never have been in use"
    then = "adopts the release once Helm's lock is gone" if last.pending else "upgrades the release when it adopts it"
    return f"Revision {last.revision} of the release {last.namespace}/{last.name} is {last.status}: {which}. The operator {then}"


async def _listed(azure: SignedIn, clusters: WorkloadClusters, taken: Taken) -> list[tuple[Release, ...]]:
    cluster = taken.cluster
    if taken.spec["cluster"].get("powerState") == "Stopped":
        start = f"az aks start --resource-group {str(cluster['id']).split('/')[4]} --name {cluster['name']}"
        raise StepError(Reason.CLUSTER_STOPPED, "the cluster is stopped", f"Start it: `{start}`.")
    target = Cluster(
        id=cluster["id"],
        name=cluster["name"],
        resource_group=str(cluster["id"]).split("/")[4],
        node_resource_group=cluster["properties"]["nodeResourceGroup"],
        location=cluster["location"],
        kubernetes_version=cluster["properties"]["kubernetesVersion"],
        power_state="Running",
        local_accounts=not cluster["properties"].get("disableLocalAccounts"),
    )
    connection = await clusters.connection(
        "import", cluster_key(azure.session, target), lambda _: cluster_access(azure.session, target)
    )
    return await releases(connection.api)


def _write_secrets(options: argparse.Namespace, name: str, hidden: Mapping[str, Any], remarks: list[str]) -> None:
    if not hidden:
        return
    secret = f"{name}-values"
    if options.secrets_file is None:
        remarks.append(
            f"The release's values hold secrets, which are not printed: run again with --secrets-file FILE to have the Secret {secret}"
        )
        return
    document = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": secret, "namespace": options.namespace},
        "stringData": {"values.yaml": write_yaml(dict(hidden))},
    }
    descriptor = os.open(options.secrets_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(write_yaml(document))
    options.secrets_file.chmod(0o600)
    remarks.append(f"The Secret {secret} with the secret values is in {options.secrets_file}")
