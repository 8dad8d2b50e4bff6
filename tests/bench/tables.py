"""The figures of `make bench` as tables on the terminal."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import burst, creation, hubs, passes, reads, redaction, release, scale, stalls, upgrade

console = Console()


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table, with figures aligned to the right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for number, name in enumerate(head):
        table.add_column(name, justify="right" if number else "left")
    for row in rows:
        table.add_row(*map(str, row))
    console.print(table)


def show_hub(hub: release.Hub) -> None:
    """Print how the duration of an install is made up."""
    show(
        "From a settled target to a Ready hub (jupyterhub 4.4.0; pods and addresses are simulated), seconds",
        ("part", "", "share"),
        [
            (name, f"{seconds:.1f}", f"{seconds / hub.marks['Ready']:.0%}")
            for name, seconds in (
                ("rehearsal and secrets, until helm begins", hub.marks["helm begins"]),
                ("helm (hooks that pull images included)", hub.took("helm begins", "helm is done")),
                ("pods of hub and proxy, after helm", hub.took("helm is done", "pods")),
                ("address of the front door, after helm", hub.took("helm is done", "address")),
                ("all, until it is Ready", hub.marks["Ready"]),
            )
        ]
        + [
            (f"helm processes in {release.QUIET_PASSES} reconciles without changes", hub.quiet_helm, ""),
            ("one of these reconciles, ms by the clock (hub_pass_ms)", f"{hub.pass_ms:.0f}", ""),
            ("one of these reconciles, ms of processor time", f"{hub.pass_cpu_ms:.0f}", ""),
            ("the same chart by hand: helm install --wait", f"{hub.by_hand:.1f}", ""),
        ],
    )


def show_redaction(found: redaction.Redaction) -> None:
    """Print the cost of redaction by number of platforms."""
    names = {
        "add": "add a platform's Secrets",
        "own": "redact a message, with its platform's secrets",
        "log": "redact it for the log",
    }
    rows = [(names[name], *map("{:.0f}".format, getattr(found, name)), f"{ratio:.2f}") for name, ratio in found.ratios.items()]
    show(
        f"Redaction, microseconds of processor time ({found.values_of_each} secret values and {found.kilobytes:.0f} KB a platform)",
        ("work", f"{redaction.FEW} platforms", f"{redaction.MANY:,} platforms", "ratio"),
        rows,
    )


def show_stalls(found: Sequence[stalls.Stall]) -> None:
    """Print the stalls of the event loop."""
    rows = [(one.attack, f"{one.wall * 1000:.0f}", f"{one.processor * 1000:.0f}", one.became) for one in found]
    show("Longest stall of the event loop, ms", ("attack", "by the clock", "processor time of the loop", "became"), rows)


def show_burst(found: burst.Burst) -> None:
    """Print how a burst passes, beside the bound that Azure sets."""
    rows = [
        ("not Ready in the end", found.failed, 0),
        ("requests refused with 429, part of all", f"{found.ratio_429:.2%}", "1%"),
        ("seconds until all are Ready", f"{found.took:.0f}", f"{1.2 * found.bound:.0f}"),
        ("in relation to the bound of rate limits and operations", f"{found.over_bound:.2f}", "1.2"),
        ("longest delay of the event loop (99.9 %), ms", f"{found.loop_stall_ms_p999:.0f}", "100"),
        ("seconds of one platform alone", f"{found.alone:.0f}", ""),
        ("seconds of Azure's work on it", f"{found.operations:.0f}", ""),
    ]
    rows += [(f"{kind} of a platform, on average", f"{count:.1f}", "") for kind, count in found.each.items()]
    rows += [(f"processor seconds: {name}", f"{seconds:.0f}", "") for name, seconds in found.processor.items()]
    rows += [(f"seconds until {part} are Ready", f"{seconds:.0f}", "") for part, seconds in found.ready_at.items()]
    rows += [(f"platforms with the failure {reason} meanwhile", count, "") for reason, count in found.reasons.items()]
    show(f"{found.platforms} platforms created at once", ("figure", "", "goal"), rows)


def show_creation(found: creation.Creation) -> None:
    """Print how long one platform takes beside Azure's work and the runbook."""
    show(
        f"One platform, Azure {burst.SPEED:g} times as fast as real time, seconds",
        ("figure", "", "goal"),
        [
            ("Azure's work on it", f"{found.critical:.1f}", ""),
            ("until the platform without a hub is Ready", f"{found.cluster:.1f}", f"{1.1 * found.critical:.1f}"),
            ("in relation to Azure's work (ready_over_critical_path)", f"{found.ready_over_critical_path:.2f}", "1.10"),
            ("from a settled cluster to a Ready hub", f"{found.hub:.1f}", ""),
            ("the runbook: az", f"{found.az:.1f}", ""),
            ("the runbook: helm install --wait", f"{found.helm:.1f}", ""),
            ("platform and hub in relation to the runbook (ready_over_runbook)", f"{found.ready_over_runbook:.2f}", "0.75"),
        ],
    )


def show_all(measured: list[reads.Reads], cost: passes.Passes, walked: upgrade.Upgrade, tables: dict[str, int]) -> None:
    """Print all tables."""
    show(
        "Settled platforms in one subscription: requests of an interval with one reconcile each",
        ("platforms", "reads", "unshared", "saved", "at a start", "writes", "refused"),
        [
            (m.platforms, m.interval, m.each_by_itself, f"{1 - m.interval / m.each_by_itself:.0%}", m.start, m.writes, m.refused)
            for m in measured
        ],
    )
    each = {
        "settled, shared cache": cost.settled,
        "settled, empty cache": cost.alone,
        "plan of a new platform": cost.planned,
        "while it is created (average)": cost.creating,
    }
    show(
        "A reconcile (including the CPU time of the simulator)",
        ("reconcile", "CPU ms", "reconciles a second", "relative to creation"),
        [(name, f"{1000 * s:.2f}", f"{1 / s:.0f}", f"{s / cost.creating:.0%}") for name, s in each.items()],
    )
    show(
        f"Upgrade 1.34 to 1.36 with {len(upgrade.POOLS) + 1} pools, {upgrade.SPEED:g} times as fast as real time",
        ("figure", ""),
        [
            ("writes (control plane and each pool, twice)", walked.writes),
            ("writes refused", walked.refused),
            ("polls of operations", walked.polls),
            ("other reads", walked.other_reads),
            ("reconciles", walked.passes),
            ("from an operation's end to the next write, median ms", f"{1000 * median(walked.gaps):.0f}"),
            ("the longest, ms", f"{1000 * max(walked.gaps):.0f}"),
            ("the longest, in Azure's seconds", f"{upgrade.SPEED * max(walked.gaps):.1f}"),
            ("share of the time in which Azure was at work", f"{walked.busy:.1%}"),
        ],
    )
    show("Tables", ("table", "rows"), list(tables.items()))


def show_hubs(found: scale.Scale) -> None:
    """Print what settled platforms with hubs cost."""
    show("Settled platforms with hubs in one operator process", ("figure", f"{found.platforms} hubs", "goal"), hubs.rows(found))


def show_scale(found: Sequence[scale.Scale]) -> None:
    """Print what settled platforms cost, each figure beside its goal."""
    head = ("figure", *(f"{one.platforms:,} platforms" for one in found), "goal")
    show("Settled platforms in one operator process (* misses the goal)", head, scale.rows(found))
