"""The health of a release while its part of the spec cannot be applied: a Secret that it refers to is missing, or a value is refused.

What is installed runs on meanwhile. Its users notice when it fails, and the failure of the spec would hide that.
"""

from dataclasses import replace

import aiohttp
from kubernetes.aio.client.exceptions import ApiException

from notebook_platform.bounded.documents import DocumentRefused
from notebook_platform.engine import Failed, StepError
from notebook_platform.helm.chart_adapter import ChartAdapter
from notebook_platform.helm.charts import ChartRef
from notebook_platform.helm.health.issues import sentence
from notebook_platform.helm.observed import Records
from notebook_platform.helm.release import Release
from notebook_platform.helm.state import Wanted
from notebook_platform.workload.step import WorkloadClusterOutput


async def with_health(failed: Failed, content: ChartAdapter, target: WorkloadClusterOutput, records: Records | None) -> Failed:
    """Return the failure, followed by the issues of the installed release, if it has any and can be read."""
    release = records.history.own if records is not None and records.conflict is None else None
    if release is None or release.status != "deployed":
        return failed
    try:
        issues = (await content.read_health(target, release, _as_installed(release))).issues
    except (ApiException, aiohttp.ClientError, TimeoutError, DocumentRefused, StepError):
        return failed
    if not issues:
        return failed
    return replace(failed, message=f"{failed.message.rstrip('. ')}. The installed revision is unhealthy: {sentence(issues)}")


def _as_installed(release: Release) -> Wanted:
    """Return what asks for the release as it is."""
    chart = ChartRef(name=release.chart, version=release.chart_version, reference="")
    return Wanted(name=release.name, namespace=release.namespace, chart=chart, values=release.config)
