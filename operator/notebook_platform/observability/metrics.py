"""Prometheus metrics. Labels are step and outcome names, methods and status codes: never a name that a user chose."""

from prometheus_client import Counter, Gauge, Histogram

PASS_SECONDS = Histogram(
    "notebook_platform_pass_seconds",
    "Duration of one reconcile of one platform.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
STEP_OUTCOMES = Counter("notebook_platform_step_outcomes_total", "Outcomes of steps.", ["step", "outcome"])
STATUS_WRITES = Counter("notebook_platform_status_writes_total", "Status patches sent to the API server.")
PLATFORMS = Gauge("notebook_platform_platforms", "Platforms that this process reconciles.")
AZURE_REQUESTS = Counter("notebook_platform_azure_requests_total", "Requests sent to Azure.", ["method", "status"])
HELM_RUNS = Counter("notebook_platform_helm_runs_total", "Helm processes started.", ["action"])
THROTTLED = Counter("notebook_platform_throttled_passes_total", "Reconciles that the rate limit of their platform delayed.")
LOOP_STALLS = Histogram(
    "notebook_platform_event_loop_stall_seconds",
    "Delay between the time at which a task of the event loop is due and its start, sampled 20 times a second.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.5, 1, 2.5, 5, 10),
)
