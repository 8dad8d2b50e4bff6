"""A release is planned from what was observed alone, for a cluster that does not exist yet."""

from dataclasses import replace
from pathlib import Path

from kubernetes.aio import client
from notebook_platform.api.releases import ReleaseSpec
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.outcome import Ready
from notebook_platform.engine.reconcile import Mode, Policy, reconcile
from notebook_platform.engine.step import AnyStep, Check, Inputs, Observed
from notebook_platform.helm.charts import ChartRef, ChartSource
from notebook_platform.helm.dry_run import DryRuns
from notebook_platform.helm.ownership import ReleaseScope
from notebook_platform.helm.releases import AnyChart
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.state import Wanted
from notebook_platform.helm.step import ReleaseStep
from notebook_platform.workload.step import WorkloadClusterOutput, planned_cluster

from tests.unit.azure.test_steps_hold_no_state import Members

PROGRAM = """#!/bin/sh
cat <<'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: it}
END
"""


class Planned(Check[WorkloadClusterOutput]):
    """A cluster that does not exist yet."""

    name = "WorkloadCluster"
    provides = WorkloadClusterOutput

    def desired(self, inputs: Inputs) -> WorkloadClusterOutput | None:
        return None

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[WorkloadClusterOutput]:
        cluster = WorkloadClusterOutput(
            api=None, access=None, cluster_id="lab", secret_name="", served_version=(1, 35), nodes=3, ready_nodes=3
        )
        return Observed(found=cluster)


async def test_the_plan_of_a_release_has_all_it_needs_from_the_observation(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(PROGRAM)
    program.chmod(0o700)
    (tmp_path / "little-1.0.0.tgz").touch()
    charts = ChartSource(directory=tmp_path, repository="")
    helm = Helm(executable=str(program), work_dir=tmp_path / "work", charts=charts, timeout=30)
    chart = {"name": "little", "version": "1.0.0"}
    release = ReleaseSpec.model_validate({"name": "little", "namespace": "x", "chart": chart, "values": {"a": 1}})
    adapter = AnyChart(release, secrets=None, helm=helm)  # type: ignore[arg-type]
    scope = ReleaseScope(owner="o", uid="u", helm=helm, ledger=None, adoption="Never", deleting=False)  # type: ignore[arg-type]
    step: AnyStep = ReleaseStep(adapter, scope)
    members = Members()
    members.add(step, adapter)
    result = (await reconcile(Graph([Planned(), step]), Policy(mode=Mode.PLAN)))[step.name]
    await helm.close()
    (change,) = result.changes
    assert (change.path, change.after, change.gate) == ("releases/x/little", "little-1.0.0", None)
    assert isinstance(result.outcome, Ready) and not result.exists and members.changed() == set()


async def test_a_release_rendered_without_its_cluster_is_rendered_again_against_the_cluster() -> None:
    rendered: list[WorkloadClusterOutput] = []

    async def rehearse(target: WorkloadClusterOutput, wanted: Wanted, upgrade: bool) -> str:
        rendered.append(target)
        return ""

    planned = planned_cluster("lab", "", "1.35.0")
    real = replace(planned, api=client.ApiClient(client.Configuration(host="https://127.0.0.1:9")))
    chart = ChartRef(name="little", version="1.0.0", reference="little")
    runs, wanted = DryRuns(rehearse), Wanted(name="little", namespace="x", chart=chart, values={})
    for target in (planned, planned, real, real):
        assert await runs.of(target, wanted, "spec.releases[little]", upgrade=False) is not None
    await real.api.close()
    assert rendered == [planned, real]
