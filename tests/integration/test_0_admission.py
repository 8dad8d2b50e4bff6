"""What a real API server refuses: each refusal names the field."""

import json
from typing import Any

import pytest
import yaml
from notebook_platform.api.patches import PLACES, refusal

from sandbox.operator_process import ROOT, kubectl
from tests.integration.admission import DROP, TAKEN, attempt, attempt_change, changed
from tests.integration.bad_hub_values import BAD_OF_HUBS, VOLUME
from tests.integration.bad_platform_values import BAD_OF_PLATFORMS, SUBNET_ID
from tests.integration.conftest import Field, runbook

ZONE_ID = SUBNET_ID.partition("virtualNetworks")[0] + "privateDnsZones/privatelink.eastus.azmk8s.io"
BAD = [*BAD_OF_PLATFORMS, *BAD_OF_HUBS]

FIXED: list[tuple[str, Any, str]] = [
    ("azure.location", "westeurope", "spec.azure.location cannot change"),
    ("azure.resourceGroup", "another", "spec.azure.resourceGroup cannot change"),
    ("cluster.name", "another", "spec.cluster.name cannot change"),
    ("cluster.nodeResourceGroup", "another", "spec.cluster.nodeResourceGroup cannot change"),
    ("cluster.network.serviceCidr", "10.1.0.0/16", "spec.cluster.network.serviceCidr cannot change"),
    ("network.virtualNetwork.name", "another", "spec.network.virtualNetwork.name cannot change"),
    ("jupyterhub.release", "another", "spec.jupyterhub.release cannot change"),
    ("jupyterhub.naming", {"scheme": "Escape"}, "spec.jupyterhub.naming.scheme cannot change"),
    ("cluster.apiServer", {"private": True}, "spec.cluster.apiServer.private cannot change"),
    ("cluster.network.outboundType", "userDefinedRouting", "spec.cluster.network.outboundType cannot change"),
]


@pytest.mark.parametrize(
    ("path", "value", "sentence"), BAD, ids=[f"{p}={'(left out)' if v is DROP else v}"[:60] for p, v, _ in BAD]
)
def test_a_bad_value_is_refused_with_a_sentence_that_names_the_field(site: Field, path: str, value: Any, sentence: str) -> None:
    answer = attempt(site, changed(path, value))
    assert "invalid" in answer.lower() and sentence in answer, answer


def test_metadata_is_blocked_by_network_policies_only_where_something_enforces_them(site: Field) -> None:
    document = changed("jupyterhub.network", {"blockMetadata": "NetworkPolicy"})
    assert attempt(site, document) == TAKEN
    document["spec"]["cluster"]["network"]["policy"] = "none"
    assert "blockMetadata NetworkPolicy needs spec.cluster.network.policy azure, calico or cilium" in attempt(site, document)


def test_a_private_dns_zone_needs_an_identity_before_the_cluster(site: Field) -> None:
    document = changed("cluster.apiServer", {"private": True, "privateDNSZone": ZONE_ID})
    assert attempt(site, document) == TAKEN
    document["spec"]["identity"] = {"type": "SystemAssigned"}
    assert "privateDNSZone with the id of a zone needs spec.identity.type UserAssigned or ServicePrincipal" in attempt(
        site, document
    )
    document["spec"]["cluster"]["apiServer"]["privateDNSZone"] = "system"
    assert attempt(site, document) == TAKEN


def test_at_least_forty_bad_values_are_tried() -> None:
    assert len(BAD) >= 40


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "deploy" / "examples").glob("*.yaml")))
def test_every_example_is_accepted(site: Field, name: str) -> None:
    answer = kubectl(site.environment, "apply", "--dry-run=server", "-f", str(ROOT / "deploy" / "examples" / name))
    assert "notebookplatform.notebookplatform.io/" in answer


def test_immutable_fields_cannot_be_changed(site: Field) -> None:
    document = changed("suspend", True)
    document["spec"]["jupyterhub"]["naming"] = {"scheme": "Safe"}
    site.apply(document)
    try:
        for path, value, sentence in FIXED:
            other = changed(path, value)
            other["spec"]["suspend"] = True
            assert sentence in attempt_change(site, other), path
    finally:
        site.kubectl("delete", "nbp", "bad", "-n", "platforms", "--timeout=60s")


def test_defaults_are_filled_in_and_unknown_fields_refused(site: Field) -> None:
    spec = site.api.create(runbook("defaults"), dryRun="All")["spec"]
    assert (spec["deletionPolicy"], spec["driftPolicy"], spec["adoption"], spec["suspend"]) == (
        "Delete",
        "Correct",
        "Never",
        False,
    )
    assert spec["jupyterhub"]["culling"]["timeout"] == "1h"
    document = runbook("unknown")
    document["spec"]["cluster"]["nodeCount"] = 3
    assert 'unknown field "spec.cluster.nodeCount"' in attempt(site, document)
    document = runbook("unknown")
    document["spec"]["jupyterhub"]["singleUser"] = {"storage": {"extraVolumes": [{**VOLUME, "hostPath": {"path": "/"}}]}}
    assert 'extraVolumes[0].hostPath"' in attempt(site, document)


def test_a_platform_that_the_operator_has_not_seen_says_so_to_kstatus(site: Field) -> None:
    document = runbook("unseen")
    document["metadata"]["namespace"] = "default"  # the operator may not work there
    site.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(document))
    found = json.loads(site.kubectl("get", "nbp", "unseen", "-n", "default", "-o", "json"))
    site.kubectl("delete", "nbp", "unseen", "-n", "default", "--timeout=30s")
    assert found["status"] == {"observedGeneration": -1} and found["metadata"]["generation"] == 1


def test_platforms_are_selected_by_region_and_cluster(site: Field) -> None:
    site.apply(changed("suspend", True))
    try:
        for selector, found in (
            ("spec.azure.location=eastus", True),
            ("spec.azure.location=westeurope", False),
            ("spec.cluster.name=aks-bad", True),
            ("spec.cluster.name=another", False),
        ):
            names = site.kubectl("get", "nbp", "-n", "platforms", "--field-selector", selector, "-o", "name").split()
            assert ("notebookplatform.notebookplatform.io/bad" in names) is found, selector
    finally:
        site.kubectl("delete", "nbp", "bad", "-n", "platforms", "--timeout=60s")


def test_two_managers_own_entries_of_one_list(site: Field) -> None:
    """Server-side apply by one manager keeps the users and pools of another."""
    document = changed("suspend", True)
    head = {key: document[key] for key in ("apiVersion", "kind", "metadata")}
    oidc = document["spec"]["jupyterhub"]["auth"]["oidc"]
    oidc["adminUsers"] = ["ada@example.org"]
    pool = {"name": "more", "vmSize": "Standard_D2s_v3", "count": 1}
    part = {"jupyterhub": {"auth": {"oidc": {"adminUsers": ["bob@example.org"]}}}, "nodePools": [pool]}

    def apply(wanted: dict[str, Any], manager: str) -> None:
        more = ("--server-side", f"--field-manager={manager}", "--validate=ignore", "-f", "-")
        site.kubectl("apply", *more, stdin=yaml.safe_dump(wanted))

    try:
        apply(document, "one")
        apply({**head, "spec": part}, "two")
        apply(document, "one")
        spec = yaml.safe_load(site.kubectl("get", "nbp", "bad", "-n", "platforms", "-o", "json"))["spec"]
        assert set(spec["jupyterhub"]["auth"]["oidc"]["adminUsers"]) == {"ada@example.org", "bob@example.org"}
        assert {pool["name"] for pool in spec["nodePools"]} == {"nodepool1", "more"}
    finally:
        site.kubectl("delete", "nbp", "bad", "-n", "platforms", "--timeout=60s")


EXAMPLES: dict[str, Any] = {"string": "x", "object": {}, "array": [{"name": "x"}], "integer": 1, "boolean": True}


@pytest.mark.parametrize("place", PLACES)
def test_a_patch_cannot_set_a_guarded_member(site: Field, place: str) -> None:
    patch: dict[str, Any] = {}
    for path, guarded in PLACES[place].items():
        *above, name = path.split(".")
        holder = patch
        for step in above:
            holder = holder.setdefault(step, {})
        holder[name] = EXAMPLES[guarded.type]
    document = runbook("bad")
    node = document["spec"][place.split(".")[1].removesuffix("[]")]
    (node[0] if isinstance(node, list) else node)["patch"] = patch
    answer = attempt(site, document)
    for path, guarded in PLACES[place].items():
        assert f"{refusal(place, path, guarded)}. {guarded.remedy}" in answer, path


def test_a_patch_keeps_members_that_the_schema_does_not_know_and_null(site: Field) -> None:
    wanted = {"properties": {"httpProxyConfig": {"noProxy": ["10.0.0.0/8"]}, "dnsPrefix": None}, "sku": {"name": "Base"}}
    more = ("--dry-run=server", "-o", "json", "-f", "-")
    for way in (("apply", "--server-side"), ("create",)):
        answer = site.kubectl(*way, *more, stdin=yaml.safe_dump(changed("cluster.patch", wanted)))
        assert yaml.safe_load(answer)["spec"]["cluster"]["patch"] == wanted


def test_only_server_side_apply_keeps_null_in_a_patch_of_an_existing_platform(site: Field) -> None:
    document = changed("suspend", True)
    document["spec"]["cluster"]["patch"] = {"properties": {"dnsPrefix": None}}

    def patch_after(*way: str) -> Any:
        site.kubectl("apply", *way, "-f", "-", stdin=yaml.safe_dump(document))
        return yaml.safe_load(site.kubectl("get", "nbp", "bad", "-n", "platforms", "-o", "json"))["spec"]["cluster"]["patch"]

    try:
        patch_after()
        document["spec"]["cluster"]["patch"]["properties"]["fqdnSubdomain"] = "hub"
        assert patch_after() == {"properties": {"fqdnSubdomain": "hub"}}
        assert patch_after("--server-side", "--force-conflicts") == {"properties": {"dnsPrefix": None, "fqdnSubdomain": "hub"}}
    finally:
        site.kubectl("delete", "nbp", "bad", "-n", "platforms", "--timeout=60s")


def test_the_columns_of_kubectl_get(site: Field) -> None:
    head = site.kubectl("get", "nbp", "-A", "-o", "wide", check=False)
    crd = yaml.safe_load(site.kubectl("get", "crd", "notebookplatforms.notebookplatform.io", "-o", "yaml"))
    columns = [c["name"] for c in crd["spec"]["versions"][0]["additionalPrinterColumns"] if not c.get("priority")]
    assert columns == ["READY", "STATUS", "URL", "K8S", "NODES", "HUB", "AGE"], head
    assert crd["spec"]["names"]["shortNames"] == ["nbp"] and crd["spec"]["names"]["categories"] == ["all"]
