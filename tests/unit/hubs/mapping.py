"""The chart value of each typed field in each generation of the chart: the specification, as data, apart from the code. A version
is the first to which an entry applies; it applies until the next entry's version."""

from typing import Any

from notebook_platform.versions import parse

from tests.unit.hubs.specs import CLIENT, oidc

REFUSED = object()
ABSENT = object()

Expected = dict[str | tuple[str, ...], Any]
"""Path -> value; ABSENT: the path is not set."""

GENERIC = "hub.config.GenericOAuthenticator"
USERS = "hub.config.Authenticator"
AZURE = "service.beta.kubernetes.io/azure"


def annotation(name: str) -> tuple[str, ...]:
    return ("proxy", "service", "annotations", f"{AZURE}-{name}")


def egress_rules(*rules: str) -> tuple[str, ...]:
    return ("singleuser", "networkPolicy", *rules)


ENTRA = {"entra": {**CLIENT, "tenantId": "11111111-1111-1111-1111-111111111111", "allowAll": True}}
MICROSOFT = "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111"
GITHUB = {"github": {**CLIENT, "allowedOrganizations": ["b", "a"]}}
DNS = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
METADATA = "169.254.169.254/32"
ANYWHERE = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}
PROFILE = {
    "name": "big",
    "displayName": "Big",
    "description": "Much",
    "default": True,
    "image": "a/b:1",
    "memory": {"limit": "8G"},
}
BIG = {
    "display_name": "Big",
    "slug": "big",
    "description": "Much",
    "default": True,
    "kubespawner_override": {"image": "a/b:1", "mem_limit": "8G"},
}
CHOICE = {"name": "one", "displayName": "One", "gpus": 1, "cpu": {"guarantee": "500m"}, "nodeSelector": {"gpu": "yes"}}
OPTION = {"name": "size", "displayName": "Size", "choices": [CHOICE]}
ONE = {"cpu_guarantee": 0.5, "extra_resource_limits": {"nvidia.com/gpu": "1"}, "node_selector": {"gpu": "yes"}}
EXTRA_VOLUMES = [
    {"name": "course", "claim": "course", "mountPath": "/srv/course", "subPath": "u/{username}", "readOnly": True},
    {"name": "profile", "configMap": "profile", "mountPath": "/etc/profile.d/hub.sh", "subPath": "hub.sh"},
    {"name": "license", "secret": "license", "mountPath": "/etc/license"},
    {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}, "mountPath": "/dev/shm"},
    {"name": "scratch", "emptyDir": {}, "mountPath": "/scratch"},
]
COURSE_MOUNT = {"name": "course", "mountPath": "/srv/course", "subPath": "u/{username}", "readOnly": True}

DEDICATED = [
    {"key": f"hub.jupyter.org{joint}dedicated", "operator": "Equal", "value": "user", "effect": "NoSchedule"} for joint in "/_"
]


def plain_profile(environment: dict[str, str]) -> dict[str, Any]:
    """Return the chart's form of a profile without processors and with tolerations of its own."""
    own = [{"key": "sku", "operator": "Equal", "value": "big", "effect": "NoSchedule"}, {"key": "any", "operator": "Exists"}]
    return {
        "display_name": "Plain",
        "slug": "plain",
        "kubespawner_override": {
            "extra_resource_limits": {"nvidia.com/gpu": "0"},
            "tolerations": [*DEDICATED, *own],
            "environment": environment,
        },
    }


Row = tuple[dict[str, Any], dict[str, Any]]
"""(fields of the spec, the resulting values by first version)."""

TABLE: dict[str, Row] = {
    "the proxy's token": (
        {},
        {"0.11": {"proxy.secretToken": "proxy-token-1"}, "1": {"hub.config.ConfigurableHTTPProxy.auth_token": "proxy-token-1"}},
    ),
    "the cookie secret": (
        {},
        {"0.11": {"hub.cookieSecret": "cookie-secret-1"}, "1": {"hub.config.JupyterHub.cookie_secret": "cookie-secret-1"}},
    ),
    "the keys of kept state": ({}, {"0.11": {"hub.config.CryptKeeper.keys": ["crypt-key-1", "crypt-key-0"]}}),
    "auth.persistState": ({"auth": {**oidc(), "persistState": True}}, {"0.11": {f"{USERS}.enable_auth_state": True}}),
    "auth.autoLogin": ({"auth": {**oidc(), "autoLogin": True}}, {"0.11": {f"{USERS}.auto_login": True}}),
    "auth": ({}, {"0.11": {"hub.config.JupyterHub.authenticator_class": "generic-oauth"}}),
    "auth.oidc, the client": (
        {},
        {
            "0.11": {
                f"{GENERIC}.client_id": "hub",
                f"{GENERIC}.client_secret": "client-secret-1",
                f"{GENERIC}.oauth_callback_url": "https://hub.example.org/hub/oauth_callback",
                f"{GENERIC}.scope": ["openid", "profile", "email"],
                f"{GENERIC}.login_service": "OpenID Connect",
            }
        },
    ),
    "auth.oidc, the endpoints": (
        {},
        {
            "0.11": {
                f"{GENERIC}.authorize_url": "https://login.example.org/authorize",
                f"{GENERIC}.token_url": "https://login.example.org/token",
                f"{GENERIC}.userdata_url": "https://login.example.org/userinfo",
                f"{GENERIC}.userdata_method": "GET",
            },
            "1": {f"{GENERIC}.userdata_url": "https://login.example.org/userinfo", f"{GENERIC}.userdata_method": ABSENT},
        },
    ),
    "auth.oidc.usernameClaim": (
        {"auth": oidc(usernameClaim="upn")},
        {
            "0.11": {f"{GENERIC}.username_key": "upn", f"{GENERIC}.username_claim": ABSENT},
            "3": {f"{GENERIC}.username_claim": "upn", f"{GENERIC}.username_key": ABSENT},
        },
    ),
    "auth.oidc.caBundle": (
        {"auth": oidc(caBundle="-----BEGIN CERTIFICATE-----")},
        {
            "0.11": REFUSED,
            "3": {
                f"{GENERIC}.http_request_kwargs": {"ca_certs": "/usr/local/etc/jupyterhub/oidc-ca.pem"},
                "hub.extraFiles": {
                    "notebook-platform-oidc-ca": {
                        "mountPath": "/usr/local/etc/jupyterhub/oidc-ca.pem",
                        "stringData": "-----BEGIN CERTIFICATE-----",
                    }
                },
            },
        },
    ),
    "auth.oidc.tlsVerify": (
        {"auth": oidc(tlsVerify=False)},
        {
            "0.11": {f"{GENERIC}.tls_verify": False},
            "3": {f"{GENERIC}.validate_server_cert": False, f"{GENERIC}.tls_verify": ABSENT},
        },
    ),
    "auth.oidc.groupsClaim": (
        {"auth": oidc(groupsClaim="groups")},
        {
            "0.11": REFUSED,
            "1": {f"{GENERIC}.claim_groups_key": "groups", f"{USERS}.manage_groups": ABSENT},
            "4": {
                f"{GENERIC}.auth_state_groups_key": "oauth_user.groups",
                f"{USERS}.manage_groups": True,
                f"{GENERIC}.claim_groups_key": ABSENT,
            },
        },
    ),
    "auth.oidc.allowedGroups": (
        {"auth": oidc(adminUsers=[], groupsClaim="groups", allowedGroups=["b", "a"])},
        {"0.11": REFUSED, "1": {f"{GENERIC}.allowed_groups": ["a", "b"]}},
    ),
    "auth.oidc.adminGroups": (
        {"auth": oidc(adminUsers=[], groupsClaim="groups", adminGroups=["a"])},
        {
            "0.11": REFUSED,
            "1": {f"{GENERIC}.admin_groups": ["a"], f"{GENERIC}.allowed_groups": ["a"]},
            "3": {f"{GENERIC}.admin_groups": ["a"], f"{GENERIC}.allowed_groups": ABSENT},
        },
    ),
    "auth.oidc, groups of both kinds": (
        {"auth": oidc(adminUsers=[], groupsClaim="groups", adminGroups=["a"], allowedGroups=["b"])},
        {
            "0.11": REFUSED,
            "1": {f"{GENERIC}.admin_groups": ["a"], f"{GENERIC}.allowed_groups": ["a", "b"]},
            "3": {f"{GENERIC}.admin_groups": ["a"], f"{GENERIC}.allowed_groups": ["b"]},
        },
    ),
    "auth.oidc.allowAll": (
        {"auth": oidc(allowAll=True)},
        {
            "0.11": {f"{GENERIC}.allow_all": ABSENT, f"{USERS}.allow_all": ABSENT, f"{USERS}.allowed_users": ABSENT},
            "3": {f"{GENERIC}.allow_all": True, f"{USERS}.allow_all": ABSENT},
            "4": {f"{USERS}.allow_all": True, f"{GENERIC}.allow_all": ABSENT},
        },
    ),
    "auth.oidc.allowExistingUsers": (
        {"auth": oidc(allowExistingUsers=True)},
        {
            "0.11": {f"{USERS}.allow_existing_users": ABSENT},
            "3": {f"{GENERIC}.allow_existing_users": True},
            "4": {f"{USERS}.allow_existing_users": True},
        },
    ),
    "auth.oidc.allowedUsers": (
        {"auth": oidc(allowedUsers=["c", "b", "b"], blockedUsers=["x"])},
        {"0.11": {f"{USERS}.allowed_users": ["b", "c"], f"{USERS}.blocked_users": ["x"]}},
    ),
    "administrators only": (
        {},
        {"0.11": {f"{USERS}.allowed_users": ["ada@example.org"]}, "3": {f"{USERS}.allowed_users": ABSENT}},
    ),
    "auth.oidc.adminUsers": (
        {"auth": oidc(adminUsers=["b", "a"])},
        {
            "0.11": {f"{USERS}.admin_users": ["a", "b"], "hub.loadRoles": ABSENT},
            "2": {f"{USERS}.admin_users": ["a", "b"], "hub.loadRoles.admin.users": ["a", "b"]},
        },
    ),
    "auth.entra": (
        {"auth": ENTRA},
        {
            "0.11": {
                "hub.config.JupyterHub.authenticator_class": "azuread",
                "hub.config.AzureAdOAuthenticator.tenant_id": "11111111-1111-1111-1111-111111111111",
                "hub.config.AzureAdOAuthenticator.client_id": "hub",
                "hub.config.AzureAdOAuthenticator.client_secret": "client-secret-1",
                "hub.config.AzureAdOAuthenticator.oauth_callback_url": "https://hub.example.org/hub/oauth_callback",
                "hub.config.AzureAdOAuthenticator.username_claim": "preferred_username",
                "hub.config.AzureAdOAuthenticator.authorize_url": f"{MICROSOFT}/oauth2/v2.0/authorize",
                "hub.config.AzureAdOAuthenticator.token_url": f"{MICROSOFT}/oauth2/v2.0/token",
                "hub.config.AzureAdOAuthenticator.scope": ["openid", "profile", "email"],
            },
        },
    ),
    "auth.entra.usernameClaim of version 1.0": (
        {"auth": {"entra": {**ENTRA["entra"], "usernameClaim": "upn"}}},
        {
            "0.11": {
                "hub.config.AzureAdOAuthenticator.username_claim": "upn",
                "hub.config.AzureAdOAuthenticator.authorize_url": ABSENT,
                "hub.config.AzureAdOAuthenticator.token_url": ABSENT,
                "hub.config.AzureAdOAuthenticator.scope": ABSENT,
            },
        },
    ),
    "auth.entra.allowAll": (
        {"auth": ENTRA},
        {
            "0.11": {f"{USERS}.allow_all": ABSENT},
            "3": {"hub.config.AzureAdOAuthenticator.allow_all": True},
            "4": {f"{USERS}.allow_all": True},
        },
    ),
    "auth.entra groups": (
        {
            "auth": {
                "entra": {
                    **ENTRA["entra"],
                    "allowAll": False,
                    "groupsClaim": "groups",
                    "allowedGroups": ["g"],
                    "adminGroups": ["h"],
                }
            }
        },
        {
            "0.11": REFUSED,
            "4": {
                "hub.config.AzureAdOAuthenticator.auth_state_groups_key": "user.groups",
                f"{USERS}.manage_groups": True,
                "hub.config.AzureAdOAuthenticator.allowed_groups": ["g"],
                "hub.config.AzureAdOAuthenticator.admin_groups": ["h"],
            },
        },
    ),
    "auth.github": (
        {"auth": GITHUB},
        {
            "0.11": {
                "hub.config.JupyterHub.authenticator_class": "github",
                "hub.config.GitHubOAuthenticator.client_id": "hub",
                "hub.config.GitHubOAuthenticator.allowed_organizations": ["a", "b"],
                "hub.config.GitHubOAuthenticator.scope": ["read:org"],
            }
        },
    ),
    "auth.dummy": (
        {"auth": {"dummy": {"insecure": True}}},
        {
            "0.11": {
                "hub.config.JupyterHub.authenticator_class": "dummy",
                "hub.config.DummyAuthenticator.password": "password-1",
                f"{USERS}.allow_all": ABSENT,
            },
            "4": {"hub.config.DummyAuthenticator.password": "password-1", f"{USERS}.allow_all": True},
        },
    ),
    "auth.dummy for some": (
        {"auth": {"dummy": {"insecure": True, "allowedUsers": ["a"], "allowExistingUsers": True}}},
        {
            "0.11": {f"{USERS}.allowed_users": ["a"]},
            "4": {f"{USERS}.allowed_users": ["a"], f"{USERS}.allow_all": ABSENT, f"{USERS}.allow_existing_users": True},
        },
    ),
    "services": (
        {"services": [{"name": "given", "url": "http://given:80"}]},
        {"0.11": {"hub.services.given": {"url": "http://given:80", "apiToken": "service-token-1"}}},
    ),
    "services[], all of it": (
        {"services": [{"name": "given", "oauthRedirectUri": "/back", "oauthConfirm": False}]},
        {
            "0.11": {
                "hub.services.given": {"oauth_redirect_uri": "/back", "oauth_no_confirm": True, "apiToken": "service-token-1"}
            }
        },
    ),
    "services[].admin": (
        {"services": [{"name": "given", "admin": True}]},
        {
            "0.11": {"hub.services.given.admin": True, "hub.loadRoles": ABSENT},
            "2": {"hub.services.given.admin": ABSENT, "hub.loadRoles.admin.services": ["given"]},
        },
    ),
    "services[].display": (
        {"services": [{"name": "given", "display": False}]},
        {"0.11": REFUSED, "2": {"hub.services.given.display": False}},
    ),
    "roles": (
        {
            "roles": [
                {
                    "name": "reader",
                    "description": "d",
                    "scopes": ["read:hub"],
                    "users": ["ada@example.org"],
                    "groups": ["g"],
                    "services": ["s"],
                }
            ],
            "services": [{"name": "s"}],
        },
        {
            "0.11": REFUSED,
            "2": {
                "hub.loadRoles.reader": {
                    "description": "d",
                    "scopes": ["read:hub"],
                    "users": ["ada@example.org"],
                    "groups": ["g"],
                    "services": ["s"],
                }
            },
        },
    ),
    "singleUser.image": (
        {"singleUser": {"image": "registry.example.org:5000/team/notebook:2026-10"}},
        {"0.11": {"singleuser.image": {"name": "registry.example.org:5000/team/notebook", "tag": "2026-10"}}},
    ),
    "singleUser.image by digest": (
        {"singleUser": {"image": f"a/b@sha256:{'0' * 64}"}},
        {"0.11": {"singleuser.image": {"name": "a/b@sha256", "tag": "0" * 64}}},
    ),
    "singleUser.cpu and memory": (
        {"singleUser": {"cpu": {"guarantee": "500m", "limit": "4"}, "memory": {"guarantee": "2G", "limit": "8G"}}},
        {
            "0.11": {
                "singleuser.cpu": {"guarantee": 0.5, "limit": 4.0},
                "singleuser.memory": {"guarantee": "2G", "limit": "8G"},
            }
        },
    ),
    "singleUser.gpus": (
        {"singleUser": {"gpus": 2}},
        {"0.11": {("singleuser", "extraResource", "limits", "nvidia.com/gpu"): "2"}},
    ),
    "singleUser.profiles": ({"singleUser": {"profiles": [PROFILE]}}, {"0.11": {"singleuser.profileList": [BIG]}}),
    "singleUser.profiles[].gpus 0, env and tolerations": (
        {
            "singleUser": {
                "gpus": 1,
                "env": {"A": "1", "B": "{x}"},
                "profiles": [
                    {
                        "name": "plain",
                        "displayName": "Plain",
                        "gpus": 0,
                        "env": {"B": "{y}"},
                        "tolerations": [{"key": "sku", "value": "big", "effect": "NoSchedule"}, {"key": "any"}],
                    }
                ],
            }
        },
        {
            "0.11": {"singleuser.profileList": [plain_profile({"A": "1", "B": "{y}"})]},
            "3": {"singleuser.profileList": [plain_profile({"A": "1", "B": "{{y}}"})]},
        },
    ),
    "singleUser.profiles[].options": (
        {"singleUser": {"profiles": [{**PROFILE, "options": [OPTION]}]}},
        {
            "0.11": REFUSED,
            "3": {
                "singleuser.profileList": [
                    {
                        **BIG,
                        "profile_options": {
                            "size": {
                                "display_name": "Size",
                                "choices": {"one": {"display_name": "One", "kubespawner_override": ONE}},
                            }
                        },
                    }
                ]
            },
        },
    ),
    "singleUser.startTimeout": ({}, {"0.11": {"singleuser.startTimeout": 600}}),
    "singleUser.defaultUrl": ({"singleUser": {"defaultUrl": "/lab"}}, {"0.11": {"singleuser.defaultUrl": "/lab"}}),
    "singleUser.env": (
        {"singleUser": {"env": {"GREETING": "{hello}"}}},
        {"0.11": {"singleuser.extraEnv": {"GREETING": "{hello}"}}, "3": {"singleuser.extraEnv": {"GREETING": "{{hello}}"}}},
    ),
    "singleUser.allowSudo": (
        {"singleUser": {"allowSudo": True}},
        {"0.11": {"singleuser.allowPrivilegeEscalation": ABSENT}, "2": {"singleuser.allowPrivilegeEscalation": True}},
    ),
    "singleUser.namedServers": (
        {"singleUser": {"namedServers": 3}},
        {"0.11": {"hub.allowNamedServers": True, "hub.namedServerLimitPerUser": 3}},
    ),
    "singleUser.storage": (
        {"singleUser": {"storage": {"capacity": "20Gi", "storageClass": "managed-csi", "mountPath": "/home/u"}}},
        {
            "0.11": {
                "singleuser.storage.type": "dynamic",
                "singleuser.storage.capacity": "20Gi",
                "singleuser.storage.dynamic.storageClass": "managed-csi",
                "singleuser.storage.homeMountPath": "/home/u",
            }
        },
    ),
    "singleUser.storage none": (
        {"singleUser": {"storage": {"type": "none"}}},
        {"0.11": {"singleuser.storage.type": "none", "singleuser.storage.capacity": ABSENT}},
    ),
    "singleUser.storage.shared": (
        {"singleUser": {"storage": {"type": "static", "shared": {"claim": "homes", "subPath": "h/{username}"}}}},
        {
            "0.11": {
                "singleuser.storage.type": "static",
                "singleuser.storage.static": {"pvcName": "homes", "subPath": "h/{username}"},
                "singleuser.storage.capacity": ABSENT,
            }
        },
    ),
    "singleUser.storage.shared by the old names": (
        {"singleUser": {"storage": {"type": "static", "shared": {"claim": "homes"}}}, "naming": {"scheme": "Escape"}},
        {
            "0.11": {"singleuser.storage.static.subPath": "{username}"},
            "4": {"singleuser.storage.static.subPath": "{escaped_username}"},
        },
    ),
    "singleUser.storage.extraVolumes": (
        {"singleUser": {"storage": {"extraVolumes": EXTRA_VOLUMES}}},
        {
            "0.11": {
                "singleuser.storage.extraVolumes": [
                    {"name": "course", "persistentVolumeClaim": {"claimName": "course"}},
                    {"name": "profile", "configMap": {"name": "profile"}},
                    {"name": "license", "secret": {"secretName": "license"}},
                    {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
                    {"name": "scratch", "emptyDir": {}},
                ],
                "singleuser.storage.extraVolumeMounts": [
                    COURSE_MOUNT,
                    {"name": "profile", "mountPath": "/etc/profile.d/hub.sh", "subPath": "hub.sh"},
                    {"name": "license", "mountPath": "/etc/license"},
                    {"name": "shm", "mountPath": "/dev/shm"},
                    {"name": "scratch", "mountPath": "/scratch"},
                ],
            }
        },
    ),
    "singleUser.storage.extraVolumes by the old names": (
        {"singleUser": {"storage": {"extraVolumes": EXTRA_VOLUMES[:1]}}, "naming": {"scheme": "Escape"}},
        {
            "0.11": {"singleuser.storage.extraVolumeMounts": [COURSE_MOUNT]},
            "4": {"singleuser.storage.extraVolumeMounts": [COURSE_MOUNT | {"subPath": "u/{escaped_username}"}]},
        },
    ),
    "homes stay by default": (
        {},
        {"0.11": {"hub.config.KubeSpawner.delete_pvc": ABSENT}, "1": {"hub.config.KubeSpawner.delete_pvc": False}},
    ),
    "singleUser.storage.keepOnUserDelete": (
        {"singleUser": {"storage": {"keepOnUserDelete": False}}},
        {"0.11": REFUSED, "1": {"hub.config.KubeSpawner.delete_pvc": True}},
    ),
    "naming of a new hub": (
        {},
        {
            "0.11": {"hub.config.KubeSpawner.slug_scheme": ABSENT},
            "4": {"hub.config.KubeSpawner.slug_scheme": "safe", "singleuser.storage.dynamic": ABSENT},
        },
    ),
    "naming.scheme": (
        {"naming": {"scheme": "Escape"}},
        {
            "0.11": {"hub.config.KubeSpawner.slug_scheme": ABSENT},
            "4": {
                "hub.config.KubeSpawner.slug_scheme": "escape",
                "singleuser.storage.dynamic.pvcNameTemplate": "claim-{username}{servername}",
                "singleuser.storage.dynamic.volumeNameTemplate": "volume-{username}{servername}",
            },
        },
    ),
    "naming.scheme Safe": (
        {"naming": {"scheme": "Safe"}},
        {"0.11": REFUSED, "4": {"hub.config.KubeSpawner.slug_scheme": "safe"}},
    ),
    "culling": (
        {"culling": {"timeout": "2h", "every": "5m", "maxAge": "7d", "removeNamedServers": True, "users": True}},
        {
            "0.11": {
                "cull": {
                    "enabled": True,
                    "timeout": 7200,
                    "every": 300,
                    "maxAge": 604800,
                    "users": True,
                    "removeNamedServers": True,
                }
            }
        },
    ),
    "culling.adminUsers": ({"culling": {"adminUsers": False}}, {"0.11": REFUSED, "2": {"cull.adminUsers": False}}),
    "placement": (
        {"placement": {"userPods": "Require", "corePods": "Ignore"}},
        {
            "0.11": {
                "scheduling.userPods.nodeAffinity.matchNodePurpose": "require",
                "scheduling.corePods.nodeAffinity.matchNodePurpose": "ignore",
            }
        },
    ),
    "placement.userTolerations": (
        {"placement": {"userTolerations": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}},
        {
            "0.11": REFUSED,
            "1": {
                "scheduling.userPods.tolerations": [
                    {"key": "hub.jupyter.org/dedicated", "operator": "Equal", "value": "user", "effect": "NoSchedule"},
                    {"key": "hub.jupyter.org_dedicated", "operator": "Equal", "value": "user", "effect": "NoSchedule"},
                    {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"},
                ]
            },
        },
    ),
    "placement.coreTolerations": (
        {"placement": {"coreTolerations": [{"key": "CriticalAddonsOnly"}]}},
        {
            "0.11": REFUSED,
            "1": {
                "scheduling.corePods.tolerations": [
                    {"key": "hub.jupyter.org/dedicated", "operator": "Equal", "value": "core", "effect": "NoSchedule"},
                    {"key": "hub.jupyter.org_dedicated", "operator": "Equal", "value": "core", "effect": "NoSchedule"},
                    {"key": "CriticalAddonsOnly", "operator": "Exists"},
                ]
            },
        },
    ),
    "scaling.packUsers": ({"scaling": {"packUsers": False}}, {"0.11": {"scheduling.userScheduler.enabled": False}}),
    "prePull": (
        {"prePull": {"onDeploy": False, "onNewNode": False, "profileImages": False, "images": ["a/b:1"]}},
        {
            "0.11": {
                "prePuller.hook.enabled": False,
                "prePuller.continuous.enabled": False,
                "prePuller.pullProfileListImages": False,
                "prePuller.extraImages": {"image-0": {"name": "a/b", "tag": "1"}},
            }
        },
    ),
    "prePull.onlyOnChanges": (
        {"prePull": {"onlyOnChanges": False}},
        {"0.11": {"prePuller.hook": ABSENT}, "1": {"prePuller.hook.pullOnlyOnChanges": False}},
    ),
    "expose, by default": ({}, {"0.11": {"proxy.service": {"type": "LoadBalancer"}, "proxy.https": ABSENT}}),
    "expose.loadBalancer": (
        {
            "expose": {
                "loadBalancer": {
                    "dnsLabel": "my-hub",
                    "staticIP": "203.0.113.7",
                    "staticIPResourceGroup": "net",
                    "allowCIDRs": ["203.0.113.0/24"],
                    "idleTimeoutMinutes": 30,
                    "annotations": {"own": "1"},
                }
            }
        },
        {
            "0.11": {
                "proxy.service": {
                    "type": "LoadBalancer",
                    "loadBalancerIP": "203.0.113.7",
                    "loadBalancerSourceRanges": ["203.0.113.0/24"],
                    "annotations": {
                        "own": "1",
                        f"{AZURE}-dns-label-name": "my-hub",
                        f"{AZURE}-load-balancer-ipv4": "203.0.113.7",
                        f"{AZURE}-load-balancer-resource-group": "net",
                        f"{AZURE}-load-balancer-tcp-idle-timeout": "30",
                    },
                }
            }
        },
    ),
    "expose.loadBalancer.internal": (
        {"expose": {"loadBalancer": {"internal": True, "internalSubnet": "doors"}}},
        {"0.11": {annotation("load-balancer-internal"): "true", annotation("load-balancer-internal-subnet"): "doors"}},
    ),
    "expose.tls.letsEncrypt": (
        {
            "expose": {
                "moreHosts": ["www.example.org"],
                "tls": {"letsEncrypt": {"contactEmail": "a@example.org", "environment": "Staging"}},
            }
        },
        {
            "0.11": {
                "proxy.https": {
                    "enabled": True,
                    "type": "letsencrypt",
                    "hosts": ["hub.example.org", "www.example.org"],
                    "letsencrypt": {
                        "contactEmail": "a@example.org",
                        "acmeServer": "https://acme-staging-v02.api.letsencrypt.org/directory",
                    },
                }
            }
        },
    ),
    "expose.tls.secretName": (
        {"expose": {"tls": {"secretName": "door"}}},
        {"0.11": {"proxy.https": {"enabled": True, "type": "secret", "hosts": ["hub.example.org"], "secret": {"name": "door"}}}},
    ),
    "expose.tls.certificateRef": (
        {"expose": {"tls": {"certificateRef": {"name": "door"}}}},
        {"0.11": {"proxy.https.type": "manual", "proxy.https.manual": {"cert": "certificate-1", "key": "private-key-1"}}},
    ),
    "expose.tls.offload": (
        {"expose": {"tls": {"offload": True}}},
        {"0.11": {"proxy.https": {"enabled": True, "type": "offload", "hosts": ["hub.example.org"]}}},
    ),
    "expose.ingress": (
        {
            "expose": {
                "ingress": {"className": "web", "tlsSecret": "door", "annotations": {"own": "1"}},
                "moreHosts": ["b.example.org"],
            }
        },
        {
            "0.11": {
                "proxy.service.type": "ClusterIP",
                "ingress": {
                    "enabled": True,
                    "hosts": ["hub.example.org", "b.example.org"],
                    "annotations": {"own": "1", "kubernetes.io/ingress.class": "web"},
                    "tls": [{"hosts": ["hub.example.org", "b.example.org"], "secretName": "door"}],
                },
            },
            "2": {"ingress.ingressClassName": "web", "ingress.annotations": {"own": "1"}},
        },
    ),
    "expose.httpRoute": (
        {
            "expose": {
                "httpRoute": {
                    "gateway": "web",
                    "gatewayNamespace": "doors",
                    "sectionName": "https",
                    "annotations": {"own": "1"},
                }
            }
        },
        {
            "0.11": REFUSED,
            "4.3": {
                "proxy.service.type": "ClusterIP",
                "httpRoute": {
                    "enabled": True,
                    "hostnames": ["hub.example.org"],
                    "annotations": {"own": "1"},
                    "gateway": {"name": "web", "namespace": "doors", "sectionName": "https"},
                },
            },
            "5": {
                "httpRoute": {
                    "enabled": True,
                    "hostnames": ["hub.example.org"],
                    "annotations": {"own": "1"},
                    "parentRefs": [{"name": "web", "namespace": "doors", "sectionName": "https"}],
                },
            },
        },
    ),
    "expose.httpRoute, the name alone": (
        {"expose": {"httpRoute": {"gateway": "web"}}},
        {
            "0.11": REFUSED,
            "4.3": {"httpRoute.gateway": {"name": "web"}, "httpRoute.parentRefs": ABSENT},
            "5": {"httpRoute.parentRefs": [{"name": "web"}], "httpRoute.gateway": ABSENT},
        },
    ),
    "expose.basePath": (
        {"expose": {"basePath": "/jupyter"}},
        {
            "0.11": {
                "hub.baseUrl": "/jupyter/",
                f"{GENERIC}.oauth_callback_url": "https://hub.example.org/jupyter/hub/oauth_callback",
            }
        },
    ),
    "metrics.open": ({"metrics": {"open": True}}, {"0.11": {"hub.authenticatePrometheus": False}}),
    "network.isolate": (
        {"network": {"isolate": False}},
        {
            "0.11": {
                "hub.networkPolicy.enabled": False,
                "proxy.chp.networkPolicy.enabled": False,
                "singleuser.networkPolicy.enabled": False,
            }
        },
    ),
    "network.userEgress, closed but for one network": (
        {"network": {"userEgress": {"internet": False, "to": [{"cidr": "10.1.0.0/16", "ports": [443]}]}}},
        {
            "0.11": {
                egress_rules("egress"): [
                    DNS,
                    {"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}], "ports": [{"port": 443, "protocol": "TCP"}]},
                ]
            },
            "2": {
                egress_rules("egress"): [
                    {"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}], "ports": [{"port": 443, "protocol": "TCP"}]}
                ],
                egress_rules("egressAllowRules"): {"nonPrivateIPs": False, "privateIPs": False, "cloudMetadataServer": False},
            },
        },
    ),
    "network.userEgress, the Internet": (
        {"network": {"userEgress": {}}},
        {
            "0.11": {egress_rules("egress"): [DNS, {"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [*PRIVATE, METADATA]}}]}]},
            "2": {
                egress_rules("egress"): ABSENT,
                egress_rules("egressAllowRules"): {"nonPrivateIPs": True, "privateIPs": False, "cloudMetadataServer": False},
            },
        },
    ),
    "network.userEgress, private addresses": (
        {"network": {"userEgress": {"internet": False, "privateAddresses": True}}},
        {
            "0.11": {egress_rules("egress"): [DNS, {"to": [{"ipBlock": {"cidr": cidr}} for cidr in PRIVATE]}]},
            "2": {egress_rules("egressAllowRules", "privateIPs"): True, egress_rules("egressAllowRules", "nonPrivateIPs"): False},
        },
    ),
    "network.blockMetadata, by default": (
        {},
        {
            "0.11": {"singleuser.cloudMetadata.enabled": False},
            "1": {"singleuser.cloudMetadata.blockWithIptables": True, "singleuser.cloudMetadata.enabled": ABSENT},
        },
    ),
    "network.blockMetadata NetworkPolicy": (
        {"network": {"blockMetadata": "NetworkPolicy"}},
        {
            "0.11": {"singleuser.cloudMetadata.enabled": True},
            "1": {"singleuser.cloudMetadata.blockWithIptables": False},
            "2": {
                "singleuser.cloudMetadata.blockWithIptables": False,
                egress_rules("egressAllowRules", "cloudMetadataServer"): False,
            },
        },
    ),
    "network.blockMetadata No": (
        {"network": {"blockMetadata": "No"}},
        {
            "0.11": {"singleuser.cloudMetadata.enabled": True, egress_rules("egress"): [ANYWHERE]},
            "1": {"singleuser.cloudMetadata.blockWithIptables": False, egress_rules("egress"): [ANYWHERE]},
            "2": {egress_rules("egressAllowRules", "cloudMetadataServer"): True, egress_rules("egress"): ABSENT},
        },
    ),
    "network.blockMetadata No, without policies": (
        {"network": {"blockMetadata": "No", "isolate": False}},
        {"0.11": {egress_rules("egress"): ABSENT, egress_rules("enabled"): False}},
    ),
    "database in a volume": (
        {"database": {"volume": {"size": "2Gi", "storageClass": "managed-csi-premium"}}},
        {
            "0.11": {
                "hub.db": {
                    "type": "sqlite-pvc",
                    "pvc": {
                        "storage": "2Gi",
                        "storageClassName": "managed-csi-premium",
                        "annotations": {"helm.sh/resource-policy": "keep"},
                    },
                }
            }
        },
    ),
    "the hub's volume stays": (
        {},
        {"0.11": {("hub", "db", "pvc", "annotations", "helm.sh/resource-policy"): "keep", "hub.db.type": "sqlite-pvc"}},
    ),
    "database.volume.keepOnUninstall": (
        {"database": {"volume": {"keepOnUninstall": False}}},
        {"0.11": {"hub.db.pvc.annotations": ABSENT}},
    ),
    "database.urlRef": (
        {"database": {"urlRef": {"name": "db", "key": "url"}, "upgrade": True}},
        {
            "0.11": {
                "hub.db": {
                    "type": "postgres",
                    "url": "postgresql+psycopg2://hub@db.example.org:5432/hub?sslmode=require",
                    "password": "p@ss",
                    "upgrade": True,
                }
            }
        },
    ),
    "fsGroup": (
        {"fsGroup": 1000},
        {"0.11": {"hub.fsGid": 1000}, "2": {"hub.podSecurityContext.fsGroup": 1000, "hub.fsGid": ABSENT}},
    ),
    "rbac": ({"rbac": False}, {"0.11": {"rbac": {"enabled": False}}, "2": {"rbac": {"create": False}}}),
    "resources, by default": (
        {},
        {
            "0.11": {
                "hub.resources": {"requests": {"cpu": "200m", "memory": "512Mi"}},
                "proxy.chp.resources": {"requests": {"cpu": "200m", "memory": "512Mi"}},
                "scheduling.userScheduler.resources": {"requests": {"cpu": "50m", "memory": "256Mi"}},
            }
        },
    ),
    "resources.hub": (
        {"resources": {"hub": {"cpu": "1", "memory": "2Gi", "cpuLimit": "2", "memoryLimit": "4Gi"}}},
        {"0.11": {"hub.resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"cpu": "2", "memory": "4Gi"}}}},
    ),
    "limits": (
        {"limits": {"concurrentSpawns": 10, "activeServers": 200}},
        {"0.11": {"hub.concurrentSpawnLimit": 10, "hub.activeServerLimit": 200}},
    ),
    "extraConfig": ({"extraConfig": {"10-own": "x = 1"}}, {"0.11": {"hub.extraConfig": {"10-own": "x = 1"}}}),
    "extraFiles": (
        {"extraFiles": [{"name": "motd", "mountPath": "/etc/motd", "content": "hello"}]},
        {"0.11": REFUSED, "1": {"hub.extraFiles": {"motd": {"mountPath": "/etc/motd", "stringData": "hello"}}}},
    ),
    "imagePull": (
        {
            "imagePull": {"registry": "r.example.org", "username": "u", "passwordRef": {"name": "r", "key": "p"}},
            "imagePullSecrets": ["other"],
        },
        {
            "0.11": {
                "imagePullSecret": {"create": True, "registry": "r.example.org", "username": "u", "password": "pull-password-1"},
                "imagePullSecrets": [{"name": "other"}],
            }
        },
    ),
}


def expected(row: Row, version: str) -> Any:
    """Return the expectation for a version: the last entry that begins at or before it."""
    return [wanted for first, wanted in row[1].items() if parse(version) >= parse(first)][-1]
