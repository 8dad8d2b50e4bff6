"""Search a text for a counted set of strings, all at once.

The cost of adding, of discarding and of a search does not depend on the number of strings: a search looks up each run of `GRAM`
characters of the text in a dictionary, and only where one begins a known string compares hashes of the lengths that such strings
have. An automaton (Aho-Corasick) searches faster but has to be rebuilt for each new string; a set for 10,000 platforms changes
all the time.

The set holds hashes (64 bits, keyed for the process) and not the strings. Few strings begin alike. Where many do, because an
author made it so, only the beginnings of further ones are kept and the rest of the word counts as found: a search stays
cheap.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

GRAM = 6
"""The length of the shortest string that can be found."""

BLOCK = 512
"""A longer string is kept as consecutive blocks of this length."""

BEGINNINGS = (6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Lengths of the beginnings that are kept where too many strings begin alike."""

CROWDED = 8
"""The maximum number of lengths that are kept for whole strings that begin with the same GRAM characters."""

_REST = re.compile(r"""[^\s"'`,;)\]}>]*""")


class Entry(NamedTuple):
    """What `SubstringIndex.add` put into the set: pass it to `discard`. `length` is negative for a beginning."""

    gram: str
    length: int
    key: int


def _longest_first(item: tuple[int, int]) -> int:
    return -abs(item[0])


class SubstringIndex:
    """The set. Strings are counted: each `add` needs its own `discard`."""

    def __init__(self) -> None:
        self._lengths: dict[str, int | dict[int, int]] = {}
        """By the first GRAM characters: the one length that a string has, or lengths with the number of strings."""
        self._counts: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, text: str) -> list[Entry]:
        """Add a string of at least GRAM characters."""
        if len(text) <= BLOCK:
            return [self._add(text, whole=True)]
        starts = range(0, len(text) - GRAM + 1, BLOCK)
        entries = [self._add(text[start : start + BLOCK], whole=True) for start in starts]
        if (len(text) - 1) % BLOCK + 1 < GRAM:  # the rest after the last block is too short to be found alone
            entries.append(self._add(text[-BLOCK:], whole=True))
        return entries

    def add_beginning(self, text: str) -> Entry:
        """Add a string of at least GRAM characters; where a text holds it, everything up to the end of the word counts as
        found."""
        return self._add(text[:BLOCK], whole=False)

    def _add(self, text: str, *, whole: bool) -> Entry:
        gram, length = text[:GRAM], len(text)
        known = self._lengths.get(gram)
        if whole and isinstance(known, dict) and length not in known and sum(one > 0 for one in known) >= CROWDED:
            whole = False
        if not whole:
            length = max(one for one in BEGINNINGS if one <= length)
            text = text[:length]
        return self._count(Entry(gram, length if whole else -length, hash(text) if whole else ~hash(text)))

    def restore(self, entry: Entry) -> Entry:
        """Add what an index returned earlier, this one or another. Returns what is to be discarded.

        Where too many strings begin alike, the gram alone counts: the strings themselves are no longer known.
        """
        known = self._lengths.get(entry.gram)
        crowded = isinstance(known, dict) and entry.length not in known and sum(one > 0 for one in known) >= CROWDED
        return self._count(Entry(entry.gram, -GRAM, ~hash(entry.gram)) if crowded and entry.length > 0 else entry)

    def _count(self, entry: Entry) -> Entry:
        gram, known = entry.gram, self._lengths.get(entry.gram)
        if known is None:
            self._lengths[gram] = entry.length
        else:
            counted = {known: 1} if isinstance(known, int) else known
            counted[entry.length] = counted.get(entry.length, 0) + 1
            self._lengths[gram] = counted if counted[entry.length] > 1 else dict(sorted(counted.items(), key=_longest_first))
        self._counts[entry.key] = self._counts.get(entry.key, 0) + 1
        return entry

    def discard(self, entry: Entry) -> None:
        """Undo one `add`."""
        gram, length, key = entry
        known = self._lengths[gram]
        if isinstance(known, int):
            del self._lengths[gram]
        else:
            known[length] -= 1
            if not known[length]:
                del known[length]
            if not known:
                del self._lengths[gram]
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]

    def spans(self, text: str, most: int) -> Iterator[tuple[int, int]]:
        """Yield (start, end) of each known string in `text` that starts before `most`, in the order of their starts."""
        lengths, counts = self._lengths, self._counts
        if not lengths:
            return
        last = min(len(text) - GRAM + 1, most)
        word = 0, 0  # start and end of the last word that was searched: once, not once a character
        for start in [at for at in range(last) if text[at : at + GRAM] in lengths]:
            known = lengths[text[start : start + GRAM]]
            found = False
            for length in (known,) if isinstance(known, int) else known:
                end = start + abs(length)
                if end > len(text) or (found and length > 0):  # shorter ones are inside what was found
                    continue
                key = hash(text[start:end])
                if length > 0 and key in counts:
                    found = True
                    yield start, end
                elif length < 0 and ~key in counts:
                    if not word[0] <= end <= word[1]:
                        rest = _REST.match(text, end)
                        word = end, rest.end() if rest else end
                    yield start, word[1]
                    break
