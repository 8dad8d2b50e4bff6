"""The cached list of one resource type: lookups by id and key, what a fresh read replaces, and what a write of the operator invalidates."""

from typing import Any

import pytest
from notebook_platform.azure.arm.resource_types import ROLE_ASSIGNMENTS, SCALE_SETS, Wire
from notebook_platform.azure.arm.shelf import NEVER, Shelf
from notebook_platform.azure.arm.written import WrittenPaths, is_write

SUB = "/subscriptions/00000000-0000-0000-0000-000000000001"
GROUP = f"{SUB}/resourceGroups/hub"
CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/aks"


def scale_set(name: str, group: str = "nodes", **more: Any) -> Wire:
    return {
        "id": f"{SUB}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachineScaleSets/{name}",
        "name": name,
        **more,
    }


def shelf_of(*items: Wire, at: float = 10.0) -> Shelf:
    shelf = Shelf(SCALE_SETS.keys)
    listed = shelf.empty_copy()
    for item in items:
        listed.put(item["id"], item, at)
    shelf.replace(listed, at)
    return shelf


def test_an_item_is_found_by_its_id_and_its_group_without_regard_to_case() -> None:
    shelf = shelf_of(scale_set("a"), scale_set("b"), scale_set("c", "elsewhere"))
    assert shelf.item(scale_set("A", "NODES")["id"]) == (10.0, scale_set("a"))
    assert sorted(shelf.having("Nodes")) == sorted(scale_set(name)["id"].lower() for name in "ab")
    assert shelf.item(scale_set("d")["id"]) == (10.0, None)


def test_a_fresh_read_replaces_the_item_and_a_404_removes_it() -> None:
    shelf = shelf_of(scale_set("a"), scale_set("b"))
    shelf.put(scale_set("a")["id"], scale_set("a", tags={"x": "y"}), 20.0)
    shelf.put(scale_set("b")["id"], None, 21.0)
    assert shelf.item(scale_set("a")["id"]) == (20.0, scale_set("a", tags={"x": "y"}))
    assert shelf.item(scale_set("b")["id"]) == (21.0, None)
    assert shelf.having("nodes") == [scale_set("a")["id"].lower()]


def test_a_list_does_not_undo_what_was_read_after_it_began() -> None:
    shelf, listed = shelf_of(scale_set("a"), scale_set("b")), Shelf(SCALE_SETS.keys)
    for name in "ab":
        listed.put(scale_set(name)["id"], scale_set(name), 30.0)
    shelf.put(scale_set("a")["id"], scale_set("a", tags={"x": "y"}), 31.0)
    shelf.put(scale_set("b")["id"], None, 29.0)
    shelf.replace(listed, 30.0)
    assert shelf.item(scale_set("a")["id"]) == (31.0, scale_set("a", tags={"x": "y"}))
    assert shelf.item(scale_set("b")["id"]) == (30.0, scale_set("b"))


def test_the_list_of_a_group_removes_what_is_no_longer_in_it() -> None:
    shelf = shelf_of(scale_set("a"), scale_set("b"), scale_set("c", "elsewhere"))
    shelf.put_group("nodes", {scale_set("b")["id"]: scale_set("b")}, 40.0)
    assert shelf.having("nodes") == [scale_set("b")["id"].lower()]
    assert shelf.having("elsewhere") and shelf.group_at("nodes") == 40.0 and shelf.group_at("elsewhere") == 10.0


def test_a_role_assignment_is_found_by_its_principal_and_its_owner() -> None:
    shelf = Shelf(ROLE_ASSIGNMENTS.keys)
    item: Wire = {
        "id": f"{GROUP}/providers/x/roleAssignments/1",
        "properties": {"principalId": "ABC", "description": "c/ns/Name/uid"},
    }
    shelf.put(item["id"], item, 1.0)
    assert shelf.having("abc") == shelf.having("c/ns/name/uid") == [item["id"].lower()]


@pytest.mark.parametrize(
    ("path", "changed", "unchanged"),
    [
        (CLUSTER, [CLUSTER, f"{CLUSTER}/agentPools/a"], [f"{CLUSTER}2", f"{GROUP}2"]),
        (f"{CLUSTER}/agentPools/a", [CLUSTER], [f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v"]),
        (f"{CLUSTER}/providers/Microsoft.Resources/tags/default", [CLUSTER], [f"{CLUSTER}2"]),
        (f"{CLUSTER}/providers/Microsoft.Authorization/roleAssignments/1", [], [CLUSTER]),
        (GROUP, [CLUSTER, GROUP], [f"{SUB}/resourceGroups/hub2"]),
    ],
)
def test_a_write_concerns_what_it_names_what_is_below_and_what_it_is_a_part_of(
    path: str, changed: list[str], unchanged: list[str]
) -> None:
    written = WrittenPaths()
    written.record(path.upper())
    assert all(written.last(one, parts=True) > NEVER for one in changed)
    assert all(written.last(one, parts=True) == NEVER for one in unchanged)


def test_a_group_is_not_read_again_for_what_was_written_in_it() -> None:
    written = WrittenPaths()
    written.record(CLUSTER)
    assert written.last(GROUP, parts=False) == NEVER and written.last(GROUP, parts=True) > NEVER


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("PUT", CLUSTER, True),
        ("DELETE", GROUP, True),
        ("POST", f"{CLUSTER}/stop", True),
        ("POST", f"{CLUSTER}/listClusterAdminCredential", False),
        ("POST", f"{SUB}/providers/Microsoft.ContainerRegistry/checkNameAvailability", False),
        ("GET", CLUSTER, False),
    ],
)
def test_actions_that_list_or_check_are_no_writes(method: str, path: str, expected: bool) -> None:
    assert is_write(method, path) is expected
