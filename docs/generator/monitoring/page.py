"""docs/monitoring.md: how to install the rules and the dashboards, and a part for each alert."""

from docs.generator.markdown import generated, table
from docs.generator.monitoring.alerts import ALERTS, Alert
from docs.generator.monitoring.dashboards import DASHBOARDS
from docs.generator.monitoring.grafana import Dashboard

OPENING = """The operator serves [metrics](reference/metrics.md) on port 8081. This page has dashboards and alerts made of them, and for \
each alert what it means and what to do. The hubs themselves run without the operator: most alerts here mean that changes wait, not that \
users lose their servers."""

INSTALL = """## Scrape

The chart makes a ServiceMonitor and a PrometheusRule for the [Prometheus Operator](https://prometheus-operator.dev) with
`metrics.serviceMonitor.enabled` and `metrics.rules.enabled`. The namespace of Prometheus needs the label `metrics: enabled`, because
the operator's NetworkPolicy admits no other.

A Prometheus without the Prometheus Operator reads the rules from a file:

```yaml
rule_files: [rules.yaml] # deploy/monitoring/rules.yaml
scrape_configs:
  - job_name: notebook-platform
    kubernetes_sd_configs: [{role: pod, namespaces: {names: [notebook-platform]}}]
    relabel_configs:
      - {source_labels: [__meta_kubernetes_pod_container_port_name], regex: metrics, action: keep}
      - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
```

Set `honor_labels: true` (as the ServiceMonitor does) if you add a target label `namespace`: the series of a platform have a label of
that name, which else becomes `exported_namespace`, and the dashboard of one platform stays empty.

`deploy/monitoring/prometheusrule.yaml` is the same as a PrometheusRule. The label `severity` is `critical` (users are affected or soon will
be) or `warning`.

## Dashboards

Import the files of `deploy/monitoring/dashboards` into Grafana (Dashboards, New, Import), or mount them for a
[provider](https://grafana.com/docs/grafana/latest/administration/provisioning/#dashboards)."""

TESTED = """A test compares the metrics, labels and values of each query with those that the operator serves. `make eyes` goes further:

- A real Prometheus loads the chart's rules and scrapes a real operator, with the labels that the chart's ServiceMonitor adds. Each query of
  a panel returns series with the labels of its legend.
- With durations divided by 60, no alert fires on a platform that works; alerts fire on platforms that Azure throttles, that are stalled
  or whose charts fail, in an incident of Azure, and when the operator ends. promtool lets the remaining alerts fire on series written by hand.
- Alerts on failures that are retried fire for a single platform at the operator's longest waits, and stay silent after a short outage.
- Grafana's own model (grafana-foundation-sdk) has each member and each unit of the dashboards.

The dashboards were not opened in Grafana: after an import, check that each panel shows a value."""

PICTURES = """The pictures below are not Grafana's own rendering. `make eyes` draws them with a script: the panels' queries, units, legends
and places are those of the files, and the values are what a real Prometheus answered during a run on the sandbox. Two platforms work, then
the charts of one of them fail; Azure throttles a third one, the Secret of a fourth is missing, and the cluster of a fifth is created without
end. The run takes minutes, so the windows of the queries are a tenth of the dashboards' own."""


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
