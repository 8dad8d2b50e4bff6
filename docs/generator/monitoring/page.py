"""docs/monitoring.md: how to install the rules and the dashboards, and a part for each alert."""

from docs.generator.markdown import generated, table
from docs.generator.monitoring.alerts import ALERTS, Alert
from docs.generator.monitoring.dashboards import DASHBOARDS
from docs.generator.monitoring.grafana import Dashboard

OPENING = """The operator serves [metrics](reference/metrics.md) on port 8081. This page describes the dashboards and alerts that are built on \
them: what each alert means and what to do. Hubs run without the operator, so most of these alerts mean that changes wait, not that users \
lose their servers."""

INSTALL = """## Scrape

With `metrics.serviceMonitor.enabled` and `metrics.rules.enabled` the chart creates a ServiceMonitor and a PrometheusRule for the
[Prometheus Operator](https://prometheus-operator.dev). Label the namespace of Prometheus `metrics: enabled`: the operator's NetworkPolicy
admits no other.

Without the Prometheus Operator, Prometheus reads the rules from a file:

```yaml
rule_files: [rules.yaml] # deploy/monitoring/rules.yaml
scrape_configs:
  - job_name: notebook-platform
    kubernetes_sd_configs: [{role: pod, namespaces: {names: [notebook-platform]}}]
    relabel_configs:
      - {source_labels: [__meta_kubernetes_pod_container_port_name], regex: metrics, action: keep}
      - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
```

If you add a target label `namespace`, set `honor_labels: true`, as the ServiceMonitor does. The series of a platform have a label of
that name; without the setting Prometheus renames it to `exported_namespace`, and the dashboard of one platform stays empty.

`deploy/monitoring/prometheusrule.yaml` has the same rules as a PrometheusRule. Their label `severity` is `critical` (users are affected or
soon will be) or `warning`.

## Dashboards

Import the files of `deploy/monitoring/dashboards` into Grafana (Dashboards, New, Import), or mount them for a
[provider](https://grafana.com/docs/grafana/latest/administration/provisioning/#dashboards)."""

TESTED = """A unit test compares the metrics, labels and values of each query with those that the operator serves. `make eyes` goes further:

- A real Prometheus loads the chart's rules and scrapes a real operator, with the labels that the chart's ServiceMonitor adds. Each query of
  a panel returns series with the labels of its legend.
- With all durations divided by 60, no alert fires on a healthy platform; alerts fire for platforms that Azure throttles, that are
  stalled or whose charts fail, in an incident of Azure, and when the operator stops. promtool tests the remaining alerts on handwritten
  series.
- Alerts on retried failures fire for a single platform even at the operator's longest backoff, and stay silent after a short outage.
- Each field and each unit of the dashboards exists in Grafana's own model (grafana-foundation-sdk).

No test opens the dashboards in Grafana itself: after the import, check that each panel shows a value."""

PICTURES = """Grafana did not render the pictures below; a script of `make eyes` draws them. Queries, units, legends and positions of the
panels are those of the files, and the values come from a real Prometheus during a run on the sandbox. Two platforms are healthy until the
charts of one of them fail; Azure throttles a third platform, the Secret of a fourth is missing, and the creation of the fifth's cluster
never ends. The run takes minutes, so the windows of the queries are a tenth of those in the dashboards."""


def _dashboards() -> str:
    rows = [(f"`{one.uid}.json`", one.title, one.about) for one in DASHBOARDS]
    return table(["File", "Title", "Shows"], rows)


def _picture(board: Dashboard) -> str:
    return f"### {board.title.partition(': ')[2].capitalize()}\n\n![{board.shows}](pictures/{board.picture})\n\n{board.hint}"


def _part(alert: Alert) -> str:
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(alert.action, start=1))
    query = f"```promql\n{alert.expression}\n```"
    return f"### {alert.name}\n\n{alert.severity.capitalize()}, after {alert.lasts}. {alert.meaning}\n\n{query}\n\n{steps}"


def page() -> str:
    """Return the whole page."""
    parts = [
        generated("Monitoring", OPENING),
        INSTALL,
        _dashboards(),
        TESTED,
        PICTURES,
        *map(_picture, DASHBOARDS),
        "## Alerts",
        *map(_part, ALERTS),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"
