"""What happens to a fleet between two quiet moments: edits and deletions by users, faults of Azure, kills of the operator."""

import asyncio
import contextlib
import re

from tests.faults.edits import EDITS
from tests.faults.fleet import Fleet, turns
from tests.faults.kills import LOOK, WRITE
from tests.faults.kinds import FAULTS

PLACES = (
    "/managedClusters/[^/]+$",
    "/agentPools/",
    "/virtualNetworks/",
    "/subnets/",
    "/operations/|/operationresults/",
    "/roleAssignments",
    "/resourceGroups/[^/]+$",
    "/userAssignedIdentities/",
    "/autoscalesettings",
    "/applications|/servicePrincipals",
    ".",
)
"""Where a fault is met."""

KINDS = tuple(FAULTS.values())


async def act(fleet: Fleet) -> None:
    """Do one random thing to one platform."""
    one = fleet.choose.choice(fleet.platforms)
    if one.gone:
        fleet.platforms[fleet.platforms.index(one)] = fleet.create(one.number)
        done = "is created again"
    elif one.deleting:
        return
    elif fleet.choose.random() < 0.15:
        if one.spec["deletionProtection"]:  # the API server refuses its deletion
            one.spec["deletionProtection"] = False
            one.run.edited()
        one.deleting, done = True, "is deleted"
        one.run.attempts = ()
    else:
        done = fleet.choose.choice(EDITS)(fleet.choose, one.spec)
        one.run.edited()
    fleet.trace.append(f"{one.name}: {done}")


async def break_something(fleet: Fleet) -> None:
    """Put one random fault in force."""
    kind, place = fleet.choose.choice(KINDS), fleet.choose.choice(PLACES)
    method = "GET" if not kind.writes else "PUT|PATCH|DELETE|POST" if not kind.reads else ".*"
    silent = kind.rule.get("lost") == "silence"
    count = 1 if silent else fleet.choose.randint(1, 4)  # each call without an answer takes a minute of real time
    await fleet.host.estate.control("POST", "/faults", {"method": method, "path": place, **kind.rule, "count": count})
    fleet.trace.append(f"fault: {kind.name} at {place}, {count} times")


async def kill(fleet: Fleet) -> None:
    """Kill the operator after a write that Azure has executed."""
    after = fleet.choose.randint(0, 3)
    one = fleet.choose.choice(fleet.platforms)
    fleet.trace.append(f"the operator is killed at write {after + 1} of {one.name}")
    place = rf"/{re.escape(one.spec['azure']['resourceGroup'])}/(?!.*/(list|check|get)[^/]*$)"
    rule = {**WRITE, "path": place, "after": after, "lost": "silence", "executed": True}
    await fleet.host.estate.control("POST", "/faults", rule)
    entries = fleet.host.estate.simulator.world.journal.entries
    mark = len(entries)
    work = asyncio.create_task(turns(fleet, 6))
    while not work.done():
        if any(e["lost"] == "silence" for e in entries[mark:]):
            work.cancel()
            break
        await asyncio.sleep(LOOK)
    with contextlib.suppress(asyncio.CancelledError):
        await work
    await fleet.host.estate.control("DELETE", "/faults")
    await fleet.restart()


async def calm(fleet: Fleet) -> None:
    """Do nothing."""
