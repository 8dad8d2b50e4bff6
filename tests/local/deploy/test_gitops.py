"""What Argo CD and Flux see of a platform: the health that Argo CD's Lua computes from the operator's own conditions."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
import yaml
from notebook_platform.engine import Failed, Outcome, Progressing, Ready
from notebook_platform.engine.conditions import fold_conditions
from notebook_platform.engine.outcome import Deferred, Waiting
from notebook_platform.engine.result import Result

from sandbox.operator_process import ROOT
from tests.local.deploy.rendered import health_of, kustomized

GITOPS = ROOT / "deploy" / "gitops"
WAVES = sorted(path.parent for path in (GITOPS / "waves").glob("*/kustomization.yaml"))
WAVE = "argocd.argoproj.io/sync-wave"
BUSY = Progressing(reason="Creating", message="Azure operation in progress", requeue_after=5)
RETRIED = Failed(reason="Broken", message="spec.x is broken", remedy="Mend it.", retry_in=5)
STALLED = Failed(reason="Broken", message="spec.x is broken", remedy="Mend it.")


def platform(*outcomes: Outcome, generation: int = 2, suspend: bool = False, **metadata: Any) -> dict[str, Any]:
    """Return an object whose second generation had a reconcile with these outcomes."""
    results = {f"Step{place}": Result(outcome=outcome) for place, outcome in enumerate(outcomes)}
    conditions = fold_conditions(results, [], generation=2, now=datetime(2026, 1, 1, tzinfo=UTC), suspended=suspend)
    status = {"observedGeneration": 2, "conditions": [condition.wire() for condition in conditions]}
    return {"metadata": {"name": "lab", "generation": generation, **metadata}, "spec": {"suspend": suspend}, "status": status}


@pytest.mark.parametrize(
    ("seen", "status", "message"),
    [
        ({"metadata": {"generation": 1}, "spec": {}}, "Progressing", "not reconciled"),
        (platform(Ready(), generation=3), "Progressing", "not reconciled"),
        (platform(Ready()), "Healthy", ""),
        (platform(Ready(), BUSY), "Progressing", "Step1"),
        (platform(Ready(), Waiting(on=("Step0",))), "Progressing", ""),
        (platform(RETRIED), "Progressing", "spec.x is broken"),
        (platform(STALLED), "Degraded", "spec.x is broken"),
        (platform(Ready(), STALLED, BUSY), "Degraded", "spec.x is broken"),
        (platform(Deferred(output=None, reason="Due", message="later", needs_user=False)), "Progressing", "later"),
        (platform(Deferred(output=None, reason="Due", message="approve it", needs_user=True)), "Degraded", "approve it"),
        (platform(Ready(), suspend=True), "Suspended", "spec.suspend"),
        (platform(Ready(), deletionTimestamp="2026-01-01T00:00:00Z"), "Progressing", ""),
        (platform(STALLED, deletionTimestamp="2026-01-01T00:00:00Z"), "Degraded", "spec.x is broken"),
    ],
)
def test_argo_cd_shows_the_state_of_a_platform(seen: dict[str, Any], status: str, message: str) -> None:
    found = health_of(seen)
    assert found[0] == status and message in found[1], found


def test_the_examples_keep_the_cloud_resources_of_a_platform_that_leaves_the_repository() -> None:
    argo = yaml.safe_load((GITOPS / "argocd" / "application.yaml").read_text())
    (_, *flux) = yaml.safe_load_all((GITOPS / "flux" / "kustomization.yaml").read_text())
    assert argo["spec"]["syncPolicy"]["automated"]["prune"] is False and not any(one["spec"]["prune"] for one in flux)
    assert "ServerSideApply=true" in argo["spec"]["syncPolicy"]["syncOptions"] and all(one["spec"]["wait"] for one in flux)


def test_flux_applies_each_directory_of_the_waves_after_the_one_before_it() -> None:
    (_, *flux) = yaml.safe_load_all((GITOPS / "flux" / "kustomization.yaml").read_text())
    assert [one["spec"]["path"] for one in flux] == [f"./waves/{path.name}" for path in WAVES]
    for before, one in pairwise(flux):
        assert one["spec"]["dependsOn"] == [{"name": before["metadata"]["name"]}]


def test_the_manual_names_what_a_copy_of_the_waves_takes_from_a_release() -> None:
    page = (ROOT / "docs/gitops.md").read_text()
    files = {path: yaml.safe_load((path / "kustomization.yaml").read_text()) for path in WAVES}
    outside = [(path.name, one) for path, found in files.items() for one in found["resources"] if one.startswith("../")]
    assert len(outside) == 3
    for name, resource in outside:
        assert f"| `{name}/kustomization.yaml` | `{resource}` | `https://github.com/OWNER/notebook-platform//" in page


def test_the_operator_of_the_waves_has_the_image_of_a_release() -> None:
    (deployment,) = [one for one in kustomized("../gitops/waves/1-operator") if one["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "ghcr.io/OWNER/notebook-platform:0.1.0"


def test_argo_cd_finds_the_number_of_its_wave_on_each_object() -> None:
    whole = [(one["kind"], one["metadata"]["name"]) for one in kustomized("../gitops/waves")]
    parts = {path: kustomized(f"../gitops/waves/{path.name}") for path in WAVES}
    assert sorted(whole) == sorted((one["kind"], one["metadata"]["name"]) for part in parts.values() for one in part)
    for path, part in parts.items():
        assert {one["metadata"]["annotations"][WAVE] for one in part} == {path.name.partition("-")[0]}
