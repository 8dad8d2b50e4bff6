"""How a spec becomes real: steps, their graph, one pass, outcomes, conditions. Knows no Azure and no Helm."""

from notebook_platform.engine.change import Action, Change
from notebook_platform.engine.outcome import Ailing, Blocked, Done, Failed, Operation, Outcome, Progressing, StepError
from notebook_platform.engine.step import Check, Inputs, Notice, Observed, Step

__all__ = [
    "Action",
    "Ailing",
    "Blocked",
    "Change",
    "Check",
    "Done",
    "Failed",
    "Inputs",
    "Notice",
    "Observed",
    "Operation",
    "Outcome",
    "Progressing",
    "Step",
    "StepError",
]
