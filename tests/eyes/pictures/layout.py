"""The division of a picture, in pixels from the upper left corner: Grafana's grid of 24 columns under a line with the title."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

COLUMN, ROW, GAP, HEADER = 42, 29, 8, 44
PADDING = 10
TITLE, TEXT, SMALL = 13.0, 11.0, 10.5
"""Sizes of letters."""

LINE = 17
"""Height of a line of a legend."""

LEGEND_LINES = 3
SAMPLE = 16
"""Width of a line's sample in a legend."""


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    def within(self, left: float, top: float, right: float, bottom: float) -> "Box":
        """Return the rectangle without margins."""
        return Box(self.x + left, self.y + top, self.width - left - right, self.height - top - bottom)


@dataclass(frozen=True)
class Entry:
    """One entry of a legend: the number of its series and where it begins."""

    number: int
    text: str
    x: float
    y: float


def placed(panel: Mapping[str, Any]) -> Box:
    """Return where a panel is drawn."""
    place = panel["gridPos"]
    return Box(
        GAP + place["x"] * COLUMN,
        HEADER + place["y"] * ROW,
        place["w"] * COLUMN - GAP,
        place["h"] * ROW - GAP,
    )


def size(panels: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Return the width and the height of a picture."""
    boxes = [placed(panel) for panel in panels]
    return max(box.x + box.width for box in boxes) + GAP, max(box.y + box.height for box in boxes) + GAP


def fitted(text: str, width: float, measured: Callable[[str], float]) -> str:
    """Return a text, cut with an ellipsis if it is wider than `width`."""
    if measured(text) <= width:
        return text
    return next((cut for end in range(len(text) - 1, 0, -1) if measured(cut := text[:end].rstrip() + "…") <= width), "…")


def legend(texts: Sequence[str], width: float, measured: Callable[[str], float]) -> list[Entry]:
    """Return the entries of a legend in lines of this width, from (0, 0). What does not fit into LEGEND_LINES becomes one entry with the
    number of the entries left out, which has the number -1."""
    short = [fitted(text, width - SAMPLE, measured) for text in texts]
    for count in range(len(texts), -1, -1):
        more = [f"and {len(texts) - count} more"] if count < len(texts) else []
        entries = list(_flow([*short[:count], *more], width, measured))
        if entries[-1].y < LEGEND_LINES * LINE:
            return [Entry(-1, e.text, e.x, e.y) if more and e.number == count else e for e in entries]
    raise ValueError(f"a legend does not fit into {width} pixels")


def _flow(texts: Sequence[str], width: float, measured: Callable[[str], float]) -> Iterator[Entry]:
    x, y = 0.0, 0.0
    for number, text in enumerate(texts):
        needed = SAMPLE + measured(text)
        if x and x + needed > width:
            x, y = 0.0, y + LINE
        yield Entry(number, text, x, y)
        x += needed + 2 * PADDING
