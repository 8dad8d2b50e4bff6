"""`notebook-platform plan`: show the changes that the operator would make. It runs the operator's own engine and applies nothing."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from notebook_platform.api.drift_ignore import ignored_by
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.cli.azure_command import as_signed_in
from notebook_platform.cli.output import Output, show
from notebook_platform.cli.plan_view import Plan, document, print_plan
from notebook_platform.cli.running import run_command
from notebook_platform.cli.target_platform import TargetPlatform, target_platform
from notebook_platform.engine.outcome import Failed
from notebook_platform.engine.reconcile import Mode, Policy, reconcile
from notebook_platform.engine.result import Result
from notebook_platform.kube.applied import AppliedStore
from notebook_platform.policy import window_gate
from notebook_platform.sanitizing import sanitized

NOTHING, ERROR, CHANGES = 0, 1, 2
"""Exit codes, the same as those of `terraform plan -detailed-exitcode`."""


def plan(options: argparse.Namespace) -> int:
    """Print the plan; return the exit code."""
    return run_command("plan", _plan(options))


async def _plan(arguments: argparse.Namespace) -> int:
    async with target_platform(arguments) as chosen:
        found = await planned(chosen)
    if arguments.output == "json":
        show(json.dumps(document(found), indent=2, default=str))
    else:
        print_plan(Output(), found)
    return exit_code(found)


async def planned(chosen: TargetPlatform) -> Plan:
    """Return the plan of all steps. Writes nothing, neither in Azure nor to Secrets."""
    applied = (await AppliedStore(chosen.secrets).load()).records
    graph = await chosen.shared.graph(
        chosen.platform, chosen.spec, chosen.secrets, {}, planning=True, approved=chosen.approved, applied=applied
    )
    results = await reconcile(graph, Policy(mode=Mode.PLAN, ignored=ignored_by(chosen.spec.drift_ignore)))
    results = _as_signed_in(chosen.spec, sanitized(results, chosen.secrets.redactor))
    query_gate = chosen.shared.query_gate(chosen.platform, chosen.spec, chosen.secrets)
    disrupts = any(change.disruptive for result in results.values() for change in result.changes)
    deferred_until = await query_gate() if query_gate and disrupts else window_gate(chosen.spec, datetime.now(UTC))
    return Plan(platform=chosen.platform, spec=chosen.spec, results=results, needs=graph.needs, deferred_until=deferred_until)


def _as_signed_in(spec: NotebookPlatformSpec, results: Mapping[str, Result]) -> dict[str, Result]:
    """Return the results with a failed sign-in of the command's user in their words."""
    return {
        name: replace(result, outcome=as_signed_in(spec, result.outcome)) if isinstance(result.outcome, Failed) else result
        for name, result in results.items()
    }


def exit_code(found: Plan) -> int:
    """Return 0 for no changes; 2 for changes, or for an operation in progress that further changes may follow; 1 when a step cannot be planned or a
    change is impossible."""
    if found.failed or found.impossible:
        return ERROR
    return CHANGES if found.changes or found.waiting else NOTHING
