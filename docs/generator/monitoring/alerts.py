"""The alerts: an expression in PromQL, the time it has to hold, what it means and what to do.

A critical alert is for the person on call: users are affected or soon will be, and the operator cannot end it. A warning is read in the morning.
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
        summary="No replica of the operator serves metrics",
        description="Prometheus has had no metrics of the operator for 10 minutes. Hubs that run continue to run; nothing is reconciled.",
        meaning="No replica was scraped. The hubs themselves do not need the operator: users can continue to work. Edits, upgrades, "
        "schedules and repairs wait.",
        action=(
            "`kubectl get pods -n notebook-platform` and `kubectl describe` the pod: is it running, and what does its readiness probe "
            "answer?",
            "If the pods are ready, Prometheus cannot reach them: its namespace needs the label `metrics: enabled` "
            "(NetworkPolicy `notebook-platform-metrics`).",
        ),
    ),
    Alert(
        name="NotebookPlatformNotReconciled",
        severity=CRITICAL,
        expression=f'sum({AGE}{{le="+Inf"}}) - sum({AGE}{{le="7200.0"}}) > 0',
        lasts="15m",
        summary="{{ $value }} platforms were not reconciled for two hours",
        description="Their last completed reconcile is more than two hours old. The default interval is 10 minutes.",
        meaning="Platforms whose reconciles fail or wait. Drift in them is not found, and their status is out of date. With an "
        "interval above 2 hours (`spec.interval`) this is expected: remove the alert then.",
        action=(
            "The log of the operator: search for lines at WARNING and ERROR; the field `platform` names the platform.",
            "If reconciles wait (dashboard *Fleet*, queue), see [NotebookPlatformQueueWaits](#notebookplatformqueuewaits).",
            "If reconciles fail, see [NotebookPlatformReconcilesFail](#notebookplatformreconcilesfail).",
        ),
    ),
    Alert(
        name="NotebookPlatformLeaseMissing",
        severity=CRITICAL,
        expression="sum(notebook_platform_leases_held) == 0",
        lasts="5m",
        summary="No replica holds a lease",
        description="Replicas run, and none of them may reconcile.",
        meaning="Each shard of platforms belongs to the replica that holds its Lease. Without a lease a replica only waits.",
        action=(
            "`kubectl get leases -n notebook-platform`: who holds them, and when were they renewed?",
            "`/readyz` of a replica names a right that is missing on Leases. Apply the operator's Role again.",
        ),
    ),
    Alert(
        name="NotebookPlatformStalled",
        severity=CRITICAL,
        expression='sum by (reason) (notebook_platform_platform_conditions{type="Stalled",status="True"}) > 0',
        lasts="15m",
        summary="{{ $value }} platforms are stalled: {{ $labels.reason }}",
        description="A user has to act; the operator does not continue alone.",
        meaning="The condition `Stalled` is True. [Reasons](reference/reasons.md) explains the reason in the label.",
        action=(
            "`kubectl get notebookplatforms -A` shows the platforms with `Ready` False.",
            "The message of the condition names the field and the remedy: `notebook-platform watch NAME -n NAMESPACE`.",
        ),
    ),
    Alert(
        name="NotebookPlatformEditsWait",
        severity=WARNING,
        expression="sum(notebook_platform_platforms_behind) > 0",
        lasts="30m",
        summary="{{ $value }} platforms do not show their current spec",
        description="`status.observedGeneration` has been behind `metadata.generation` for 30 minutes.",
        meaning="Users changed a spec and the status does not describe the change yet.",
        action=(
            "Compare with the alerts on throttling and on the queue: an edit waits behind them.",
            "The log of the operator for this platform shows the step that takes long.",
        ),
    ),
    Alert(
        name="NotebookPlatformReconcilesFail",
        severity=WARNING,
        expression='sum(increase(notebook_platform_reconciles_total{result="failed"}[30m])) >= 3',
        lasts="10m",
        summary='{{ $value | printf "%.0f" }} reconciles ended with an error in 30 minutes',
        description="An error ended reconciles before they ran through all steps. A failed step does not count here.",
        meaning="The API server of the management cluster refuses or does not answer, or the operator has an internal error.",
        action=(
            "Search the log for the level ERROR; each line has the field `platform`.",
            "If the API server is healthy, write a support bundle ([how](support-bundle.md)) and report the fault.",
        ),
    ),
    Alert(
        name="NotebookPlatformStepsFail",
        severity=WARNING,
        expression=f"sum by (step, reason) (increase({FAILURES}[1h])) >= 4 and sum by (step, reason) (increase({FAILURES}[{RETRIED}])) > 0",
        lasts="30m",
        summary="The step {{ $labels.step }} fails again and again: {{ $labels.reason }}",
        description='It failed {{ $value | printf "%.0f" }} times in an hour, on all platforms together.',
        meaning="The operator retries with a growing wait. Many failures of one step with one reason on several platforms point to Azure, "
        "to a role that was removed, or to a chart.",
        action=(
            "[Reasons](reference/reasons.md) and [errors](reference/errors.md) explain the reason and its remedy.",
            "`notebook-platform doctor` checks permissions, quota and names of one platform.",
        ),
    ),
    Alert(
        name="NotebookPlatformQueueWaits",
        severity=WARNING,
        expression="histogram_quantile(0.9, sum by (le) (rate(notebook_platform_queue_wait_seconds_bucket"
        '{priority="urgent"}[15m]))) > 60',
        lasts="15m",
        summary="Edits wait {{ $value | humanizeDuration }} for a reconcile",
        description="One in ten reconciles after an edit waits longer than this in the work queue.",
        meaning="More reconciles are due than the process runs at once.",
        action=(
            "Is the pod's CPU usage at its limit? Raise the limit, or add replicas with more shards.",
            "Else reconciles are slow: see the dashboard *Azure throttling*.",
        ),
    ),
    Alert(
        name="NotebookPlatformEventLoopStalls",
        severity=WARNING,
        expression="histogram_quantile(0.99, sum by (le) (rate(notebook_platform_event_loop_stall_seconds_bucket[10m]))) > 1",
        lasts="15m",
        summary="The operator's event loop stands still for {{ $value | humanizeDuration }}",
        description="Leases are renewed late when this grows; at 30 seconds the liveness probe restarts the process.",
        meaning="Code blocks the event loop, or the pod gets too little processor time.",
        action=(
            "Compare `container_cpu_cfs_throttled_periods_total` of the pod: raise its CPU limit if it grows.",
            "From 5 seconds on the log holds the stack that blocks. Report it with a support bundle.",
        ),
    ),
    Alert(
        name="NotebookPlatformAzureThrottles",
        severity=WARNING,
        expression=f'sum by (resource_type) (rate({REQUESTS}{{code="429"}}[{RETRIED}])) > 0',
        lasts="30m",
        summary="Azure throttles requests to {{ $labels.resource_type }}",
        description="Azure has answered 429 again and again for 30 minutes. The operator waits as Azure asks, so changes take longer.",
        meaning="The subscription's or the principal's limit is used up, by the operator or by other tools with the same principal.",
        action=(
            "Dashboard *Azure throttling*: is the operator's own rate near its limit? If not, other tools use up the limit.",
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
        meaning="Azure has an incident, or the connection to it is broken: DNS, a proxy, an egress rule.",
        action=(
            "Read [Azure's status](https://azure.status.microsoft). The operator retries; no action is required during an incident.",
            "Code `none` alone: no answer came. Check the NetworkPolicy, the proxy and DNS of the management cluster.",
        ),
    ),
    Alert(
        name="NotebookPlatformRateLimited",
        severity=WARNING,
        expression="min by (kind) (notebook_platform_azure_rate_limit_tokens) < 1",
        lasts="30m",
        summary="The operator's own rate limit delays requests: {{ $labels.kind }}",
        description="The bucket has been empty for 30 minutes, so requests of this kind wait before they are sent.",
        meaning="The operator keeps to Azure's documented limits. Too many platforms share one subscription or one principal, or an "
        "edit of many platforms is in progress.",
        action=(
            "Wait for an edit of many platforms to end.",
            "Else act as for [NotebookPlatformAzureThrottles](#notebookplatformazurethrottles).",
        ),
    ),
    Alert(
        name="NotebookPlatformHelmFails",
        severity=WARNING,
        expression='sum(increase(notebook_platform_helm_action_duration_seconds_count{result="failed"}[1h])) >= 2',
        lasts="5m",
        summary='Helm failed {{ $value | printf "%.0f" }} times in an hour',
        description="The condition of the release holds helm's error.",
        meaning="A chart, an image or a value is wrong. The operator rolls back or retries as `upgrade` of the release says.",
        action=(
            "`kubectl get notebookplatforms -A` shows which platform; its condition `JupyterHubReady` names the cause.",
            "If several hubs fail after one edit of a template, revert the edit.",
        ),
    ),
    Alert(
        name="NotebookPlatformCertificateExpires",
        severity=CRITICAL,
        expression='sum(notebook_platform_platform_conditions{type="CertificateExpiring",status="True"}) > 0',
        lasts="1h",
        summary="The certificates of {{ $value }} hubs end soon",
        description="No newer certificate is served. When it ends, browsers refuse the hub.",
        meaning="Certificates from Let's Encrypt are renewed 30 days before they expire. This one was not.",
        action=(
            "The condition `CertificateExpiring` names the host and the date.",
            "Ports 80 and 443 must be open and the name must resolve to the hub; read the log of `autohttps` or of cert-manager.",
            "A certificate from a Secret: put the new one into the Secret.",
        ),
    ),
)
