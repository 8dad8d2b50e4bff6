"""The operations that the cloud goes on with after a pass, by the key they are remembered under. Pure."""

from collections.abc import Mapping

from notebook_platform.engine.outcome import Operation, Progressing, Waiting
from notebook_platform.engine.reconcile import Result


def under_way(results: Mapping[str, Result]) -> dict[str, Operation]:
    """Those that the steps found at work. The key is the step's name, or the one the step gives."""
    return {
        result.outcome.operation.key or name: result.outcome.operation
        for name, result in results.items()
        if isinstance(result.outcome, Progressing) and result.outcome.operation is not None
    }


def unseen(results: Mapping[str, Result], remembered: Mapping[str, Operation]) -> dict[str, Operation]:
    """Those of steps that the pass did not come to, because they wait for others: they go on."""
    waiting = {name for name, result in results.items() if isinstance(result.outcome, Waiting)}
    return {key: operation for key, operation in remembered.items() if key.split("/")[0] in waiting}
