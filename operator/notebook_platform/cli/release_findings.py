"""What doctor finds of the charts and values of releases that are not installed yet: what their steps check early in the operator."""

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.checks import Finding
from notebook_platform.cli.target_platform import TargetPlatform
from notebook_platform.engine.outcome import Failed, Progressing, StepError
from notebook_platform.engine.step import AnyStep

ELSEWHERE = frozenset({Reason.SECRET_NOT_FOUND, Reason.CONFIG_MAP_NOT_FOUND})
"""Reasons that block nothing: what a file refers to can be in another file."""


async def release_findings(chosen: TargetPlatform) -> list[Finding]:
    """Return why releases could not be installed. Helm renders each chart and downloads it if need be."""
    graph = await chosen.shared.graph(chosen.platform, chosen.spec, chosen.secrets, {}, planning=True)
    failures = [await _checked(step) for step in graph.steps.values() if step.checks_early]
    return [_finding(failed) for failed in failures if failed is not None]


async def _checked(step: AnyStep) -> Failed | None:
    try:
        found = await step.check_early(frozenset(step.needs))
        while isinstance(found, Progressing):
            found = await step.check_early(frozenset(step.needs))
    except StepError as refused:
        return refused.failed
    return found


def _finding(failed: Failed) -> Finding:
    return Finding.of(failed, blocks=failed.retry_in is None and failed.reason not in ELSEWHERE)
