"""What Azure answers in other words than it was sent, and what users' own words are: the comparison of documents."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.azure.comparison import CASELESS, compare_wire
from notebook_platform.engine.change import compare, merged

ID = "/subscriptions/S/resourceGroups/Rg/providers/Microsoft.Network/virtualNetworks/Net"
PRINCIPAL = "AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE"


def paths(wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    return [change.path for change in compare_wire(wanted, found)]


@pytest.mark.parametrize(("wanted", "found"), [
    ({"nodeLabels": {"team": "Alpha"}}, {"nodeLabels": {"team": "alpha"}}),
    ({"nodeLabels": {"Team": "a"}}, {"nodeLabels": {"team": "a"}}),
    ({"nodeLabels": {"vmSize": "A"}}, {"nodeLabels": {"vmSize": "a"}}),
    ({"nodeTaints": ["lab=GPU:NoSchedule"]}, {"nodeTaints": ["lab=gpu:NoSchedule"]}),
    ({"tags": {"cost": "R-1"}}, {"tags": {"cost": "r-1"}}),
    ({"tags": {"location": "East"}}, {"tags": {"location": "east"}}),
    ({"tags": {"id": PRINCIPAL}}, {"tags": {"id": PRINCIPAL.lower()}}),
    ({"linuxProfile": {"adminUsername": "Ada"}}, {"linuxProfile": {"adminUsername": "ada"}}),
    ({"linuxProfile": {"ssh": {"publicKeys": [{"keyData": "ssh-rsa AbC"}]}}},
     {"linuxProfile": {"ssh": {"publicKeys": [{"keyData": "ssh-rsa aBc"}]}}}),
    ({"subject": "system:serviceaccount:Hub:x"}, {"subject": "system:serviceaccount:hub:x"}),
    ({"securityProfile": {"customCATrustCertificates": ["QUJD"]}}, {"securityProfile": {"customCATrustCertificates": ["qujd"]}}),
    ({"dnsServers": ["10.0.0.1", "10.0.0.2"]}, {"dnsServers": ["10.0.0.2", "10.0.0.1"]}),
    ({"availabilityZones": ["1", "2"]}, {"availabilityZones": ["1", "2", "3"]}),
    ({"availabilityZones": ["1", "2"]}, {}),
    ({"enableAutoScaling": True}, {}),
    ({"enableAutoScaling": False}, {"enableAutoScaling": True}),
])  # fmt: skip
def test_user_chosen_values_are_compared_with_case(wanted: dict[str, Any], found: dict[str, Any]) -> None:
    (change,) = compare_wire(wanted, found)
    assert not paths(wanted, merged(found, [change])), "applied, it is as wanted"


@pytest.mark.parametrize(("wanted", "found"), [
    ({"vnetSubnetID": ID}, {"vnetSubnetID": ID.lower()}),
    ({"vnetSubnetID": ID}, {"vnetSubnetID": ID.replace("resourceGroups", "resourcegroups")}),
    ({"location": "westeurope"}, {"location": "West Europe"}),
    ({"sku": {"name": "base", "tier": "standard"}}, {"sku": {"name": "Base", "tier": "Standard"}}),
    ({"vmSize": "Standard_D2s_v3"}, {"vmSize": "standard_d2s_v3"}),
    ({"aadProfile": {"adminGroupObjectIDs": [PRINCIPAL]}}, {"aadProfile": {"adminGroupObjectIDs": [PRINCIPAL.lower()]}}),
    ({"availabilityZones": ["3", "2", "1"]}, {"availabilityZones": ["1", "2", "3"]}),
    ({"nodeTaints": ["a=b:NoSchedule", "c=d:NoExecute"]}, {"nodeTaints": ["c=d:NoExecute", "a=b:NoSchedule"]}),
    ({"apiServerAccessProfile": {"authorizedIPRanges": ["10.0.0.0/8", "192.0.2.1/32"]}},
     {"apiServerAccessProfile": {"authorizedIPRanges": ["192.0.2.1/32", "10.0.0.0/8"]}}),
    ({"enableAutoScaling": False}, {}),
    ({"enableAutoScaling": False}, {"enableAutoScaling": None}),
    ({"apiServerAccessProfile": {"enablePrivateCluster": False}}, {"apiServerAccessProfile": None}),
    ({"tags": {}, "nodeTaints": []}, {}),
    ({"tags": {"Team": "x"}}, {"tags": {"team": "x"}}),
    ({"identity": {"userAssignedIdentities": {ID: {"principalId": PRINCIPAL}}}},
     {"identity": {"userAssignedIdentities": {ID.lower(): {"principalId": PRINCIPAL.lower(), "clientId": "x"}}}}),
    ({"linuxProfile": {"ssh": {"publicKeys": [{"keyData": "ssh-rsa K"}]}}},
     {"linuxProfile": {"ssh": {"publicKeys": [{"keyData": "ssh-rsa K\n"}]}}}),
])  # fmt: skip
def test_azures_other_spelling_of_the_same_is_no_difference(wanted: dict[str, Any], found: dict[str, Any]) -> None:
    assert not paths(wanted, found)


def test_a_tag_whose_name_azure_spells_otherwise_is_changed_under_that_name() -> None:
    (change,) = compare_wire({"tags": {"Team": "new"}}, {"tags": {"team": "old"}})
    assert merged({"tags": {"team": "old"}}, [change]) == {"tags": {"team": "new"}}


def test_documents_of_kubernetes_are_compared_exactly() -> None:
    """A ConfigMap has no rules of Azure."""
    wanted, found = {"data": {"location": "East", "zones": ["a", "b"]}}, {"data": {"location": "east", "zones": ["b", "a"]}}
    assert [change.path for change in compare(wanted, found)] == ["data.location", "data.zones"]


TEXT = st.text("abAB-/ ", max_size=6)


@given(member=st.sampled_from(["nodeLabels", "tags", "nodeTaints", "other", *sorted(CASELESS)[:5]]), old=TEXT, new=TEXT)
def test_an_applied_change_leaves_no_difference(member: str, old: str, new: str) -> None:
    shape: Any = {"nodeLabels": lambda v: {"k": v}, "tags": lambda v: {"k": v}, "nodeTaints": lambda v: [v]}.get(member, str)
    wanted, found = {member: shape(new)}, {member: shape(old)}
    assert not paths(wanted, merged(found, compare_wire(wanted, found)))
    assert bool(paths(wanted, found)) == bool(paths(found, wanted)), "symmetric"


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("start", "2026-12-01T08:00:00Z", "2026-12-01T08:00:00.000Z", True),
        ("end", "2026-12-01T08:00:00+01:00", "2026-12-01T08:00:00Z", False),
        ("start", "tomorrow", "2026-12-01T08:00:00Z", False),
        ("timeWindow", "PT60M", "PT1H", True),
        ("cooldown", "PT5M", "PT6M", False),
    ],
)
def test_times_and_durations_are_compared_by_what_they_say(name: str, one: str, other: str, same: bool) -> None:
    wanted, found = ({"fixedDate": {name: text}} for text in (one, other))
    assert (not list(compare_wire(wanted, found))) is same
