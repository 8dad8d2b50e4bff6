"""Dry run of a release: the chart is rendered against the cluster's own API before anything is written.

Helm ends an upgrade at the first object that the cluster rejects, and has written a failed revision by then. A rejection in the dry
run is reported before that, in plans too. A result is kept until the chart, the values or the cluster's version change; a conflict with
an object of another release, which can go at any time, is not kept.
"""

import asyncio
import hashlib
import json
import re
import time
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pyhelm3.errors import Error

from notebook_platform.api.reasons import Reason
from notebook_platform.bounded.documents import Budget, DocumentRefused, beside_the_loop, read_yaml_all
from notebook_platform.engine.outcome import Failed, StepError
from notebook_platform.helm.deprecated_apis import REMOVED, Kind, ageing, named
from notebook_platform.helm.errors import TOO_LARGE, Conflict, conflict_in, failure
from notebook_platform.helm.hooks import HOOK, Place
from notebook_platform.helm.state import Wanted
from notebook_platform.workload.step import WorkloadClusterOutput

CERTAIN = frozenset(
    {
        Reason.VALUES_REFUSED,
        Reason.VALUES_TOO_LARGE,
        Reason.UNSUPPORTED_KUBERNETES,
        Reason.OWNERSHIP_CONFLICT,
        Reason.CHART_NOT_FOUND,
        Reason.REPOSITORY_REFUSED,
        Reason.REPOSITORY_UNREACHABLE,
    }
)
"""Reasons that hold for the real run too. After any other failure the real run may succeed; if it fails, that is counted."""

REMOTE = frozenset({Reason.CHART_NOT_FOUND, Reason.REPOSITORY_REFUSED, Reason.CHART_DIGEST_MISMATCH, Reason.CHART_TOO_LARGE})
RETRY_AFTER = 60.0
"""Seconds until a dry run with a reason of REMOTE is repeated: a repository can be corrected without a change of the spec."""

TIMEOUT = 5.0
"""Seconds that a reconcile waits for a dry run."""

LONGEST = 180.0
"""Seconds. Upper bound for fetching and rendering a chart."""

RECORD_BYTES = (1 << 20) * 3 // 4
"""Compressed bytes of values and manifests that fit into a Secret of 1 MiB: Helm stores them in base64
(https://helm.sh/docs/topics/advanced/#storage-backends)."""

RENDERED = Budget(bytes=8 << 20, nodes=400_000, depth=100)
"""Of the rendered manifests of one chart. Helm stores a release in one Secret, which could not hold more."""

NO_MATCH = re.compile(r'no matches for kind "(\w+)" in version "([^"]+)"')


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """The result. `refused`: why the real run would fail; `conflict`: with an object that another release has;
    `objects`: the objects after it, without hooks."""

    refused: Failed | None = None
    conflict: Conflict | None = None
    objects: frozenset[Place] = frozenset()


class DryRuns:
    """The last dry run of each release. `rehearse` runs Helm: (cluster, wanted release, whether it is an upgrade) -> manifests;
    a reconcile waits for it for `timeout` seconds."""

    def __init__(
        self, rehearse: Callable[[WorkloadClusterOutput, Wanted, bool], Awaitable[str]], timeout: float = TIMEOUT
    ) -> None:
        self._rehearse = rehearse
        self._timeout = timeout
        self._kept: dict[str, tuple[str, asyncio.Task[DryRun], float]] = {}

    async def of(self, target: WorkloadClusterOutput, wanted: Wanted, field: str, *, upgrade: bool) -> DryRun | None:
        """Return the dry run for the wanted release; Helm runs when that or the cluster's version has changed. None: it still
        runs, beside the reconciles (a chart is downloaded)."""
        release = f"{target.cluster_id}/{wanted.namespace}/{wanted.name}"
        about = [str(wanted.chart), wanted.values, target.served_version, target.api is None, upgrade]
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
        before, task, begun = self._kept.get(release, ("", None, 0.0))
        if task is None or before != digest or _outdated(task, time.monotonic() - begun):
            if task is not None:
                task.cancel()
            task = asyncio.create_task(self._run(target, wanted, field, upgrade), name=f"dry run {release}")
            self._kept[release] = digest, task, time.monotonic()
        await asyncio.wait({task}, timeout=self._timeout)
        if not task.done():
            return None
        found = task.result()
        if found.refused is not None and (
            found.refused.retry_in is not None or found.refused.reason == Reason.OWNERSHIP_CONFLICT
        ):
            del self._kept[release]
        return found

    async def _run(self, target: WorkloadClusterOutput, wanted: Wanted, field: str, upgrade: bool) -> DryRun:
        try:
            async with asyncio.timeout(LONGEST):
                rendered = await self._rehearse(target, wanted, upgrade)
                manifests = await objects(rendered)
        except StepError as refused:
            return DryRun(refused=refused.failed)
        except DocumentRefused as refused:
            return DryRun(refused=_unreadable(wanted, refused, field))
        except TimeoutError:
            return DryRun(refused=_slow(wanted, field))
        except Error as error:
            text = error.stderr.decode(errors="replace")
            conflict = conflict_in(text, wanted.namespace, wanted.name)
            return DryRun(refused=refusal(text, wanted, target.served_version, field), conflict=conflict)
        if too_large := await _too_large(rendered, wanted, field):
            return DryRun(refused=too_large)
        removed = [kind for kind in ageing(manifests) if REMOVED[kind].since <= target.served_version]
        parts = frozenset((manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests if not _is_hook(manifest))
        return DryRun(refused=unserved(removed, wanted, target.served_version, field), objects=parts)

    async def close(self) -> None:
        """Cancel the running dry runs and wait for their end."""
        tasks = [task for _, task, _ in self._kept.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _outdated(task: asyncio.Task[DryRun], seconds: float) -> bool:
    """Return whether a dry run ended with a failure that may no longer hold."""
    if seconds < RETRY_AFTER or not task.done() or task.cancelled() or task.exception():
        return False
    refused = task.result().refused
    return refused is not None and refused.reason in REMOTE


async def objects(rendered: str) -> list[dict[str, Any]]:
    """Return the objects of a manifest; a List is not an object itself. Raises DocumentRefused."""
    documents = await read_yaml_all(rendered, RENDERED)
    named = [one for one in documents if isinstance(one, dict) and isinstance(one.get("metadata"), dict)]
    return [one for one in named if isinstance(one.get("kind"), str) and isinstance(one["metadata"].get("name"), str)]


def _unreadable(wanted: Wanted, refused: DocumentRefused, field: str) -> Failed:
    return Failed(
        reason=Reason.CHART_REFUSED,
        message=f"{field}.chart: the manifests of {wanted.chart.name}-{wanted.chart.version} cannot be read: {refused}",
        remedy=f"Choose another {field}.chart.version, or switch off parts of it in {field}.values.",
    )


def _slow(wanted: Wanted, field: str) -> Failed:
    return Failed(
        reason=Reason.HELM_TIMED_OUT,
        message=f"{field}.chart: {wanted.chart.name}-{wanted.chart.version} was not rendered within {LONGEST:.0f} s",
        remedy="The operator retries. Check the chart repository and the cluster's API.",
        retry_in=60,
    )


async def _too_large(rendered: str, wanted: Wanted, field: str) -> Failed | None:
    """Return the failure for a release that no Secret can hold; None: it may fit. Helm also stores the chart, so that its record is
    larger than what is counted here."""
    content = rendered.encode() + json.dumps(wanted.values).encode()
    if len(content) <= RECORD_BYTES:
        return None
    size = len(await beside_the_loop(len(content), lambda: zlib.compress(content, 9)))
    if size <= RECORD_BYTES:
        return None
    return Failed(
        reason=Reason.VALUES_TOO_LARGE,
        message=f"{field}: Helm's record of release {wanted.name} would have more than {size * 4 // 3 // 1024} KiB, and a Secret holds 1024 KiB",
        remedy=TOO_LARGE.format(field=field),
    )


def _is_hook(manifest: Mapping[str, Any]) -> bool:
    return HOOK in (manifest["metadata"].get("annotations") or {})


def unserved(kinds: Iterable[Kind], wanted: Wanted, kubernetes: tuple[int, int], field: str) -> Failed | None:
    """Return the failure for kinds that the cluster no longer serves; None when there are none. Pure."""
    if not (removed := sorted(set(kinds))):
        return None
    chart, served = f"{wanted.chart.name}-{wanted.chart.version}", ".".join(map(str, kubernetes))
    return Failed(
        reason=Reason.UNSUPPORTED_KUBERNETES,
        message=f"{field}.chart: {chart} renders {', '.join(map(named, removed))}, which Kubernetes {served} no longer serves",
        remedy=f"Choose a newer {field}.chart.version, or switch off the part that renders it.",
    )


def refusal(message: str, wanted: Wanted, kubernetes: tuple[int, int], field: str) -> Failed | None:
    """Return the failure for Helm's message, if it holds for the real run too. Missing kinds of custom resources are
    left to the real run: a chart may install their definitions. Pure."""
    missing: list[Kind] = [(version, kind) for kind, version in NO_MATCH.findall(message)]
    if missing:
        return unserved([kind for kind in missing if kind in REMOVED], wanted, kubernetes, field)
    failed = failure(message, field)
    return failed if failed.reason in CERTAIN else None
