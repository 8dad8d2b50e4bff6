"""One secret value as the indexes of `SecretRedactor` hold it: as entries while its platform is reconciled, packed in between."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from notebook_platform.kube.substrings import GRAM, Entry


@dataclass
class SearchedValue:
    """One value of one key of a Secret, as the two indexes hold it. `seen`: when it was last read, on the redactor's clock."""

    leaves: int
    last_used: float
    own: list[Entry] = field(default_factory=list)
    log: list[Entry] = field(default_factory=list)
    packed: tuple[str, bytes, bytes] = ("", b"", b"")
    """The entries at rest: their grams, lengths and keys."""

    def pack(self) -> None:
        """Replace the entries by their packed form."""
        lengths, keys = array("h", (one.length for one in self.own)), array("q", (one.key for one in self.own))
        self.packed = "".join(one.gram for one in self.own), lengths.tobytes(), keys.tobytes()
        self.own, self.log = [], []

    def unpack(self) -> Iterator[Entry]:
        """Yield the packed entries, and drop their packed form."""
        grams, lengths, keys = self.packed
        self.packed = "", b"", b""
        starts = range(0, len(grams), GRAM)
        for start, length, key in zip(starts, array("h", lengths), array("q", keys), strict=True):
            yield Entry(grams[start : start + GRAM], length, key)
