"""What is done about each state of a release, in one table.

An action starts Helm, or makes one write, and returns; a later reconcile sees the result.
"""

from collections.abc import Awaitable, Callable, Mapping

from notebook_platform.engine.outcome import Outcome
from notebook_platform.helm.actions.context import ActionContext
from notebook_platform.helm.actions.install import install, upgrade
from notebook_platform.helm.actions.repair import adopt, correct_drift, unlock
from notebook_platform.helm.actions.rollback import rollback
from notebook_platform.helm.actions.waiting import back_off, give_up, report_lock_timeout, wait_for_lock
from notebook_platform.helm.state import State

ACTIONS: Mapping[State, Callable[[ActionContext], Awaitable[Outcome]]] = {
    State.ABSENT: install,
    State.UNMANAGED: adopt,
    State.DRIFTED: correct_drift,
    State.OUT_OF_SYNC: upgrade,
    State.FAILED: upgrade,
    State.BACKING_OFF: back_off,
    State.ROLLBACK_DUE: rollback,
    State.RETRIES_EXHAUSTED: give_up,
    State.LOCK_STALE: unlock,
    State.LOCKED: wait_for_lock,
    State.LOCK_TIMEOUT: report_lock_timeout,
}
"""IN_SYNC has none: nothing is done, and Helm does not run."""

__all__ = ["ACTIONS", "ActionContext"]
