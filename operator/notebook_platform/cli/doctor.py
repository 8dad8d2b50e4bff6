"""`notebook-platform doctor`: run all preflight checks and print one line for each finding, with its remedy."""

import argparse
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, replace

from rich.console import Console

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.checks import ALL, FIRST, OF_THE_REGION, Check, Finding
from notebook_platform.azure.credentials import Credentials
from notebook_platform.azure.scope import AzureScope
from notebook_platform.cli.azure_command import as_signed_in
from notebook_platform.cli.hub_findings import chart_findings, scraping_findings
from notebook_platform.cli.identity_findings import identity_findings
from notebook_platform.cli.output import Output, show, styled
from notebook_platform.cli.release_findings import release_findings
from notebook_platform.cli.running import run_command
from notebook_platform.cli.target_platform import TargetPlatform, target_platform
from notebook_platform.engine import Inputs
from notebook_platform.engine.outcome import StepError
from notebook_platform.kube.redaction import SecretRedactor

PASSED, WARNING, BLOCKING = ("✓", "green"), ("!", "yellow"), ("✗", "red")

UNCHECKED = Finding(
    sentence="no API server with the CRD was reached: kubectl apply also checks rules between fields, such as minCount <= maxCount",
    reason=Reason.UNKNOWN,
    blocks=False,
)

Named = tuple[str, Finding]
"""(name of the check, its finding)."""

LONGEST_NAME = len("subscription")


def doctor(options: argparse.Namespace) -> int:
    """Print the findings; return the exit code: 0 when none blocks, else 1."""
    return run_command("doctor", _doctor(options))


async def _doctor(arguments: argparse.Namespace) -> int:
    async with target_platform(arguments) as chosen:
        named = [one async for one in run_checks(chosen)]
        if named[0][1].reason is None:
            named[1:1] = [("identity", finding) for finding in identity_findings(chosen.spec, chosen.platform.namespace)]
            named += [("file", UNCHECKED)] * (not chosen.admitted)
        found = [(check, _sanitized(finding, chosen.secrets.redactor)) for check, finding in named]
    if arguments.output == "json":
        show(
            json.dumps(
                [{"check": check, **asdict(finding), "reason": finding.reason or ""} for check, finding in found], indent=2
            )
        )
    else:
        print_findings(Output(), found)
    return int(blocking(found) > 0)


def _sanitized(finding: Finding, redactor: SecretRedactor) -> Finding:
    return replace(finding, sentence=redactor.sanitize(finding.sentence), remedy=redactor.sanitize(finding.remedy))


def print_findings(console: Console, found: Sequence[Named]) -> None:
    """Print one line for each finding, then the number of blocking problems."""
    for check, finding in found:
        sign, style = (BLOCKING if finding.blocks else WARNING) if finding.reason else PASSED
        text = f"{check:<{LONGEST_NAME}}  {finding.sentence}" + (f". {finding.remedy}" if finding.remedy else "")
        console.print(styled(f"{sign} ", style) + styled(text))
    number = blocking(found)
    console.print(styled(f"\n{number or 'No'} blocking {'problem' if number == 1 else 'problems'} found.", "bold"))


def blocking(found: Sequence[Named]) -> int:
    """Return the number of findings that block the creation."""
    return sum(bool(finding.reason) and finding.blocks for _, finding in found)


async def run_checks(chosen: TargetPlatform) -> AsyncIterator[Named]:
    """Yield the findings of sign-in and subscription, then those of all checks that need them."""
    scope = await chosen.shared.azure(chosen.platform, chosen.spec, chosen.secrets, planning=True)
    try:
        async with azure_errors("spec.azure.credentials"):
            await scope.session.token(scope.session.cloud.management_scope)
    except StepError as refused:
        yield "token", Finding.of(as_signed_in(chosen.spec, refused.failed))
        return
    yield "token", Finding(sentence="issued by Entra ID")
    try:
        observed = await Credentials(scope).observe(Inputs(), fresh=True)
    except StepError as refused:
        yield "subscription", Finding.of(refused.failed)
        return
    accepts = Finding(sentence=f"{chosen.spec.azure.subscription_id} accepts writes")
    yield "subscription", Finding.of(observed.failed) if observed.failed else accepts
    skipped: frozenset[str] = frozenset()
    for name, check in ALL.items():
        for finding in await _findings(check, scope) if name not in skipped else ():
            if name == FIRST and finding.reason and finding.blocks:
                skipped = OF_THE_REGION
            yield name, finding
    for finding in chart_findings(chosen.spec):
        yield "chart", finding
    for finding in await release_findings(chosen):
        yield "releases", finding
    for finding in scraping_findings(chosen.spec):
        yield "hub metrics", finding


async def _findings(check: Check, scope: AzureScope) -> list[Finding]:
    """Return a check's findings. A check that lacks permission to run becomes a finding that does not block, as in the operator."""
    try:
        return await check(scope, True)
    except StepError as refused:
        return [Finding.of(refused.failed, blocks=refused.failed.reason != Reason.PERMISSION_MISSING)]
