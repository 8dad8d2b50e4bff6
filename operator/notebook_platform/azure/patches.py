"""Patches of the spec over the bodies sent to Azure: what they may not hold, and whether Azure keeps what they set. Pure.

The API server refuses guarded members that it sees (`api/rules/patches.py`). This module refuses the rest, with the same sentences:
guarded members in another spelling (Azure reads names without regard to case), secrets, sizes, and members that contradict a field of
the spec. Used by the bodies of the cluster, the agent pools and the autoscale settings, and by doctor.
"""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notebook_platform.api.patches import BUDGET, Guarded, refusal
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.merge_patch import Keys, combined, leaves, merge_patch, sets, with_absent
from notebook_platform.bounded.documents import DocumentRefused, measure
from notebook_platform.engine import Change, StepError
from notebook_platform.engine.change import compare
from notebook_platform.paths import at

Wire = dict[str, Any]

MOST_NAMED = 4
"""How many refusals one message holds."""

LONGEST_SHOWN = 80
"""Characters of a value in a message."""

EXACT_NAMES = frozenset({"nodeLabels"})
"""Objects whose names Azure compares with their case."""

SECRET_NAME = re.compile(
    r"(?i).*(passw(or)?d|pwd|passphrase|secret|token|credential|(?<!public)key|connectionstring|signature|authorization)s?(value|text)?"
)
"""Names of members whose text is likely a secret; `keyId`, `publicKeys` and `azureKeyvaultSecretsProvider` are not."""

SECRET_TEXT = re.compile(
    r"(?i)://[^/\s@]*:[^/\s@]+@|-----BEGIN [A-Z ]*PRIVATE KEY|[?&;](sig|code|token|password|pwd|\w*(key|secret|token))=[^&;\s]"
    r"|^(bearer|basic) \S+$|^eyJ[\w-]+\.[\w-]+\."
)
"""Texts that hold a secret: a password in a URL, a private key, a signed query, a header of sign-in, a JSON web token."""

PUBLIC_TEXT = re.compile(r"(?i)(true|false|/subscriptions/.*)?")
"""Texts under such a name that hold no secret: switches, ids, nothing."""


@dataclass(frozen=True, kw_only=True)
class Patch:
    """One patch of the spec. `field`: its path; `guarded`: the members it cannot set; `owners`: the field of the spec that sets a
    member, by the member's dotted path or the start of it; `top`: members that the body may have at its top; `above`: the path of the
    compared document in that body; `resets`: what sets back members that the patch no longer has, in the form of a merge patch; `step`:
    the step that applies it."""

    field: str
    document: Mapping[str, Any]
    guarded: Mapping[str, Guarded]
    owners: Mapping[str, str]
    step: str
    top: frozenset[str] = frozenset({"properties"})
    above: Keys = ()
    resets: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def effective(self) -> Wire:
        """Return the patch with its resets."""
        return combined(self.resets, self.document)

    def over(self, body: Wire, unset: Wire) -> Wire:
        """Return the body with the patch applied; None for a member that it removes.

        `body`: what the spec asks for; `unset`: the same with each optional field at its default. Raises StepError (PatchRefused).
        """
        if not (self.document or self.resets):
            return body
        if refused := list(self.refusals(body, unset)):
            messages, remedies = (list(dict.fromkeys(words)) for words in zip(*refused, strict=True))
            raise StepError(Reason.PATCH_REFUSED, "; ".join(messages[:MOST_NAMED]), " ".join(remedies[:MOST_NAMED]))
        return with_absent(merge_patch(body, self.effective), self.effective)

    def refusals(self, body: Wire, unset: Wire) -> Iterator[tuple[str, str]]:
        """Yield what the patch may not hold, as (message, remedy)."""
        try:
            if len(json.dumps(self.document)) > BUDGET.bytes:
                raise DocumentRefused(f"it is larger than {BUDGET.bytes} bytes")
            measure(self.document, BUDGET)
        except (DocumentRefused, RecursionError) as error:
            words = str(error) if isinstance(error, DocumentRefused) else f"it is nested deeper than {BUDGET.depth} levels"
            yield f"{self.field}: {words}", "Make it smaller: name only the members that differ."
            return
        yield from self._strange_members()
        yield from self._guarded_members()
        yield from self._respelled(self.document, body, ())
        secrets = [keys for keys in secret_members(self.document) if not self._is_guarded(keys)]
        for keys in secrets:
            message = f"{self._path(keys)} appears to hold a secret, which every reader of the platform would see"
            yield message, "Remove it and renew that secret; use a managed identity or a field that reads a Secret."
        yield from self._contradictions(body, unset, secrets)

    def _is_guarded(self, keys: Keys) -> bool:
        return any(".".join(keys[:length]) in self.guarded for length in range(1, len(keys) + 1))

    def _path(self, keys: Sequence[str]) -> str:
        return ".".join((self.field, *keys))

    def _strange_members(self) -> Iterator[tuple[str, str]]:
        for name in self.document:
            if name.casefold() not in {known.casefold() for known in (*self.top, *self.guarded)}:
                message = f"{self._path((name,))} is not a member that Azure reads"
                yield message, f"Move it below {self._path(('properties',))}, or remove it."

    def _respelled(self, patch: Mapping[str, Any], body: Any, above: Keys) -> Iterator[tuple[str, str]]:
        """Yield members that have the name of another one in another case, in the patch or in the body: Azure would read one of the two."""
        start = "".join(f"{name}." for name in above)
        names = {path.removeprefix(start).partition(".")[0] for path in self.guarded if path.startswith(start)}
        known = {name.casefold(): name for name in (*reversed([*patch]), *(body if isinstance(body, Mapping) else ()), *names)}
        for name, value in patch.items():
            right = known[name.casefold()]
            if right != name:
                yield f"{self._path((*above, name))} is {right} in another spelling", f"Write it as {right}."
            elif isinstance(value, Mapping) and name not in EXACT_NAMES:
                yield from self._respelled(value, at(body, name), (*above, name))

    def _guarded_members(self) -> Iterator[tuple[str, str]]:
        for path, guarded in self.guarded.items():
            *above, name = path.split(".")
            holder = at(self.document, *above)
            if isinstance(holder, Mapping) and name in holder:
                yield refusal(self.field, path, guarded), guarded.remedy

    def _contradictions(self, body: Wire, unset: Wire, secrets: Sequence[Keys]) -> Iterator[tuple[str, str]]:
        for keys, value in leaves(self.document):
            wanted = at(body, *keys)
            if self._is_guarded(keys) or any(secret[: len(keys)] == keys for secret in secrets):
                continue
            if isinstance(wanted, Mapping):
                if not isinstance(value, Mapping):
                    yield f"{self._path(keys)} would replace an object of the spec", "Name the members of it that differ."
            elif wanted is not None and not _equal(wanted, value) and not _equal(wanted, at(unset, *keys)):
                owner = self._owner(keys)
                message = f"{self._path(keys)} is {_shown(value)}, but {owner} sets {_shown(wanted)}"
                yield message, f"Set only {owner}, or remove {owner} and let the patch set the value."

    def _owner(self, keys: Keys) -> str:
        """Return the field of the spec that sets a member."""
        starts = (".".join(keys[:length]) for length in range(len(keys), 0, -1))
        return next((self.owners[start] for start in starts if start in self.owners), self.field.rsplit(".", 1)[0])

    def sets(self, change: Change) -> bool:
        """Return whether the patch asks for this change."""
        return bool(change.keys) and sets(self.effective, (*self.above, *change.keys))

    def took_out(self, change: Change) -> bool:
        """Return whether the change sets back a member that the patch no longer has."""
        keys = (*self.above, *change.keys)
        return bool(change.keys) and sets(self.resets, keys) and not sets(self.document, keys)

    def is_back(self, change: Change) -> bool:
        """Return whether the change sets back a member that Azure no longer has."""
        return change.before is None and self.took_out(change)

    def keeping(self, change: Change) -> str:
        """Return the remedy for a member that was taken out of the patch and cannot be set back."""
        pattern = f"{self.step}.{change.path}".replace(" ", "*")
        return f"Set it in the patch again, or add {pattern} to spec.driftIgnore, which leaves it as it is."

    def may_set(self, keys: Keys) -> bool:
        """Return whether a patch may set the member at this path: Azure reads names without regard to case."""
        folded = ".".join(keys).casefold()
        guarded = any(folded == path.casefold() or folded.startswith(f"{path.casefold()}.") for path in self.guarded)
        holds = any(path.casefold().startswith(f"{folded}.") for path in self.guarded)
        return keys[0] in self.top and not guarded and not holds

    def path_of(self, change: Change) -> str:
        """Return the path of a change in the spec."""
        return self._path((*self.above, *change.keys))


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _equal(wanted: Any, other: Any) -> bool:
    return not any(compare({"": wanted}, {"": other})) and not any(compare({"": other}, {"": wanted}))


def secret_members(document: Any, above: Keys = (), *, named: bool = False) -> Iterator[Keys]:
    """Yield the path of each value that may be a secret, by its name, by the name of what holds it (`named`) or by its text."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            yield from secret_members(value, (*above, name), named=named or bool(SECRET_NAME.fullmatch(name)))
    elif isinstance(document, list | tuple):
        for place, item in enumerate(document):
            yield from secret_members(item, (*above, str(place)), named=named)
    elif isinstance(document, bool) or document is None:
        return
    elif (named and not PUBLIC_TEXT.fullmatch(str(document))) or (isinstance(document, str) and SECRET_TEXT.search(document)):
        yield above
