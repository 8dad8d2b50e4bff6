"""Parts of the simulated Azure in isolation: locks, filters, versions, the clock."""

import asyncio

import pytest

from sandbox.azure.aks_rules import check_upgrade, upgrades
from sandbox.azure.core.catalog import Catalog
from sandbox.azure.core.clock import Clock
from sandbox.azure.core.errors import ArmError
from sandbox.azure.core.store import Resource, Store
from sandbox.azure.locks import in_the_way
from sandbox.azure.resources import filtered

GROUP = "/subscriptions/s/resourceGroups/g"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/n"


def lock(scope: str, level: str) -> Resource:
    return Resource(f"{scope}/providers/Microsoft.Authorization/locks/l", {"name": "l", "properties": {"level": level}})


@pytest.mark.parametrize(
    ("level", "method", "path", "stands"),
    [
        ("CanNotDelete", "DELETE", NETWORK, True),
        ("CanNotDelete", "DELETE", GROUP.lower(), True),
        ("CanNotDelete", "DELETE", f"{NETWORK}/subnets/default", True),
        ("CanNotDelete", "DELETE", f"{NETWORK}2", False),
        ("CanNotDelete", "PUT", NETWORK, False),
        ("CanNotDelete", "POST", f"{NETWORK}/action", False),
        ("ReadOnly", "PUT", f"{NETWORK}/subnets/default", True),
        ("ReadOnly", "PUT", GROUP, False),
        ("ReadOnly", "GET", NETWORK, False),
        ("ReadOnly", "DELETE", f"{NETWORK}/providers/Microsoft.Authorization/locks/l", False),
    ],
)
def test_a_lock_blocks_what_it_forbids_at_above_and_below_its_scope(level: str, method: str, path: str, stands: bool) -> None:
    assert in_the_way([lock(NETWORK, level)], method, path) == ([NETWORK] if stands else [])


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("", True),
        ("resourceGroup eq 'G'", True),
        ("resourceGroup eq 'other'", False),
        ("resourceType eq 'Microsoft.Network/virtualNetworks' and name eq 'n'", True),
        ("tagname eq 'Team' and tagvalue eq 'physics'", True),
        ("tagName eq 'team' and tagValue eq 'biology'", False),
        ("tagName eq 'owner'", False),
    ],
)
def test_a_listing_of_resources_is_filtered_as_asked(text: str, passes: bool) -> None:
    assert filtered(Resource(NETWORK, {"name": "n", "location": "eastus", "tags": {"team": "physics"}}), text) is passes


def test_a_filter_that_means_nothing_is_refused() -> None:
    with pytest.raises(ArmError, match="InvalidFilterInQueryString"):
        filtered(Resource(NETWORK, {"name": "n"}), "colour eq 'red'")


def test_a_group_lists_resources_but_not_what_hangs_on_them() -> None:
    ids = [NETWORK, f"{NETWORK}/subnets/x", lock(NETWORK, "ReadOnly").id, lock(GROUP, "ReadOnly").id]
    store = Store()
    assert [store.put(id_, {"name": "x"}).tracked for id_ in ids] == [True, False, False, False]


def test_an_upgrade_goes_to_a_later_patch_or_the_next_minor_and_never_back() -> None:
    catalog = Catalog.load("today")
    assert upgrades(catalog, "1.34.1") == ["1.34.2", "1.35.0", "1.35.1"]
    allowed = {"1.34": "1.34.2", "1.34.2": "1.34.2", "1.35": "1.35.1", "1.35.0": "1.35.0"}
    assert {wanted: check_upgrade(catalog, "1.34.2", wanted, "eastus") for wanted in allowed} == allowed
    for wanted in ("1.34.1", "1.33", "1.36.0"):
        with pytest.raises(ArmError, match="is not allowed"):
            check_upgrade(catalog, "1.34.2", wanted, "eastus")


async def test_sleepers_wake_in_time_when_the_clock_is_made_faster() -> None:
    clock = Clock(1)
    before = clock.now()
    sleeper = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)
    clock.run(1_000_000)
    await asyncio.wait_for(sleeper, 10)
    assert (clock.now() - before).total_seconds() >= 3600


def test_the_store_finds_by_type_and_by_group_and_removes_with_what_lies_below() -> None:
    store, other = Store(), GROUP.replace("/g", "/g2")
    for id_ in (GROUP, NETWORK, f"{NETWORK}/subnets/one", other, f"{other}/providers/Microsoft.Network/virtualNetworks/n"):
        store.put(id_, {})
    kind = "microsoft.network/virtualnetworks"
    assert [one.id for one in store.under(GROUP.upper())] == [NETWORK, f"{NETWORK}/subnets/one"]
    assert len(store.of_type(kind)) == len(list(store.under("/subscriptions/s", kind))) == 2
    assert [one.id for one in store.under(GROUP, kind)] == [NETWORK]
    store.remove(NETWORK.lower())
    assert list(store.under(GROUP)) == [] and len(store.of_type(kind)) == 1 and store.get(GROUP) is not None
