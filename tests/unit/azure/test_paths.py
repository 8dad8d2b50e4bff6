"""Which addresses receive the Azure token: the operator's own paths, and those from answers and Secrets."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.azure.arm.grants import IdentityGrant, Scope
from notebook_platform.azure.arm.ownership import Owner
from notebook_platform.azure.arm.paths import SCOPE, check, guid, literal, quoted, same_id
from notebook_platform.engine.outcome import StepError
from yarl import URL

from sandbox.azure.world import SUBSCRIPTION
from tests.unit.azure.specs import group_id

BASE = "https://arm.example.org"
SUB = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SUB}/resourceGroups/rg"
ROLE = "/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-000000000009"

ODD_NAMES = [
    "..", ".", "", "victim?", "victim?x=", "victim#", "a%2fb", "a%252fb", "%2e%2e", "a/b%00", "a\\b", "a\nb", "a\tb", "a\rb", "a\x7fb",
    "name ", " name", "name.", "a;b", "a<b", 'a"b', "a&b", "a|b", "a*b", "ｖictim", "\u2024\u2024", "a\uff0fb", "a\u202eb", "x" * 513,
]  # fmt: skip
"""Characters and names that would change the path of an id, or that a parser on the way reads as another name."""


@contextlib.contextmanager
def refused(reason: str = "InvalidAzureId") -> Iterator[None]:
    with pytest.raises(StepError) as caught:
        yield
    assert caught.value.failed.reason == reason
    assert caught.value.failed.message.isprintable() and len(caught.value.failed.message) < 700


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_path_of_ours_with_such_a_name_is_never_made(name: str) -> None:
    with refused():
        quoted(f"{SUB}/resourceGroups/{name}{ROLE}")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_address_with_such_a_name_is_never_asked(name: str) -> None:
    if name.startswith("victim?"):
        return  # in a whole address it is a query, and the path before it is judged by its scope
    with refused():
        check("GET", f"{BASE}{SUB}/resourceGroups/{name}{ROLE}", BASE)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.org/subscriptions",
        "http://arm.example.org/subscriptions",
        "https://arm.example.org:444/subscriptions",
        "https://arm.example.org@evil.example.org/subscriptions",
        "https://user@arm.example.org/subscriptions",
        "ftp://arm.example.org/subscriptions",
        "//arm.example.org/subscriptions",
        "https://arm.example.org.evil.example.org/subscriptions",
        "https:/arm.example.org/subscriptions",
    ],
)
def test_a_token_goes_to_no_other_scheme_host_or_port(url: str) -> None:
    with refused("ForeignAddress"):
        check("GET", url, BASE)


@pytest.mark.parametrize(
    "url", ["https://arm.example.org\n/subscriptions", "https://arm.example.org/\tsubscriptions", " https://x/y"]
)
def test_an_address_with_control_characters_is_never_asked(url: str) -> None:
    with refused():
        check("GET", url, BASE)


def test_the_queries_that_azure_writes_into_its_own_addresses_stay_as_they_are() -> None:
    check("GET", f"{BASE}{SUB}/resourceGroups?api-version=2021-04-01&$skiptoken=eyJh%2B%2F==", BASE)
    check("GET", f"{BASE}{SUB}/providers/x/locations/eastus/operations/1-a?t=6&s=si%2Fgn&h=a/b?c", BASE)
    check("GET", "https://graph/v1.0/applications(uniqueName='a-b')", "https://graph")


@given(st.text(min_size=1, max_size=40))
def test_whatever_the_name_a_path_ends_where_it_was_meant_to(name: str) -> None:
    """The transport's parser reads the same number of segments and the same name."""
    try:
        path = quoted(f"{SUB}/resourceGroups/{name}{ROLE}")
    except StepError:
        return
    read = URL(f"{BASE}{path}")
    if "/" not in name:
        assert read.path == f"{SUB}/resourceGroups/{name}{ROLE}" and read.query_string == "" and read.fragment == ""
    check("PUT", f"{BASE}{path}", BASE)


@given(st.text(max_size=30))
def test_a_quote_never_ends_a_literal_of_a_filter(text: str) -> None:
    inner = literal(text)[1:-1]
    assert inner.replace("''", "").count("'") == 0 and inner.replace("''", "'") == text


@pytest.mark.parametrize(
    "text", ["", "x", None, 5, "11111111-1111-1111-1111-11111111111g", "11111111-1111-1111-1111-111111111111\n", "1" * 36]
)
def test_an_answer_that_is_no_guid_is_not_used_as_one(text: Any) -> None:
    with refused():
        guid(text, "the id of the principal")


@pytest.mark.parametrize("answered", [None, f"{GROUP}x", f"{GROUP}/../other", GROUP.replace("s", "ſ", 1), 7])
def test_an_answer_about_another_resource_is_not_used(answered: Any) -> None:
    with refused():
        same_id(answered, GROUP)
    assert same_id(GROUP.upper(), GROUP) == GROUP.upper()


@pytest.fixture
def scope() -> Iterator[Scope]:
    entry = {"identity": "own", "namespaces": ["a"], "subscriptions": [SUBSCRIPTION], "resourceGroups": ["rg", "rg-*"]}
    found = Scope(grants=(IdentityGrant.model_validate(entry),), home=(SUBSCRIPTION, "MC_rg_c_eastus"))
    token = SCOPE.set(found)
    yield found
    SCOPE.reset(token)


OUTSIDE = [
    ("GET", f"{SUB}/resourceGroups/victim"),
    ("PUT", f"{SUB}/resourceGroups/victim"),
    ("PUT", f"{SUB}/resourcegroups/VICTIM{ROLE}"),
    ("POST", f"{SUB}/resourceGroups/victim/providers/Microsoft.ContainerService/managedClusters/c/listClusterAdminCredential"),
    ("PUT", f"{SUB}{ROLE}"),
    ("PATCH", f"{SUB}/providers/Microsoft.Resources/tags/default"),
    ("DELETE", SUB),
    ("POST", f"{SUB}/providers/Microsoft.ContainerService/unregister"),
    ("POST", f"{SUB}/providers/Microsoft.Features/providers/Microsoft.X/features/y/unregister"),
    ("PUT", f"/providers/Microsoft.Management/managementGroups/root{ROLE}"),
    ("GET", "/providers/Microsoft.Management/managementGroups"),
    ("GET", "/subscriptions/00000000-0000-0000-0000-00000000000f/resourceGroups"),
    ("GET", "/subscriptions/00000000-0000-0000-0000-00000000000f/resourceGroups/rg"),
]


@pytest.mark.parametrize(("method", "path"), OUTSIDE)
def test_a_shared_identity_asks_nothing_outside_its_scope(scope: Scope, method: str, path: str) -> None:
    with refused("IdentityNotAllowed"):
        check(method, f"{BASE}{path}?api-version=1", BASE)
    SCOPE.set(None)
    check(method, f"{BASE}{path}?api-version=1", BASE)  # with credentials of the author's own, Azure's roles decide


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", f"{SUB}/resourceGroups/rg-2/providers/Microsoft.Network/virtualNetworks/v"),
        ("PUT", f"{SUB}/resourceGroups/mc_RG_c_eastus/providers/microsoft.insights/autoscalesettings/a"),
        ("GET", f"{SUB}/providers/Microsoft.ContainerService/managedClusters"),
        ("POST", f"{SUB}/providers/Microsoft.ContainerService/register"),
        ("POST", f"{SUB}/providers/Microsoft.Features/providers/Microsoft.X/features/y/register"),
        ("POST", f"{SUB}/providers/Microsoft.ContainerRegistry/checkNameAvailability"),
        ("GET", "/v1.0/applications"),
    ],
)
def test_inside_its_scope_it_does_its_work(scope: Scope, method: str, path: str) -> None:
    check(method, f"{BASE}{path}", BASE)


OWN = Owner(cluster_id="here", namespace="team-a", name="hub", uid="uid-1")


@pytest.mark.parametrize(
    ("holder", "refusal"),
    [
        ("here/team-a/other/uid-2", "belongs to another platform of this namespace, 'other'"),
        ("here/team-b/secret-project/uid-2", "belongs to another platform"),
        ("there/team-a/other/uid-2", "belongs to another platform"),
        ("here/team-a/\x1b[31m/uid", "belongs to another platform"),
        ("scribble", "belongs to another platform"),
        ("", "belongs to another platform"),
    ],
)
def test_the_owner_of_a_resource_is_not_shown_to_another_platform(holder: str, refusal: str) -> None:
    failed = OWN.ownership_conflict("the network 'n'", "spec.network", {"NotebookPlatform-Owner": holder}, "IfUnowned")
    assert failed is not None and failed.reason == "OwnedByAnother"
    assert failed.message == f"spec.network: the network 'n' {refusal}"


def test_the_name_of_the_owner_tag_is_compared_without_regard_to_case() -> None:
    assert OWN.owns({"NOTEBOOKPLATFORM-OWNER": OWN.tag}) and group_id("x")
