"""`notebook-platform doctor`: everything that is looked at before anything is created, one line each, with the remedy."""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure import checks
from notebook_platform.azure.checks import Finding
from notebook_platform.azure.context import AzureContext
from notebook_platform.azure.credentials import Credentials
from notebook_platform.cli import program
from notebook_platform.cli.management import UsageError
from notebook_platform.cli.subject import Subject, add_arguments, subject
from notebook_platform.engine.outcome import Failed, Refused
from notebook_platform.hubs.generations import generation, newest_for, suits
from notebook_platform.kube.redaction import KNOWN

STYLES = {True: ("✗", "red"), False: ("!", "yellow")}


def doctor(arguments: Sequence[str]) -> int:
    """Print the findings; returns 0 when nothing blocks, else 1."""
    parser = argparse.ArgumentParser(f"{program()} doctor", description="Look whether everything is there to begin with.")
    parser.epilog = "exit codes: 0 all is well, 1 something is amiss"
    add_arguments(parser)
    given = parser.parse_args(list(arguments))
    try:
        return asyncio.run(_doctor(given))
    except UsageError as error:
        print(f"{program()} doctor: {error}", file=sys.stderr)
        return 1


async def _doctor(arguments: argparse.Namespace) -> int:
    async with subject(arguments) as chosen:
        findings = [finding async for finding in examined(chosen)]
    if arguments.output == "json":
        print(KNOWN.clean(json.dumps([asdict(finding) for finding in findings], indent=2)))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for finding in findings:
            show(console, finding)
    return int(any(finding.reason and finding.blocks for finding in findings))


def show(console: Console, finding: Finding) -> None:
    """One line."""
    sign, style = STYLES[finding.blocks] if finding.reason else ("✓", "green")
    remedy = f" {finding.remedy}" if finding.reason else ""
    text = f"{finding.check:<12} {finding.sentence}{'.' if remedy else ''}{remedy}"
    console.print(Text(f"{sign} ", style=style) + Text(KNOWN.clean(text)))


async def examined(chosen: Subject) -> AsyncIterator[Finding]:
    """Sign-in and subscription, then all that can be looked at with them."""
    context = await chosen.workshop.azure(chosen.platform, chosen.spec, chosen.secrets, planning=True)
    if isinstance(context.signed_in, Failed):
        yield _of(context.signed_in, "token")
        return
    step = Credentials(context)
    try:
        observed = await step.observe({})
    except Refused as refused:
        yield _of(refused.failed, "token" if "credentials" in refused.failed.message else "subscription")
        return
    yield Finding(check="token", sentence="Entra ID gives one")
    if observed.failed:
        yield _of(observed.failed, "subscription")
    else:
        yield Finding(check="subscription", sentence=f"{chosen.spec.azure.subscription_id} takes writes")
    for check in checks.ALL:
        for finding in await _findings(check, context):
            yield finding
    for finding in chart_findings(chosen.spec):
        yield finding


async def _findings(check: checks.Check, context: AzureContext) -> list[Finding]:
    try:
        return await check(context)
    except Refused as refused:
        return [_of(refused.failed, check.__name__)]


def _of(failed: Failed, check: str) -> Finding:
    return Finding(check=check, sentence=failed.message.rstrip("."), reason=failed.reason, remedy=failed.remedy)


def chart_findings(spec: NotebookPlatformSpec) -> list[Finding]:
    """Whether the chart of the hub goes with the Kubernetes version."""
    if spec.jupyterhub is None:
        return []
    chart, kubernetes = spec.jupyterhub.chart.version, spec.cluster.kubernetes_version
    best = newest_for(kubernetes).name
    if suits(chart, kubernetes):
        return [
            Finding(check="chart", sentence=f"jupyterhub {chart} goes with Kubernetes {kubernetes}; so do charts up to {best}.x")
        ]
    least = ".".join(map(str, generation(chart).kubernetes))
    sentence = f"spec.jupyterhub.chart.version {chart} needs Kubernetes {least} or newer, not {kubernetes}"
    remedy = f"Choose a chart of generation {best}, or a newer spec.cluster.kubernetesVersion."
    return [Finding(check="chart", sentence=sentence, reason="ChartTooNew", remedy=remedy)]
