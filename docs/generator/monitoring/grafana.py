"""The model of a dashboard and its JSON, as Grafana reads it
(https://grafana.com/docs/grafana/latest/visualizations/dashboards/build-dashboards/view-dashboard-json-model).

Plain dictionaries: of Grafana's model the panels need two dozen members.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
SCHEMA = 39
"""The version of the model; newer Grafanas convert it."""

COLUMNS, HEIGHT = 24, 8
STAT, LINES, TABLE = "stat", "timeseries", "table"
TEXT, GREEN, ORANGE, RED = "text", "green", "orange", "red"
"""Colours by Grafana's names; `text` is the colour of the theme's text."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel. `queries`: (legend, PromQL). `width` is in 24ths of the page, `height` in Grafana's rows.

    `thresholds`: (lowest value, colour) in ascending order, below the first one the colour is `text`. Without any, Grafana colours values
    from 80 on red. `words`: the text and colour for a value. `columns`: the header of each column of a table by the label's name; other
    columns are hidden.
    """

    title: str
    reading: str
    queries: Sequence[tuple[str, str]]
    kind: str = LINES
    unit: str = "short"
    width: int = 12
    height: int = HEIGHT
    thresholds: Sequence[tuple[float, str]] = ()
    words: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A choice at the top of the dashboard: the values of a label."""

    name: str
    query: str


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """One dashboard; `uid` is its address in Grafana and its file's name. `shows` describes its picture in the manual for readers who do not
    see it; `hint` says where to begin to read it."""

    uid: str
    title: str
    about: str
    shows: str
    hint: str
    panels: Sequence[Panel]
    variables: Sequence[Variable] = ()

    @property
    def picture(self) -> str:
        """Return the name of its picture in docs/pictures."""
        return f"dashboard-{self.uid.removeprefix('notebook-platform-')}.svg"

    def placed(self) -> Iterator[tuple[Panel, dict[str, int]]]:
        """Yield each panel with its place in Grafana's grid: from left to right, in rows as high as their highest panel."""
        x, y, height = 0, 0, 0
        for panel in self.panels:
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            yield panel, {"h": panel.height, "w": panel.width, "x": x, "y": y}
            x, height = x + panel.width, max(height, panel.height)

    def model(self) -> dict[str, Any]:
        """Return the dashboard as Grafana's model has it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.about,
            "tags": ["notebook-platform"],
            "schemaVersion": SCHEMA,
            "editable": True,
            "refresh": "1m",
            "time": {"from": "now-6h", "to": "now"},
            "templating": {"list": [_source(), *map(_variable, self.variables)]},
            "panels": [_panel(panel, number, place) for number, (panel, place) in enumerate(self.placed(), start=1)],
        }

    def document(self) -> str:
        """Return the JSON that Grafana imports."""
        return json.dumps(self.model(), indent=2) + "\n"


def _panel(panel: Panel, number: int, place: Mapping[str, int]) -> dict[str, Any]:
    instant = panel.kind != LINES
    targets = [
        {
            "refId": chr(ord("A") + index),
            "datasource": SOURCE,
            "expr": query,
            "legendFormat": legend,
            "instant": instant,
            "range": not instant,
            **({"format": "table"} if panel.kind == TABLE else {}),
        }
        for index, (legend, query) in enumerate(panel.queries)
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.reading,
        "datasource": SOURCE,
        "gridPos": dict(place),
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "targets": targets,
        **({"transformations": [_named_columns(panel.columns)]} if panel.columns else {}),
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    """Return how values are shown. A stat always has thresholds: Grafana adds its own to a panel without any."""
    found: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.kind == STAT:
        steps = [{"value": None, "color": TEXT}, *({"value": value, "color": color} for value, color in panel.thresholds)]
        found["thresholds"] = {"mode": "absolute", "steps": steps}
    if panel.words:
        options = {str(value): {"text": text, "color": color} for value, (text, color) in panel.words.items()}
        found["mappings"] = [{"type": "value", "options": options}]
    return found


def _named_columns(columns: Mapping[str, str]) -> dict[str, Any]:
    """Return the transformation that renames columns. The time of an instant query is the same in each row."""
    return {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": dict(columns)}}


def _source() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _variable(variable: Variable) -> dict[str, Any]:
    query = {"query": variable.query, "refId": variable.name}
    return {"name": variable.name, "type": "query", "datasource": SOURCE, "query": query, "refresh": 2, "sort": 1}
