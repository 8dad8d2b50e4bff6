"""Draw the panels of a dashboard: a stat, lines over time, a table."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from tests.eyes.pictures import layout
from tests.eyes.pictures.layout import SMALL, TEXT, Box
from tests.eyes.pictures.sheet import FAINT, FRAME, INK, Sheet, width_of
from tests.eyes.pictures.values import unit_size, written

LABEL = re.compile(r"\{\{(\w+)\}\}")
COLORS = {"text": INK, "green": "#1a7f37", "orange": "#bc4c00", "red": "#cf222e"}
"""Grafana's colours by name, dark enough on white."""

CYCLE = ("#1f77b4", "#d95f02", "#2ca02c", "#d62728", "#7b52ab", "#8c564b", "#c2579b", "#5c5c5c", "#8a8a00", "#0f8b9d")
DASHES = ("-", "--", ":")
"""The second ten lines are dashed, so that no two are alike."""

STEPS = (1, 2, 2.5, 5, 10)
"""Of a scale, in its power of ten."""

HEADROOM = 1.08
"""The upper end of the scale, in highest values."""

SCALE = 26
"""Height of the labels of the time scale."""

MARGIN = 14
"""Right of the axes: half of the last label of the time scale."""

Answers = Sequence[Sequence[Mapping[str, Any]]]
"""For each query of a panel its series: labels and points."""


def stat(sheet: Sheet, box: Box, panel: Mapping[str, Any], answers: Answers, _: Mapping[str, Any]) -> None:
    """Draw the value of the only series in the middle, in the colour of its threshold or mapping."""
    (series,) = answers[0] or [{"points": [(0, "nan")]}]
    text, color = shown(panel, float(series["points"][-1][1]))
    sheet.text(
        box.x + box.width / 2,
        box.y + box.height / 2,
        text,
        min(40.0, box.height * 0.5),
        align="center",
        color=color,
        weight="bold",
    )


def table(sheet: Sheet, box: Box, panel: Mapping[str, Any], answers: Answers, _: Mapping[str, Any]) -> None:
    """Draw the columns that the panel names, one row for each series."""
    names = panel["transformations"][0]["options"]["renameByName"]
    rows = [[cell(panel, series, column) for column in names] for series in answers[0]]
    fit = int(box.height / layout.LINE / 1.25) - 1
    lines = [[(name, INK) for name in names.values()], *rows[:fit]]
    widths = box.width / len(names)
    for number, line in enumerate(lines):
        y = box.y + (number + 0.5) * layout.LINE * 1.25
        for column, (text, color) in enumerate(line):
            short = layout.fitted(text, widths - layout.PADDING, width_of)
            sheet.text(box.x + column * widths, y, short, TEXT, color=color, weight="normal" if number else "bold")
        sheet.rule((box.x, box.x + box.width), y + layout.LINE * 0.625)


def lines(sheet: Sheet, box: Box, panel: Mapping[str, Any], answers: Answers, times: Mapping[str, Any]) -> None:
    """Draw each series as a line over the time since the start, with a legend below."""
    if not (found := list(named(panel, answers))):
        sheet.text(box.x + box.width / 2, box.y + box.height / 2, "No data", TEXT, align="center", color=FAINT)
        return
    entries = layout.legend([name for name, _ in found], box.width, width_of)
    below = entries[-1].y + layout.LINE + SCALE
    unit = panel["fieldConfig"]["defaults"]["unit"]
    highest = max((value for _, points in found for _, value in points if not math.isnan(value)), default=1.0) or 1.0
    top = highest * HEADROOM
    size = unit_size(top, unit)
    ticks = [tick for number in MaxNLocator(4, steps=STEPS).tick_values(0, top / size) if 0 <= (tick := number * size) <= top]
    left = max(width_of(written(tick, unit), SMALL) for tick in ticks) + 8
    axes = sheet.axes(box.within(left, 4, MARGIN, below))
    for number, (_, points) in enumerate(found):
        axes.plot(*with_gaps(points, times), color=color_of(number), linestyle=dash_of(number), linewidth=1.5)
    minutes = (times["end"] - times["start"]) / 60
    axes.set_xlim(0, minutes)
    axes.set_ylim(0, top)
    _scale(axes, [tick for tick in MaxNLocator(6, steps=STEPS).tick_values(0, minutes) if 0 <= tick <= minutes], ticks, unit)
    for entry in entries:
        x, y = box.x + entry.x, box.y + box.height - below + SCALE + entry.y + layout.LINE / 2
        if entry.number >= 0:
            sheet.rule((x, x + layout.SAMPLE - 4), y, color_of(entry.number), 2.5)
        sheet.text(x + layout.SAMPLE, y, entry.text, TEXT, color=INK)


def _scale(axes: Any, minutes: Sequence[float], ticks: Sequence[float], unit: str) -> None:
    axes.yaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value, unit)))
    axes.xaxis.set_major_locator(FixedLocator(list(minutes)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} min"))
    axes.tick_params(labelsize=SMALL, colors=FAINT, length=0)
    axes.tick_params(axis="x", pad=8)
    axes.grid(color=FRAME, linewidth=0.6)
    for side in axes.spines.values():
        side.set_visible(False)


def named(panel: Mapping[str, Any], answers: Answers) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Yield each series of a panel with its name in the legend, in the order of the names."""
    for target, series in zip(panel["targets"], answers, strict=True):
        found = [
            (LABEL.sub(lambda label, one=one: one["labels"].get(label[1], ""), target["legendFormat"]), one) for one in series
        ]  # type: ignore[misc]
        for name, one in sorted(found, key=lambda pair: _natural(pair[0])):
            yield name, [(float(time), _drawable(float(value))) for time, value in one["points"]]


def _drawable(value: float) -> float:
    """Return a value, or NaN for an infinite one: a line has no place for it."""
    return value if math.isfinite(value) else math.nan


def _natural(text: str) -> list[tuple[float, str]]:
    """Return a key by which 60 stands before 300."""
    parts = re.split(r"(\d+(?:\.\d+)?)", text)
    return [(float(part), "") if number % 2 else (0.0, part) for number, part in enumerate(parts)]


def with_gaps(points: Sequence[tuple[float, float]], times: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Return minutes since the start and values, with a NaN where Prometheus has no value: a line ends there."""
    found = dict(points)
    grid = [times["start"] + number * times["step"] for number in range(int((times["end"] - times["start"]) / times["step"]) + 1)]
    values = {round(time - times["start"], 1): value for time, value in found.items()}
    minutes = [(time - times["start"]) / 60 for time in grid]
    return minutes, [values.get(round(time - times["start"], 1), math.nan) for time in grid]


def shown(panel: Mapping[str, Any], value: float) -> tuple[str, str]:
    """Return a value's text and colour, by the panel's mappings or thresholds."""
    defaults = panel["fieldConfig"]["defaults"]
    for mapping in defaults.get("mappings", []):
        if option := mapping["options"].get(f"{value:g}"):
            return option["text"], COLORS[option["color"]]
    steps = defaults.get("thresholds", {"steps": []})["steps"]
    passed = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return written(value, defaults["unit"]), COLORS[passed[-1] if passed else "text"]


def cell(panel: Mapping[str, Any], series: Mapping[str, Any], column: str) -> tuple[str, str]:
    """Return the text and the colour of a cell of a table."""
    return shown(panel, float(series["points"][-1][1])) if column == "Value" else (series["labels"].get(column, ""), INK)


def color_of(number: int) -> str:
    """Return the colour of a series."""
    return CYCLE[number % len(CYCLE)]


def dash_of(number: int) -> str:
    """Return how the line of a series is drawn."""
    return DASHES[number // len(CYCLE) % len(DASHES)]


DRAW: Mapping[str, Callable[[Sheet, Box, Mapping[str, Any], Answers, Mapping[str, Any]], None]] = {
    "stat": stat,
    "timeseries": lines,
    "table": table,
}
"""By Grafana's type."""
