"""The three dashboards: for each panel its queries, a unit and a sentence on how to read it."""

from docs.generator.monitoring.grafana import GREEN, ORANGE, RED, STAT, TABLE, Dashboard, Panel, Variable

PLATFORM = 'namespace="$namespace",name="$name"'
READY = {0: ("not Ready", RED), 1: ("Ready", GREEN)}


def _quantile(of: float, metric: str, by: str = "", where: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({of}, sum by ({labels}) (rate({metric}_bucket{where}[10m])))"


FLEET = Dashboard(
    uid="notebook-platform-fleet",
    title="NotebookPlatform: fleet",
    about="All platforms of the operator: which ones require user action, and whether reconciles keep up.",
    shows="Counts of platforms, conditions and reasons; then lines for reconciles, steps, Azure's operations, Helm and the replica",
    hint="Begin with *Need a user*: the table of reasons names the cause, and *Outcomes of steps* the step.",
    panels=(
        Panel(
            title="Platforms",
            reading="Platforms that the replicas reconcile.",
            queries=(("platforms", "sum(notebook_platform_platforms)"),),
            kind=STAT,
            width=6,
            height=4,
        ),
        Panel(
            title="Ready",
            reading="Platforms whose condition Ready is True.",
            queries=(("ready", 'sum(notebook_platform_platform_conditions{type="Ready",status="True"}) or vector(0)'),),
            kind=STAT,
            width=6,
            height=4,
            thresholds=((0, RED), (1, GREEN)),
        ),
        Panel(
            title="Need a user",
            reading="Platforms whose condition Stalled is True.",
            queries=(("stalled", 'sum(notebook_platform_platform_conditions{type="Stalled",status="True"}) or vector(0)'),),
            kind=STAT,
            width=6,
            height=4,
            thresholds=((0, GREEN), (1, RED)),
        ),
        Panel(
            title="Specs not observed yet",
            reading="Platforms whose status does not describe the current spec yet.",
            queries=(("behind", "sum(notebook_platform_platforms_behind)"),),
            kind=STAT,
            width=6,
            height=4,
            thresholds=((0, GREEN), (1, ORANGE)),
        ),
        Panel(
            title="Conditions",
            reading="Platforms by Ready, Reconciling and Stalled.",
            queries=(
                (
                    "{{type}} {{status}}",
                    'sum by (type, status) (notebook_platform_platform_conditions{type=~"Ready|Reconciling|Stalled"})',
                ),
            ),
        ),
        Panel(
            title="Reasons of platforms that are not Ready",
            reading="docs/reference/reasons.md explains each reason.",
            queries=(
                (
                    "{{reason}}",
                    'sum by (reason) (notebook_platform_platform_conditions{type="Ready",status!="True"})',
                ),
            ),
            kind=TABLE,
            columns={"reason": "Reason", "Value": "Platforms"},
        ),
        Panel(
            title="Time since the last reconcile",
            reading="Platforms reconciled within this time. The last line is all platforms.",
            queries=(("within {{le}} s", "sum by (le) (notebook_platform_reconcile_age_seconds_bucket)"),),
        ),
        Panel(
            title="Reconciles",
            reading="Reconciles a second by their result.",
            queries=(("{{result}}", "sum by (result) (rate(notebook_platform_reconciles_total[5m]))"),),
            unit="ops",
        ),
        Panel(
            title="Duration of a reconcile",
            reading="Without the time in the queue.",
            queries=(
                ("median", _quantile(0.5, "notebook_platform_reconcile_duration_seconds")),
                ("99 %", _quantile(0.99, "notebook_platform_reconcile_duration_seconds")),
            ),
            unit="s",
        ),
        Panel(
            title="Wait in the queue",
            reading="Time that nine of ten reconciles wait at most, by priority. Urgent: a user changed something.",
            queries=(("{{priority}}", _quantile(0.9, "notebook_platform_queue_wait_seconds", "priority")),),
            unit="s",
        ),
        Panel(
            title="Outcomes of steps",
            reading="Steps a second that did not end Ready.",
            queries=(
                (
                    "{{step}}: {{outcome}}",
                    'sum by (step, outcome) (rate(notebook_platform_step_outcomes_total{outcome!="Ready"}[5m]))',
                ),
            ),
            unit="ops",
        ),
        Panel(
            title="Operations of Azure in progress",
            reading="By the step that began them.",
            queries=(("{{step}}", "sum by (step) (notebook_platform_azure_operations_in_progress)"),),
        ),
        Panel(
            title="Helm",
            reading="Median duration of helm's actions by result.",
            queries=(
                ("{{action}} {{result}}", _quantile(0.5, "notebook_platform_helm_action_duration_seconds", "action, result")),
            ),
            unit="s",
        ),
        Panel(
            title="Event loop",
            reading="Delay of the event loop. Above a second the pod lacks processor time, or code blocks.",
            queries=(("99.9 %", _quantile(0.999, "notebook_platform_event_loop_stall_seconds")),),
            unit="s",
        ),
        Panel(
            title="Leases",
            reading="Leases that each replica holds: it reconciles their shards.",
            queries=(("{{pod}}", "notebook_platform_leases_held"),),
            width=8,
        ),
        Panel(
            title="Memory",
            reading="Resident memory of each replica.",
            queries=(("{{pod}}", "process_resident_memory_bytes and on (instance) notebook_platform_build_info"),),
            unit="bytes",
            width=8,
        ),
        Panel(
            title="Processor",
            reading="Cores in use by each replica.",
            queries=(("{{pod}}", "rate(process_cpu_seconds_total[5m]) and on (instance) notebook_platform_build_info"),),
            width=8,
        ),
    ),
)

PLATFORM_BOARD = Dashboard(
    uid="notebook-platform-platform",
    title="NotebookPlatform: one platform",
    about="One platform, selected at the top. The operator must run with `per_platform_metrics`.",
    shows="Whether one platform is Ready now and over time, how often that changed, and a table of all platforms of its namespace",
    hint="A drop in *Ready over time* is an outage or a change; the table shows whether other platforms are affected too.",
    variables=(
        Variable(name="namespace", query="label_values(notebook_platform_platform_ready, namespace)"),
        Variable(name="name", query='label_values(notebook_platform_platform_ready{namespace="$namespace"}, name)'),
    ),
    panels=(
        Panel(
            title="Ready",
            reading="1 when the platform is Ready.",
            queries=(("ready", f"max(notebook_platform_platform_ready{{{PLATFORM}}})"),),
            kind=STAT,
            width=8,
            words=READY,
        ),
        Panel(
            title="Ready over time",
            reading="A step down is an outage or a change in progress.",
            queries=(("ready", f"max(notebook_platform_platform_ready{{{PLATFORM}}})"),),
            width=16,
        ),
        Panel(
            title="Part of the time it was Ready",
            reading="In the last day. A platform without an hour of change is near 100 %.",
            queries=(("ready", f"avg_over_time(max(notebook_platform_platform_ready{{{PLATFORM}}})[1d:1m])"),),
            kind=STAT,
            unit="percentunit",
            width=8,
            thresholds=((0, RED), (0.95, ORANGE), (0.99, GREEN)),
        ),
        Panel(
            title="Changes of Ready",
            reading="Times that Ready changed in an hour: more than two, and something comes and goes.",
            queries=(("changes", f"changes(max(notebook_platform_platform_ready{{{PLATFORM}}})[1h:1m])"),),
            width=16,
        ),
        Panel(
            title="All platforms of the namespace",
            reading="To compare: is it this platform, or all of them?",
            queries=(("{{name}}", 'max by (name) (notebook_platform_platform_ready{namespace="$namespace"})'),),
            kind=TABLE,
            width=24,
            words=READY,
            columns={"name": "Platform", "Value": "Ready"},
        ),
    ),
)

AZURE = Dashboard(
    uid="notebook-platform-azure",
    title="NotebookPlatform: Azure throttling",
    about="Requests to Azure, those that Azure rejects, and how much of the rate limits is left.",
    shows="Requests to Azure by status, throttled requests and errors by resource type, and durations of requests and of operations",
    hint="The code 429 in *Requests a minute* is throttling; *Throttled requests a minute* shows the resource types.",
    panels=(
        Panel(
            title="Requests a minute",
            reading="By HTTP status. 429: Azure throttles.",
            queries=(("{{code}}", "60 * sum by (code) (rate(notebook_platform_azure_requests_total[5m]))"),),
        ),
        Panel(
            title="Throttled requests a minute",
            reading="Answers 429 by resource type. The operator waits as Azure asks.",
            queries=(
                (
                    "{{resource_type}}",
                    '60 * sum by (resource_type) (rate(notebook_platform_azure_requests_total{code="429"}[5m]))',
                ),
            ),
        ),
        Panel(
            title="What is left of the rate limits",
            reading="Requests that may be sent at once, of the fullest bucket of each kind. At 0 requests wait. Kinds in use only.",
            queries=(("{{kind}}", "min by (kind) (notebook_platform_azure_rate_limit_tokens) < +Inf"),),
        ),
        Panel(
            title="Reconciles delayed",
            reading="Reconciles a minute that the rate limit of their platform delayed.",
            queries=(("delayed", "60 * sum(rate(notebook_platform_throttled_reconciles_total[5m]))"),),
        ),
        Panel(
            title="Requests by resource type",
            reading="A minute, the ten most frequent.",
            queries=(
                ("{{resource_type}}", "topk(10, 60 * sum by (resource_type) (rate(notebook_platform_azure_requests_total[5m])))"),
            ),
        ),
        Panel(
            title="Errors by resource type",
            reading="A minute, all but 2xx and 404. `none`: no answer came.",
            queries=(
                (
                    "{{resource_type}} {{code}}",
                    '60 * sum by (resource_type, code) (rate(notebook_platform_azure_requests_total{code!~"2..|404"}[5m]))',
                ),
            ),
        ),
        Panel(
            title="Duration of a request",
            reading="Nine of ten requests take at most this long.",
            queries=(("{{method}}", _quantile(0.9, "notebook_platform_azure_request_duration_seconds", "method")),),
            unit="s",
        ),
        Panel(
            title="Duration of operations",
            reading="Median time until Azure ends a long-running operation.",
            queries=(
                ("{{step}} {{action}}", _quantile(0.5, "notebook_platform_azure_operation_duration_seconds", "step, action")),
            ),
            unit="s",
        ),
    ),
)

DASHBOARDS = (FLEET, PLATFORM_BOARD, AZURE)
