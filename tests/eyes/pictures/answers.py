"""What Prometheus answers to the queries of all panels, as plain data: the pictures can be drawn again without a server."""

from collections.abc import Mapping
from typing import Any

from docs.generator.monitoring.dashboards import DASHBOARDS
from sandbox.operator_process import ROOT
from tests.eyes.panels import chosen
from tests.eyes.server import Prometheus, shortened

ANSWERS = ROOT / "build" / "dashboards.json"
POINTS = 150
"""Points of a line at most."""


def recorded(server: Prometheus, start: float, end: float, pace: int) -> dict[str, Any]:
    """Return the answers between two times (seconds since 1970) by dashboard, panel and query. `pace` divides the windows of the queries: the
    sandbox runs for minutes, and the dashboards show hours."""
    step = max(1, round((end - start) / POINTS))
    boards = {
        board.uid: {
            str(panel["id"]): [_answer(server, target, start, end, step, pace) for target in panel["targets"]]
            for panel in board.model()["panels"]
        }
        for board in DASHBOARDS
    }
    return {"start": start, "end": end, "step": step, "boards": boards}


def _answer(
    server: Prometheus, target: Mapping[str, Any], start: float, end: float, step: int, pace: int
) -> list[dict[str, Any]]:
    """Return the series of one query: its labels and its points (time, value). An instant query has one point."""
    query = shortened(chosen(target["expr"]), pace)
    if target["instant"]:
        found = server.get("query", query=query, time=str(end))["result"]
        return [{"labels": one["metric"], "points": [one["value"]]} for one in found]
    found = server.get("query_range", query=query, start=str(start), end=str(end), step=str(step))["result"]
    return [{"labels": one["metric"], "points": one["values"]} for one in found]
