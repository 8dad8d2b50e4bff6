"""A sample of `make faults`: faults of Azure and of the network, and a killed operator, in a life of its own each."""

import asyncio

import pytest

from tests.faults.baseline import Baseline, Call, Case, baseline
from tests.faults.kills import Kill
from tests.faults.kills import live as live_with_kills
from tests.faults.matrix import live
from tests.faults.plans import CREATE, DELETE, PLANS

PLAN = PLANS["service principal, short"]


@pytest.fixture(scope="module")
def known() -> Baseline:
    return asyncio.run(baseline(PLAN))


def call(known: Baseline, phase: str, method: str, ending: str) -> Call:
    """Return the call of a phase whose path ends so."""
    return next(c for c in known.calls if (c.phase, c.method) == (phase, method) and c.path.lower().endswith(ending.lower()))


@pytest.mark.parametrize(
    ("created", "deleted"),
    [
        (("PUT", "managedClusters/prd-aks-jhub", "reset, executed"), ("DELETE", "/applications/{id}", "reset, executed")),
        (("GET", "eastus/operations/{id}", "half a body"), ("DELETE", "registries/universitybinder", "half a body")),
        (("GET", "eastus/operations/{id}", "401 expired"), ("DELETE", "resourcegroups/prd_rg_jhub", "operation fails")),
        (("PUT", "virtualNetworks/prd_vnet_jhub", "operation never ends"), ("GET", "managedClusters/prd-aks-jhub", "503")),
        (("GET", "managedClusters/prd-aks-jhub", "stale read"), ("DELETE", "virtualNetworks/prd_vnet_jhub", "429")),
    ],
)
async def test_a_fault_ends_and_the_platform_is_ready_or_gone(
    known: Baseline, created: tuple[str, str, str], deleted: tuple[str, str, str]
) -> None:
    wanted = ((CREATE, *created), (DELETE, *deleted))
    cases = {phase: Case(PLAN.name, call(known, phase, method, end), fault) for phase, method, end, fault in wanted}
    found = await live(PLAN, known, cases)
    assert [f.problems for f in found] == [[], []]


@pytest.mark.parametrize("number", [11, 13])
async def test_an_operator_killed_after_a_write_leaves_nothing_twice_and_nothing_behind(known: Baseline, number: int) -> None:
    kills = {CREATE: Kill(PLAN.name, CREATE, number), DELETE: Kill(PLAN.name, DELETE, number - 9)}
    found = await live_with_kills(PLAN, known, kills)
    assert [f.problems for f in found] == [[], []]
