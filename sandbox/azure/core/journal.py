"""What Azure saw: every request, one JSON line each. Secrets never stand in it."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SECRET = re.compile(r"secret|password|keydata|value$|assertion", re.IGNORECASE)
WRITES = frozenset({"PUT", "POST", "PATCH", "DELETE"})
READING_POSTS = re.compile(r"/(token|getByIds|listCluster\w+Credential|checkNameAvailability)$", re.IGNORECASE)


def redacted(node: Any) -> Any:
    """The body with secret members replaced."""
    if isinstance(node, Mapping):
        return {k: "***" if isinstance(v, str) and SECRET.search(k) else redacted(v) for k, v in node.items()}
    return [redacted(item) for item in node] if isinstance(node, list) else node


class Journal:
    """In memory, and in a file when one is given."""

    def __init__(self, path: Path | None) -> None:
        self.entries: list[dict[str, Any]] = []
        self._file = path.open("a", buffering=1) if path else None

    def write(self, entry: dict[str, Any], body: Any) -> None:
        """Add a request; `seq` is its number from 0."""
        entry["seq"] = len(self.entries)
        entry["body_digest"] = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()[:16]
        entry["body"] = redacted(body)
        entry["write"] = entry["method"] in WRITES and not READING_POSTS.search(entry["path"].split("?")[0])
        self.entries.append(entry)
        if self._file:
            self._file.write(json.dumps(entry, default=str) + "\n")

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()
