"""Check a hub's values for what would take the place of the values that the metrics agent needs. Pure."""

from collections.abc import Iterator

from notebook_platform.hubs.case import Case, Violation
from notebook_platform.hubs.metrics.values import ORIGIN, PORT_FLAG, PROXY_PORT, SCRAPER
from notebook_platform.versions import Version

PROXY_METRICS: Version = (1, 0)
"""The first chart whose proxy serves metrics."""

OWN_SECRET: Version = (1, 0)
"""The first chart whose Secret is named `hub`; before, it is `hub-secret`, and an existing Secret takes its place."""

FLAGS = "proxy.chp.extraCommandLineFlags"
TURN_OFF = "set spec.monitoring.hubMetrics to false"


def check_metrics(case: Case) -> Iterator[Violation]:
    """Yield services, roles and flags of the user that have the operator's place; the operator overwrites none."""
    if not case.hub_context.scraped:
        return
    services, roles = [one.name for one in case.spec.services], [one.name for one in case.spec.roles]
    for kind, names in (("service", services), ("role", roles)):
        for place in (place for place, name in enumerate(names) if name == SCRAPER):
            yield _taken(case.fields.path(f"{kind}s[{place}].name"), kind)
    for kind, section in (("service", "services"), ("role", "loadRoles")):
        path = ("hub", section, SCRAPER)
        foreign = sorted(p for p, origin in case.origins.items() if p[: len(path)] == path and not origin.startswith(ORIGIN))
        if foreign:
            yield _taken(case.origins[foreign[0]].removesuffix(" (default)"), kind)
    yield from _flags(case)


def _taken(where: str, kind: str) -> Violation:
    return (
        f"{where}: {SCRAPER!r} is the name of the {kind} with which spec.monitoring scrapes the hub",
        f"Choose another name, or {TURN_OFF}.",
    )


def _flags(case: Case) -> Iterator[Violation]:
    """Yield another port for the proxy's metrics; of two flags the last counts."""
    flags = case.at(FLAGS)
    given = [str(flag) for flag in flags if str(flag).startswith(PORT_FLAG)] if isinstance(flags, list) else []
    if case.version >= PROXY_METRICS and any(flag != f"{PORT_FLAG}={PROXY_PORT}" for flag in given):
        yield (
            f"{case.fields.value(FLAGS)}: {PORT_FLAG} contradicts spec.monitoring, which has the proxy serve its metrics on port {PROXY_PORT}",
            f"Remove the flag, or {TURN_OFF}.",
        )


def metrics_remarks(case: Case) -> Iterator[str]:
    """Yield a sentence for a proxy that serves no metrics, and for a hub whose token is not in the Secret that the PodMonitor names."""
    if not case.hub_context.scraped:
        return
    moved = "fullnameOverride" if case.version >= OWN_SECRET else "hub.existingSecret"
    if case.at(moved):
        yield f"spec.monitoring: the hub cannot be scraped, because {case.from_(moved)} gives its Secret another name"
    if case.version < PROXY_METRICS:
        yield (
            f"spec.monitoring: the proxy of chart {case.spec.chart.version} serves no metrics, so that only the hub is scraped; charts from "
            "1.0 on have them"
        )
