"""The kinds of faults: what the simulator does, and the reasons that a condition may show meanwhile. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FaultKind:
    """A fault: what the simulator does, the reasons that a condition may show meanwhile, and where it can happen.

    `extra`: executed writes of the call that it met, beyond those of a life without faults. `meets`: how often it is met.
    """

    name: str
    rule: Mapping[str, Any]
    reasons: frozenset[str]
    reads: bool = True
    writes: bool = True
    operations: bool = False
    meets: int = 2
    extra: int = 0


def _refusal(status: int, code: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "code": code, "message": "A fault of the matrix.", **more}


LOST = frozenset({"AzureUnreachable", "TimedOut"})
DOWN = frozenset({"AzureUnavailable"})
NO_ANSWER = {"lost": "silence"}
FAULTS = {
    kind.name: kind
    for kind in (
        FaultKind("429", _refusal(429, "TooManyRequests", headers={"Retry-After": "1"}), frozenset({"Throttled"})),
        FaultKind("500", _refusal(500, "InternalServerError"), DOWN),
        FaultKind("503", {"status": 503, "empty": True}, DOWN),
        FaultKind("401 expired", {"expired": True}, frozenset({"TokenExpired"})),
        FaultKind(
            "409",
            _refusal(409, "AnotherOperationInProgress"),
            frozenset({"AnotherOperationInProgress"}),
        ),
        FaultKind("reset", {"lost": "reset"}, LOST),
        FaultKind("reset, executed", {"lost": "reset", "executed": True}, LOST, reads=False, meets=1, extra=1),
        FaultKind("time-out", NO_ANSWER, LOST, meets=1),
        FaultKind("time-out, executed", {**NO_ANSWER, "executed": True}, LOST, reads=False, meets=1, extra=1),
        FaultKind("half a body", {"lost": "half"}, LOST, meets=1, extra=1),
        FaultKind(
            "operation fails",
            {"operation_error": {"code": "InternalServerError", "message": "A fault of the matrix."}},
            DOWN,
            reads=False,
            writes=False,
            operations=True,
            meets=1,
            extra=1,
        ),
        FaultKind("operation never ends", {"endless": True}, frozenset(), reads=False, writes=False, operations=True, meets=1),
        FaultKind("stale read", {"stale": True}, frozenset(), writes=False, extra=1),
    )
}
