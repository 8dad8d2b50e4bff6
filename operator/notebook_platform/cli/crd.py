"""`notebook-platform crd`: print the CustomResourceDefinition, the JSON schema of a NotebookPlatform for editors, or the difference to
the definition in the cluster."""

import argparse
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.api.crd import crd, crd_yaml, editor_schema
from notebook_platform.api.crd_diff import Comparison, compare
from notebook_platform.cli import program
from notebook_platform.cli.logs import configure
from notebook_platform.cli.management import FORBIDDEN, REMEDIES, UNAUTHORIZED, UsageError, connected, reading
from notebook_platform.cli.output import show, show_error
from notebook_platform.cli.running import run_command

DIFFERENT, FAILED = 1, 2
"""Exit codes of --diff, as `kubectl diff` has them (https://kubernetes.io/docs/reference/kubectl/generated/kubectl_diff/)."""

NOT_FOUND = 404
CRD_REMEDIES = {
    UNAUTHORIZED: REMEDIES[UNAUTHORIZED],
    FORBIDDEN: "An administrator can grant `get` on customresourcedefinitions.",
}
PATH = ("apiextensions.k8s.io", "v1", "customresourcedefinitions")
"""Where the API server has the definition. It is read as it is, not by the client's models."""


def crd_command(options: argparse.Namespace) -> int:
    """Print the definition, the schema or the difference; return the exit code."""
    if options.diff:
        return run_command("crd", _diff())
    show(json.dumps(editor_schema(), indent=2) if options.schema else crd_yaml(), end="\n" if options.schema else "")
    return 0


async def _diff() -> int:
    """Print the difference; return the exit code."""
    configure("text", "ERROR")
    name = crd()["metadata"]["name"]
    try:
        installed = await _installed(name)
    except UsageError as error:
        show_error(f"{program()} crd: {error}")
        return FAILED
    if installed is None:
        show(f"{name} is not in the cluster: applying it adds the kind NotebookPlatform")
        return DIFFERENT
    comparison = compare(installed, crd())
    show("\n".join(lines(comparison, name)))
    return 0 if comparison.same else DIFFERENT


async def _installed(name: str) -> Mapping[str, Any] | None:
    """Return the definition in the cluster; None when there is none. Raises UsageError when it cannot be read."""
    async with connected() as api:
        with reading(f"the CustomResourceDefinition {name}", CRD_REMEDIES):
            try:
                found: Mapping[str, Any] = await client.CustomObjectsApi(api).get_cluster_custom_object(*PATH, name)
            except ApiException as error:
                if error.status == NOT_FOUND:
                    return None
                raise
            return found


def lines(comparison: Comparison, name: str) -> list[str]:
    """Return the comparison in plain lines."""
    this = f"this version's ({version('notebook-platform')})"
    if comparison.same:
        return [f"{name}: the cluster's definition is {this}"]
    found = [f"{name}: the cluster's definition compared with {this}"]
    for kind in ("added", "changed", "removed"):
        for one in comparison.differences:
            if one.kind == kind:
                found += [f"{kind:<8} {one.path or 'the whole object'}: {one.text}", f"{'':<8} {one.meaning}"]
    counts = [f"{comparison.count('added')} added, {comparison.count('changed')} changed, {comparison.count('removed')} removed"]
    counts += [f"{comparison.descriptions} descriptions differ"] if comparison.descriptions else []
    return [*found, "; ".join(counts)]
