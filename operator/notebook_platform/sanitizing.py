"""Sanitize the results of a reconcile: the one place where messages are redacted before conditions, Events, status and plans use
them.

Steps put text from Azure, clusters and Helm into messages and changes. What `sanitized` returns holds printable lines only,
without the platform's own secrets; whatever shortens a message works on this.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from notebook_platform.engine.change import Change, Gate, Impossible, NeedsApproval
from notebook_platform.engine.outcome import Deferred, Failed, Outcome, Rechecked
from notebook_platform.engine.result import Result
from notebook_platform.kube.redaction import SecretRedactor

DEEPEST = 20
"""Levels of a change's value that are shown."""


def sanitized(results: Mapping[str, Result], redactor: SecretRedactor) -> dict[str, Result]:
    """Return the results with all texts of outcomes, changes and notices sanitized; outputs are unchanged."""
    return {name: _result(result, redactor) for name, result in results.items()}


def _result(result: Result, redactor: SecretRedactor) -> Result:
    outcome = _outcome(result.outcome, redactor)
    if outcome is result.outcome and not result.changes and not result.notices:
        return result
    return replace(
        result,
        outcome=outcome,
        changes=tuple(_change(change, redactor) for change in result.changes),
        notices=tuple(replace(notice, message=redactor.sanitize(notice.message)) for notice in result.notices),
    )


def _outcome(outcome: Outcome, redactor: SecretRedactor) -> Outcome:
    if isinstance(outcome, Failed):
        return _failed(outcome, redactor)
    if isinstance(outcome, Deferred | Rechecked):
        return replace(outcome, message=redactor.sanitize(outcome.message))
    return outcome


def _failed(failed: Failed, redactor: SecretRedactor) -> Failed:
    return replace(failed, message=redactor.sanitize(failed.message), remedy=redactor.sanitize(failed.remedy))


def _change(change: Change, redactor: SecretRedactor) -> Change:
    return replace(
        change,
        path=redactor.sanitize(change.path),
        before=value(change.before, redactor),
        after=value(change.after, redactor),
        gate=_gate(change.gate, redactor),
    )


def _gate(gate: Gate | None, redactor: SecretRedactor) -> Gate | None:
    if isinstance(gate, NeedsApproval | Impossible):
        return replace(gate, failed=_failed(gate.failed, redactor))
    return gate


def value(found: Any, redactor: SecretRedactor, depth: int = DEEPEST) -> Any:
    """Return a JSON value with its texts sanitized, including keys of mappings. Values nested deeper than `depth` are left
    out."""
    if isinstance(found, str):
        clean = redactor.sanitize(found)
        return found if clean == found else clean  # keeps an Unknown an Unknown
    if isinstance(found, Mapping):
        if depth == 0:
            return "…"
        return {redactor.sanitize(str(key)): value(child, redactor, depth - 1) for key, child in found.items()}
    if isinstance(found, list | tuple):
        return [value(child, redactor, depth - 1) for child in found] if depth else "…"
    return found
