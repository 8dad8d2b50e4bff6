"""Keep secret values out of everything that users read.

A `SecretRedactor` belongs to one platform and knows only the secrets that were read or created for it: the platform's status,
Events and command output are redacted with these alone. A set shared between platforms would reveal whether my resource holds
the password of another team, and would let one author blank words in all messages. Log lines are for the operator's
administrators and are redacted with the secrets of all platforms.
"""

import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from notebook_platform.bounded.text import printable, shortened
from notebook_platform.kube.searched_value import SearchedValue, pack_values, unpack_values
from notebook_platform.kube.secret_leaves import PUBLIC_KEYS, forms, leaves
from notebook_platform.kube.substrings import SubstringIndex

HIDDEN = "***"

MOST_LEAVES = 2000
"""For the Secrets of one platform together."""

GENERATIONS = 4
"""The number of values of one key that are known at once: after a rotation, errors may still name earlier ones."""

UNUSED_SECONDS = 86_400.0
"""A value that was not read for so long is evicted when there are too many."""

LONGEST_MESSAGE = 4096
"""Characters. Conditions and Events hold less; a longer search would only take time."""

LONGEST_TEXT = 16_384
"""Characters. The rest is dropped: no reader of a message or a log line needs it, and the search takes time."""

SLICE = 50
"""The number of forms that are learned before the event loop runs other tasks."""

MOST_READ = 1 << 20
"""The number of characters of a text that are read before it is cut."""

BEGINNING = 24
"""The number of characters that identify a longer value that another program has truncated."""

_COMMON = re.compile("://|-----")
"""How many values begin: the scheme and host of a URL, the first line of a key."""

_PATTERNS = (
    re.compile(r"(?i)authorization[\"']?:\s*[\"']?(?:bearer|basic|token)\s+(\S+)"),
    re.compile(r"\b(eyJ[\w-]{10,}\.[\w-]+\.[\w-]*)"),
    re.compile(r"(?i)[?&](?:sig|s|c|h|t|code|[\w.-]{0,32}(?:token|secret|password|passwd|signature|api[_-]?key))=([^&\s\"']+)"),
    re.compile(r"://[^\s/@:]{0,256}:([^\s/@]{1,256})@"),
)
"""Tokens, signatures and passwords in URLs: always secret."""


class TooManySecrets(ValueError):
    """The Secrets of a platform hold more values than the operator can keep out of its messages."""


@dataclass(frozen=True)
class Learnable:
    """What to search for, for one value: the forms of its leaves, and the beginnings of long ones. `digest` is the value's
    hash."""

    digest: int
    leaves: int
    forms: tuple[str, ...] = field(repr=False)
    beginnings: tuple[str, ...] = field(repr=False)


class SecretRedactor:
    """The secrets of one platform. `log` is the index that redacts the log; `clock` returns seconds."""

    def __init__(self, log: SubstringIndex | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._own = SubstringIndex()
        self._log = log
        self._clock = clock
        self._values: dict[tuple[str, str], dict[int, SearchedValue]] = {}
        self._leaves = 0
        self._forgotten = False
        self._packed: bytes | None = None

    def pack(self) -> None:
        """Pack the values until they are used again, because no task works for the platform meanwhile.

        The indexes of one kubeconfig take 150 KB. Until `unpack` the log is not searched for these values.
        """
        if self._packed is not None or self._forgotten:
            return
        if self._log is not None:
            for entry in (entry for value in self._all() for entry in value.log):
                self._log.discard(entry)
        self._packed = pack_values(self._values)
        self._own, self._values = SubstringIndex(), {}

    def unpack(self) -> None:
        """Index the values again. Everything that uses them does so first."""
        packed, self._packed = self._packed, None
        for place, digest, value, entries in unpack_values(packed) if packed else ():
            self._values.setdefault(place, {})[digest] = value
            for entry in entries:
                value.own.append(self._own.restore(entry))
                if self._log is not None:
                    value.log.append(self._log.restore(entry))

    def _all(self) -> Iterator[SearchedValue]:
        return (value for kept in self._values.values() for value in kept.values())

    def add(self, data: Mapping[str, str], *, source: str = "") -> None:
        """Learn the values of a Secret's data; `source` is the Secret's name. Raises TooManySecrets, and then learns none of
        them."""
        fresh = self.unknown(data, source=source)
        for _ in self.learn(learnable(fresh), source=source):
            pass

    def unknown(self, data: Mapping[str, str], *, source: str = "") -> dict[str, str]:
        """Return the part of a Secret's data that is to be learned: values that are not known under their keys."""
        self.unpack()
        fresh, now = {}, self._clock()
        for key, value in data.items():
            if key in PUBLIC_KEYS:
                continue
            known = self._values.get((source, key), {}).get(hash(value))
            if known is None:
                fresh[key] = value
            else:
                known.last_used = now
        return fresh

    def learn(self, found: Mapping[str, Learnable], *, source: str = "") -> Generator[None]:
        """Learn what `learnable` found in a Secret's data, in slices of about a millisecond: exhaust the iterator.

        Raises TooManySecrets at its first slice and then learns nothing; nor does it learn anything when it is closed before
        its end.
        """
        self.unpack()
        if self._forgotten:
            return
        self._make_room(sum(one.leaves for one in found.values()))
        under_way = {key: self._begin(source, key, one) for key, one in found.items()}
        done = False
        try:
            for key, one in found.items():
                yield from self._fill(under_way[key], one)
            done = True
        finally:
            for key, one in found.items():
                kept = self._values.get((source, key), {})
                if not done and kept.get(one.digest) is under_way[key]:
                    self._drop(kept, one.digest)
                while len(kept) > GENERATIONS:
                    self._drop(kept, min(kept, key=lambda digest: kept[digest].last_used))

    def redact(self, text: str) -> str:
        """Return `text` without this platform's secrets, and without tokens and signatures."""
        self.unpack()
        return _redacted(text, self._own)

    def sanitize(self, text: str, limit: int = LONGEST_MESSAGE) -> str:
        """Return `text` as one printable line without secrets, and only then cut to `limit` characters."""
        self.unpack()
        return shortened(_redacted(printable(text[:MOST_READ]), self._own, limit), limit)

    def forget(self) -> None:
        """Drop all values: the platform is deleted."""
        self.unpack()
        self._forgotten = True
        for kept in self._values.values():
            for digest in list(kept):
                self._drop(kept, digest)
        self._values.clear()

    def _begin(self, source: str, key: str, one: Learnable) -> SearchedValue:
        kept = self._values.setdefault((source, key), {})
        if one.digest in kept:
            self._drop(kept, one.digest)
        value = kept[one.digest] = SearchedValue(one.leaves, self._clock())
        self._leaves += one.leaves
        return value

    def _fill(self, value: SearchedValue, one: Learnable) -> Iterator[None]:
        indexes = [(self._own, value.own)]
        if self._log is not None:
            indexes.append((self._log, value.log))
        for number, form in enumerate(one.forms, start=1):
            for index, entries in indexes:
                entries += index.add(form)
            if number % SLICE == 0:
                yield
        for beginning in one.beginnings:
            for index, entries in indexes:
                entries.append(index.add_beginning(beginning))

    def _drop(self, kept: dict[int, SearchedValue], digest: int) -> None:
        value = kept.pop(digest)
        self._leaves -= value.leaves
        for entry in value.own:
            self._own.discard(entry)
        if self._log is not None:
            for entry in value.log:
                self._log.discard(entry)

    def _make_room(self, count: int) -> None:
        if self._leaves + count > MOST_LEAVES:
            oldest = self._clock() - UNUSED_SECONDS
            for kept in self._values.values():
                for digest in [one for one, value in kept.items() if value.last_used < oldest]:
                    self._drop(kept, digest)
        if self._leaves + count > MOST_LEAVES:
            raise TooManySecrets(f"more than {MOST_LEAVES} secret values")


def learnable(data: Mapping[str, str]) -> dict[str, Learnable]:
    """Return what to search for, by the keys of a Secret's data. Pure; may run in a thread. Raises TooManySecrets."""
    found, count = {}, 0
    for key, value in data.items():
        words: set[str] = set()
        for leaf in leaves(value):
            words.add(leaf)
            if count + len(words) > MOST_LEAVES:
                raise TooManySecrets(f"more than {MOST_LEAVES} secret values")
        count += len(words)
        every = {form for leaf in words for form in forms(leaf)}
        begins = {leaf[:BEGINNING] for leaf in words if len(leaf) > BEGINNING and not _COMMON.search(leaf[:BEGINNING])}
        found[key] = Learnable(hash(value), len(words), tuple(every), tuple(begins))
    return found


class RedactorRegistry:
    """The redactors of this process, by the uid of their platform."""

    def __init__(self) -> None:
        self._log = SubstringIndex()
        self._by_uid: dict[str, SecretRedactor] = {}
        self.process = SecretRedactor(self._log)
        """For the operator's own secrets, which belong to no platform."""

    def of(self, uid: str) -> SecretRedactor:
        """Return the redactor of a platform; create it on first use."""
        if uid not in self._by_uid:
            self._by_uid[uid] = SecretRedactor(self._log)
        return self._by_uid[uid]

    def drop(self, uid: str) -> None:
        """Drop the secrets of a deleted platform."""
        if redactor := self._by_uid.pop(uid, None):
            redactor.forget()

    def redact(self, text: str) -> str:
        """Return `text` without the secrets of any platform: for the log."""
        return _redacted(text, self._log)


REDACTORS = RedactorRegistry()
"""The registry of the process."""

CURRENT: ContextVar[SecretRedactor | None] = ContextVar("redactor", default=None)
"""The redactor of the platform that the running task works for."""


def sanitize(text: str, limit: int = LONGEST_MESSAGE) -> str:
    """Return text from outside the process as `SecretRedactor.sanitize` does, with the secrets of the current platform."""
    redactor = CURRENT.get()
    if redactor is not None:
        return redactor.sanitize(text, limit)
    return shortened(_redacted(printable(text[:MOST_READ]), None, limit), limit)


def _redacted(text: str, index: SubstringIndex | None, most: int = LONGEST_TEXT) -> str:
    """Return the text, or its first `most` characters and an ellipsis. A secret that begins before the cut is hidden as a
    whole."""
    spans = [match.span(1) for pattern in _PATTERNS for match in pattern.finditer(text, 0, most + LONGEST_MESSAGE)]
    if index is not None:
        spans += index.spans(text, most)
    parts: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if start > most:
            break
        if start > at or not parts:
            parts += [text[at:start], HIDDEN]
        at = max(at, end)
    end = max(at, most)
    more = "…" if end < len(text) else ""
    return "".join(parts) + text[at:end] + more
