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
from notebook_platform.hubs.values import render

from tests.unit.hubs.specs import CLIENT, NEW, SECRETS, VERSIONS, oidc, spec

VALUES = "spec.jupyterhub.values"
METRICS, SCRAPED = "notebook-platform-metrics", HubContext(scraped=True)
ACME = {"letsEncrypt": {"contactEmail": "a@example.org"}}
INTERNAL = {"proxy": {"service": {"annotations": {"service.beta.kubernetes.io/azure-load-balancer-internal": "true"}}}}
DUMMY = {"hub": {"config": {"JupyterHub": {"authenticator_class": "dummy"}}}}
STATIC = {"singleuser": {"storage": {"type": "static"}}}


def https(**more: Any) -> dict[str, Any]:
    return {"proxy": {"https": {"enabled": True, **more}}}


def config(**sections: Any) -> dict[str, Any]:
    return {"hub": {"config": sections}}


def own_url(url: Any) -> dict[str, Any]:
    return {"hub": {"db": {"type": "other", "url": url}}}


URL = {"urlRef": {"name": "db", "key": "url"}}
OLD = HubContext(before=ReleaseSnapshot("3.3.8", {}))


ENTRA = {**CLIENT, "tenantId": "11111111-1111-1111-1111-111111111111", "adminUsers": ["ada"]}
ENTRA_BY_NAME = {"entra": {**ENTRA, "usernameClaim": "name"}}
ENTRA_BY_DEFAULT = config(
    JupyterHub={"authenticator_class": "azuread"},
    AzureAdOAuthenticator={"tenant_id": "t"},
    Authenticator={"admin_users": ["ada"]},
)
ADMIN_GROUPS = oidc(adminUsers=[], groupsClaim="groups", adminGroups=["wheel"])


CASES: list[tuple[str, dict[str, Any], HubContext, str, str]] = [
    ("0.11.1", {"values": {"auth": {"type": "github"}}}, HubContext(), "ValueRenamed", f"{VALUES}.auth.type"),
    ("4.4.0", {"values": {"auth": {}}}, HubContext(), "ValueRenamed", f"{VALUES}.auth"),
    ("1.2.0", {"values": {"hub": {"uid": 1}}}, HubContext(), "ValueRenamed", f"{VALUES}.hub.uid"),
    ("1.2.0", {"values": {"proxy": {"pdb": {}}}}, HubContext(), "ValueRenamed", f"{VALUES}.proxy.pdb"),
    ("2.0.0", {"values": {"rbac": {"enabled": True}}}, HubContext(), "ValueRenamed", f"{VALUES}.rbac.enabled"),
    ("2.0.0", {"values": {"hub": {"fsGid": 1}}}, HubContext(), "ValueRenamed", f"{VALUES}.hub.fsGid"),
    ("1.2.0", {"values": {"hub": {"extraConfig": "x = 1"}}}, HubContext(), "ExtraConfigNotAMap", f"{VALUES}.hub.extraConfig"),
    (
        "4.3.0",
        {"values": config(kubeSpawner={"cmd": "x"})},
        HubContext(),
        "ConfigSectionLowerCase",
        f"{VALUES}.hub.config.kubeSpawner",
    ),
    ("4.4.0", {"values": {"global": {"safeToShowValues": True}}}, HubContext(), "SecretsExposed", f"{VALUES}.global"),
    ("4.4.0", {"values": DUMMY}, HubContext(), "DummyWithoutPassword", f"{VALUES}.hub.config.JupyterHub.authenticator_class"),
    (
        "0.11.1",
        {"auth": {"fromValues": True}},
        HubContext(),
        "DummyWithoutPassword",
        f"{VALUES}.hub.config.JupyterHub.authenticator_class",
    ),
    (
        "4.4.0",
        {"values": config(Authenticator={"admin_users": []})},
        HubContext(),
        "NoUsersAllowed",
        "spec.jupyterhub.auth.oidc",
    ),
    (
        "3.3.8",
        {"auth": {"fromValues": True}, "values": config(JupyterHub={"authenticator_class": "google"})},
        HubContext(),
        "NoUsersAllowed",
        f"{VALUES}.hub.config",
    ),
    (
        "4.4.0",
        {"host": None, "auth": {"dummy": {"insecure": True}}, "expose": {"tls": ACME}},
        HubContext(),
        "LetsEncryptIncomplete",
        "expose.tls",
    ),
    ("4.4.0", {"values": https(hosts=["a.example.org"])}, HubContext(), "LetsEncryptIncomplete", f"{VALUES}.proxy.https.enabled"),
    (
        "4.4.0",
        {"values": https(type="letsencrypt", letsencrypt={"contactEmail": "a@b.c"})},
        HubContext(),
        "LetsEncryptIncomplete",
        f"{VALUES}.proxy.https.enabled",
    ),
    (
        "4.4.0",
        {"expose": {"tls": ACME}, "values": INTERNAL},
        HubContext(),
        "LetsEncryptNotReachable",
        "spec.jupyterhub.expose.tls",
    ),
    ("4.4.0", {"values": {"ingress": {"enabled": True}}}, HubContext(), "PlainHttpExposed", f"{VALUES}.ingress.enabled"),
    ("4.4.0", {"values": {"httpRoute": {"enabled": True}}}, HubContext(), "PlainHttpExposed", f"{VALUES}.httpRoute.enabled"),
    (
        "4.4.0",
        {"expose": {"ingress": {}}, "values": {"proxy": {"service": {"type": "LoadBalancer"}}}},
        HubContext(),
        "PlainHttpExposed",
        "spec.jupyterhub.expose.ingress",
    ),
    ("4.4.0", {"values": STATIC}, HubContext(), "StaticStorageWithoutClaim", f"{VALUES}.singleuser.storage.type"),
    (
        "1.2.0",
        {"values": {"cull": {"users": True}, **config(KubeSpawner={"delete_pvc": True})}},
        HubContext(),
        "CullingDeletesHomes",
        f"{VALUES}.cull.users",
    ),
    (
        "3.3.8",
        {"values": {"singleuser": {"networkPolicy": {"egressAllowRules": {"cloudMetadataServer": True}}}}},
        HubContext(),
        "MetadataRuleContradicts",
        f"{VALUES}.singleuser.networkPolicy.egressAllowRules.cloudMetadataServer",
    ),
    ("4.4.0", {}, HubContext(pod_security="restricted"), "PodSecurityForbids", "spec.jupyterhub.network.blockMetadata"),
    ("0.11.1", {}, HubContext(pod_security="baseline"), "PodSecurityForbids", "spec.jupyterhub.network.blockMetadata"),
    ("4.4.0", {}, HubContext(neighbours=("jhub", "other")), "NamespaceTaken", "spec.jupyterhub.namespace"),
    ("4.4.0", {"database": URL}, OLD, "DatabaseUpgradeRequired", "spec.jupyterhub.database.upgrade"),
    ("4.4.0", {"values": own_url("postgres://hub@db/hub")}, HubContext(), "DatabaseUnreachable", f"{VALUES}.hub.db.url"),
    ("1.2.0", {"values": own_url("mysql://hub@db/hub")}, HubContext(), "DatabaseUnreachable", f"{VALUES}.hub.db.url"),
    ("2.0.0", {"values": own_url(["db"])}, HubContext(), "DatabaseUnreachable", f"{VALUES}.hub.db.url"),
    (
        "4.4.0",
        {"database": {"volume": {"storageClass": "azurefile-csi"}}},
        HubContext(),
        "DatabaseVolumeUnsuitable",
        "spec.jupyterhub.database.volume.storageClass: SQLite cannot lock its file on a volume of StorageClass azurefile-csi",
    ),
    (
        "0.11.1",
        {"values": {"hub": {"db": {"pvc": {"storageClassName": "mine"}}}}},
        HubContext(unlockable_classes=frozenset({"mine"})),
        "DatabaseVolumeUnsuitable",
        f"{VALUES}.hub.db.pvc.storageClassName",
    ),
    (
        "4.4.0",
        {},
        HubContext(unlockable_classes=frozenset({"mine", ""})),
        "DatabaseVolumeUnsuitable",
        "spec.jupyterhub.database.volume.storageClass",
    ),
    (
        "4.4.0",
        {"values": config(KubeSpawner={"mem_limit": "2Gi"})},
        HubContext(),
        "ValuesRefused",
        f"{VALUES}.hub.config.KubeSpawner.mem_limit",
    ),
    (
        "2.0.0",
        {
            "auth": {"fromValues": True},
            "values": config(
                JupyterHub={"authenticator_class": "generic-oauth"}, GenericOAuthenticator={"admin_groups": ["wheel"]}
            ),
        },
        HubContext(),
        "SignInOpen",
        f"{VALUES}.hub.config.GenericOAuthenticator.admin_groups",
    ),
    (
        "1.2.0",
        {"auth": ADMIN_GROUPS, "values": config(GenericOAuthenticator={"allowed_groups": []})},
        HubContext(),
        "SignInOpen",
        "spec.jupyterhub.auth.oidc.adminGroups",
    ),
    (
        "4.4.0",
        {
            "auth": {"fromValues": True},
            "values": config(
                JupyterHub={"authenticator_class": "generic-oauth"},
                GenericOAuthenticator={"allowed_groups": ["staff"], "claim_groups_key": "groups"},
            ),
        },
        HubContext(before=ReleaseSnapshot("3.3.8", {})),
        "GroupsNotManaged",
        f"{VALUES}.hub.config.GenericOAuthenticator.allowed_groups",
    ),
    ("4.4.0", {"auth": ENTRA_BY_NAME}, HubContext(), "UsernameNotUnique", "spec.jupyterhub.auth.entra.usernameClaim"),
    (
        "3.3.8",
        {"auth": {"fromValues": True}, "values": ENTRA_BY_DEFAULT},
        HubContext(),
        "UsernameNotUnique",
        f"{VALUES}.hub.config.AzureAdOAuthenticator.username_claim",
    ),
    ("1.2.0", {"auth": oidc(usernameClaim="name")}, HubContext(), "UsernameNotUnique", "spec.jupyterhub.auth.oidc.usernameClaim"),
    (
        "4.4.0",
        {"roles": [{"name": "grader", "scopes": ["list:users"], "services": ["nope"]}]},
        HubContext(),
        "RoleRefused",
        "spec.jupyterhub.roles",
    ),
    (
        "2.0.0",
        {"values": {"hub": {"loadRoles": {"grader": {"services": ["nope"]}}}}},
        HubContext(),
        "RoleRefused",
        f"{VALUES}.hub.loadRoles.grader",
    ),
    ("3.3.8", {"roles": [{"name": "grader", "scopes": ["nope"]}]}, HubContext(), "RoleRefused", "spec.jupyterhub.roles"),
    ("4.4.0", {"roles": [{"name": "admin", "scopes": ["list:users"]}]}, HubContext(), "RoleRefused", "spec.jupyterhub.roles"),
    ("2.0.0", {"roles": [{"name": "grader", "scopes": ["list:users"], "users": ["bob"]}]}, HubContext(), "RoleRefused", "bob"),
    ("1.2.0", {"services": [{"name": METRICS}]}, SCRAPED, "MetricsConflict", "spec.jupyterhub.services[0].name"),
    (
        "4.4.0",
        {"roles": [{"name": "grader", "scopes": ["list:users"]}, {"name": METRICS, "scopes": ["list:users"]}]},
        SCRAPED,
        "MetricsConflict",
        "spec.jupyterhub.roles[1].name",
    ),
    (
        "4.4.0",
        {"values": {"hub": {"services": {METRICS: {"apiToken": "theirs"}}}}},
        SCRAPED,
        "MetricsConflict",
        f"{VALUES}.hub.services.{METRICS}",
    ),
    (
        "2.0.0",
        {"values": {"hub": {"loadRoles": {METRICS: {"scopes": ["admin:users"]}}}}},
        SCRAPED,
        "MetricsConflict",
        f"{VALUES}.hub.loadRoles.{METRICS}",
    ),
    (
        "4.4.0",
        {"values": {"proxy": {"chp": {"extraCommandLineFlags": ["--metrics-port", "9000"]}}}},
        SCRAPED,
        "MetricsConflict",
        f"{VALUES}.proxy.chp.extraCommandLineFlags",
    ),
]


@pytest.mark.parametrize(("version", "changes", "hub_context", "reason", "field"), CASES)
def test_it_is_refused_with_a_reason_and_the_field(
    version: str, changes: dict, hub_context: HubContext, reason: str, field: str
) -> None:
    with pytest.raises(StepError) as refused:
        render(spec(version, **changes), SECRETS, NEW, hub_context=hub_context)
    failed = refused.value.failed
    assert (failed.reason, failed.retry_in) == (reason, None) and field in sentence(failed), failed
    assert failed.remedy and failed.message.startswith("spec.jupyterhub")


def test_each_refusal_is_tried() -> None:
    assert {reason for _, _, _, reason, _ in CASES} == set(REFUSALS)


def test_values_from_a_secret_are_checked_too_and_named_by_it() -> None:
    wanted = spec("4.4.0", valuesFrom=[{"kind": "Secret", "name": "more"}])
    with pytest.raises(StepError) as refused:
        render(wanted, SECRETS, NEW, [STATIC])
    assert "spec.jupyterhub.valuesFrom[0] (Secret more): singleuser.storage.type" in refused.value.failed.message


WELL: list[tuple[str, dict[str, Any], HubContext]] = [
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


@pytest.mark.parametrize(("version", "changes", "hub_context"), WELL)
def test_what_does_no_harm_is_not_refused(version: str, changes: dict, hub_context: HubContext) -> None:
    assert render(spec(version, **changes), SECRETS, NEW, hub_context=hub_context)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_defaults_are_not_refused(version: str) -> None:
    for auth in ({"dummy": {"insecure": True}}, {"oidc": spec(version).auth.oidc}):
        plain = JupyterHubSpec.model_validate({"chart": {"version": version}, "host": "hub.example.org", "auth": auth})
        assert render(plain, SECRETS, NEW)
