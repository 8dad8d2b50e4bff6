"""Which Azure rights are used: an author without credentials, and one who names resources of other teams."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.security.conftest import SUBSCRIPTION, Author, Field, make_author, namespace_of

pytestmark = pytest.mark.attack

SUB = f"/subscriptions/{SUBSCRIPTION}"
VICTIM = f"{SUB}/resourceGroups/other-team"
TAGS = {"notebookplatform-owner": "management/victims/hub/uid-of-the-victim"}
STATE = {"provisioningState": "Succeeded"}
CLIENT, TENANT = "33333333-3333-3333-3333-333333333333", "11111111-1111-1111-1111-111111111111"


def resource(group: str, type_: str, *names: str) -> str:
    provider, *kinds = type_.split("/")
    return f"{SUB}/resourceGroups/{group}/providers/{provider}/" + "/".join(
        f"{kind}/{name}" for kind, name in zip(kinds, names, strict=True)
    )


SUBNET = resource("other-team", "Microsoft.Network/virtualNetworks/subnets", "net", "nodes")
REGISTRY = resource("other-team", "Microsoft.ContainerRegistry/registries", "images")
IDENTITY = resource("other-team", "Microsoft.ManagedIdentity/userAssignedIdentities", "their-hub")
WORKSPACE = resource("other-team", "Microsoft.OperationalInsights/workspaces", "logs")
CLUSTER = resource("other-team", "Microsoft.ContainerService/managedClusters", "their-cluster")
ZONE = resource("other-team", "Microsoft.Network/privateDnsZones", "privatelink.eastus.azmk8s.io")


@pytest.fixture
def victim(site: Field) -> Field:
    """Resources of another team in the subscription, with no owner tag on the cluster."""

    def put(id_: str, **body: Any) -> None:
        site.control("PUT", f"/resources{id_}", {"location": "eastus", **body})

    put(VICTIM, tags=TAGS, properties=STATE)
    subnet = {"id": SUBNET, "name": "nodes", "properties": {"addressPrefix": "10.9.0.0/16"}}
    put(SUBNET.rsplit("/subnets/", 1)[0], properties={**STATE, "subnets": [subnet]})
    put(REGISTRY, properties={**STATE, "loginServer": "images.azurecr.io"})
    put(IDENTITY, properties={"clientId": CLIENT, "principalId": CLIENT, "tenantId": TENANT})
    put(WORKSPACE, properties=STATE)
    nodes = {"kubernetesVersion": "1.35.1", "nodeResourceGroup": "other-team_nodes"}
    put(CLUSTER, properties={**STATE, **nodes})
    return site


@pytest.fixture
def guest(site: Field, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Author]:
    """An author whose namespace may use the operator's own identity, in its own groups."""
    made = make_author(site, namespace_of(request, "own"), tmp_path)
    yield made
    made.retire()


def document(author: Author, **azure: Any) -> dict[str, Any]:
    """Return a platform without credentials, in a group of the author's own."""
    found = author.runbook("hub")
    found["spec"]["azure"] = {**found["spec"]["azure"], "credentials": None, **azure}
    if found["spec"]["azure"]["credentials"] is None:
        del found["spec"]["azure"]["credentials"]
    return found


def asked(site: Field, since: int) -> list[str]:
    """Return all requests to Azure about the author or the victim."""
    entries = site.control("GET", f"/journal?since={since}")["value"]
    return [f"{e['method']} {e['path']}" for e in entries]


def refused(author: Author, mark: int, made: dict[str, Any]) -> str:
    """Apply, wait for the refusal, and assert that Azure received no request for this platform."""
    author.apply(made)
    message: str = author.until_reason("hub", "CredentialsReady", "IdentityNotAllowed")["message"]
    assert author.condition("hub", "Ready")["reason"] == "IdentityNotAllowed"
    group = made["spec"]["azure"]["resourceGroup"].lower()
    theirs = re.compile(rf"{re.escape(group)}|/resourcegroups/other-team(_nodes)?(/|$)")
    touched = [line for line in asked(author.site, mark) if theirs.search(line.lower())]
    assert touched == []
    return message


BORROWED = {
    "credentials left out": None,
    "a managed identity of the node": {"managedIdentity": {}},
    "a managed identity by client id": {"managedIdentity": {"clientId": CLIENT}},
    "a workload identity": {"workloadIdentity": {"tenantId": TENANT, "clientId": CLIENT}},
}


@pytest.mark.parametrize("credentials", BORROWED.values(), ids=BORROWED)
def test_an_author_does_not_use_an_identity_without_an_entry(author: Author, credentials: Any) -> None:
    message = refused(author, author.site.mark(), document(author, credentials=credentials))
    assert "spec.azure.credentials" in message and f"namespaces: [{author.namespace}]" in message


def test_a_platform_that_was_never_allowed_is_deleted_at_once(author: Author) -> None:
    made = document(author)
    made["spec"]["deletionProtection"] = False
    refused(author, author.site.mark(), made)
    author.kubectl("delete", "nbp", "hub", "--timeout=20s")
    assert author.platform("hub") == {}


def test_an_untagged_cluster_of_another_team_is_not_taken_over(author: Author, victim: Field) -> None:
    mark, made = victim.mark(), document(author, resourceGroup="other-team")
    made["spec"] |= {"adoption": "IfUnowned"}
    made["spec"]["cluster"] |= {"name": "their-cluster", "nodeResourceGroup": "other-team_nodes"}
    author.apply(made)
    author.until_reason("hub", "CredentialsReady", "IdentityNotAllowed")
    assert victim.resources()[CLUSTER.lower()].get("tags") is None
    assert not [line for line in asked(victim, mark) if "their-cluster" in line]


AIMED: dict[str, Any] = {
    "spec.azure.resourceGroup": lambda s: s["azure"].update(resourceGroup="other-team"),
    "spec.azure.subscriptionId": lambda s: s["azure"].update(subscriptionId="00000000-0000-0000-0000-00000000000f"),
    "spec.cluster.nodeResourceGroup": lambda s: s["cluster"].update(nodeResourceGroup="other-team"),
    "spec.network.subnetId": lambda s: s.update(network={"subnetId": SUBNET}),
    "spec.nodePools[nodepool1].subnetId": lambda s: s["nodePools"][0].update(subnetId=SUBNET),
    "spec.cluster.registries[0]": lambda s: s["cluster"].update(registries=[REGISTRY]),
    "spec.identity.userAssigned.resourceId": lambda s: s.update(
        identity={"type": "UserAssigned", "userAssigned": {"resourceId": IDENTITY}}
    ),
    "spec.cluster.monitoring.workspaceId": lambda s: s["cluster"].update(monitoring={"workspaceId": WORKSPACE}),
    "spec.cluster.apiServer.privateDNSZone": lambda s: s["cluster"].update(apiServer={"private": True, "privateDNSZone": ZONE}),
    "spec.jupyterhub.expose.loadBalancer.staticIPResourceGroup": lambda s: s["jupyterhub"].update(
        expose={"loadBalancer": {"staticIP": "192.0.2.1", "staticIPResourceGroup": "other-team"}}
    ),
}
"""Every way to name other teams' resources, by field."""


@pytest.mark.parametrize("adoption", ["Never", "IfUnowned"])
@pytest.mark.parametrize("field", AIMED)
def test_an_allowed_identity_does_nothing_outside_its_groups(guest: Author, victim: Field, field: str, adoption: str) -> None:
    before, made = victim.resources(), document(guest)
    AIMED[field](made["spec"])
    made["spec"]["adoption"] = adoption
    message = refused(guest, victim.mark(), made)
    assert f"{field} lies outside" in message
    theirs = [key for key in before if "/resourcegroups/other-team" in key]
    after = victim.resources()
    assert {key: after[key] for key in theirs} == {key: before[key] for key in theirs}
    assert not [key for key in after if "/resourcegroups/other-team" in key and "roleassignments" in key]


def test_an_allowed_identity_works_inside_its_groups(guest: Author) -> None:
    made = document(guest)
    guest.apply(made)
    group = f"{SUB}/resourceGroups/{made['spec']['azure']['resourceGroup']}".lower()
    guest.site.until("the network is there", lambda: guest.condition("hub", "NetworkReady")["status"] == "True")
    assert guest.site.resources()[group]["tags"]["notebookplatform-owner"].split("/")[1] == guest.namespace
    guest.kubectl("patch", "nbp", "hub", "--type=merge", "-p", '{"spec":{"suspend":true}}')


def test_the_owner_of_another_platforms_resource_is_not_shown(guest: Author) -> None:
    made = document(guest)
    group = f"{SUB}/resourceGroups/{made['spec']['azure']['resourceGroup']}"
    guest.site.control("PUT", f"/resources{group}", {"location": "eastus", "tags": TAGS, "properties": STATE})
    made["spec"]["adoption"] = "IfUnowned"
    guest.apply(made)
    message = guest.until_reason("hub", "PreflightReady", "OwnedByAnother")["message"]
    assert "belongs to another platform" in message
    whole = str(guest.platform("hub")["status"])
    assert not [part for part in ("victims", "uid-of-the-victim") if part in whole]
    assert guest.site.resources()[group.lower()]["tags"] == TAGS


def test_an_author_cannot_set_the_owner_tag(author: Author) -> None:
    for name in ("notebookplatform-owner", "NotebookPlatform-Owner", "NOTEBOOKPLATFORM-repairs"):
        made = document(
            author, credentials={"secretRef": {"name": "azure-credentials"}}, tags={name: TAGS["notebookplatform-owner"]}
        )
        assert "spec.azure.tags cannot have names that begin with notebookplatform-" in author.apply(made, check=False)
