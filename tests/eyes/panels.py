"""Evaluates the query of each panel of the dashboards on a real Prometheus, as Grafana does."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from docs.generator.monitoring.dashboards import DASHBOARDS
from tests.eyes.fleet import HEALTHY, NAMESPACE
from tests.eyes.server import Prometheus

LEGEND = re.compile(r"\{\{(\w+)\}\}")
CHOSEN = {"$namespace": NAMESPACE, "$name": HEALTHY}
VARIABLE = re.compile(r"label_values\((.+), (\w+)\)")


@dataclass(frozen=True)
class Query:
    """A query of a panel; the legend names labels of its series as `{{label}}`."""

    place: str
    legend: str
    expression: str

    def problem(self, server: Prometheus) -> str:
        """Return what is wrong with the answer; nothing if the panel shows what its legend says."""
        found = server.series(self.expression)
        if not found:
            return f"{self.place}: no series: {self.expression}"
        if not server.series(self.expression.removesuffix(" or vector(0)")):
            return f"{self.place}: only the 0 for no series: {self.expression}"
        lacking = {label for label in LEGEND.findall(self.legend) for labels in found if label not in labels}
        return f"{self.place}: the legend's labels {lacking} are missing: {found[0]}" if lacking else ""


def queries() -> Iterator[Query]:
    """Yield the queries of all panels, with values for the dashboard's variables."""
    for board in DASHBOARDS:
        for panel in board.panels:
            for legend, expression in panel.queries:
                yield Query(f"{board.title}, {panel.title}", legend, chosen(expression))


def choices(server: Prometheus) -> Mapping[str, set[str]]:
    """Return the values that Grafana offers for each variable."""
    found = {}
    for board in DASHBOARDS:
        for variable in board.variables:
            parts = VARIABLE.fullmatch(chosen(variable.query))
            assert parts, variable.query
            found[variable.name] = {labels.get(parts[2], "") for labels in server.series(parts[1])}
    return found


def chosen(expression: str) -> str:
    """Return an expression with the values of the variables."""
    for name, value in CHOSEN.items():
        expression = expression.replace(name, value)
    return expression
