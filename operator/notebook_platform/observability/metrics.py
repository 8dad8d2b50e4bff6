"""Define the Prometheus metrics of the process. docs/reference/metrics.md is generated from this module and from `fleet`.

Names follow Prometheus' conventions (https://prometheus.io/docs/practices/naming): seconds as the unit, `_total` for counters. A
label has few values, all of them from the operator's code (`labels`): never a name that a user chose, because a fleet of 10,000
platforms must not become 10,000 series. `fleet` counts platforms by state, and names them only if the configuration asks for it.
"""

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from notebook_platform import __version__

# Without it each counter and histogram has a second series with the time of its creation.
disable_created_metrics()  # type: ignore[no-untyped-call]

BUILD_INFO = Gauge("notebook_platform_build_info", "Always 1; the label is the version of the operator.", ["version"])
BUILD_INFO.labels(version=__version__).set(1)

# Reconciles
RECONCILES = Counter(
    "notebook_platform_reconciles_total",
    "Reconciles that ended. Result `completed`: they ran through all steps; `failed`: an error ended them before.",
    ["result"],
)
RECONCILE_SECONDS = Histogram(
    "notebook_platform_reconcile_duration_seconds",
    "Duration of one reconcile of one platform, without its time in the queue.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
)
RECONCILES_IN_PROGRESS = Gauge("notebook_platform_reconciles_in_progress", "Reconciles that run now.")
STEP_OUTCOMES = Counter(
    "notebook_platform_step_outcomes_total",
    "Outcomes of steps. Releases of the spec count as the step Release; an error code of Azure without a reason of "
    "its own counts as the reason Other.",
    ["step", "outcome", "reason"],
)
STATUS_WRITES = Counter("notebook_platform_status_writes_total", "Status patches sent to the API server.")

# The work queue
QUEUE_DEPTH = Gauge("notebook_platform_queue_depth", "Reconciles that wait in the work queue.", ["priority"])
SLOTS = Gauge(
    "notebook_platform_reconcile_slots",
    "Reconciles that may run side by side now: at most concurrent_reconciles, fewer while the event loop is late.",
)
QUEUE_WAIT_SECONDS = Histogram(
    "notebook_platform_queue_wait_seconds",
    "Time from when a reconcile is due to its start.",
    ["priority"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 30, 60, 300, 900, 3600),
)
THROTTLED = Counter("notebook_platform_throttled_reconciles_total", "Reconciles that the rate limit of their platform delayed.")

# Azure
AZURE_REQUESTS = Counter(
    "notebook_platform_azure_requests_total",
    "Requests sent to Azure. The code is the HTTP status, or `none` when no answer came.",
    ["method", "resource_type", "code"],
)
AZURE_REQUEST_SECONDS = Histogram(
    "notebook_platform_azure_request_duration_seconds",
    "Time from sending a request to Azure to its response.",
    ["method"],
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
TOKENS_LEFT = Gauge(
    "notebook_platform_azure_rate_limit_tokens",
    "Requests that may be sent at once before the operator's own rate limit delays them: the fewest of all buckets of this kind.",
    ["kind"],
)
OPERATION_SECONDS = Histogram(
    "notebook_platform_azure_operation_duration_seconds",
    "Time from when Azure accepted a long-running operation to when a reconcile found it ended.",
    ["step", "action"],
    buckets=(5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200),
)

# Helm
HELM_RUNS = Counter("notebook_platform_helm_runs_total", "Helm processes started.", ["action"])
HELM_SECONDS = Histogram(
    "notebook_platform_helm_action_duration_seconds",
    "Duration of Helm actions on releases by their result: succeeded, failed or stopped.",
    ["action", "result"],
    buckets=(0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200),
)

# The process
LOOP_STALLS = Histogram(
    "notebook_platform_event_loop_stall_seconds",
    "Delay between the time at which a task of the event loop is due and its start, sampled 20 times a second.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.5, 1, 2.5, 5, 10),
)
LEASES = Gauge("notebook_platform_leases_held", "Leases that this replica holds: it reconciles the platforms of their shards.")

# PromQL's `increase` does not count the first sample of a series: those that alerts count begin at 0.
for _result in ("completed", "failed"):
    RECONCILES.labels(result=_result)
for _action in ("install", "upgrade", "rollback", "uninstall"):
    HELM_SECONDS.labels(action=_action, result="failed")
