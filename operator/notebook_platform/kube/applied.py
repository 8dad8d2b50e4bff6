"""Store what was last applied (`azure/last_applied.py`) and the baseline of drift (`engine/drift.py`) in the Secret `<platform>-applied`
beside the platform.

What was applied is stored before the first write of a changed spec and after the last one, so that a member is never in Azure without being
in it. It holds names and values of the spec, the baseline paths and digests, and both nothing secret. Users who may edit Secrets can change
them: what they name is reset or removed at most, as if the spec had set it before, and differences count as drift or do not.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from notebook_platform.bounded.documents import Budget, DocumentRefused, parse_json
from notebook_platform.engine.drift import Baseline
from notebook_platform.kube.secrets import SecretStore
from notebook_platform.packed import Packing

Records = Mapping[str, Mapping[str, Mapping[str, str]]]
BUDGET = Budget(bytes=320 * 1024, nodes=4000, depth=5)
MOST_STEPS = 20
BASELINE = "baseline"
"""Key of the baseline in the Secret. The other keys are names of steps, which are CamelCase."""

PACKING = Packing()


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What was applied, by step, and the baseline; None: not known."""

    records: Records = field(default_factory=dict)
    baseline: Baseline | None = None


_APPLIED, _BASELINE = TypeAdapter(Applied), TypeAdapter(Baseline)


class AppliedStore:
    """The record of one platform. It is read once in a process."""

    def __init__(self, secrets: SecretStore) -> None:
        self._secrets = secrets
        self._name = f"{secrets.platform.name}-applied"
        self._known: Applied | None = None
        self._packed = b""
        self._unsaved = False

    def pack(self) -> None:
        """Pack the record until it is used again."""
        if self._known is not None:
            self._packed, self._known = PACKING.compress(_APPLIED.dump_json(self._known)), None

    async def load(self) -> Applied:
        """Return the record; an empty one for a platform that was orphaned before. Raises StepError (SecretNameTaken)."""
        if self._known is None and self._packed:
            self._known = _APPLIED.validate_json(PACKING.decompress(self._packed))
        if self._known is None:
            data = dict(await self._secrets.own(self._name, orphaned=False, plain=True) or {})
            baseline = _decoded_baseline(data.pop(BASELINE, ""))
            records = {step: record for step, text in list(data.items())[:MOST_STEPS] if (record := _decoded(text))}
            self._known = Applied(records=records, baseline=baseline)
        return self._known

    async def save(self, applied: Applied, *, lazily: bool = False) -> None:
        """Keep the record, and store it if it differs. `lazily`: a baseline that differs is stored with the next write. Raises StepError
        (SecretNameTaken)."""
        known = await self.load()
        self._unsaved = self._unsaved or applied.baseline != known.baseline
        if applied.records != known.records or (self._unsaved and not lazily):
            data = {step: json.dumps(record, sort_keys=True) for step, record in applied.records.items()}
            if applied.baseline is not None:
                data[BASELINE] = _BASELINE.dump_json(applied.baseline, exclude_defaults=True).decode()
            if data:
                await self._secrets.apply(self._name, data, hidden={})
            else:
                await self._secrets.delete(self._name)
            self._unsaved = False
        self._known = applied


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


def _decoded_baseline(text: str) -> Baseline | None:
    """Return the baseline; None for anything else."""
    try:
        return _BASELINE.validate_python(parse_json(text, BUDGET), strict=False)
    except (DocumentRefused, ValidationError):
        return None
