"""One run of a fleet: episodes of disturbances, and the invariants at the quiet moment after each."""

import logging

from tests.faults.disturbances import act, break_something, calm, kill
from tests.faults.fleet import Fleet, running, settle, turns
from tests.faults.invariants import Listening, foreign_of, judge
from tests.faults.life import NotSettled

EPISODES, MOST_EVENTS, MOST_TURNS = 4, 4, 10
"""Quiet moments; events before each of them; reconciles after each event."""


async def run(seed: int) -> Fleet:
    """Run a fleet. Its `problems` are what did not hold; the first quiet moment with a problem ends the run."""
    async with running(seed) as fleet:
        listening, logger = Listening(fleet.texts), logging.getLogger("notebook_platform")
        logger.addHandler(listening)
        foreign = foreign_of(fleet)
        try:
            for _ in range(EPISODES):
                for _ in range(fleet.choose.randint(1, MOST_EVENTS)):
                    await act(fleet)
                    await fleet.choose.choice((break_something, break_something, kill, calm))(fleet)
                    await turns(fleet, fleet.choose.randint(1, MOST_TURNS))
                    if fleet.choose.random() < 0.2:
                        fleet.trace.append("the operator is restarted")
                        await fleet.restart()
                await settle(fleet)
                fleet.trace.append("quiet")
                fleet.problems = await judge(fleet, foreign)
                if fleet.problems:
                    break
        except NotSettled as stuck:
            fleet.problems.append(str(stuck))
        finally:
            logger.removeHandler(listening)
        return fleet
