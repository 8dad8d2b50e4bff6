"""Drift: tell what other clients have changed from what the spec changes. Pure.

Once nothing is left to apply for a step, another client has made each difference that appears under the same spec, whatever has happened to
the step since: its reads were throttled, it waited for a step that failed, its resource became unhealthy. So the baseline is recorded
(`kube/applied.py`) and not taken from the conditions, which tell only the last state.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from notebook_platform.engine.change import Change
from notebook_platform.engine.outcome import Failed
from notebook_platform.engine.result import Result, asleep

MOST_PATHS = 100
"""Paths that a baseline holds of one step. A step with more of them left has no baseline; of drift, the first ones are kept."""

IsDrift = Callable[[str, Change, Mapping[str, Any]], bool]
"""Return whether a change of a step undoes what another client has changed. The mapping: what `Step.varying` returns."""


@dataclass(frozen=True, kw_only=True)
class StepBaseline:
    """What is known of one step.

    `remaining`: the paths of changes that could not be applied (deferred, not approved, impossible); None: the step has not been in sync
    with this spec. `reported`: by path, a digest of the wanted value of drift that was reported and not corrected. It stays drift when
    another part of the spec changes, until the operator applies a change at that path. `varying`: by path, a digest of what a schedule or
    another step wanted when the step was last in sync. Once it wants another value, the difference is no drift.
    """

    remaining: tuple[str, ...] | None = None
    reported: Mapping[str, str] = field(default_factory=dict)
    varying: Mapping[str, str] = field(default_factory=dict)

    def is_drift(self, change: Change, varying: Mapping[str, Any]) -> bool:
        """Return whether a change undoes what another client has changed. `varying`: what `Step.varying` returns."""
        if change.path in varying and self.varying.get(change.path) != _digest(varying[change.path]):
            return False
        if self.reported.get(change.path) == _digest(change.after):
            return True
        return self.remaining is not None and change.path not in self.remaining

    def overwritten(self, applied: Collection[Change]) -> "StepBaseline":
        """Return the baseline without the drift that the operator has overwritten: what it applies comes from the spec, and so does the
        way back."""
        paths = {change.path for change in applied}
        return replace(self, reported={path: digest for path, digest in self.reported.items() if path not in paths})

    def after(self, result: Result, remaining: tuple[str, ...]) -> "StepBaseline":
        """Return the baseline after a reconcile that has left only the changes of these paths."""
        comparable = not result.dormant and len(remaining) <= MOST_PATHS
        left = [change for change in result.drift if change not in result.applied]
        reported = {change.path: _digest(change.after) for change in left[:MOST_PATHS]}
        if result.dormant or not result.drift:
            reported = {**self.reported, **reported}
        varying = {path: _digest(value) for path, value in islice(result.varying.items(), MOST_PATHS)}
        return StepBaseline(
            remaining=remaining if comparable else self.remaining,
            reported=reported,
            varying=varying or self.varying,
        )


UNKNOWN = StepBaseline()


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What is known of each step under a spec. `generation`: that of the spec."""

    generation: int
    steps: Mapping[str, StepBaseline]

    def is_drift(self, step: str, change: Change, varying: Mapping[str, Any]) -> bool:
        """Return whether a change of a step undoes what another client has changed. `varying`: what `Step.varying` returns."""
        return self.steps.get(step, UNKNOWN).is_drift(change, varying)

    def at(self, generation: int) -> "Baseline":
        """Return the baseline for a spec of this generation."""
        return self if generation == self.generation else replace(self.without(self.steps), generation=generation)

    def without(self, steps: Collection[str]) -> "Baseline":
        """Return the baseline for when these steps may differ because something that their spec refers to has changed."""
        changed = {step: replace(known, remaining=None) for step, known in self.steps.items() if step in steps}
        return replace(self, steps={**self.steps, **changed})

    def after(self, results: Mapping[str, Result]) -> "Baseline":
        """Return the baseline after a reconcile. Steps that the spec no longer has, or that want nothing, are dropped, and those whose
        resource the user is to delete.

        What is known of the steps of a stopped cluster stays: only what could be compared of them is added.
        """
        current = {step for step, result in results.items() if result.remaining is None and (result.wanted or result.exists)}
        current |= asleep(results)
        current -= {name for name, r in results.items() if isinstance(r.outcome, Failed) and r.outcome.user_deletes}
        steps = {step: known.overwritten(results[step].applied) for step, known in self.steps.items() if step in current}
        for step, result in results.items():
            if result.remaining is not None:
                steps[step] = steps.get(step, UNKNOWN).after(result, result.remaining)
        return replace(self, steps=steps)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
