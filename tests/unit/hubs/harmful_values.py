"""Specs and values of hubs that are refused, each with its reason and field."""

from typing import Any

from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.naming import ReleaseSnapshot

from tests.unit.hubs.specs import CLIENT, oidc

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


REFUSED: list[tuple[str, dict[str, Any], HubContext, str, str]] = [
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
    *(
        (
            version,
            {
                "singleUser": {"storage": {"extraVolumes": [{"name": "data", "mountPath": "/data", "claim": "data"}]}},
                "values": {"singleuser": {"storage": {"extraVolumes": [{"name": "more", "emptyDir": {}}]}}},
            },
            HubContext(),
            "ValuesRefused",
            f"{VALUES}.singleuser.storage.extraVolumes",
        )
        for version in ("1.2.0", "4.4.0")
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
        "4.4.0",
        {
            "singleUser": {"namedServers": 2, "storage": {"keepOnUserDelete": False}},
            "culling": {"removeNamedServers": True},
        },
        HubContext(),
        "CullingDeletesHomes",
        "spec.jupyterhub.culling.removeNamedServers",
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
