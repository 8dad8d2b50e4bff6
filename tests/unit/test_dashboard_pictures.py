"""The pictures of the dashboards: each shows the panels of today in their places, and no panel covers another one."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from docs.generator.monitoring.dashboards import DASHBOARDS
from docs.generator.monitoring.grafana import COLUMNS, Dashboard
from tests.eyes.pictures import layout
from tests.eyes.pictures.digest import digest, overlaps
from tests.eyes.pictures.layout import Box
from tests.eyes.pictures.values import UNITS, unit_size, written

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
SVG = "{http://www.w3.org/2000/svg}"
EACH = pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)


def picture(board: Dashboard) -> ET.Element:
    return ET.parse(PICTURES / board.picture).getroot()


def drawn_cards(root: ET.Element) -> dict[str, Box]:
    """Return where the panels of a picture are, by their ids."""
    found = {}
    for group in root.iter(f"{SVG}g"):
        if (name := group.get("id", "")).startswith("panel-"):
            (path,) = group.iter(f"{SVG}path")
            numbers = [float(number) for number in re.findall(r"[\d.]+", path.attrib["d"])]
            xs, ys = numbers[0::2], numbers[1::2]
            found[name] = Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    return found


@EACH
def test_a_picture_shows_the_panels_of_today(board: Dashboard) -> None:
    root = picture(board)
    assert root.findtext(f"{SVG}metadata") == digest(board.model()), "run `make eyes`: a dashboard was changed after its picture"
    texts = {text.text for text in root.iter(f"{SVG}text")}
    assert {board.title, *(panel.title for panel in board.panels)} <= texts


@EACH
def test_the_panels_of_a_picture_are_where_grafana_has_them(board: Dashboard) -> None:
    cards = drawn_cards(picture(board))
    for panel in board.model()["panels"]:
        box, place = cards[f"panel-{panel['id']}"], layout.placed(panel)
        assert (box.x, box.y, box.width, box.height) == pytest.approx((place.x, place.y, place.width, place.height), abs=1)
    assert overlaps({name: (box.x, box.y, box.width, box.height) for name, box in cards.items()}) == []


@EACH
def test_panels_of_the_grid_do_not_overlap_and_stay_within_its_columns(board: Dashboard) -> None:
    places = {panel["title"]: panel["gridPos"] for panel in board.model()["panels"]}
    assert len(places) == len(board.panels)
    assert overlaps({name: (at["x"], at["y"], at["w"], at["h"]) for name, at in places.items()}) == []
    assert all(at["x"] + at["w"] <= COLUMNS for at in places.values())


@pytest.mark.parametrize("member", ["title", "gridPos", "targets", "fieldConfig"])
def test_a_changed_panel_has_another_digest(member: str) -> None:
    model = DASHBOARDS[0].model()
    before, panel = digest(model), model["panels"][0]
    panel[member] = {"title": "Other", "gridPos": {"h": 1}, "targets": [], "fieldConfig": {"unit": "s"}}[member]
    assert digest(model) != before


def test_a_description_is_not_in_the_picture() -> None:
    model: dict[str, Any] = DASHBOARDS[0].model()
    before = digest(model)
    model["panels"][0]["description"] = "Other."
    assert digest(model) == before


def test_rectangles_that_share_an_area_overlap_and_neighbours_do_not() -> None:
    assert overlaps({"a": (0, 0, 12, 8), "b": (12, 0, 12, 8), "c": (11, 7, 2, 2)}) == [("a", "c"), ("b", "c")]


def test_each_unit_of_the_dashboards_can_be_written() -> None:
    assert {panel.unit for board in DASHBOARDS for panel in board.panels} <= set(UNITS)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "s", "0 s"),
        (0.0021, "s", "2.1 ms"),
        (90, "s", "1.5 min"),
        (1234567, "short", "1.23 Mil"),
        (0.25, "ops", "0.25 ops/s"),
        (0.995, "percentunit", "99.5%"),
        (157286400, "bytes", "150 MiB"),
        (1e-9, "short", "0.000000001"),
        (float("nan"), "s", "No data"),
    ],
)
def test_a_value_is_written_as_grafana_does(value: float, unit: str, text: str) -> None:
    assert written(value, unit) == text


@pytest.mark.parametrize(("value", "unit", "size"), [(2e8, "bytes", 2**20), (90, "s", 60), (0.2, "s", 1e-3), (5000, "short", 1)])
def test_a_scale_has_whole_steps_of_the_unit(value: float, unit: str, size: float) -> None:
    assert unit_size(value, unit) == size


def test_a_text_that_is_too_wide_is_cut() -> None:
    assert layout.fitted("short", 5, len) == "short"
    assert layout.fitted("not so short", 8, len) == "not so…"


def test_a_legend_counts_the_entries_that_do_not_fit() -> None:
    entries = layout.legend([f"series {number}" for number in range(50)], 400, lambda text: 7.0 * len(text))
    shown = [entry for entry in entries if entry.number >= 0]
    assert entries[-1].text == f"and {50 - len(shown)} more" and entries[-1].number == -1
    assert max(entry.y for entry in entries) < layout.LEGEND_LINES * layout.LINE
    assert [entry.text for entry in layout.legend(["a", "b"], 400, len)] == ["a", "b"]
