"""Build the status of a platform from the results of a reconcile. Pure.

The reconciler writes it; `status_writer` sends it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import ValidationError

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.conditions import Condition, carry_over, condition
from notebook_platform.api.manual import SITE, with_link
from notebook_platform.api.reasons import Reason
from notebook_platform.api.spec_errors import sentences
from notebook_platform.api.status import (
    AttemptStatus,
    ClusterStatus,
    HubStatus,
    MonitoringStatus,
    NodeCounts,
    OperationStatus,
    PlannedChange,
    PlatformStatus,
    ReleaseStatus,
)
from notebook_platform.bounded.text import shortened
from notebook_platform.engine.backoff import Attempt
from notebook_platform.engine.change import Impossible, NeedsApproval
from notebook_platform.engine.conditions import sentence
from notebook_platform.engine.outcome import Failed, Operation, Unblocking
from notebook_platform.engine.result import Result
from notebook_platform.helm.chart_adapter import Running
from notebook_platform.hubs.users.user_counts import UserCounts
from notebook_platform.kube.redaction import SecretRedactor
from notebook_platform.outputs import Cluster, MonitorWorkspace
from notebook_platform.pace import Limits
from notebook_platform.workload.step import WorkloadClusterOutput

PERCENT_STEP = 5
"""Progress is reported in steps of so many percent: every change of it is a write."""

SHORT = 256
"""Characters of a message in the short status that replaces a rejected one."""

PLAN_LIMIT = 50
RELEASE_LIMIT = 40
"""The maximum number of pending changes, and of releases, in status."""


def platform_status(
    results: Mapping[str, Result],
    conditions: Sequence[Condition],
    *,
    previous: PlatformStatus,
    generation: int,
    operations: Mapping[str, Operation],
    attempts: Iterable[Attempt],
    redactor: SecretRedactor,
) -> PlatformStatus:
    """Return the status after a reconcile. What this reconcile did not observe keeps its previous value.

    `results` and `conditions` are already sanitized; `redactor` is for the steps' outputs.
    """
    made = [output for result in results.values() if (output := _output(result)) is not None]
    cluster = next((output for output in made if isinstance(output, Cluster)), None)
    target = next((output for output in made if isinstance(output, WorkloadClusterOutput)), None)
    running = [output for output in made if isinstance(output, Running)]
    settled = target is not None and all(isinstance(result.outcome, Unblocking) for result in results.values())
    users = [release.details for release in running if isinstance(release.details, UserCounts)]
    before = PlatformStatus() if settled and all(release.state == "deployed" for release in running) else previous
    return PlatformStatus(
        observed_generation=generation,
        conditions=list(conditions),
        url=next((redactor.sanitize(release.url, 512) for release in running if release.url), before.url),
        cluster=_cluster(cluster, target, previous.cluster, redactor),
        monitoring=_monitoring(results, made, previous.monitoring, redactor),
        releases=_releases(running, () if settled else previous.releases, redactor),
        hub=_hub(users) or before.hub,
        operations=[_operation(key, operation, redactor) for key, operation in sorted(operations.items())],
        attempts=[_attempt(attempt) for attempt in attempts],
        plan=_plan(results),
        next=_next(operations, attempts, redactor),
    )


def unreadable(
    error: ValidationError,
    *,
    previous: PlatformStatus,
    generation: int,
    now: datetime,
    redactor: SecretRedactor,
    site: str = SITE,
) -> PlatformStatus:
    """Return the status for a spec that the API server accepted and this operator cannot read. Everything else keeps its
    value."""
    where = redactor.sanitize(sentences(error))
    message = f"The spec cannot be read: {where}. Correct the spec, or install the CRD of this operator's version."
    conditions = [
        condition(ConditionType.READY, False, Reason.INVALID_SPEC, message, generation=generation, now=now),
        condition(ConditionType.RECONCILING, False, Reason.INVALID_SPEC, Reason.SETTLED.sentence, generation=generation, now=now),
        with_link(condition(ConditionType.STALLED, True, Reason.INVALID_SPEC, message, generation=generation, now=now), site),
    ]
    carried = carry_over(conditions, previous.conditions)
    return previous.model_copy(update={"observed_generation": generation, "conditions": carried})


def status_of(body: Mapping[str, Any]) -> PlatformStatus:
    """Return the status of an object as it was read; an empty one when this operator did not write it."""
    try:
        return PlatformStatus.of(dict(body))
    except ValidationError:
        return PlatformStatus()


def unfinished(
    failed: Failed, *, previous: PlatformStatus, generation: int, now: datetime, redactor: SecretRedactor
) -> PlatformStatus:
    """Return the status after a reconcile that failed as a whole. What is known of the steps keeps its value."""
    message = redactor.sanitize(sentence(failed))
    retries = failed.retry_in is not None
    parts = {
        "Ready": (False, failed.reason, message),
        "Reconciling": (retries, failed.reason, message if retries else Reason.SETTLED.sentence),
        "Stalled": (False, Reason.NOT_STALLED, Reason.NOT_STALLED.sentence) if retries else (True, failed.reason, message),
    }
    changed = [condition(type_, *part, generation=generation, now=now) for type_, part in parts.items()]
    kept = [c for c in previous.conditions if c.type not in parts]
    return previous.model_copy(update={"conditions": [*carry_over(changed, previous.conditions), *kept]})


def with_throttled(status: PlatformStatus, limits: Limits | None, generation: int, now: datetime) -> PlatformStatus:
    """Return the status with the condition Throttled while reconciles are delayed. `limits` None: they are not."""
    kept = [c for c in status.conditions if c.type != "Throttled"]
    if limits is None:
        return status if len(kept) == len(status.conditions) else status.model_copy(update={"conditions": kept})
    message = (
        f"Reconciles are delayed: more than {limits.per_minute:g} a minute were triggered. Change the spec, its Secrets and "
        "its ConfigMaps less often, or raise passes_per_minute in the operator's configuration."
    )
    throttled = condition(ConditionType.THROTTLED, True, Reason.TOO_MANY_RECONCILES, message, generation=generation, now=now)
    return status.model_copy(update={"conditions": [*kept, *carry_over([throttled], status.conditions)]})


def with_queued(status: PlatformStatus, slots: int, generation: int, now: datetime) -> PlatformStatus:
    """Return the status of a platform that waits for one of the operator's slots; the next reconcile replaces it."""
    noun = "platform" if slots == 1 else "platforms"
    message = f"Waiting for a turn: the operator reconciles {slots} {noun} at once (concurrent_reconciles)"
    queued = condition(ConditionType.RECONCILING, True, Reason.QUEUED, message, generation=generation, now=now)
    kept = [c for c in status.conditions if c.type != queued.type]
    return status.model_copy(update={"conditions": [*carry_over([queued], status.conditions), *kept]})


def minimal_status(status: PlatformStatus) -> PlatformStatus:
    """Return a short form of a status that the API server rejected: its three summary conditions."""
    kept = [c for c in status.conditions if c.type in ("Ready", "Reconciling", "Stalled")]
    short = [c.model_copy(update={"message": c.message[:SHORT]}) for c in kept]
    return PlatformStatus(observed_generation=status.observed_generation, conditions=short)


def _output(result: Result) -> object:
    if result.changes and not result.exists and not result.applied:
        return None  # does not exist: the output of a plan
    return result.outcome.output if isinstance(result.outcome, Unblocking) else None


def _cluster(
    cluster: Cluster | None, target: WorkloadClusterOutput | None, previous: ClusterStatus | None, redactor: SecretRedactor
) -> ClusterStatus | None:
    known = previous or ClusterStatus()
    if cluster is not None:
        known = known.model_copy(
            update={
                "id": _fit(cluster.id, 1024, redactor),
                "fqdn": _fit(cluster.fqdn, 253, redactor),
                "kubernetes_version": _fit(cluster.kubernetes_version, 16, redactor),
                "power_state": _fit(cluster.power_state, 16, redactor),
            }
        )
    if target is not None:
        known = known.model_copy(
            update={
                "nodes": NodeCounts(ready=target.ready_nodes, total=target.nodes),
                "kubeconfig_secret": target.secret_name,
            }
        )
    return known if known != ClusterStatus() else None


def _monitoring(
    results: Mapping[str, Result], made: Sequence[object], previous: MonitoringStatus | None, redactor: SecretRedactor
) -> MonitoringStatus | None:
    """Return where the metrics go; the previous value while the step of the workspace has no outcome."""
    workspace = next((output for output in made if isinstance(output, MonitorWorkspace)), None)
    if workspace is not None:
        endpoint = _fit(workspace.query_endpoint, 512, redactor)
        return MonitoringStatus(workspace_id=_fit(workspace.id, 1024, redactor), query_endpoint=endpoint)
    step = results.get("MonitorWorkspace")
    return None if step is not None and isinstance(step.outcome, Unblocking) else previous


def _releases(running: Sequence[Running], previous: Sequence[ReleaseStatus], redactor: SecretRedactor) -> list[ReleaseStatus]:
    """Return the releases with a URL first. `previous`: those of the last status that this reconcile may not have observed."""
    shown = [_release(release, redactor) for release in sorted(running, key=lambda release: release.url is None)]
    found = {(r.namespace, r.name): r for r in shown}
    found = {(r.namespace, r.name): found.pop((r.namespace, r.name), r) for r in previous} | found
    return list(found.values())[:RELEASE_LIMIT]


def _release(running: Running, redactor: SecretRedactor) -> ReleaseStatus:
    return ReleaseStatus(
        name=redactor.sanitize(running.name, 53),
        namespace=redactor.sanitize(running.namespace, 63),
        chart=redactor.sanitize(running.chart, 128),
        revision=running.revision,
        state=redactor.sanitize(running.state, 32),
    )


def _fit(text: str | None, limit: int, redactor: SecretRedactor) -> str | None:
    return redactor.sanitize(text, limit) if text is not None else None


def _hub(users: Sequence[UserCounts]) -> HubStatus | None:
    """Return the sums over all hubs."""
    if not users:
        return None
    return HubStatus(servers=sum(one.servers for one in users), homes=sum(len(one.homes) for one in users))


def _operation(key: str, operation: Operation, redactor: SecretRedactor) -> OperationStatus:
    scheme, host, path, _, _ = urlsplit(operation.url)
    return OperationStatus(
        step=key,
        kind=redactor.sanitize(operation.kind, 256),
        started=_time(operation.started),
        url=shortened(urlunsplit((scheme, host, path, "", "")), 2048),
        percent=None if operation.percent is None else int(operation.percent // PERCENT_STEP * PERCENT_STEP),
        expected_end=_time(operation.started + timedelta(seconds=operation.expected)),
        correlation_id=operation.correlation_id or None,
    )


def _attempt(attempt: Attempt) -> AttemptStatus:
    return AttemptStatus(
        step=attempt.step,
        reason=attempt.reason,
        count=attempt.count,
        retry_at=_time(attempt.retry_at),
        correlation_id=attempt.failed.correlation_id or None,
    )


def _plan(results: Mapping[str, Result]) -> list[PlannedChange]:
    pending = [
        PlannedChange(
            step=name,
            action=str(change.action),
            path=shortened(change.path, 512),
            before=_short(change.before),
            after=_short(change.after),
            disrupts=change.disruptive,
            blocker=shortened(sentence(change.gate.failed), 512) if isinstance(change.gate, Impossible) else None,
            requires_approval=shortened(sentence(change.gate.failed), 1024) if isinstance(change.gate, NeedsApproval) else None,
        )
        for name, result in results.items()
        for change in result.changes
        if not result.applied
    ]
    return pending[:PLAN_LIMIT]


def _short(value: object) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return shortened(text, 256)


def _next(operations: Mapping[str, Operation], attempts: Iterable[Attempt], redactor: SecretRedactor) -> str | None:
    running = sorted((o.started + timedelta(seconds=o.expected), o.kind) for o in operations.values())
    if running:
        return f"{redactor.sanitize(running[0][1], 200)}, expected to end at {_time(running[0][0])}"
    retries = sorted((a.retry_at, a.step) for a in attempts)
    if retries:
        return f"{retries[0][1]} will be retried at {_time(retries[0][0])}"
    return None


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
