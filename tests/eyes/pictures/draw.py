"""Draw a dashboard as an SVG with Matplotlib. Text stays text, so the picture is small and needs no font from outside."""

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from tests.eyes.pictures import layout
from tests.eyes.pictures.digest import digest
from tests.eyes.pictures.panels import DRAW
from tests.eyes.pictures.sheet import GROUND, Sheet

SVG = "http://www.w3.org/2000/svg"
FAMILY = "'DejaVu Sans'"
FAMILIES = f"{FAMILY}, Verdana, sans-serif"
"""Verdana has letters of the same widths where DejaVu is missing."""

DECIMALS = re.compile(r"(\d\.\d)\d+")
"""A number with more decimals than a pixel needs."""

STYLE = {"svg.fonttype": "none", "svg.hashsalt": "dashboards", "font.family": "DejaVu Sans", "path.simplify_threshold": 0.3}


def drawn(board: Mapping[str, Any], answers: Mapping[str, Any], chosen: str) -> str:
    """Return the SVG of a dashboard (Grafana's model) with these answers (`answers.recorded`, of this dashboard). `chosen`: the values of its
    variables. Raises ValueError when texts overlap or leave their panel."""
    with matplotlib.rc_context(STYLE):
        width, height = layout.size(board["panels"])
        figure = Figure(figsize=(width / 72, height / 72), dpi=72, facecolor=GROUND)
        FigureCanvasSVG(figure)
        sheet = Sheet(figure, width, height)
        sheet.text(layout.GAP + 2, layout.HEADER / 2 - 2, board["title"], layout.TITLE + 3, weight="bold")
        sheet.text(width - layout.GAP - 2, layout.HEADER / 2 - 2, chosen, layout.TEXT, align="right")
        for panel in board["panels"]:
            box = layout.placed(panel)
            sheet.card(f"panel-{panel['id']}", box)
            sheet.text(box.x + layout.PADDING, box.y + 16, panel["title"], layout.TITLE, weight="bold")
            inner = box.within(layout.PADDING, 30, layout.PADDING, layout.PADDING)
            DRAW[panel["type"]](sheet, inner, panel, answers["boards"][board["uid"]][str(panel["id"])], answers)
        sheet.check()
        output = io.BytesIO()
        figure.savefig(output, format="svg", facecolor=GROUND, metadata={"Date": None})
    return _finished(output.getvalue().decode(), board)


def _finished(text: str, board: Mapping[str, Any]) -> str:
    """Return the SVG with a title, a description and the digest of its panels instead of Matplotlib's metadata."""
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    root = ET.fromstring(text.replace(FAMILY, FAMILIES))
    for old in root.findall("{*}metadata"):
        root.remove(old)
    for place, (name, content) in enumerate(
        (("title", board["title"]), ("desc", board["description"]), ("metadata", digest(board)))
    ):
        element = ET.Element(f"{{{SVG}}}{name}")
        element.text = content
        root.insert(place, element)
    for side in ("width", "height"):
        root.set(side, root.attrib[side].removesuffix("pt"))
    for path in root.iter(f"{{{SVG}}}path"):
        path.set("d", DECIMALS.sub(r"\1", path.get("d", "")))
    lines = ET.tostring(root, encoding="unicode").splitlines()
    return "\n".join(line.strip() for line in lines if line.strip()) + "\n"
