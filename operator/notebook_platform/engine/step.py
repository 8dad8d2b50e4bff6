"""Define the step: everything the operator manages is one, and is observed, planned, applied and deleted through it.

A resource in Azure, the access to a cluster and a Helm release are steps. The engine knows only this interface.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import AnyReason, Reason
from notebook_platform.engine.change import Change
from notebook_platform.engine.outcome import Failed, Outcome, Progressing, Ready

Desired = TypeVar("Desired")
Found = TypeVar("Found")
Output = TypeVar("Output")
Kind = TypeVar("Kind")


class Inputs:
    """The outputs of the steps that a step needs, by class: `inputs[outputs.Cluster]` is a Cluster.

    An output is missing where a step has none (a network that the spec does not ask for), and in a deletion when its resource
    no longer exists.
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

    def including(self, *read: object) -> "Inputs":
        """Return the inputs together with what a step has read itself, also by class."""
        return Inputs(*self._by_class.values(), *read)


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A fact that users should know although the step is ready: it becomes a condition of its own."""

    condition: ConditionType
    reason: AnyReason
    message: str


@dataclass(frozen=True, kw_only=True)
class Observed(Generic[Found]):
    """The result of an observation. `found` is None when the resource does not exist; or `absent` is set, when `found` holds what
    the plan of its creation needs.

    `busy`: an operation is in progress on it, so nothing may be applied now. `failed`: it must not be changed, or cannot be
    used, for this reason (another owner holds it, its last operation failed terminally). `ours` is False when the resource
    belongs to another owner: a deletion skips it. `requeue_after`: seconds until the desired state changes without a change
    of the spec (a schedule). `dormant`: the resource is stopped, so it and what runs in it cannot be compared in full now.
    """

    found: Found | None = None
    busy: Progressing | None = None
    failed: Failed | None = None
    ours: bool = True
    notices: tuple[Notice, ...] = ()
    requeue_after: float | None = None
    absent: bool = False
    dormant: bool = False

    @property
    def exists(self) -> bool:
        """Whether the resource exists, if only in part."""
        return self.found is not None and not self.absent


class Step(ABC, Generic[Desired, Found, Output]):
    """One resource, or one set of them, that the operator reconciles. An instance lives for one reconcile and holds its part of
    the spec and its clients. It holds no state between the calls: what `prepare` reads stands in the inputs, what `observe` finds in
    `found`, and the engine hands both to the calls that follow.

    `name` is CamelCase and gives the condition `<name>Ready`. Steps name each other by the class of their output: `needs` are
    the classes that this step takes from its inputs, `provides` the class that later steps may need (None: no step needs it).
    Releases, which the spec names, come `after` other releases by the name of their step and take no output of theirs. Every
    method except `desired`, `plan` and `output` may raise `StepError`; these three are pure (`desired` may raise it too).
    """

    name: str
    needs: tuple[type, ...] = ()
    after: tuple[str, ...] = ()
    provides: type[Output] | None = None
    deleted_with: ClassVar[type | None] = None
    """The output of the step whose deletion deletes this resource too. If this one cannot be reached or deleted, that
    deletion is enough."""

    refers: bool = False
    """Whether a Secret or ConfigMap that the spec names changes the desired state: then differences are no drift. A step that knows which
    of its changes are drift leaves this False."""

    checks_early: ClassVar[bool] = False
    """Whether `check_early` can find anything."""

    dispensable: ClassVar[bool] = False
    """Whether a deletion goes on although the step cannot be observed: the platform owns nothing of it, and what other steps take from it
    then follows from `desired` alone."""

    cacheable: ClassVar[bool] = False
    """Whether a first observation may come from a cache that all platforms share and that is some minutes old."""

    async def prepare(self, inputs: Inputs) -> Inputs:
        """Read what the spec refers to (Secrets, ConfigMaps). Returns the inputs including it, for `desired` and `observe`.

        The engine calls it before `desired`, and before it observes what was applied; in a deletion it does not.
        """
        return inputs

    async def check_early(self, missing: Set[type]) -> Failed | Progressing | None:
        """Return why the step will fail once the steps that it needs are Ready, so that its user need not wait for them to find out; None:
        nothing is known against it. Writes nothing. Progressing: the check takes longer.

        `missing`: the classes of the outputs that do not exist yet.
        """
        return None

    @abstractmethod
    def desired(self, inputs: Inputs) -> Desired | None:
        """Return the desired state; None when the spec does not ask for the resource."""

    @abstractmethod
    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Found]:
        """Read what exists, and write nothing.

        `fresh`: read the resource itself, as the engine requires before a change. False (only if `cacheable`): a shared read
        that is some minutes old is enough.
        """

    @abstractmethod
    def plan(self, desired: Desired | None, found: Found | None) -> Sequence[Change]:
        """Return the differences in fields that the spec sets. Empty: up to date."""

    @abstractmethod
    async def apply(self, desired: Desired | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        """Start the changes with one write and return without waiting.

        Returns `Ready` only if they have taken effect already; an output of None is then taken from a fresh observation.
        """

    def varying(self, desired: Desired) -> Mapping[str, Any]:
        """Return the parts of the desired state that vary while the spec stays the same, because a schedule, the clock or another step
        decides them: by the path of its change, the value wanted now or an id that it depends on. A difference after it varied is no drift."""
        return {}

    def check_health(self, found: Found | None) -> Outcome | None:
        """Return an outcome that says why the resource does not work; None: it works. Called when nothing is to be changed."""
        return None

    @abstractmethod
    def output(self, found: Found | None) -> Output | None:
        """Return what later steps take from the observed resource; None when it does not exist."""

    def deleted_by_another(self, path: str) -> Failed:
        """Return the failure while spec.driftPolicy: Warn leaves a resource deleted. `path`: that of the change that would create it."""
        return Failed(
            reason=Reason.DRIFTED,
            message=f"Another client deleted {path}, and spec.driftPolicy: Warn does not create it again",
            remedy="Create it by hand, or set spec.driftPolicy: Correct.",
        )

    def planned_output(self, desired: Desired) -> Output | None:
        """Return what later steps would take if `desired` were created: ids that follow from names, `KNOWN_AFTER_APPLY` for
        the rest."""
        return None

    def estimate_seconds(self, changes: Sequence[Change]) -> float:
        """Return the usual duration of `changes` in seconds. Only plans show it."""
        return 2.0 if changes else 0.0

    def classify_error(self, error: Exception) -> Failed | None:
        """Return the failure that an exception of these methods means; None: it is unexpected."""
        return None

    @abstractmethod
    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        """Start the deletion and return without waiting: `Progressing` until an observation finds nothing. Deletes only what
        the platform owns."""

    async def orphan(self, found: Found) -> Outcome:
        """Remove the operator's mark from a resource that outlives the platform (deletionPolicy: Orphan)."""
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
