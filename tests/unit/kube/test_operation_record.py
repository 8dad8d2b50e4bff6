"""Records of operations are untrusted: each must name an operation of the platform's own subscription, else it is ignored."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.engine.outcome import Operation
from notebook_platform.kube.operation_record import MOST_RECORDS, OperationScope, decode, decode_all, encode

ARM = "https://management.azure.com"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
DOCS = "https://learn.microsoft.com/azure/features"
SCOPE = OperationScope(
    resource_manager=ARM, subscription_id=SUBSCRIPTION, resource_groups=("rg_lab(1)",), placeholders={"Providers": DOCS}
)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PLACE = f"{ARM}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerService/locations/eastus"
URL = f"{PLACE}/operations/7d1f?api-version=2016-03-30&t=1&c=MII&s=x-_&h=y"


def record(**changes: Any) -> str:
    started = (NOW - timedelta(minutes=5)).isoformat()
    return json.dumps(
        {"kind": "create managed cluster lab", "url": URL, "started": started, "expected": 300, "key": "", **changes}
    )


@pytest.mark.parametrize(
    "url",
    [
        URL,
        f"{PLACE}/operationresults/7d1f",
        f"{ARM}/subscriptions/{SUBSCRIPTION}/operationresults/eyJqb2JJZCI6IkRlcGxveW1lbnQ-_In0=?api-version=2021",
        f"{ARM}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/locations/eastus/operations/7d1f",
        f"{ARM}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/locations/westus2/DiskOperations/7d1f?p=x",
        f"{ARM}/subscriptions/{SUBSCRIPTION}/resourceGroups/RG_lab(1)/providers/Microsoft.ContainerRegistry/registries/lab"
        "/operationStatuses/registries-7d1f",
    ],
)
def test_operations_of_the_subscription_are_read(url: str) -> None:
    found = decode("Cluster", record(url=url), SCOPE, NOW)
    assert found is not None and found[1].url == url
    assert decode("Cluster", encode(found[1]), SCOPE, NOW) == found


@pytest.mark.parametrize(
    "url",
    [
        URL.replace("management.azure.com", "evil.example"), URL.replace("https", "http"), URL.replace("https://", "https://x@"),
        URL.replace(".com/", ".com.evil.example/"), URL.replace(".com/", ".com:444/"), URL.replace(".com/", ".com#/"),
        URL.replace(".com/", ".com\\@evil.example/"), URL.replace("0001/", "0002/"), URL.replace("/subscriptions/", "//subscriptions/"),
        URL.replace("/operations/", "/../operations/"), URL.replace("/operations/", "/%2e%2e/operations/"),
        URL.replace("/operations/7d1f", "/kubernetesVersions"), URL.replace("/operations/7d1f", "/operations/"),
        URL.replace("/operations/7d1f", "/operations/7d1f/x"), URL.replace("/operations/7d1f", "/operations/.."),
        URL.replace("/operations/7d1f", "/operations/7d%2f1f"), URL.replace("ContainerService", "KeyVault"),
        URL.replace("ContainerService", "ContainerService/x"), f"{URL}\n", f" {URL}", f"{URL}\x00", f"{URL}é", f"{URL}#x",
        f"{ARM}/subscriptions/{SUBSCRIPTION}/resourceGroups/theirs/providers/Microsoft.ContainerRegistry/registries/x"
        "/operationStatuses/1",
        f"{ARM}/subscriptions/{SUBSCRIPTION}/resourceGroups/rg_lab(1)/providers/Microsoft.ContainerRegistry/registries/x",
        f"{ARM}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments/1",
        f"{ARM}/subscriptions/{SUBSCRIPTION}", "https://[::1", "", "x" * 9000, DOCS,
    ],
)  # fmt: skip
def test_another_address_is_refused(url: str) -> None:
    assert decode("Cluster", record(url=url), SCOPE, NOW) is None


def test_a_marker_stands_for_its_own_key_alone() -> None:
    assert decode("Providers", record(url=DOCS), SCOPE, NOW) is not None
    assert decode("Providers", record(), SCOPE, NOW) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": 5}, {"kind": ""}, {"kind": "create"}, {"kind": "create \x1b[2J"}, {"kind": "create " + "x" * 500},
        {"kind": "create \u202egnp.exe"}, {"expected": -1}, {"expected": 1e99}, {"expected": float("nan")}, {"expected": "1"},
        {"expected": True}, {"started": "2026-05-01T11:55:00"}, {"started": "yesterday"}, {"started": 5},
        {"started": "2027-05-01T11:55:00+00:00"}, {"started": "2020-05-01T11:55:00+00:00"}, {"started": "0001-01-01T00:00:00+23:59"},
        {"key": "Registry"}, {"key": None}, {"percent": 5}, {"url": None}, {"url": ["https://x"]},
    ],
)  # fmt: skip
def test_another_form_is_refused(changes: dict[str, Any]) -> None:
    assert decode("Cluster", record(**changes), SCOPE, NOW) is None


@pytest.mark.parametrize("name", ["", "cluster", "Cluster__", "Cluster__../x", "C" * 200, "Cluster__a__b", "Cluster\n"])
def test_another_key_is_refused(name: str) -> None:
    assert decode(name, record(), SCOPE, NOW) is None


@pytest.mark.parametrize("text", ["", "5", "[]", "null", "{", "[" * 5000, "x" * 20_000, '{"kind": {"kind": {"kind": {}}}}'])
def test_a_malformed_operation_record_is_refused(text: str) -> None:
    assert decode("Cluster", text, SCOPE, NOW) is None


def test_their_number_has_a_limit() -> None:
    found, left_out = decode_all({f"Cluster__{n}": record() for n in range(500)}, SCOPE, NOW)
    assert len(found) == MOST_RECORDS and left_out == 500 - MOST_RECORDS


@given(
    st.text(max_size=30),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=30),
        lambda i: (
            st.lists(i) | st.dictionaries(st.sampled_from(["kind", "url", "started", "expected", "key"]) | st.text(max_size=5), i)
        ),
    ),
)
def test_whatever_is_written_there_is_read_or_left_out(name: str, value: Any) -> None:
    found, left_out = decode_all({name: json.dumps(value)}, SCOPE, NOW)
    assert len(found) + left_out == 1
    for operation in found.values():
        assert isinstance(operation, Operation) and SCOPE.admits(name, operation.url)
