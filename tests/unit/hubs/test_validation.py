"""Harmful values are refused before Helm runs, whatever their source: with a reason, a message that names the field, and a
remedy."""

from typing import Any

import pytest
from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.engine import StepError
from notebook_platform.engine.conditions import sentence
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.naming import ReleaseSnapshot
from notebook_platform.hubs.validation import REFUSALS

from tests.unit.hubs.harmful_values import ENTRA_BY_DEFAULT, OLD, REFUSED, STATIC, URL, config, own_url
from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import NEW, SECRETS, VERSIONS, spec


@pytest.mark.parametrize(("version", "changes", "hub_context", "reason", "field"), REFUSED)
def test_harmful_values_are_refused_with_a_reason_and_the_field(
    version: str, changes: dict, hub_context: HubContext, reason: str, field: str
) -> None:
    with pytest.raises(StepError) as refused:
        render(spec(version, **changes), SECRETS, NEW, hub_context=hub_context)
    failed = refused.value.failed
    assert (failed.reason, failed.retry_in) == (reason, None) and field in sentence(failed), failed
    assert failed.remedy and failed.message.startswith("spec.jupyterhub")


def test_each_kind_of_refusal_has_a_case() -> None:
    assert {reason for _, _, _, reason, _ in REFUSED} == set(REFUSALS)


def test_values_from_a_secret_are_checked_too_and_named_by_it() -> None:
    wanted = spec("4.4.0", valuesFrom=[{"kind": "Secret", "name": "more"}])
    with pytest.raises(StepError) as refused:
        render(wanted, SECRETS, NEW, [STATIC])
    assert "spec.jupyterhub.valuesFrom[0] (Secret more): singleuser.storage.type" in refused.value.failed.message


ACCEPTED: list[tuple[str, dict[str, Any], HubContext]] = [
    ("4.4.0", {"singleUser": {"namedServers": 2}, "culling": {"removeNamedServers": True}}, HubContext()),
    (
        "4.4.0",
        {"singleUser": {"storage": {"keepOnUserDelete": False}}, "culling": {"removeNamedServers": True}},
        HubContext(),
    ),
    (
        "4.4.0",
        {
            "singleUser": {"storage": {"extraVolumes": [{"name": "data", "mountPath": "/data", "claim": "data"}]}},
            "values": {"singleuser": {"storage": {"extraVolumes": [{"name": "data", "emptyDir": {}}]}}},
        },
        HubContext(),
    ),
    (
        "2.0.0",
        {"roles": [{"name": "grader", "users": ["ADA@example.org"], "services": ["jupyterhub-idle-culler"]}]},
        HubContext(),
    ),
    ("3.3.8", {"roles": [{"name": "grader", "users": ["bob"]}]}, HubContext()),
    ("4.4.0", {"roles": [{"name": "grader", "scopes": ["read:users!user=bob", "custom:grade"]}]}, HubContext()),
    (
        "4.4.0",
        {
            "roles": [{"name": "grader", "services": ["coded"]}],
            "extraConfig": {"a": "c.JupyterHub.services += [{'name': 'coded'}]"},
        },
        HubContext(),
    ),
    ("2.0.0", {"auth": {"fromValues": True}, "values": config(JupyterHub={"authenticator_class": "github"})}, HubContext()),
    (
        "3.3.8",
        {"auth": {"fromValues": True}, "values": ENTRA_BY_DEFAULT},
        HubContext(before=ReleaseSnapshot("3.3.8", ENTRA_BY_DEFAULT)),
    ),
    ("4.4.0", {"values": {"ingress": {"enabled": True}, "proxy": {"service": {"type": "ClusterIP"}}}}, HubContext()),
    ("4.4.0", {"network": {"blockMetadata": "NetworkPolicy"}}, HubContext(pod_security="restricted")),
    ("4.4.0", {}, HubContext(pod_security="privileged", neighbours=("jhub",))),
    ("4.4.0", {"culling": {"users": True}}, HubContext()),
    ("0.11.1", {"values": {"cull": {"users": True}}}, HubContext()),
    ("4.2.0", {"values": config(kubeSpawner={"cmd": "x"})}, HubContext()),
    ("0.11.1", {"values": {"hub": {"extraConfig": "x = 1"}}}, HubContext()),
    ("1.2.0", {"values": {"hub": {"fsGid": 1}, "rbac": {"enabled": True}}}, HubContext()),
    ("4.4.0", {"auth": {"fromValues": True}, "values": {"hub": {"extraConfig": {"auth": "c.JupyterHub.x = 1"}}}}, HubContext()),
    ("4.4.0", {"auth": {"dummy": {"insecure": True, "adminUsers": ["ada"]}}}, HubContext()),
    (
        "4.4.0",
        {"auth": {"github": {"clientId": "a", "clientSecretRef": {"name": "b"}, "allowedOrganizations": ["o"]}}},
        HubContext(),
    ),
    ("4.4.0", {"database": URL | {"upgrade": True}}, OLD),
    ("4.4.0", {"database": URL}, HubContext(before=ReleaseSnapshot("4.3.0", {}))),
    ("4.4.0", {}, OLD),
    ("4.4.0", {"database": {"volume": {"storageClass": "azurefile-csi"}}}, OLD),
    ("4.4.0", {"database": URL}, HubContext(unlockable_classes=frozenset({""}))),
    ("4.4.0", {"values": own_url("postgresql+psycopg2://hub@db/hub")}, HubContext()),
    (
        "4.4.0",
        {"values": own_url("mysql://hub@db/hub") | {"hub": {**own_url("mysql://db/hub")["hub"], "image": {"name": "mine"}}}},
        HubContext(),
    ),
    ("0.11.1", {"values": own_url("postgres://hub@db/hub")}, HubContext()),
    ("4.4.0", {"values": {"fullnameOverride": "mine"}}, HubContext(neighbours=("other",))),
]


@pytest.mark.parametrize(("version", "changes", "hub_context"), ACCEPTED)
def test_harmless_values_are_not_refused(version: str, changes: dict, hub_context: HubContext) -> None:
    assert render(spec(version, **changes), SECRETS, NEW, hub_context=hub_context)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_defaults_are_not_refused(version: str) -> None:
    for auth in ({"dummy": {"insecure": True}}, {"oidc": spec(version).auth.oidc}):
        plain = JupyterHubSpec.model_validate({"chart": {"version": version}, "host": "hub.example.org", "auth": auth})
        assert render(plain, SECRETS, NEW)
