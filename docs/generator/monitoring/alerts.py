"""The alerts: an expression in PromQL, the time it has to hold, what it means and what to do.

A critical alert pages the person on call: users are affected or soon will be, and the operator cannot resolve it. A warning can wait until morning.
Thresholds follow from the operator's own times: the default interval of 10 minutes, and probes that restart a process after 30 seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from notebook_platform.api.manual import SITE

MANUAL = f"{SITE}monitoring/#"
"""The public address of docs/monitoring.md."""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One rule. `summary` and `description` may use the labels of the expression's result; `meaning` and `action` are Markdown."""

    name: str
    severity: str
    expression: str
    lasts: str
    summary: str
    description: str
    meaning: str
    action: Sequence[str] = field(default_factory=tuple)

    @property
    def runbook(self) -> str:
        """Return the address of the alert's part of the manual. Anchors are the name in lower case."""
        return f"{MANUAL}{self.name.lower()}"


CRITICAL, WARNING = "critical", "warning"

AGE = "notebook_platform_reconcile_age_seconds_bucket"
REQUESTS = "notebook_platform_azure_requests_total"
FAILURES = 'notebook_platform_step_outcomes_total{outcome="Failed"}'
RETRIED = "15m"
"""A window in which each failed step is retried at least once: the longest wait is 12 minutes (`engine/backoff.py`). In a shorter one
the failures of a single platform come and go, and `for` begins anew each time."""

ALERTS = (
    Alert(
        name="NotebookPlatformOperatorDown",
        severity=CRITICAL,
        expression="absent(notebook_platform_build_info)",
        lasts="10m",
        summary="Prometheus scrapes no replica of the operator",
        description="Prometheus has received no metrics from the operator for 10 minutes. Running hubs keep running.",
        meaning="The operator is down, or Prometheus cannot reach it. Hubs do not need the operator, so users can keep working. While it is "
        "down, edits, upgrades, schedules and repairs are not applied.",
        action=(
            "`kubectl get pods -n notebook-platform` shows whether the pods run and are ready. If one is not, "
            "`kubectl describe pods -n notebook-platform` shows its Events, and "
            "`kubectl logs -n notebook-platform deployment/notebook-platform` its last error.",
            "If the pods are ready, Prometheus cannot reach them: its namespace needs the label `metrics: enabled` "
            "(NetworkPolicy `notebook-platform-metrics`).",
        ),
    ),
    Alert(
        name="NotebookPlatformNotReconciled",
        severity=CRITICAL,
        expression=f'sum({AGE}{{le="+Inf"}}) - sum({AGE}{{le="7200.0"}}) > 0',
        lasts="15m",
        summary="{{ $value }} platforms have not been reconciled for two hours",
        description="Their last completed reconcile is more than two hours old. The default interval is 10 minutes.",
        meaning="Reconciles of these platforms fail or wait in the queue. Until one completes, drift goes undetected and the status is "
        "out of date. If a platform has a `spec.interval` above 2 hours, remove this alert: it fires in normal operation.",
        action=(
            "Search the operator's log for lines at WARNING and ERROR; the field `platform` names the platform.",
            "If reconciles wait (dashboard *Fleet*, *Wait in the queue*), see [NotebookPlatformQueueWaits](#notebookplatformqueuewaits).",
            "If reconciles fail, see [NotebookPlatformReconcilesFail](#notebookplatformreconcilesfail).",
        ),
    ),
    Alert(
        name="NotebookPlatformLeaseMissing",
        severity=CRITICAL,
        expression="sum(notebook_platform_leases_held) == 0",
        lasts="5m",
        summary="No replica holds a lease",
        description="Replicas run, but none of them may reconcile.",
        meaning="Each shard of platforms belongs to the replica that holds its Lease. A replica without a lease reconciles nothing.",
        action=(
            "`kubectl get leases -n notebook-platform -o yaml` shows the holder of each lease and when it was renewed.",
            "If the operator lacks a right on Leases, `/readyz` of a replica (port 8080) names it. Apply the operator's Role again.",
        ),
    ),
    Alert(
        name="NotebookPlatformStalled",
        severity=CRITICAL,
        expression='sum by (reason) (notebook_platform_platform_conditions{type="Stalled",status="True"}) > 0',
        lasts="15m",
        summary="{{ $value }} platforms are stalled: {{ $labels.reason }}",
        description="The operator cannot continue until a user acts.",
        meaning="The condition `Stalled` of these platforms is True. [Reasons](reference/reasons.md) explains the reason, "
        "which is a label of the alert.",
        action=(
            "`kubectl get notebookplatforms -A` shows which platforms are not Ready.",
            "`notebook-platform watch NAME -n NAMESPACE` shows the message of the condition, which names the field and the remedy.",
        ),
    ),
    Alert(
        name="NotebookPlatformEditsWait",
        severity=WARNING,
        expression="sum(notebook_platform_platforms_behind) > 0",
        lasts="30m",
        summary="{{ $value }} platforms do not show their current spec",
        description="`status.observedGeneration` has been behind `metadata.generation` for 30 minutes.",
        meaning="Users have edited specs, and the operator has not reconciled these edits yet.",
        action=(
            "If [NotebookPlatformQueueWaits](#notebookplatformqueuewaits) or an alert on throttling fires too, begin with that one.",
            "Otherwise compare `metadata.generation` with `status.observedGeneration` to find the platform; the operator's log shows which "
            "of its steps is slow.",
        ),
    ),
    Alert(
        name="NotebookPlatformReconcilesFail",
        severity=WARNING,
        expression='sum(increase(notebook_platform_reconciles_total{result="failed"}[30m])) >= 3',
        lasts="10m",
        summary='{{ $value | printf "%.0f" }} reconciles ended with an error in 30 minutes',
        description="An error ended these reconciles before all steps had run. Failed steps do not count here.",
        meaning="The API server of the management cluster rejects requests or does not answer, or the operator has an internal error.",
        action=(
            "Search the log for the level ERROR; each line has the field `platform`.",
            "If the API server is healthy, report the error with a [support bundle](support-bundle.md).",
        ),
    ),
    Alert(
        name="NotebookPlatformStepsFail",
        severity=WARNING,
        expression=f"sum by (step, reason) (increase({FAILURES}[1h])) >= 4 and sum by (step, reason) (increase({FAILURES}[{RETRIED}])) > 0",
        lasts="30m",
        summary="The step {{ $labels.step }} keeps failing: {{ $labels.reason }}",
        description='It failed {{ $value | printf "%.0f" }} times in an hour, on all platforms together.',
        meaning="The operator retries, less and less often. If one step fails on several platforms with the same reason, suspect Azure, "
        "a removed role assignment, or a chart.",
        action=(
            "[Reasons](reference/reasons.md) and [errors](reference/errors.md) explain the reason and its remedy.",
            "`notebook-platform doctor -f platform.yaml` checks the permissions, quota and names of one platform.",
        ),
    ),
    Alert(
        name="NotebookPlatformQueueWaits",
        severity=WARNING,
        expression="histogram_quantile(0.9, sum by (le) (rate(notebook_platform_queue_wait_seconds_bucket"
        '{priority="urgent"}[15m]))) > 60',
        lasts="15m",
        summary="Edits wait {{ $value | humanizeDuration }} for a reconcile",
        description="One in ten edits waits longer than this in the work queue.",
        meaning="More reconciles are due than a replica runs at once.",
        action=(
            "If the pod's CPU usage is at its limit, raise the limit, or add replicas and raise `shards`.",
            "Otherwise reconciles are slow: see the dashboard *Azure throttling*.",
        ),
    ),
    Alert(
        name="NotebookPlatformEventLoopStalls",
        severity=WARNING,
        expression="histogram_quantile(0.99, sum by (le) (rate(notebook_platform_event_loop_stall_seconds_bucket[10m]))) > 1",
        lasts="15m",
        summary="The operator's event loop is blocked for {{ $value | humanizeDuration }} at a time",
        description="Longer stalls delay the renewal of leases; at 30 seconds the liveness probe restarts the container.",
        meaning="Code blocks the event loop, or the pod gets too little CPU.",
        action=(
            "If the pod's `container_cpu_cfs_throttled_periods_total` grows, raise its CPU limit.",
            "For a stall of 5 seconds or more, the log contains the stack of the blocking code. Report it with a [support "
            "bundle](support-bundle.md).",
        ),
    ),
    Alert(
        name="NotebookPlatformAzureThrottles",
        severity=WARNING,
        expression=f'sum by (resource_type) (rate({REQUESTS}{{code="429"}}[{RETRIED}])) > 0',
        lasts="30m",
        summary="Azure throttles requests to {{ $labels.resource_type }}",
        description="Azure has answered requests with 429 for 30 minutes. The operator waits as long as Azure asks, so changes take longer.",
        meaning="The operator, or another tool with the same principal, has exhausted the limit of the subscription or of the principal.",
        action=(
            "The dashboard *Azure throttling* shows how much of its own limits the operator has left. If they are far from "
            "exhausted, another tool uses up Azure's limit.",
            "Give the operator a principal of its own, lengthen `spec.interval`, or divide the platforms among subscriptions.",
        ),
    ),
    Alert(
        name="NotebookPlatformAzureErrors",
        severity=WARNING,
        expression=f'sum(rate({REQUESTS}{{code=~"5..|none"}}[15m])) / sum(rate({REQUESTS}[15m])) > 0.1',
        lasts="15m",
        summary="{{ $value | humanizePercentage }} of the requests to Azure fail",
        description="Azure answers with server errors or not at all.",
        meaning="Azure has an incident, or the connection to Azure fails: DNS, a proxy, an egress rule.",
        action=(
            "Read [Azure's status](https://azure.status.microsoft). The operator retries; no action is required during an incident.",
            "If all failed requests have the code `none`, Azure did not answer. Check the NetworkPolicy, the proxy and DNS of the "
            "management cluster.",
        ),
    ),
    Alert(
        name="NotebookPlatformRateLimited",
        severity=WARNING,
        expression="min by (kind) (notebook_platform_azure_rate_limit_tokens) < 1",
        lasts="30m",
        summary="The operator's own rate limit delays requests: {{ $labels.kind }}",
        description="The bucket has been empty for 30 minutes, so requests of this kind wait before they are sent.",
        meaning="The operator stays within Azure's documented limits. Too many platforms share one subscription or one principal, or many "
        "platforms were edited at once.",
        action=(
            "After an edit of many platforms, wait.",
            "Otherwise act as for [NotebookPlatformAzureThrottles](#notebookplatformazurethrottles).",
        ),
    ),
    Alert(
        name="NotebookPlatformHelmFails",
        severity=WARNING,
        expression='sum(increase(notebook_platform_helm_action_duration_seconds_count{result="failed"}[1h])) >= 2',
        lasts="5m",
        summary='Helm failed {{ $value | printf "%.0f" }} times in an hour',
        description="The condition of the release contains Helm's error.",
        meaning="A chart, an image or a value is wrong. The operator retries or rolls back, as `remediation` of the release says.",
        action=(
            "`kubectl get notebookplatforms -A` shows which platform it is; its condition `JupyterHubReady` names the cause.",
            "If several hubs fail after an edit of a shared template, revert the edit.",
        ),
    ),
    Alert(
        name="NotebookPlatformCertificateExpires",
        severity=CRITICAL,
        expression='sum(notebook_platform_platform_conditions{type="CertificateExpiring",status="True"}) > 0',
        lasts="1h",
        summary="The certificates of {{ $value }} hubs expire soon",
        description="The hub still serves the old certificate. Once that expires, browsers refuse the hub.",
        meaning="Certificates from Let's Encrypt are renewed 30 days before they expire. This one was not.",
        action=(
            "The condition `CertificateExpiring` names the host and the expiry date.",
            "For Let's Encrypt, ports 80 and 443 must be open and the name must resolve to the hub. The log of `autohttps` or "
            "of cert-manager shows the error.",
            "If the certificate comes from a Secret, put the renewed one into the Secret.",
        ),
    ),
)
