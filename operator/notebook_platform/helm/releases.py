"""The releases of spec.releases: each a step of its own, after those that it needs."""

from collections.abc import Collection, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from notebook_platform.api.releases import HUBS, ReleaseSpec
from notebook_platform.engine.outcome import Refused
from notebook_platform.helm.content import Content
from notebook_platform.helm.release import Release
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.state import Wanted
from notebook_platform.helm.values import Values, documents, merged
from notebook_platform.kube.secrets import SecretStore
from notebook_platform.target.step import Target

STEP_OF_HUB: Mapping[str, str] = dict(zip(HUBS, ("JupyterHub", "BinderHub"), strict=True))


class AnyChart(Content):
    """One release of spec.releases."""

    def __init__(
        self, spec: ReleaseSpec, *, needs: Sequence[str], circle: Sequence[str], secrets: SecretStore, helm: Helm
    ) -> None:
        self.name, self.field = step_name(spec.name), f"spec.releases[{spec.name}]"
        self.needs = ("TargetCluster", *needs)
        self.release, self.namespace, self.remediation = spec.name, spec.namespace, spec.remediation
        self._spec = spec
        self._circle = circle
        self._secrets = secrets
        self._helm = helm

    async def want(self, target: Target, existing: Release | None) -> Wanted:
        if self._circle:
            raise Refused.because(
                "ReleasesNeedEachOther",
                f"{self.field}.needs: these releases wait for each other: {', '.join(self._circle)}",
                "Take one of these names out of the needs of another.",
            )
        spec = self._spec
        chart = self._helm.charts.find(spec.chart.name, spec.chart.version, spec.chart.repository, f"{self.field}.chart")
        values: Values = {}
        for document in [*await documents(self._secrets, spec.values_from, self.field), spec.values]:
            values = merged(values, document)
        return Wanted(name=spec.name, namespace=spec.namespace, chart=chart, values=values)


def step_name(release: str) -> str:
    """The step, and with Ready the condition, of a release: cert-manager -> ReleaseCertManager. No two names give the same."""
    words = release.split("-")
    return "Release" + words[0].capitalize() + "".join(w.capitalize() if w[:1].isalpha() else f"-{w}" for w in words[1:])


def any_charts(specs: Sequence[ReleaseSpec], hubs: Collection[str], *, secrets: SecretStore, helm: Helm) -> list[AnyChart]:
    """All of them. `hubs`: the steps of hubs that the spec asks for; what is not there is not waited for."""
    there = {spec.name for spec in specs}
    circle = _circle({spec.name: [need for need in spec.needs if need in there] for spec in specs})
    found = []
    for spec in specs:
        stuck = circle if spec.name in circle else ()
        steps = [STEP_OF_HUB.get(need, step_name(need)) for need in spec.needs if need in there or need in HUBS]
        needs = [] if stuck else [step for step in steps if step in hubs or step not in STEP_OF_HUB.values()]
        found.append(AnyChart(spec, needs=needs, circle=stuck, secrets=secrets, helm=helm))
    return found


def _circle(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """All releases that wait for each other in circles."""
    left, stuck = dict(needs), []
    while True:
        try:
            TopologicalSorter({name: [n for n in wants if n in left] for name, wants in left.items()}).prepare()
        except CycleError as error:
            names = sorted(set(error.args[1]))
            stuck += names
            left = {name: wants for name, wants in left.items() if name not in names}
            continue
        return tuple(stuck)
