"""Accepted operations are written down before anything else, so that an operator that is killed reads their end later.

They live in a Secret beside the platform and not in its status, because the address of an operation is signed; status shows it
without the signature.
"""

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from notebook_platform.engine.outcome import Operation
from notebook_platform.kube.secrets import SecretStore


class OperationStore:
    """The operations of one platform by the step that started them."""

    def __init__(self, secrets: SecretStore) -> None:
        self._secrets = secrets
        self._name = f"{secrets.platform.name}-operations"
        self._known: dict[str, Operation] | None = None
        self._lock = asyncio.Lock()
        """Steps run side by side, and several may have an operation accepted at once."""

    async def load(self) -> Mapping[str, Operation]:
        """All that are remembered; reads the Secret once in a process."""
        if self._known is None:
            data = await self._secrets.find(self._name) or {}
            self._known = {key.replace("__", "/"): _decode(text) for key, text in data.items()}
        return dict(self._known)

    async def remember(self, key: str, operation: Operation) -> None:
        """Write down an operation that was just accepted. Progress of a known one is kept in memory only."""
        async with self._lock:
            known = dict(await self.load())
            is_new = key not in known or known[key].url != operation.url
            known[key] = operation
            self._known = known
            if is_new:
                await self._write()

    async def forget_all_but(self, keys: Collection[str]) -> None:
        """Drop those that are over."""
        async with self._lock:
            known = dict(await self.load())
            kept = {key: operation for key, operation in known.items() if key in keys}
            if len(kept) != len(known):
                self._known = kept
                await self._write()

    async def _write(self) -> None:
        data = {key.replace("/", "__"): _encode(operation) for key, operation in (self._known or {}).items()}
        if data:
            await self._secrets.keep(self._name, data)
        else:
            await self._secrets.drop(self._name)


def _encode(operation: Operation) -> str:
    return json.dumps(
        {
            "kind": operation.kind,
            "url": operation.url,
            "started": operation.started.isoformat(),
            "expected": operation.expected,
            "key": operation.key,
        }
    )


def _decode(text: str) -> Operation:
    data = json.loads(text)
    started = datetime.fromisoformat(data["started"])
    return replace(Operation(**{**data, "started": started}), percent=None)
