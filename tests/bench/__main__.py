"""`python -m tests.bench` (`make bench`): figures of the operator against the simulator, printed and written to build/bench.json.
Counts and ratios are the same on any machine. Seconds depend on the machine, so nothing is checked against them."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from notebook_platform.azure.arm.error_table import CODES
from notebook_platform.azure.arm.session_pool import SessionPool
from notebook_platform.azure.arm.sign_in_table import AADSTS
from notebook_platform.helm.errors import TABLE

from docs.generator.spec import counts
from tests.bench import burst, creation, hubs, passes, reads, redaction, release, scale, stalls, upgrade
from tests.bench.subscription import subscription
from tests.bench.tables import (
    console,
    show_all,
    show_burst,
    show_creation,
    show_hub,
    show_hubs,
    show_redaction,
    show_scale,
    show_stalls,
)

FILE = Path("build/bench.json")
PLATFORMS = (1, 10, 50)
BUILT_FOR_COST = 10
"""The cost of a creation is measured up to this number of platforms: the lists of a full subscription would distort it."""

BURST = 40
"""Platforms of the burst without a flag: `make bench` takes minutes."""

HUBS = 10
"""Platforms with hubs. Helm installs four at once, in half a minute."""

BUILD_SPEED = 600.0

SMALLEST_SCALE, SCALE_INTERVAL = 100, 70.0
"""The number of settled platforms that CI measures, and their interval in seconds. It is longer than the wait before which a platform
rests."""

Measured = TypeVar("Measured")


async def timed(what: str, work: Awaitable[Measured]) -> Measured:
    """Await the work and print its duration."""
    began = time.monotonic()
    result = await work
    console.print(f"[dim]\\[bench] {what}: {time.monotonic() - began:.0f} s[/]")
    return result


async def many_platforms() -> tuple[list[reads.Reads], passes.Passes]:
    """Measure subscriptions with increasing numbers of platforms."""
    measured, creating, cost = [], 0.0, None
    async with subscription(BUILD_SPEED) as azure:
        for count in PLATFORMS:
            before, began = len(azure.platforms), time.process_time()
            await timed(f"{count} platforms built", azure.build(count))
            if count == BUILT_FOR_COST:
                creating = (time.process_time() - began) / sum(p.estate.passes for p in azure.platforms[before:])
            measured.append(await timed(f"{count} platforms measured", reads.measure(azure)))
            if count == BUILT_FOR_COST:
                cost = await timed("reconciles", passes.measure(azure, creating))
    assert cost is not None
    return measured, cost


async def one_upgrade() -> upgrade.Upgrade:
    """Measure an upgrade in a subscription of its own, slow enough to observe the gaps between operations."""
    async with subscription(upgrade.SPEED) as azure:
        return await timed(f"upgrade at {upgrade.SPEED:g} times real time", upgrade.measure(azure))


def sizes() -> dict[str, int]:
    """Return the sizes of the tables."""
    fields, rules = counts()
    azure = sum(map(len, CODES.values()))
    return {"spec fields": fields, "CEL rules": rules, "error codes of Azure": len(CODES) + len(AADSTS)} | {
        "meanings of errors": azure + len(AADSTS) + len(TABLE)
    }


def save(document: dict[str, Any]) -> None:
    """Write the figures to build/bench.json."""
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(document, indent=2) + "\n")
    console.print(f"Written to {FILE}")


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--scale",
        type=int,
        nargs="*",
        default=[SMALLEST_SCALE],
        metavar="N",
        help="numbers of settled platforms (default: %(default)s)",
    )
    parser.add_argument(
        "--interval", type=float, default=SCALE_INTERVAL, help="spec.interval of --scale, seconds (default: %(default)s)"
    )
    parser.add_argument(
        "--window", type=float, help="seconds without any change for which --scale measures (default: one interval)"
    )
    parser.add_argument(
        "--burst",
        type=int,
        default=BURST,
        metavar="N",
        help="platforms that are created at once (default: %(default)s; goals are for 400)",
    )
    parser.add_argument("--hubs", type=int, default=HUBS, metavar="N", help="settled platforms with hubs (default: %(default)s)")
    parser.add_argument("--hubs-only", action="store_true", help="measure nothing but settled platforms with hubs")
    parser.add_argument("--scale-only", action="store_true", help="measure nothing but settled platforms")
    parser.add_argument("--burst-only", action="store_true", help="measure nothing but the burst")
    parser.add_argument(
        "--one", action="store_true", help="print the timeline of the first platform's creation, and nothing else"
    )
    return parser.parse_args()


async def many_settled(sizes: Sequence[int], interval: float, window: float) -> list[scale.Scale]:
    """Measure an operator with each number of settled platforms."""

    def report(so_far: scale.Scale) -> None:
        console.print(f"[dim]{so_far}")

    return [await timed(f"{size} settled platforms", scale.measure(size, interval, window, report)) for size in sizes]


async def hubs_settled(asked: argparse.Namespace) -> scale.Scale:
    """Measure an operator of settled platforms with hubs, and print it."""
    work = hubs.measure(asked.hubs, asked.interval, asked.window or asked.interval)
    found = await timed(f"{asked.hubs} settled hubs", work)
    show_hubs(found)
    return found


async def main() -> int:
    """Measure, print, save. Returns exit code 1 when a settled platform wrote something or did not settle."""
    began, asked = time.monotonic(), arguments()
    if asked.one:
        alone, _ = await burst.measure(0)
        console.print(*burst.timeline_of(alone), sep="\n", highlight=False, markup=False, soft_wrap=True)
        return 0
    if asked.burst_only:
        _, crowd = await timed("burst", burst.measure(asked.burst))
        assert crowd is not None
        show_burst(crowd)
        save({"burst": burst.figures(crowd)})
        return 0
    if asked.hubs_only:
        save({"hubs": asdict(await hubs_settled(asked))})
        return 0
    settled = await many_settled(asked.scale, asked.interval, asked.window or asked.interval)
    show_scale(settled)
    if asked.scale_only:
        save({"scale": [asdict(one) | {"kb_per_platform": one.kb_per_platform} for one in settled]})
        return 0
    with_hubs = await hubs_settled(asked)
    await SessionPool.warm_up()
    measured, cost = await many_platforms()
    walked, tables = await one_upgrade(), sizes()
    redacting = await timed("redaction", asyncio.to_thread(redaction.measure))
    stalled = await timed("stalls", stalls.measure())
    hub = await timed("hub installed", release.measure())
    alone, crowd = await timed("burst", burst.measure(asked.burst))
    assert crowd is not None
    made = await timed("runbook", creation.measure(alone, hub))
    show_all(measured, cost, walked, tables)
    show_hub(hub)
    show_redaction(redacting)
    show_stalls(stalled)
    show_burst(crowd)
    show_creation(made)
    save(
        {
            "scale": [asdict(one) | {"kb_per_platform": one.kb_per_platform} for one in settled],
            "hubs": asdict(with_hubs) | {"kb_per_platform": with_hubs.kb_per_platform},
            "settled": reads.figures(measured),
            "pass": {**asdict(cost), "settled_to_creating": cost.ratio},
            "upgrade": asdict(walked),
            "hub": {**hub.marks, "helm_processes_in_quiet_passes": hub.quiet_helm, "hub_pass_ms": hub.pass_ms},
            "redaction": {**asdict(redacting), "ratios": redacting.ratios},
            "stalls": list(map(asdict, stalled)),
            "burst": burst.figures(crowd),
            "creation": creation.figures(made),
            "tables": tables,
            "took_seconds": round(time.monotonic() - began),
        }
    )
    wrong = sum(m.unsettled + m.writes + m.refused for m in measured) + walked.refused + hub.quiet_helm
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
