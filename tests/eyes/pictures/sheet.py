"""A sheet on which texts, lines and rectangles are drawn in pixels from the upper left corner, and the check that texts do not collide."""

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

from tests.eyes.pictures.digest import overlaps
from tests.eyes.pictures.layout import TEXT, Box

GROUND, CARD, FRAME, INK, FAINT = "#f4f5f5", "#ffffff", "#d8dade", "#24292e", "#57606a"


def width_of(text: str, size: float = TEXT) -> float:
    """Return the width of a text in pixels."""
    return float(text_to_path.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)[0])


class Sheet:
    """A figure whose unit is a pixel."""

    def __init__(self, figure: Figure, width: float, height: float) -> None:
        self.figure, self.width, self.height = figure, width, height
        self._texts: list[Any] = []

    def text(
        self, x: float, y: float, text: str, size: float = TEXT, *, align: str = "left", color: str = INK, weight: str = "normal"
    ) -> None:
        """Write a text; y is its middle."""
        place = self._place(x, y)
        # parse_math=False: a $ in a label is no formula
        self._texts.append(
            self.figure.text(
                *place, text, fontsize=size, ha=align, va="center_baseline", color=color, weight=weight, parse_math=False
            )
        )

    def card(self, name: str, box: Box) -> None:
        """Draw the ground of a panel. `name` becomes its id in the SVG; axes are above it."""
        self._add(
            Rectangle(self._corner(box), *self._extent(box), facecolor=CARD, edgecolor=FRAME, linewidth=1, gid=name, zorder=-1)
        )

    def rule(self, xs: Sequence[float], y: float, color: str = FRAME, width: float = 1.0) -> None:
        """Draw a horizontal line."""
        (left, line), (right, _) = self._place(xs[0], y), self._place(xs[1], y)
        self._add(Line2D([left, right], [line, line], color=color, linewidth=width))

    def axes(self, box: Box) -> Any:
        """Return axes that fill a rectangle."""
        return self.figure.add_axes((*self._corner(box), *self._extent(box)), facecolor=CARD)

    def check(self) -> None:
        """Check that no two texts share an area and that none leaves the picture. Raises ValueError with the texts."""
        boxes = {
            f"{number}: {one.get_text()}": one.get_window_extent() for number, one in enumerate(self._all(), 1) if one.get_text()
        }
        found = overlaps({name: (box.x0, box.y0, box.width, box.height) for name, box in boxes.items()})
        outside = [name for name, box in boxes.items() if box.x0 < 0 or box.y0 < 0 or box.x1 > self.width or box.y1 > self.height]
        if found or outside:
            raise ValueError(f"texts overlap: {found}; texts outside the picture: {outside}")

    def _all(self) -> list[Any]:
        ticks = [label for axes in self.figure.axes for axis in (axes.xaxis, axes.yaxis) for label in axis.get_ticklabels()]
        return [*self._texts, *ticks]

    def _add(self, artist: Any) -> None:
        self.figure.add_artist(artist)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        return x / self.width, 1 - y / self.height

    def _corner(self, box: Box) -> tuple[float, float]:
        return self._place(box.x, box.y + box.height)

    def _extent(self, box: Box) -> tuple[float, float]:
        return box.width / self.width, box.height / self.height
