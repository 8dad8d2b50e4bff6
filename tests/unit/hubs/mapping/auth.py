"""The chart values of sign-in, services and roles."""

from tests.unit.hubs.mapping.rows import ABSENT, REFUSED, USERS, Row
from tests.unit.hubs.specs import CLIENT, oidc

GENERIC = "hub.config.GenericOAuthenticator"
ENTRA = {"entra": {**CLIENT, "tenantId": "11111111-1111-1111-1111-111111111111", "allowAll": True}}
MICROSOFT = "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111"
GITHUB = {"github": {**CLIENT, "allowedOrganizations": ["b", "a"]}}

FIELDS_OF_SIGN_IN: dict[str, Row] = {
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
}
