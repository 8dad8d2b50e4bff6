"""What a real API server refuses of spec.binderhub, on a real API server: each refusal names the field."""

import copy
from typing import Any

import pytest

from tests.integration.admission import DROP, TAKEN, attempt
from tests.integration.conftest import Field, runbook
from tests.unit.hubs.binder_specs import OIDC

BINDER: dict[str, Any] = {
    "chart": {"version": "1.0.0-0.dev.git.3941.h9056a226"},
    "address": {"ingress": {"host": "binder.example.org"}},
    "registry": {"azure": {"name": "universitybinder"}},
    "builder": {"pool": "nodepool1"},
    "auth": OIDC,
}
LABELS = {"dnsLabels": {"binder": "u-binder", "hub": "u-binder-hub"}}
HTTP = {"ingress": {"host": "binder.example.org", "plainHttp": True}}


def existing(binder: str = "https://b.example.org", hub: str = "https://h.example.org", **more: Any) -> dict[str, Any]:
    return {"existing": {"binder": {"url": binder}, "hub": {"url": hub}, **more}}


def registry(**members: Any) -> dict[str, Any]:
    return {"existing": {"server": "registry.example.org", "prefix": "binder/r2d-", "secretRef": {"name": "r"}, **members}}


BAD: list[tuple[str, Any, str]] = [
    ("chart.version", "latest", "spec.binderhub.chart.version must be one exact version"),
    ("chart.version", ">=1.0.0", "spec.binderhub.chart.version must be one exact version"),
    ("chart.repository", "http://charts.example.org", "spec.binderhub.chart.repository must be an https or oci URL"),
    ("chart.jupyterhubVersion", "4", "spec.binderhub.chart.jupyterhubVersion must be a version"),
    ("release", "Binder", "spec.binderhub.release must be a Helm release name"),
    ("release", "jhub", "spec.binderhub.release and spec.jupyterhub.release must differ"),
    ("namespace", "jhub", "spec.binderhub.namespace and spec.jupyterhub.namespace must differ"),
    ("address", {}, "spec.binderhub.address must have exactly one of ingress, dnsLabels, existing"),
    ("address", {**LABELS, **HTTP}, "spec.binderhub.address must have exactly one of ingress, dnsLabels, existing"),
    ("address", DROP, "spec.binderhub.address: Required value"),
    ("address.ingress", {}, "spec.binderhub.address.ingress must have exactly one of host, dnsLabel"),
    ("address.ingress.host", "https://binder.example.org", "spec.binderhub.address.ingress.host must be a DNS name"),
    ("address.ingress", {"dnsLabel": "-x"}, "spec.binderhub.address.ingress.dnsLabel must be an Azure DNS label"),
    ("address.ingress.hubPath", "/", "spec.binderhub.address.ingress.hubPath must be one segment between slashes"),
    ("address.ingress.hubPath", "/v2/", "spec.binderhub.address.ingress.hubPath must not be a path that the binder serves"),
    ("address", {"dnsLabels": {"binder": "same", "hub": "same"}}, "dnsLabels.binder and hub must differ"),
    ("address", {"dnsLabels": {"binder": "ab", "hub": "u-hub"}}, "spec.binderhub.address.dnsLabels.binder must be an Azure DNS"),
    ("address", LABELS, "spec.binderhub.auth needs https, which address.dnsLabels does not have"),
    ("address", HTTP, "spec.binderhub.auth needs https: address.ingress.plainHttp must be false"),
    (
        "address",
        existing(binder="ftp://b.example.org"),
        "spec.binderhub.address.existing.binder.url must be an http or https URL",
    ),
    ("address", existing(hub="http://h.example.org"), "must both be https or both http: browsers reject a mixture"),
    ("address", existing(internal=True, ipResourceGroup="rg"), "ipResourceGroup is for public addresses"),
    (
        "address",
        {"existing": {"binder": {"url": "https://b.x", "ip": "fd00::1"}, "hub": {"url": "https://h.x"}}},
        "spec.binderhub.address.existing.binder.ip must be an IPv4 address",
    ),
    ("registry", {}, "spec.binderhub.registry must have exactly one of existing, azure"),
    ("registry", registry(server="https://r.example.org"), "registry.existing.server must be the registry's host"),
    ("registry", registry(prefix="r2d-"), "spec.binderhub.registry.existing.prefix must be a project, a slash and a prefix"),
    ("registry", registry(prefix="Binder/r2d-"), "spec.binderhub.registry.existing.prefix must be a project"),
    ("registry", registry(tokenUrl="http://r.example.org/t"), "spec.binderhub.registry.existing.tokenUrl must be an https URL"),
    ("registry.azure.name", "university-binder", "spec.binderhub.registry.azure.name must be 5-50"),
    ("registry.azure.sku", "Free", "spec.binderhub.registry.azure.sku: Unsupported value"),
    ("registry.azure.tokenLifetime", "90", "spec.binderhub.registry.azure.tokenLifetime must be a duration"),
    ("builder.type", "host", "spec.binderhub.builder.type: Unsupported value"),
    ("builder.pool", "elsewhere", "spec.binderhub.builder.pool must name a pool of spec.nodePools"),
    ("builder.memory", "2Gi", "spec.binderhub.builder.memory must be an amount of memory such as 2G"),
    ("builder.imageCleaner", {"above": 50, "until": 60}, "spec.binderhub.builder.imageCleaner.until must be less than above"),
    ("quotas", {"perRepository": 9, "perRepositoryHigher": 1}, "quotas.perRepositoryHigher must not be less"),
    ("quotas", {"total": 0}, "spec.binderhub.quotas.total"),
    ("repositories", [{"provider": "Sourceforge"}], "spec.binderhub.repositories[0].provider: Unsupported value"),
    ("repositories", [{"provider": "GitHub"}, {"provider": "GitHub"}], "Duplicate value"),
    ("auth", {}, "spec.binderhub.auth must have exactly one of"),
    ("auth", {"fromValues": True}, "spec.binderhub.auth"),
    ("auth.oidc.allowAll", False, "spec.binderhub.auth.oidc admits no user"),
    ("auth.oidc.tokenUrl", "http://login.example.org/token", "spec.binderhub.auth.oidc.tokenUrl must be an https URL"),
    ("singleUser", {"memory": {"limit": "2Gi"}}, "spec.binderhub.singleUser.memory.limit must be an amount of memory such as 2G"),
    ("singleUser", {"startTimeout": "soon"}, "spec.binderhub.singleUser.startTimeout must be a duration"),
    ("culling", {"timeout": "1"}, "spec.binderhub.culling.timeout must be a duration"),
]


def changed(path: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(runbook("bad", binderhub=copy.deepcopy(BINDER)))
    node: Any = document["spec"]["binderhub"]
    *parents, last = path.split(".")
    for part in parents:
        node = node[part]
    if value is DROP:
        del node[last]
    else:
        node[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "sentence"), BAD, ids=[f"{p}={'(left out)' if v is DROP else v}"[:60] for p, v, _ in BAD]
)
def test_a_bad_value_is_refused_with_a_sentence_that_names_the_field(site: Field, path: str, value: Any, sentence: str) -> None:
    answer = attempt(site, changed(path, value))
    assert ("invalid" in answer.lower() or "Duplicate" in answer) and sentence in answer, answer


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("release", "binder"),
        ("address", existing()),
        ("address", existing(ipResourceGroup="rg_addresses")),
        ("address.ingress", {"dnsLabel": "u-binder", "hubPath": "/jhub/"}),
        ("registry", registry()),
        ("registry", registry(server="docker.io", prefix="university/binder-")),
        ("registry", registry(server="localhost.example:5000", prefix="a/b/r2d.")),
        ("auth", DROP),
        ("builder", DROP),
        ("builder.type", "pink"),
        ("repositories", [{"provider": "GitHub", "banned": ["^x/.*"]}, {"provider": "GitLab"}]),
    ],
)
def test_the_api_server_accepts_each_right_value(site: Field, path: str, value: Any) -> None:
    assert attempt(site, changed(path, value)) == TAKEN


def test_a_binder_without_sign_in_may_be_in_plain_http(site: Field) -> None:
    document = changed("auth", DROP)
    document["spec"]["binderhub"]["address"] = LABELS
    assert attempt(site, document) == TAKEN
