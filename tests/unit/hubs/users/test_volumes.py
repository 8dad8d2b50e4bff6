"""Every volume counts, whatever its name; a deletion is held until its annotation confirms at least the number of volumes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.hubs.users.volumes import (
    CONFIRM,
    Kind,
    UserInventory,
    Volume,
    confirmed,
    deletion_refusal,
    described,
    is_reclaimed,
    kind_of,
    survives_in,
    volume_of,
)

GROUP = "/subscriptions/s/resourceGroups/{}/providers/Microsoft.Compute/disks/d"
DOOMED = ("rg_nodes", "rg_platform")


def claim(name: str, namespace: str = "jhub", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace, **metadata}}


def volume(handle: str, policy: str = "Retain", driver: str = "disk.csi.azure.com", **csi: Any) -> dict[str, Any]:
    return {"spec": {"persistentVolumeReclaimPolicy": policy, "csi": {"driver": driver, "volumeHandle": handle, **csi}}}


@pytest.mark.parametrize(
    ("labels", "annotations", "named", "mounted", "kind"),
    [
        ({"component": "singleuser-storage"}, {}, False, (), Kind.HOME),
        ({}, {"hub.jupyter.org/username": "ada"}, False, (), Kind.HOME),
        ({}, {}, True, (), Kind.SHARED),
        ({}, {}, False, ("singleuser-server",), Kind.SHARED),
        ({}, {}, False, ("hub",), Kind.DATABASE),
        ({}, {}, False, (), Kind.OTHER),
        ({"component": "nothing-of-users"}, {"note": "empty, delete me"}, False, (), Kind.OTHER),
    ],
)
def test_a_kind_is_only_a_name_and_no_label_hides_a_claim(
    labels: dict[str, str], annotations: dict[str, str], named: bool, mounted: tuple[str, ...], kind: Kind
) -> None:
    place = ("jhub", "homes")
    one = claim("homes", labels=labels, annotations=annotations)
    assert kind_of(one, {place} if named else (), {place: mounted}) is kind
    inventory = UserInventory(volumes=(volume_of(one, {place} if named else (), {place: mounted}),))
    failed = deletion_refusal(inventory, None)
    assert failed is not None and failed.reason == "HomesWouldBeLost" and f"{CONFIRM}=1`" in failed.remedy


@pytest.mark.parametrize(
    ("handle", "more", "group"),
    [
        (GROUP.format("rg_data"), {}, "rg_data"),
        (GROUP.format("RG_NODES"), {}, ""),
        (GROUP.format("rg_platform"), {}, ""),
        (GROUP.format("rg_data"), {"policy": "Delete"}, ""),
        ("rg_data#account#share#", {"driver": "file.csi.azure.com"}, "rg_data"),
        ("rg_nodes#account#share#", {"driver": "file.csi.azure.com"}, ""),
        ("share-7", {"driver": "file.csi.azure.com", "volumeAttributes": {"resourceGroup": "rg_data"}}, "rg_data"),
        ("share-7", {"driver": "file.csi.azure.com"}, ""),
        (GROUP.format("rg_data"), {"driver": "nfs.csi.k8s.io"}, ""),
        ("", {}, ""),
    ],
)
def test_only_volumes_in_another_resource_group_provably_survive(handle: str, more: dict[str, Any], group: str) -> None:
    assert survives_in(volume(handle, **more), DOOMED) == group


def test_surviving_volumes_are_reported_and_not_counted() -> None:
    kept = Volume(kind=Kind.SHARED, namespace="jhub", name="homes", survives_in="rg_data")
    assert deletion_refusal(UserInventory(volumes=(kept,)), None) is None
    failed = deletion_refusal(UserInventory(volumes=(kept, Volume(kind=Kind.OTHER, namespace="db", name="data"))), None)
    assert failed is not None and "would destroy 1 other volume claim (db/data)" in failed.message
    assert "other resource groups (rg_data): 1 shared volume of users (jhub/homes)" in failed.message


def test_the_message_names_each_kind() -> None:
    found = [
        Volume(kind=Kind.OTHER, namespace="db", name="data-pg-0"),
        *(Volume(kind=Kind.HOME, namespace="jhub", name=f"claim-{user}", user=user) for user in ("grace", "ada")),
        Volume(kind=Kind.SHARED, namespace="jhub", name="homes"),
        Volume(kind=Kind.DATABASE, namespace="jhub", name="hub-db-dir"),
        Volume(kind=Kind.UNCLAIMED, name="pv-1"),
    ]
    assert described(found) == (
        "2 home volumes of users (ada, grace), 1 shared volume of users (jhub/homes), 1 database of a hub (jhub/hub-db-dir), "
        "1 other volume claim (db/data-pg-0) and 1 volume without a claim (pv-1)"
    )


def test_ten_thousand_claims_give_a_short_message_and_their_number() -> None:
    many = tuple(volume_of(claim(f"c-{n}", "x" * 300), (), {}) for n in range(10_000))
    failed = deletion_refusal(UserInventory(volumes=many), "9999")
    assert failed is not None and len(failed.message) < 1500 and "=10000`" in failed.remedy
    assert deletion_refusal(UserInventory(volumes=many), "10000") is None


def test_volumes_that_kubernetes_deletes_do_not_count_and_failed_ones_do() -> None:
    for policy, phase, reclaimed in (
        ("Delete", "Released", True),
        ("Delete", "Failed", False),
        ("Delete", "Bound", False),
        ("Retain", "Released", False),
        ("Retain", "Available", False),
    ):
        one = volume(GROUP.format("rg_nodes"), policy) | {"status": {"phase": phase}}
        assert is_reclaimed(one) is reclaimed, (policy, phase)


def test_a_cluster_that_does_not_answer_holds_the_deletion() -> None:
    failed = deletion_refusal(None, None)
    assert failed is not None and failed.reason == "HomesUnknown"
    assert deletion_refusal(None, "0") is None
    assert deletion_refusal(UserInventory(), None) is None


@given(st.integers(0, 50), st.one_of(st.none(), st.integers(-5, 60).map(str), st.text(max_size=12)))
def test_only_a_number_of_at_least_the_count_confirms_a_deletion(count: int, annotation: str | None) -> None:
    volumes = tuple(Volume(kind=Kind.OTHER, namespace="n", name=str(n)) for n in range(count))
    given_up = confirmed(annotation)
    goes_on = deletion_refusal(UserInventory(volumes=volumes), annotation) is None
    assert goes_on is (count == 0 or (given_up is not None and given_up >= count))


@pytest.mark.parametrize("annotation", ["all", "-1", "1e9", "٣", "0x10", "3 volumes", "9" * 5000, "²"])
def test_an_annotation_that_is_no_plain_number_confirms_nothing(annotation: str) -> None:
    assert confirmed(annotation) is None
