"""The digest of a dashboard's panels, which its picture has in its metadata: another one means that the picture is out of date."""

import hashlib
import json
from collections.abc import Mapping
from itertools import combinations
from typing import Any

PREFIX = "panels sha256:"
SHOWN = ("type", "title", "gridPos", "fieldConfig", "targets", "transformations")
"""Members of a panel that change its picture. The description is shown on demand only."""


def digest(board: Mapping[str, Any]) -> str:
    """Return the digest of a dashboard's title and panels, with PREFIX."""
    shown = [board["title"], *({key: panel.get(key) for key in SHOWN} for panel in board["panels"])]
    return PREFIX + hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def overlaps(places: Mapping[str, tuple[float, float, float, float]]) -> list[tuple[str, str]]:
    """Return the pairs of rectangles (x, y, width, height), by their names, that share an area."""
    return [(one, other) for (one, a), (other, b) in combinations(places.items(), 2) if _common(a, b)]


def _common(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return all(a[i] < b[i] + b[i + 2] and b[i] < a[i] + a[i + 2] for i in (0, 1))
