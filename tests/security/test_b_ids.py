"""Malformed ARM ids and Azure names from an author: the API server refuses each with a message that names the field."""

from typing import Any

import pytest

from sandbox.operator_process import azure_credentials
from tests.security.conftest import SUBSCRIPTION, Author, Field

pytestmark = pytest.mark.attack

SUB = f"/subscriptions/{SUBSCRIPTION}"
VICTIM = f"{SUB}/resourceGroups/victim"
TAGS = {"notebookplatform-owner": "management/victims/hub/uid-of-the-victim"}

IDS = {
    "spec.network.subnetId": ("Microsoft.Network/virtualNetworks/subnets", "virtualNetworks/net/subnets/{}"),
    "spec.nodePools[].subnetId": ("Microsoft.Network/virtualNetworks/subnets", "virtualNetworks/{}/subnets/nodes"),
    "spec.cluster.registries[]": ("Microsoft.ContainerRegistry/registries", "registries/{}"),
    "spec.cluster.monitoring.workspaceId": ("Microsoft.OperationalInsights/workspaces", "workspaces/{}"),
    "spec.identity.userAssigned.resourceId": ("Microsoft.ManagedIdentity/userAssignedIdentities", "userAssignedIdentities/{}"),
    "spec.cluster.apiServer.privateDNSZone": ("Microsoft.Network/privateDnsZones", "privateDnsZones/{}"),
}
"""The fields that hold an id: the type, and the id below its provider with a place for a name."""

GOOD = {"Microsoft.Network/privateDnsZones": "privatelink.eastus.azmk8s.io"}

ODD = [
    "name?", "name?x=y", "name#", "..", ".", "a%2fb", "a%252fb", "%2e%2e", "a\nb", "name\n", "a\tb", "a b", "name.", "name ", "na\\me",
    "na;me", "nаme", "ｎame", "na\u2024me", "a" * 129, "", "*", "{name}", "na'me", "na<me>",
]  # fmt: skip
"""Invalid names; one has a Cyrillic letter, one a full-width letter, one a one-dot leader."""


def id_of(
    field: str, *, group: str = "victim", name: str | None = None, subscription: str = SUBSCRIPTION, provider: str = ""
) -> str:
    type_, below = IDS[field]
    place = below.format(GOOD.get(type_, "images1") if name is None else name)
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider or type_.split('/')[0]}/{place}"


def with_id(author: Author, field: str, value: str) -> dict[str, Any]:
    made = author.runbook("hub")
    spec = made["spec"]
    match field:
        case "spec.network.subnetId":
            spec["network"] = {"subnetId": value}
        case "spec.nodePools[].subnetId":
            spec["nodePools"][0]["subnetId"] = value
        case "spec.cluster.registries[]":
            spec["cluster"]["registries"] = [value]
        case "spec.cluster.monitoring.workspaceId":
            spec["cluster"]["monitoring"] = {"workspaceId": value}
        case "spec.identity.userAssigned.resourceId":
            spec["identity"] = {"type": "UserAssigned", "userAssigned": {"resourceId": value}}
        case "spec.cluster.apiServer.privateDNSZone":
            spec["cluster"]["apiServer"] = {"private": True, "privateDNSZone": value}
    return made


def rejected(author: Author, made: dict[str, Any], field: str) -> None:
    answer = author.apply(made, check=False)
    assert f"{field} must " in answer, answer
    assert author.platform("hub") == {}


@pytest.mark.parametrize("field", IDS)
def test_an_id_of_the_right_form_is_admitted(author: Author, field: str) -> None:
    made = with_id(author, field, id_of(field))
    made["spec"]["suspend"] = True
    author.apply(made)
    assert author.platform("hub")["metadata"]["name"] == "hub"


@pytest.mark.parametrize("field", IDS)
def test_an_id_with_such_a_name_or_group_is_refused(author: Author, field: str) -> None:
    for odd in ODD:
        rejected(author, with_id(author, field, id_of(field, name=odd)), field)
        rejected(author, with_id(author, field, id_of(field, group=odd)), field)


@pytest.mark.parametrize("field", IDS)
def test_an_id_of_another_form_is_refused(author: Author, field: str) -> None:
    good = id_of(field)
    for odd in (
        good.removeprefix("/"),
        f"{good}/",
        f"/{good}",
        f"{good}/providers/Microsoft.Authorization/locks/l",
        good.replace("/resourceGroups/", "//resourceGroups/"),
        good.replace("/subscriptions/", "/ſubscriptions/"),
        good.replace("Microsoft.", "Microſoft."),
        good.replace("Microsoft.", "Microsoftx"),
        f"https://management.azure.com{good}",
        f"{VICTIM}?/{good.split('/providers/')[1]}",
        id_of(field, subscription="0" * 36),
        id_of(field, subscription="-" * 36),
        id_of(field, subscription="all"),
        id_of(field, provider="Microsoft.Compute"),
        VICTIM,
        "/",
    ):
        rejected(author, with_id(author, field, odd), field)


NAMED: dict[str, Any] = {
    "spec.azure.subscriptionId": lambda s, v: s["azure"].update(subscriptionId=v),
    "spec.azure.location": lambda s, v: s["azure"].update(location=v),
    "spec.azure.resourceGroup": lambda s, v: s["azure"].update(resourceGroup=v),
    "spec.azure.features[]": lambda s, v: s["azure"].update(features=[v]),
    "spec.network.virtualNetwork.name": lambda s, v: s["network"]["virtualNetwork"].update(name=v),
    "spec.network.subnet.name": lambda s, v: s["network"]["subnet"].update(name=v),
    "spec.cluster.name": lambda s, v: s["cluster"].update(name=v),
    "spec.cluster.nodeResourceGroup": lambda s, v: s["cluster"].update(nodeResourceGroup=v),
    "spec.cluster.entra.tenantId": lambda s, v: s["cluster"].update(entra={"tenantId": v}),
    "spec.identity.userAssigned.name": lambda s, v: s.update(identity={"type": "UserAssigned", "userAssigned": {"name": v}}),
    "spec.nodePools[].name": lambda s, v: s["nodePools"][0].update(name=v),
    "spec.autoscale[].name": lambda s, v: s["autoscale"][0].update(name=v),
    "spec.azure.credentials.workloadIdentity.tenantId": lambda s, v: s["azure"].update(
        credentials={"workloadIdentity": {"tenantId": v, "clientId": SUBSCRIPTION}}
    ),
    "spec.jupyterhub.expose.loadBalancer.staticIPResourceGroup": lambda s, v: s["jupyterhub"].update(
        expose={"loadBalancer": {"staticIP": "192.0.2.1", "staticIPResourceGroup": v}}
    ),
}
"""The fields that hold a name in Azure, and how each is set."""


@pytest.mark.parametrize("field", NAMED)
def test_a_name_that_would_change_a_path_is_refused(author: Author, field: str) -> None:
    for odd in ("../victim", "..", "victim?x", "victim#", "a%2fb", "a%252f", "a\nb", "name\n", "ſub", "", "x/y/z"):
        made = author.runbook("hub")
        NAMED[field](made["spec"], odd)
        answer = author.apply(made, check=False)
        assert field in answer.replace("spec.azure.features[0]", field), answer
        assert author.platform("hub") == {}


def test_no_id_wipes_the_owner_tag_of_a_strangers_group(author: Author, site: Field) -> None:
    """The PUT of a role on this id was a PUT of the group itself, without tags."""
    site.control(
        "PUT", f"/resources{VICTIM}", {"location": "eastus", "tags": TAGS, "properties": {"provisioningState": "Succeeded"}}
    )
    mark = site.mark()
    rejected(
        author,
        with_id(author, "spec.cluster.registries[]", f"{VICTIM}?/providers/Microsoft.ContainerRegistry/registries/images"),
        "spec.cluster.registries[]",
    )
    assert site.resources()[VICTIM.lower()]["tags"] == TAGS
    assert site.writes(mark, "victim") == []


@pytest.mark.parametrize("key", ["tenantId", "clientId"])
@pytest.mark.parametrize("value", ["common", "../../x", "11111111-1111-1111-1111-111111111111/../x", "ｘ"])
def test_an_id_in_a_secret_that_is_no_guid_is_named_and_not_used(author: Author, site: Field, key: str, value: str) -> None:
    given = {"clientSecret": "a-secret-of-the-author-5501", key: value}
    author.secret("azure-credentials", **azure_credentials(site.environment) | given)
    mark = site.mark()
    author.apply(author.runbook("hub"))
    message = author.until_reason("hub", "CredentialsReady", "SecretValueInvalid")["message"]
    assert "spec.azure.credentials.secretRef" in message and key in message
    assert value == "common" or value not in message
    entries = site.control("GET", f"/journal?since={mark}")["value"]
    assert not [e for e in entries if value in e["path"]]
