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
from notebook_platform.engine.result import Result, asleep

MOST_PATHS = 100
"""Paths that a baseline holds of one step. A step with more of them left has no baseline; of drift, the first ones are kept."""

IsDrift = Callable[[str, Change, Mapping[str, Any]], bool]
"""Return whether a change of a step undoes what another client has changed. The mapping: what `Step.scheduled` returns."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The steps that have been in sync with a spec.

    `generation`: that of the spec. `remaining`: for each step that has been in sync, the paths of changes that could not be applied (deferred,
    not approved, impossible). `reported`: by step and path, a digest of the wanted value of drift that was reported and not
    corrected. It stays drift when another part of the spec changes, until the operator applies a change at that path. `scheduled`: by
    step and path, a digest of what a schedule or another step wanted when the step was last in sync. Once it wants another value, the
    difference is no drift.
    """

    generation: int
    remaining: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reported: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    scheduled: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def is_drift(self, step: str, change: Change, scheduled: Mapping[str, Any]) -> bool:
        """Return whether a change of a step undoes what another client has changed. `scheduled`: what `Step.scheduled` returns."""
        if change.path in scheduled and self.scheduled.get(step, {}).get(change.path) != _digest(scheduled[change.path]):
            return False
        if self.reported.get(step, {}).get(change.path) == _digest(change.after):
            return True
        return step in self.remaining and change.path not in self.remaining[step]

    def at(self, generation: int) -> "Baseline":
        """Return the baseline for a spec of this generation."""
        return self if generation == self.generation else replace(self, generation=generation, remaining={})

    def without(self, steps: Collection[str]) -> "Baseline":
        """Return the baseline for when these steps may differ because something that their spec refers to has changed."""
        return replace(self, remaining={step: paths for step, paths in self.remaining.items() if step not in steps})

    def after(self, results: Mapping[str, Result]) -> "Baseline":
        """Return the baseline after a reconcile. Steps that the spec no longer has, or that want nothing, are dropped.

        What is known of the steps of a stopped cluster stays: only what could be compared of them is added.
        """
        known = {step for step, result in results.items() if result.remaining is None and (result.wanted or result.exists)}
        kept = known | asleep(results)
        remaining = {step: paths for step, paths in self.remaining.items() if step in kept}
        reported = {step: _not_applied(paths, results.get(step)) for step, paths in self.reported.items() if step in kept}
        scheduled = {step: paths for step, paths in self.scheduled.items() if step in kept}
        for step, result in results.items():
            if result.remaining is None:
                continue
            if not result.dormant and len(result.remaining) <= MOST_PATHS:
                remaining[step] = result.remaining
            if result.drift:
                left = [change for change in result.drift if change not in result.applied]
                found = {change.path: _digest(change.after) for change in left[:MOST_PATHS]}
                reported[step] = {**reported.get(step, {}), **found} if result.dormant else found
            if result.scheduled:
                scheduled[step] = {path: _digest(value) for path, value in islice(result.scheduled.items(), MOST_PATHS)}
        return replace(self, remaining=remaining, reported=reported, scheduled=scheduled)


def _not_applied(reported: Mapping[str, str], result: Result | None) -> dict[str, str]:
    """Return the drift that the operator has not overwritten: what it applies comes from the spec, and so does the way back."""
    applied = {change.path for change in result.applied} if result else ()
    return {path: digest for path, digest in reported.items() if path not in applied}


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]
