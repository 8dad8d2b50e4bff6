"""Alerts on failures that are retried, at the times at which the operator retries them, by promtool.

A step that fails without end is retried ever more rarely. The alerts have to fire and stay for a single platform, and have to stay silent
when Azure was out for a few minutes only.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from notebook_platform.engine.backoff import SPREAD, wait_after
from notebook_platform.engine.outcome import Failed

from docs.generator.deployment import CHART
from sandbox.kubernetes.binaries import cache_root

PROMTOOL = cache_root() / "eyes" / "promtool"
HOURS, OUTAGE_MINUTES = 6, 8
RECONCILE_SECONDS = 30.0
"""Seconds of a reconcile, which come on top of each wait."""

SERIES = (
    'notebook_platform_step_outcomes_total{step="Cluster",outcome="Failed",reason="Throttled"}',
    'notebook_platform_azure_requests_total{method="PUT",resource_type="a",code="429"}',
)
ALERTS = ("NotebookPlatformStepsFail", "NotebookPlatformAzureThrottles")


def failures(jitter: float) -> Iterator[float]:
    """Yield the seconds at which a step fails that is always retried."""
    failed, at, count = Failed(reason="Throttled", message="", remedy="", retry_in=30), 0.0, 0
    while at < HOURS * 3600:
        yield at
        count += 1
        at += wait_after(failed, count, interval=600) * (1 + SPREAD * jitter) + RECONCILE_SECONDS


def counter(times: list[float]) -> str:
    """Return the values of a counter of these times, one a minute, as promtool reads them. The series begins with the first of them."""
    return " ".join(["_", *(str(sum(at <= 60 * minute for at in times)) for minute in range(HOURS * 60))])


def case(times: list[float], minutes: range, firing: tuple[str, ...]) -> dict[str, Any]:
    """Return a test of promtool: which alerts fire at each of these minutes."""
    expected = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in firing]
    return {
        "interval": "1m",
        "input_series": [{"series": one, "values": counter(times)} for one in SERIES],
        "promql_expr_test": [
            {
                "expr": f'count by (alertname) (ALERTS{{alertstate="firing",alertname=~"{"|".join(ALERTS)}"}})',
                "eval_time": f"{minute}m",
                "exp_samples": expected,
            }
            for minute in minutes
        ],
    }


def main() -> int:
    """Run promtool; return its exit code."""
    endless = [case(list(failures(jitter)), range(60, HOURS * 60), ALERTS) for jitter in (0.0, 0.5, 1.0)]
    outage = [at for at in failures(0.0) if at <= 60 * OUTAGE_MINUTES]
    tests = {
        "rule_files": [str(CHART / "files" / "alerts.yaml")],
        "evaluation_interval": "1m",
        "tests": [*endless, case(outage, range(HOURS * 60), ())],
    }
    with tempfile.TemporaryDirectory(prefix="eyes-") as directory:
        (Path(directory) / "backoff.yaml").write_text(yaml.safe_dump(tests))
        return subprocess.run([str(PROMTOOL), "test", "rules", "backoff.yaml"], cwd=directory).returncode


if __name__ == "__main__":
    sys.exit(main())
