"""The files of deploy/ that follow from the chart and the code.

The chart (deploy/chart) is where the operator's objects are written. The kustomize base and install.yaml are what helm renders from it
with its default values, so no rule exists twice. The chart itself takes from the code its copy of the CRD, its version, and the part of
values.schema.json that describes the operator's configuration.
"""

import json
import re
import subprocess
import tomllib
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from notebook_platform.api.crd import FILE, crd_yaml
from notebook_platform.config import OperatorConfig

from docs.generator.monitoring import rules
from sandbox.kubernetes.binaries import find_helm

ROOT = Path(__file__).parent.parent.parent
CHART = ROOT / "deploy" / "chart"
BASE = ROOT / "deploy" / "kustomize" / "base"
NAMESPACE = "notebook-platform"
OLDEST_KUBERNETES = "1.30.0"
"""helm renders for this version when it asks no cluster; Chart.yaml requires it."""

BASE_FILES = (
    "rbac.yaml",
    "operator-writes.yaml",
    "deletion-protection.yaml",
    "served-namespaces.yaml",
    "networkpolicy.yaml",
    "deployment.yaml",
    "disruption-budget.yaml",
)
"""Templates that the kustomize base has as files of the same name."""

SET_BY_CHART = frozenset({"namespaces", "lease_namespace", "work_dir", "helm", "health_port", "metrics_port", "listen"})
"""Settings of the operator that follow from other values or from the image."""

HEAD = "# Rendered from deploy/chart by `make docs`; do not edit.\n"
INSTALL_HEAD = HEAD + (
    "#   kubectl apply --server-side -f install.yaml\n"
    "# It holds no namespace for platforms, so that its deletion does not delete one: see docs/install.md.\n"
)


@cache
def _crd() -> str:
    return crd_yaml()


@cache
def _rendered() -> Mapping[str, str]:
    """Return what each template of the chart renders to with the default values, by file name."""
    command = [str(find_helm()), "template", "notebook-platform", str(CHART), "--namespace", NAMESPACE]
    command += ["--kube-version", OLDEST_KUBERNETES, "--set", "crds.enabled=false", "--skip-schema-validation"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, str] = {}
    for document in text.split("---\n# Source: notebook-platform/templates/")[1:]:
        name, _, body = document.partition("\n")
        found[name] = f"{found[name]}---\n{body}" if name in found else body
    return found


def base(name: str) -> str:
    """Return a file of the kustomize base."""
    return HEAD + _rendered()[name]


def install() -> str:
    """Return install.yaml: all that the kustomize base holds, in one file."""
    documents = [(BASE / "namespace.yaml").read_text(), _crd(), *(_rendered()[name] for name in BASE_FILES)]
    return INSTALL_HEAD + "---\n".join(documents)


def with_version(chart: str) -> str:
    """Return Chart.yaml with the version of pyproject.toml."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return re.sub(r"^(version|appVersion): [^\s#]+", rf"\1: {version}", chart, flags=re.MULTILINE)


def with_config(schema: str) -> str:
    """Return values.schema.json with the operator's configuration as `config`."""
    document = json.loads(schema)
    document["properties"]["config"] = _config_schema()
    return json.dumps(document, indent=2) + "\n"


def _config_schema() -> dict[str, Any]:
    whole = OperatorConfig.model_json_schema()
    settings = {name: one for name, one in whole["properties"].items() if name not in SET_BY_CHART}
    text = "The operator's configuration, as `notebook-platform run --help` lists it."
    found = {"type": "object", "description": text, "additionalProperties": False, "properties": settings}
    return dict(_resolved(found, whole["$defs"]))


def _resolved(node: Any, definitions: Mapping[str, Any]) -> Any:
    """Return a part of a schema without references and without titles, which repeat the names."""
    if isinstance(node, list):
        return [_resolved(one, definitions) for one in node]
    if not isinstance(node, Mapping):
        return node
    if "$ref" in node:
        return _resolved(definitions[node["$ref"].rpartition("/")[2]], definitions)
    return {name: _resolved(one, definitions) for name, one in node.items() if name != "title" or not isinstance(one, str)}


PAGES: Mapping[str, Callable[[], str]] = {
    f"deploy/chart/files/{FILE}": _crd,
    "deploy/chart/files/alerts.yaml": rules.plain,
    **{f"deploy/kustomize/base/{name}": partial(base, name) for name in BASE_FILES},
    "deploy/install.yaml": install,
}
BLOCKS: Mapping[str, Callable[[str], str]] = {
    "deploy/chart/Chart.yaml": with_version,
    "deploy/chart/values.schema.json": with_config,
}
