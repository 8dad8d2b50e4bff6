"""The releases of spec.releases, and the order of all releases of a platform."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from notebook_platform.api.releases import ReleaseSpec
from notebook_platform.helm.chart_adapter import ChartAdapter
from notebook_platform.helm.release import Release
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.state import Wanted
from notebook_platform.helm.values import Values, documents, merged, named_sources
from notebook_platform.kube.secrets import SecretStore
from notebook_platform.workload.step import WorkloadClusterOutput


class AnyChart(ChartAdapter):
    """One release of spec.releases."""

    def __init__(self, spec: ReleaseSpec, *, secrets: SecretStore, helm: Helm) -> None:
        self.name, self.field = step_name(spec.name), f"spec.releases[{spec.name}]"
        self.release, self.namespace, self.remediation = spec.name, spec.namespace, spec.remediation
        self._spec = spec
        self._secrets = secrets
        self._helm = helm

    async def want(self, target: WorkloadClusterOutput, existing: Release | None) -> Wanted:
        spec, named = self._spec, self._spec.chart
        chart = self._helm.charts.find(named.name, named.version, named.repository, f"{self.field}.chart", named.digest)
        more = await documents(self._secrets, spec.values_from, self.field, spec.values)
        sources = tuple(named_sources(self.field, spec.values_from, more, spec.values))
        values: Values = {}
        for _, document in sources:
            values = merged(values, document)
        return Wanted(name=spec.name, namespace=spec.namespace, chart=chart, values=values, sources=sources)


def step_name(release: str) -> str:
    """Return the step, and with Ready the condition, of a release: cert-manager gives ReleaseCertManager. No two names give the
    same."""
    words = release.split("-")
    return "Release" + words[0].capitalize() + "".join(w.capitalize() if w[:1].isalpha() else f"-{w}" for w in words[1:])


def in_order(contents: Mapping[str, ChartAdapter], needs: Mapping[str, Sequence[str]]) -> list[ChartAdapter]:
    """Make each release wait for those that it needs. Both by the names that `needs` uses (a release's, or its hub's); an
    unknown name is not waited for, and releases that wait for each other get an error."""
    present = {name: [need for need in needed_names if need in contents] for name, needed_names in needs.items()}
    circle = _circle(present)
    for name, content in contents.items():
        stuck = name in circle
        needed = [] if stuck else [contents[need] for need in present.get(name, ())]
        content.comes_after(needed, circle if stuck else ())
    return list(contents.values())


def _circle(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return all releases that wait for each other in circles."""
    left, stuck = dict(needs), []
    while True:
        try:
            TopologicalSorter({name: [n for n in needed_names if n in left] for name, needed_names in left.items()}).prepare()
        except CycleError as error:
            names = sorted(set(error.args[1]))
            stuck += names
            left = {name: needed_names for name, needed_names in left.items() if name not in names}
            continue
        return tuple(stuck)
