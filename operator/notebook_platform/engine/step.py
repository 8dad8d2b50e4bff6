"""The one idea: everything the operator keeps is a Step that observes, plans, applies and is deleted."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from notebook_platform.engine.change import Change
from notebook_platform.engine.outcome import Failed, Outcome, Progressing, Ready

Desired = TypeVar("Desired")
Found = TypeVar("Found")
Output = TypeVar("Output")
Kind = TypeVar("Kind")


class Inputs:
    """The outputs of the steps that a step needs, by their class: `inputs[outputs.Cluster]` is a Cluster.

    An output is missing where a step has none (a network that the spec does not ask for), and in a deletion when its resource is gone.
    """

    def __init__(self, *made: object) -> None:
        self._by_class = {type(output): output for output in made}

    def __getitem__(self, kind: type[Kind]) -> Kind:
        """Return the output of class `kind`. Raises KeyError when there is none."""
        found = self.get(kind)
        if found is None:
            raise KeyError(kind.__name__)
        return found

    def get(self, kind: type[Kind]) -> Kind | None:
        """Return the output of class `kind`, or None."""
        found = self._by_class.get(kind)
        return found if isinstance(found, kind) else None


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something a person would want to know although the step is well: it becomes a condition of its own."""

    condition: str
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Observed(Generic[Found]):
    """What is. `found` is None when there is nothing.

    `busy`: an operation runs on it, so nothing may be applied now. `failed`: it must not be touched, or cannot be used, for
    the reason given (another owner holds it, its last operation failed terminally). `ours` is False when what is there is
    somebody else's: a deletion passes it by. `requeue_after`: seconds until what is wanted changes by itself (a schedule).
    """

    found: Found | None = None
    busy: Progressing | None = None
    failed: Failed | None = None
    ours: bool = True
    notices: tuple[Notice, ...] = ()
    requeue_after: float | None = None


class Step(ABC, Generic[Desired, Found, Output]):
    """One resource, or one set of them, that the operator reconciles. An instance lives for one reconcile and holds its part of the
    spec and its clients.

    `name` is CamelCase and gives the condition `<name>Ready`. Steps name each other by the class of their output: `needs` are the
    classes that this step takes from its inputs, `provides` the class that later steps may need (None: no step needs it). Releases,
    which the spec names, come `after` other releases by the name of their step, and take no output of theirs.
    Every method but `desired`, `plan` and `output` may raise `StepError`; these three are pure (`desired` may raise it too).
    """

    name: str
    needs: tuple[type, ...] = ()
    after: tuple[str, ...] = ()
    provides: type[Output] | None = None
    deleted_with: ClassVar[type | None] = None
    """The output of a step whose deletion ends this resource too: when this one cannot be reached or deleted, that is enough."""

    cacheable: ClassVar[bool] = False
    """Whether a first observation may come from a cache that all platforms share and that is some minutes old."""

    async def prepare(self, inputs: Inputs) -> None:
        """Read what the spec refers to (Secrets, ConfigMaps), before `desired`; not called in a deletion."""

    @abstractmethod
    def desired(self, inputs: Inputs) -> Desired | None:
        """What should be; None when the spec does not ask for it."""

    @abstractmethod
    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Found]:
        """Read what exists, and write nothing. `fresh`: read the resource itself, as the engine asks before it changes anything; False
        (only if `cacheable`): a shared answer that is some minutes old will do."""

    @abstractmethod
    def plan(self, desired: Desired | None, found: Found | None) -> Sequence[Change]:
        """The differences that the spec speaks of. Empty: in line."""

    @abstractmethod
    async def apply(self, desired: Desired | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        """Start what makes `changes` real and return at once: one write, never a wait. `Ready` only if it is real already
        (its output is taken from a fresh observation when that is None)."""

    def check_health(self, found: Found | None) -> Outcome | None:
        """Whether what is there works, asked when nothing is to change: an outcome that says what is missing; None: all well."""
        return None

    @abstractmethod
    def output(self, found: Found | None) -> Output | None:
        """Return what later steps take from what exists; None when nothing exists."""

    def planned_output(self, desired: Desired) -> Output | None:
        """What later steps would take if `desired` were made: ids that follow from names, `KNOWN_AFTER_APPLY` for the rest."""
        return None

    def estimate_seconds(self, changes: Sequence[Change]) -> float:
        """How long `changes` usually take, in seconds; for plans, nothing depends on it."""
        return 2.0 if changes else 0.0

    def classify_error(self, error: Exception) -> Failed | None:
        """What an exception means that one of these methods raised; None: it is unforeseen."""
        return None

    @abstractmethod
    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        """Start its end and return at once; `Progressing` until an observation finds nothing. Only what is ours."""

    async def orphan(self, found: Found) -> Outcome:
        """Take our mark off what stays when the platform goes (deletionPolicy: Orphan)."""
        return Ready()


AnyStep = Step[Any, Any, Any]


class Check(Step[Found, Found, Found]):
    """A step that only observes: it writes nothing, and its output is what it found."""

    def plan(self, desired: Found | None, found: Found | None) -> Sequence[Change]:
        return ()

    async def apply(self, desired: Found | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        return Ready()

    def output(self, found: Found | None) -> Found | None:
        return found

    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        return Ready()
