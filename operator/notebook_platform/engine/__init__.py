"""Reconcile a spec: steps, their graph, one reconcile, outcomes, conditions.

The engine knows neither Azure nor Helm.
"""

from notebook_platform.engine.change import Action, Change
from notebook_platform.engine.outcome import (
    Deferred,
    Degraded,
    Failed,
    Operation,
    Outcome,
    Progressing,
    Ready,
    Rechecked,
    StepError,
    Unblocking,
    Waiting,
)
from notebook_platform.engine.step import AnyStep, Check, Inputs, Notice, Observed, Step

__all__ = [
    "Action",
    "AnyStep",
    "Change",
    "Check",
    "Deferred",
    "Degraded",
    "Failed",
    "Inputs",
    "Notice",
    "Observed",
    "Operation",
    "Outcome",
    "Progressing",
    "Ready",
    "Rechecked",
    "Step",
    "StepError",
    "Unblocking",
    "Waiting",
]
