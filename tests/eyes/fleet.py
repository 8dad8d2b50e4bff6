"""Platforms of a sandbox whose operator a Prometheus scrapes: one that works, then three with a fault each beside another one that works,
then an incident of Azure."""

import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.charts.package import package_one
from sandbox.operator_process import ROOT
from tests.integration.conftest import Field, runbook

NAMESPACE, HEALTHY, SPARED, THROTTLED = "platforms", "works", "spared", "throttled"
"""`works` runs alone first and gets charts that fail later; `spared` stays without a fault."""

ALWAYS = None
CHARTS = ROOT / "tests" / "integration" / "releases" / "charts"
HELM_SECONDS = 30
"""The longest time of a hook. One that never ends fails after it."""


def charts(environment: Mapping[str, str], directory: Path) -> Path:
    """Return a directory with the sandbox's packaged charts and one whose hook can be made to fail."""
    shutil.copytree(environment["SANDBOX_CHARTS"], directory)
    package_one(Path(environment["SANDBOX_HELM"]), CHARTS / "little", directory)
    return directory


def with_faults(site: Field) -> None:
    """Request platforms that fail: Azure throttles one, the Secret of one does not exist, and the operation that creates a cluster does
    not end. The platform that works gets two releases whose hooks never end."""
    site.control("POST", "/faults", refusal(f"/resourceGroups/rg_{THROTTLED}", 429, "SubscriptionRequestsThrottled"))
    endless = {"method": "PUT", "path": "/rg_endless/.*/managedClusters/", "endless": True, "count": ALWAYS}
    site.control("POST", "/faults", endless)
    secretless = runbook("secretless")
    secretless["spec"]["azure"]["credentials"] = {"secretRef": {"name": "does-not-exist"}}
    hooks = [hook("little-1"), hook("little-2")]
    site.apply(runbook(SPARED), runbook(HEALTHY, releases=hooks), runbook("endless"), secretless, runbook(THROTTLED))


def hook(name: str) -> dict[str, Any]:
    """Return a release that helm cannot install."""
    return {
        "name": name,
        "namespace": name,
        "chart": {"name": "little", "version": "1.0.0"},
        "values": {"hook": "example.org/does-not-exist:1"},
        "remediation": {"retries": 10, "wait": "1s"},
    }


def incident(site: Field) -> None:
    """Let Azure answer each request with 503."""
    site.control("POST", "/faults", refusal(".", 503, "ServiceUnavailable"))


def edit(site: Field) -> None:
    """Change a spec, as a user does, so that the operator retries at once."""
    site.apply(runbook(THROTTLED, interval=f"{random.randint(3, 3600)}s"))


def refusal(path: str, status: int, code: str) -> dict[str, Any]:
    """Return a fault that refuses all requests whose path matches."""
    return {"path": path, "count": ALWAYS, "status": status, "code": code, "headers": {"Retry-After": "1"}}
