"""`make eyes`: a real operator with a fleet of platforms, and a real Prometheus that scrapes it: each panel shows what its legend says,
no alert fires on a platform that works, and those that the faults of the fleet should cause do fire."""

import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox.operator_process import ROOT, OperatorProcess, install
from tests.console import printer
from tests.eyes import fleet
from tests.eyes.panels import choices, queries
from tests.eyes.pictures.answers import ANSWERS, recorded
from tests.eyes.server import PACE, Prometheus, prometheus
from tests.integration.conftest import Field, runbook, running_sandbox

say = printer("eyes")

METRIC = re.compile(r"\bnotebook_platform_[a-z_]+")
CALM_SECONDS = 20
PICTURES_PACE = 10
"""By what the windows of the dashboards' queries are divided in their pictures: a run takes minutes, the dashboards show hours."""
TIMEOUT = 150.0

CAUSED = {"NotebookPlatformStalled", "NotebookPlatformAzureThrottles", "NotebookPlatformHelmFails"}
"""Alerts that the faults of the fleet cause."""

INCIDENT = "NotebookPlatformAzureErrors"
"""The alert that an incident of Azure causes."""

RETRIES = "NotebookPlatformStepsFail"
"""The alert that may fire here or not: it counts failures in an hour, and retries are not faster here. tests/eyes/backoff.py has its times."""

STOPPED = "NotebookPlatformOperatorDown"
"""The alert that the end of the operator causes."""

NOT_CAUSED: Mapping[str, str] = {
    "NotebookPlatformNotReconciled": "needs a platform that was last reconciled two hours ago",
    "NotebookPlatformLeaseMissing": "needs a replica without the right to write Leases",
    "NotebookPlatformEditsWait": "edits of this fleet are observed within seconds",
    "NotebookPlatformReconcilesFail": "needs an API server of the management cluster that refuses",
    "NotebookPlatformQueueWaits": "needs more platforms than the operator reconciles at once",
    "NotebookPlatformEventLoopStalls": "needs an operator without processor time",
    "NotebookPlatformRateLimited": "Azure's documented limits do not hold in a custom cloud",
    "NotebookPlatformCertificateExpires": "needs a certificate of a public authority that is not renewed",
}
"""Alerts that stay silent here, and why. tests/eyes/faults.yaml lets them fire on series written by hand."""


def until(what: str, check: Callable[[], object], timeout: float = TIMEOUT) -> None:
    """Wait until `check` returns nothing that is wrong. Raises AssertionError with what is wrong at the end."""
    started = time.monotonic()
    while wrong := check():
        if time.monotonic() - started > timeout:
            raise AssertionError(f"{what}: {wrong}")
        time.sleep(1)
    say(f"{what} ({time.monotonic() - started:.0f} s)")


def silent(server: Prometheus) -> None:
    """Check that no alert fires on the platform that works."""
    time.sleep(CALM_SECONDS)
    assert not server.firing(), server.firing()
    say(f"no alert fires on a platform that works ({CALM_SECONDS * PACE // 60} minutes of the rules)")


def missing(server: Prometheus, site: Field, alerts: set[str]) -> set[str]:
    """Return those of the alerts that do not fire yet; meanwhile a user edits a platform."""
    fleet.edit(site)
    return alerts - server.firing()


def evaluated(server: Prometheus) -> None:
    """Check that Prometheus evaluates each rule without an error, and has a series of each metric that it uses."""
    rules = server.rules()
    for rule in rules:
        assert rule["health"] == "ok", rule
        for metric in METRIC.findall(rule["query"]):
            assert server.series(metric), (rule["name"], metric)
    known = CAUSED | {INCIDENT, RETRIES, STOPPED} | set(NOT_CAUSED)
    assert {rule["name"] for rule in rules} == known, {rule["name"] for rule in rules} ^ known
    say(f"{len(known)} rules are evaluated, and each has a series of each of its metrics")


def drawn(server: Prometheus) -> None:
    """Check that each panel has series with the labels of its legend, and that the variables can be chosen."""
    of_panels = list(queries())
    until(
        f"{len(of_panels)} queries of panels show what their legend says",
        lambda: [p for q in of_panels if (p := q.problem(server))],
    )
    offered = choices(server)
    assert offered["namespace"] == {fleet.NAMESPACE} and fleet.HEALTHY in offered["name"], offered


def keep(server: Prometheus, started: float) -> None:
    """Write what Prometheus answers to the queries of all panels, for tests/eyes/pictures."""
    ANSWERS.parent.mkdir(parents=True, exist_ok=True)
    ANSWERS.write_text(json.dumps(recorded(server, started, time.time(), PICTURES_PACE)))
    say(f"answers to all panels are in {ANSWERS.relative_to(ROOT)}")


def run(directory: Path) -> None:
    """Run the fleet, the operator and Prometheus."""
    with running_sandbox(directory / "sandbox") as environment:
        install(environment)
        charts, seconds = fleet.charts(environment, directory / "charts"), str(fleet.HELM_SECONDS)
        settings = {"per_platform_metrics": "100", "charts": str(charts), "helm_timeout": seconds}
        operator = OperatorProcess(environment, directory / "operator", **settings)
        operator.start()
        try:
            site = Field(environment, directory, operator)
            with prometheus(directory / "prometheus", operator.metrics_port) as server:
                started = time.time()
                site.apply(runbook(fleet.HEALTHY))
                site.until_ready(fleet.HEALTHY)
                silent(server)
                fleet.with_faults(site)
                until("alerts fire that the faults cause", lambda: missing(server, site, CAUSED))
                evaluated(server)
                drawn(server)
                keep(server, started)
                fleet.incident(site)
                until("the incident of Azure is noticed", lambda: missing(server, site, {INCIDENT}))
                extra = server.firing() - CAUSED - {INCIDENT, RETRIES}
                assert not extra, f"alerts without a cause: {extra}"
                operator.stop()
                until("the end of the operator is noticed", lambda: {STOPPED} - server.firing())
        finally:
            operator.stop()


def main() -> int:
    """Return the exit code."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="eyes-") as directory:
        run(Path(directory))
    say(f"all as it should be, in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
