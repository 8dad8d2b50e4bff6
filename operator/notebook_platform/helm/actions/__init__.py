"""What is done about each state of a release: one small file an action, one table.

An action starts helm, or makes one write, and returns; a later pass sees what became of it.
"""

from collections.abc import Awaitable, Callable, Mapping

from notebook_platform.engine.outcome import Outcome
from notebook_platform.helm.actions.context import Site
from notebook_platform.helm.actions.cool import cool
from notebook_platform.helm.actions.correct import correct
from notebook_platform.helm.actions.give_up import give_up
from notebook_platform.helm.actions.install import install
from notebook_platform.helm.actions.report import report
from notebook_platform.helm.actions.rollback import rollback
from notebook_platform.helm.actions.take_over import take_over
from notebook_platform.helm.actions.unlock import unlock
from notebook_platform.helm.actions.upgrade import upgrade
from notebook_platform.helm.actions.wait import wait
from notebook_platform.helm.state import State

ACTIONS: Mapping[State, Callable[[Site], Awaitable[Outcome]]] = {
    State.ABSENT: install,
    State.UNMARKED: take_over,
    State.DRIFTED: correct,
    State.OUTDATED: upgrade,
    State.FAILED: upgrade,
    State.COOLING: cool,
    State.BROKEN: rollback,
    State.EXHAUSTED: give_up,
    State.ABANDONED: unlock,
    State.HELD: wait,
    State.STUCK: report,
}
"""IN_LINE has none: nothing is done, and helm is not run."""

__all__ = ["ACTIONS", "Site"]
