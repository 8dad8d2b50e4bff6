"""Store what was last applied, by step, in the Secret `<platform>-applied` beside the platform (`azure/last_applied.py`).

It is written before the first write of a changed spec and after the last one, so that a member is never in Azure without being in it. It
holds names and values of the spec and nothing secret. Users who may edit Secrets can change it: what it names is reset or removed at most,
as if the spec had set it before.
"""

import json
from collections.abc import Mapping
from typing import Any

from notebook_platform.bounded.documents import Budget, DocumentRefused, parse_json
from notebook_platform.kube.secrets import SecretStore
from notebook_platform.packed import Packing

Records = Mapping[str, Mapping[str, Mapping[str, str]]]
BUDGET = Budget(bytes=320 * 1024, nodes=4000, depth=4)
MOST_STEPS = 20
RECORDS = Packing()


class AppliedStore:
    """The record of one platform. It is read once in a process."""

    def __init__(self, secrets: SecretStore) -> None:
        self._secrets = secrets
        self._name = f"{secrets.platform.name}-applied"
        self._known: dict[str, Any] | None = None
        self._packed = b""

    def pack(self) -> None:
        """Pack the record until it is used again."""
        if self._known is not None:
            self._packed, self._known = RECORDS.pack(self._known), None

    async def load(self) -> Records:
        """Return the record by step; empty for a platform that was orphaned before. Raises StepError (SecretNameTaken)."""
        if self._known is None and self._packed:
            self._known = RECORDS.unpack(self._packed)
        if self._known is None:
            data = await self._secrets.own(self._name, orphaned=False, plain=True) or {}
            self._known = {step: record for step, text in list(data.items())[:MOST_STEPS] if (record := _decoded(text))}
        return self._known

    async def save(self, records: Records) -> None:
        """Store the record if it differs. Raises StepError (SecretNameTaken)."""
        wanted = {step: dict(record) for step, record in records.items()}
        if wanted == await self.load():
            return
        if wanted:
            data = {step: json.dumps(record, sort_keys=True) for step, record in wanted.items()}
            await self._secrets.apply(self._name, data, hidden={})
        else:
            await self._secrets.delete(self._name)
        self._known = wanted


def _decoded(text: str) -> dict[str, dict[str, str]] | None:
    """Return the record of one step; None for anything else."""
    try:
        data = parse_json(text, BUDGET)
    except DocumentRefused:
        return None
    if not isinstance(data, dict) or data.keys() != {"tags", "members"}:
        return None
    texts = [value for part in data.values() if isinstance(part, dict) for value in part.values()]
    usable = all(isinstance(part, dict) for part in data.values()) and all(isinstance(value, str) for value in texts)
    return data if usable else None
