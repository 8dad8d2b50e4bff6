"""Record accepted operations before anything else, so that an operator that is killed reads their results after its restart.

They are stored in a Secret beside the platform and not in its status, because the address of an operation is signed; status
shows it without the signature.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from notebook_platform.engine.outcome import Failed, Operation, StepError
from notebook_platform.kube.operation_record import OperationScope, decode_all, encode
from notebook_platform.kube.secrets import SecretStore
from notebook_platform.observability.context import fields, step_span
from notebook_platform.observability.labels import action_label, step_label
from notebook_platform.observability.metrics import OPERATION_SECONDS

log = logging.getLogger(__name__)


class OperationStore:
    """The operations of one platform, by the step that started them. `refused`: why they cannot be recorded; then none may be
    started."""

    def __init__(self, secrets: SecretStore) -> None:
        self._secrets = secrets
        self._name = f"{secrets.platform.name}-operations"
        self._known: dict[str, Operation] | None = None
        self._lock = asyncio.Lock()
        """Steps run in parallel, and several may start an operation at once."""
        self.refused: Failed | None = None

    async def load(self, scope: OperationScope) -> Mapping[str, Operation]:
        """Return all recorded operations. Reads the Secret once in a process, and again while it has another owner.

        Records outside the scope are left out: see operation_record.
        """
        async with self._lock:
            if self._known is None or self.refused is not None:
                try:
                    recorded = await self._read(scope)
                except StepError as refused:
                    self.refused = refused.failed
                    return dict(self._known or {})
                if self._known is None:
                    self._known = recorded
                else:
                    await self._write()
                self.refused = None
            return dict(self._known)

    async def _read(self, scope: OperationScope) -> dict[str, Operation]:
        """Return the usable records.

        Only their values are kept out of messages: the rest of the Secret is never used, so that forged records cannot exceed
        the number of secret values of a platform.
        """
        data = await self._secrets.own(self._name, orphaned=False, plain=True) or {}
        recorded, left_out = decode_all(data, scope, datetime.now(UTC))
        if left_out:
            log.warning("%s: ignored %d unusable records of operations", self._name, left_out)
        await self._secrets.redact_from_now_on(self._name, {key: encode(operation) for key, operation in recorded.items()})
        return recorded

    async def save(self, key: str, operation: Operation) -> None:
        """Record an operation that was just accepted. The progress of a known operation is kept in memory only."""
        async with self._lock:
            known = dict(self._known or {})
            before = known.get(key)
            self._known = {**known, key: operation}
            if before is not None and before.url == operation.url:
                return
            if before is not None:
                _log_end(key, before)
            _log_start(key, operation)
            await self._write()

    async def prune(self, keys: Collection[str]) -> None:
        """Remove the records of operations that have ended."""
        async with self._lock:
            if self._known is None:
                return
            kept = {key: operation for key, operation in self._known.items() if key in keys}
            if len(kept) != len(self._known):
                for key in self._known.keys() - kept.keys():
                    _log_end(key, self._known[key])
                self._known = kept
                await self._write()

    async def _write(self) -> None:
        data = {key.replace("/", "__"): encode(operation) for key, operation in (self._known or {}).items()}
        try:
            if data:
                await self._secrets.apply(self._name, data)
            else:
                await self._secrets.delete(self._name)
        except StepError as refused:
            self.refused = refused.failed  # the operations stay in memory, and the next reconcile reports the reason


def _log_start(key: str, operation: Operation) -> None:
    with step_span(key):
        log.info("operation started: %s", operation.kind, extra=fields(operation=operation.kind, expected=operation.expected))


def _log_end(key: str, operation: Operation) -> None:
    """Log and count the end, with the seconds since the operation was accepted. The step's condition reports whether it succeeded."""
    seconds = max(0.0, (datetime.now(UTC) - operation.started).total_seconds())
    OPERATION_SECONDS.labels(step=step_label(key.partition("/")[0]), action=action_label(operation.kind)).observe(seconds)
    with step_span(key):
        extra = fields(operation=operation.kind, seconds=round(seconds, 1))
        log.info("operation ended: %s, after %.0f s", operation.kind, seconds, extra=extra)
