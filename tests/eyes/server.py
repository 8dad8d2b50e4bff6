"""A real Prometheus on loopback that scrapes one operator and evaluates the rules of the chart.

The rules are loaded twice: as they are, and with each duration divided by `PACE`, so that an alert that takes 15 minutes to fire does so in
15 seconds. Thresholds stay. The second copy has the label `pace`.
"""

import copy
import json
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from docs.generator.deployment import CHART
from sandbox.kubernetes.binaries import cache_root, find_helm
from sandbox.kubernetes.processes import free_ports

BINARY = cache_root() / "eyes" / "prometheus"
RULES = CHART / "files" / "alerts.yaml"
PACE = 60
START_SECONDS = 30
DURATION = re.compile(r"\b(\d+)([mhd])\b")
SECONDS = {"m": 60, "h": 3600, "d": 86400}

TARGET_LABELS = {"namespace": "notebook-platform", "pod": "notebook-platform-0", "service": "notebook-platform-metrics"}
"""Labels that the Prometheus Operator adds to the series of a pod
(https://prometheus-operator.dev/docs/developer/getting-started)."""


def honor_labels() -> bool:
    """Return whether the chart's ServiceMonitor lets a series keep a label that its target has too."""
    switch = (
        "--kube-version",
        "1.37",
        "--set",
        "metrics.serviceMonitor.enabled=true",
        "--show-only",
        "templates/service-monitor.yaml",
    )
    command = [str(find_helm()), "template", "notebook-platform", str(CHART), *switch]
    documents = yaml.safe_load_all(subprocess.run(command, check=True, capture_output=True).stdout)
    (monitor,) = [one for one in documents if one["kind"] == "ServiceMonitor"]
    return bool(monitor["spec"]["endpoints"][0].get("honorLabels", False))


def faster(duration: str, pace: int = PACE) -> str:
    """Return a text of PromQL with each duration divided by the pace. Durations are multiples of a minute."""
    return DURATION.sub(lambda found: f"{int(found[1]) * SECONDS[found[2]] // pace}s", duration)


def shortened(expression: str, pace: int = PACE) -> str:
    """Return an expression with each window divided by the pace."""
    return re.sub(r"\[[^]]*\]", lambda window: faster(window[0], pace), expression)


def paced(rules: dict[str, Any]) -> dict[str, Any]:
    """Return the rules with shorter durations in `for` and in range selectors."""
    found = copy.deepcopy(rules)
    for group in found["groups"]:
        group["name"] += "-paced"
        for rule in group["rules"]:
            rule["expr"] = shortened(rule["expr"])
            rule["for"] = faster(rule["for"])
            rule["labels"] = {**rule["labels"], "pace": str(PACE)}
    return found


class Prometheus:
    """A server that runs."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"

    def get(self, path: str, **query: str) -> Any:
        """Return the data of an answer of the API (https://prometheus.io/docs/prometheus/latest/querying/api). Raises AssertionError with
        Prometheus' words."""
        address = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return json.loads(answer.read())["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{query}: {error.read().decode()}") from None

    def series(self, query: str) -> list[dict[str, str]]:
        """Return the labels of each series that an instant query returns."""
        return [one["metric"] for one in self.get("query", query=query)["result"]]

    def rules(self) -> list[dict[str, Any]]:
        """Return the alerting rules as they were evaluated last."""
        return [rule for group in self.get("rules")["groups"] for rule in group["rules"]]

    def firing(self) -> set[str]:
        """Return the names of the paced alerts that fire."""
        return {one["alertname"] for one in self.series(f'ALERTS{{alertstate="firing",pace="{PACE}"}}')}


@contextmanager
def prometheus(directory: Path, target_port: int) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes a port of loopback once a second; yield it when it is ready."""
    directory.mkdir(parents=True)
    (directory / "paced.yaml").write_text(yaml.safe_dump(paced(yaml.safe_load(RULES.read_text()))))
    target = {"targets": [f"127.0.0.1:{target_port}"], "labels": TARGET_LABELS}
    scrape = {"job_name": "notebook-platform", "static_configs": [target], "honor_labels": honor_labels()}
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES), str(directory / "paced.yaml")],
        "scrape_configs": [scrape],
    }
    (directory / "prometheus.yaml").write_text(yaml.safe_dump(config))
    (port,) = free_ports(1)
    command = [
        str(BINARY),
        f"--config.file={directory / 'prometheus.yaml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    log = directory / "log"
    with log.open("wb") as output, subprocess.Popen(command, cwd=directory, stdout=output, stderr=output) as process:
        try:
            found, deadline = Prometheus(port), time.monotonic() + START_SECONDS
            while not ready(found):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"Prometheus did not start:\n{log.read_text()[-2000:]}")
                time.sleep(0.1)
            yield found
        finally:
            process.terminate()


def ready(server: Prometheus) -> bool:
    """Return whether Prometheus answers queries."""
    try:
        with urllib.request.urlopen(f"{server.address}/-/ready", timeout=1):
            return True
    except OSError:
        return False
