"""Count the platforms of the process by state, for Prometheus.

The fleet is all platforms that this process reconciles. Each reconciler reports the state of its platform when it changes; a scrape
returns the counts and the ages, so its size depends on the number of states and not on the number of platforms. Series by
namespace and name exist only for as many platforms as the configuration allows (`per_platform_metrics`).
"""

import bisect
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.conditions import Condition
from notebook_platform.observability.labels import reason_label, step_label

AGES = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 21600.0, 86400.0)
"""Seconds: the buckets of the time since a platform's last completed reconcile."""

_TYPES = frozenset(map(str, ConditionType))

ConditionLabels = tuple[str, str, str]
"""Type, status and reason of a condition, as label values."""


@dataclass(slots=True)
class PlatformState:
    """What a scrape counts of one platform. `label` is `namespace/name`; `reconciled` is on the fleet's clock."""

    label: str
    reconciled: float
    generation: int = 0
    observed_generation: int = 0
    conditions: tuple[ConditionLabels, ...] = ()
    operations: tuple[str, ...] = field(default=())

    @property
    def behind(self) -> bool:
        """Return whether the status does not describe the current spec yet."""
        return self.observed_generation < self.generation


class Fleet(Collector):
    """The states of the platforms by uid. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._states: dict[str, PlatformState] = {}
        self._conditions: Counter[ConditionLabels] = Counter()
        self._labels: dict[ConditionLabels, ConditionLabels] = {}
        """One tuple for all platforms with the same condition."""
        self._operations: Counter[str] = Counter()
        self.per_platform = 0
        """Largest number of platforms with series of their own."""

    def begin(self, uid: str, label: str) -> PlatformState:
        """Count a platform that this process reconciles from now on, until `end`. `label` is `namespace/name`."""
        self._states[uid] = state = PlatformState(label=label, reconciled=self._clock())
        return state

    def end(self, uid: str, state: PlatformState) -> None:
        """Count a platform no more. `state`: what `begin` returned; another one may have begun since."""
        self._count(state, (), ())
        if self._states.get(uid) is state:
            del self._states[uid]

    def expect(self, uid: str, generation: int) -> None:
        """Record the generation of the spec that was read."""
        if state := self._states.get(uid):
            state.generation = generation

    def completed(self, uid: str) -> None:
        """Record that a reconcile ran through."""
        if state := self._states.get(uid):
            state.reconciled = self._clock()

    def report(self, uid: str, conditions: Sequence[Condition], operations: Iterable[str], observed_generation: int) -> None:
        """Record the state that was written to a platform's status; `operations` are the steps with an operation in progress."""
        state = self._states.get(uid)
        if state is None:
            return
        state.observed_generation = observed_generation
        self._count(
            state,
            tuple(self._shared((c.type, c.status, reason_label(c.reason))) for c in conditions if c.type in _TYPES),
            tuple(step_label(key.partition("/")[0]) for key in operations),
        )

    def _shared(self, labels: ConditionLabels) -> ConditionLabels:
        return self._labels.setdefault(labels, labels)

    def _count(self, state: PlatformState, conditions: tuple[ConditionLabels, ...], operations: tuple[str, ...]) -> None:
        """Replace what is counted of a platform."""
        self._conditions -= Counter(state.conditions)
        self._operations -= Counter(state.operations)
        state.conditions, state.operations = conditions, operations
        self._conditions += Counter(conditions)
        self._operations += Counter(operations)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics, as prometheus_client asks for them at each scrape, in a thread of its own."""
        states, now = list(self._states.values()), self._clock()
        yield from self.describe_counts(states)
        yield _ages([now - state.reconciled for state in states])
        yield self._named(states)

    def describe_counts(self, states: Sequence[PlatformState]) -> Iterator[Metric]:
        """Yield the counts of platforms, of their conditions and of their operations."""
        yield GaugeMetricFamily("notebook_platform_platforms", "Platforms that this process reconciles.", value=len(states))
        behind = sum(state.behind for state in states)
        text = "Platforms whose status does not describe the current spec yet (observedGeneration is behind)."
        yield GaugeMetricFamily("notebook_platform_platforms_behind", text, value=behind)
        conditions = GaugeMetricFamily(
            "notebook_platform_platform_conditions",
            "Platforms by condition: its type, status and reason. Conditions of single steps do not count.",
            labels=["type", "status", "reason"],
        )
        for labels, count in list(self._conditions.items()):
            conditions.add_metric(labels, count)
        yield conditions
        text = "Long-running operations that Azure works on, by the step that began them."
        operations = GaugeMetricFamily("notebook_platform_azure_operations_in_progress", text, labels=["step"])
        for step, count in list(self._operations.items()):
            operations.add_metric([step], count)
        yield operations

    def _named(self, states: Sequence[PlatformState]) -> Metric:
        """Return a series for each of at most `per_platform` platforms, the first by name."""
        named = GaugeMetricFamily(
            "notebook_platform_platform_ready",
            "1 when the platform is Ready, else 0. Only if `per_platform_metrics` is set, for at most so many platforms.",
            labels=["namespace", "name"],
        )
        for state in sorted(states, key=lambda state: state.label)[: self.per_platform]:
            namespace, _, name = state.label.partition("/")
            ready = any(type_ == ConditionType.READY and status == "True" for type_, status, _ in state.conditions)
            named.add_metric([namespace, name], ready and not state.behind)
        return named


def _ages(ages: Sequence[float]) -> Metric:
    """Return how long ago the platforms were reconciled, as the numbers of platforms up to each age."""
    ordered = sorted(ages)
    buckets = [(str(age), float(bisect.bisect_right(ordered, age))) for age in AGES]
    return GaugeHistogramMetricFamily(
        "notebook_platform_reconcile_age_seconds",
        "Platforms by the time since their last completed reconcile, or since the process began to reconcile them.",
        buckets=[*buckets, ("+Inf", float(len(ordered)))],
        gsum_value=sum(ordered),
    )


FLEET = Fleet()
"""The platforms of this process."""

REGISTRY.register(FLEET)
