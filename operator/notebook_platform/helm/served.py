"""What an upgrade of Kubernetes would leave behind in a cluster: kinds in its releases that the new version does not serve."""

from kubernetes.aio import client

from notebook_platform.engine.outcome import StepError
from notebook_platform.helm.deprecated_apis import Version, lost
from notebook_platform.helm.release import Release
from notebook_platform.helm.storage import releases


async def left_behind(api: client.ApiClient, current: str, wanted: str) -> str | None:
    """The releases that hold such kinds, whoever keeps them, in a clause; None: none, or the cluster does not answer: an upgrade may
    be what it needs."""
    try:
        there = await releases(api)
    except StepError:
        return None
    return in_words(there, _minor(current), _minor(wanted))


def in_words(there: list[Release], current: Version, wanted: Version) -> str | None:
    """The clause for some releases. Pure."""
    clauses = [
        f"release {one.name} in namespace {one.namespace} ({one.chart}-{one.chart_version}) has {', '.join(kinds)}"
        for one in there
        if (kinds := lost(one.objects(), current, wanted))
    ]
    return f"{'; '.join(clauses)}, which it no longer serves" if clauses else None


def _minor(version: str) -> Version:
    major, minor, *_ = map(int, version.removeprefix("v").split("."))
    return major, minor
