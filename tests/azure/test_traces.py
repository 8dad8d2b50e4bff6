"""A settled step is not observed again while everything that it has read is as it was; any change outside the operator is found as before."""

import asyncio
from typing import Any

import pytest
from notebook_platform.engine.reconcile import Policy
from notebook_platform.engine.result import Result
from notebook_platform.engine.trace import Read, Tracer, Traces

from tests.azure.conftest import Estate
from tests.unit.azure.specs import group_id, runbook_spec

AGE = 0.3
"""Seconds after which the cached lists are read again."""

GROUP, NODES = group_id("prd_rg_jhub"), group_id("prd_rg_jhub_infra")
CLUSTER = f"{GROUP}/providers/microsoft.containerservice/managedclusters/prd-aks-jhub"


class Traced:
    """A settled estate that is reconciled with traces."""

    def __init__(self, estate: Estate) -> None:
        self.estate, self.traces, self.spec, self.age = estate, Traces(), runbook_spec(), AGE

    async def once(self, salt: int = 0) -> dict[str, Result]:
        (signed_in,) = self.estate.sessions._open.values()

        async def verify(read: Read) -> bool:
            return await signed_in.cache.verify(read, self.age)

        return await self.estate.once(self.spec, Policy(tracer=Tracer(self.traces, verify, salt)))


@pytest.fixture
async def traced(estate: Estate) -> Traced:
    await estate.settle(runbook_spec())
    estate.max_age = AGE
    found = Traced(estate)
    await found.once()  # the first platform that reads a list leaves no trace
    await found.once()
    return found


def kept(before: dict[str, Result], after: dict[str, Result]) -> set[str]:
    """Return the steps whose result was kept."""
    return {name for name in before if before[name] is after[name]}


async def test_unchanged_steps_are_not_observed_again(traced: Traced) -> None:
    traced.estate.max_age = traced.age = 60.0
    before = await traced.once()
    assert kept(before, await traced.once()) >= {
        "ResourceGroup",
        "Network",
        "Cluster",
        "NodePools",
        "Autoscale",
        "RoleAssignment",
    }


async def test_traces_survive_a_rest(traced: Traced) -> None:
    before = await traced.once()
    traced.traces.pack()
    after = await traced.once()
    assert after == before and not kept(before, after)
    assert kept(after, await traced.once())


async def test_a_changed_record_of_applied_fields_makes_every_step_observe_again(traced: Traced) -> None:
    before = await traced.once()
    assert not kept(before, await traced.once(salt=1))


@pytest.mark.parametrize(
    ("step", "path", "change"),
    [
        ("ResourceGroup", GROUP, {"tags": {}}),
        ("Network", f"{GROUP}/providers/microsoft.network/virtualnetworks/prd_vnet_jhub", {"tags": {}}),
        ("Cluster", CLUSTER, {"tags": {}}),
        ("Cluster", CLUSTER, {"properties": {"provisioningState": "Failed"}}),
    ],
)
async def test_a_change_outside_the_operator_is_found(traced: Traced, step: str, path: str, change: dict[str, Any]) -> None:
    before = await traced.once()
    body = (await traced.estate.state())["resources"][path]
    changed = {**body, **change, "properties": {**body.get("properties", {}), **change.get("properties", {})}}
    await traced.estate.control("PUT", f"/resources{path}", changed)
    await asyncio.sleep(AGE)
    found = (await traced.once())[step]
    assert found is not before[step]
    assert found.changes or found.applied or type(found.outcome) is not type(before[step].outcome), found


async def test_a_deleted_resource_is_found(traced: Traced) -> None:
    settings = [id_ for id_ in (await traced.estate.state())["resources"] if "/autoscalesettings/" in id_]
    await traced.estate.control("DELETE", f"/resources{settings[0]}")
    await asyncio.sleep(AGE)
    assert (await traced.once())["Autoscale"].changes


async def test_a_resource_is_read_again_after_a_write(traced: Traced) -> None:
    traced.estate.max_age = traced.age = 60.0
    await traced.once()
    (signed_in,) = traced.estate.sessions._open.values()
    signed_in.cache.invalidate(CLUSTER)
    mark = await traced.estate.mark()
    await traced.once()
    requests = (await traced.estate.control("GET", f"/journal?since={mark}"))["value"]
    assert CLUSTER in [entry["path"].lower() for entry in requests]
