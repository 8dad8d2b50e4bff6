"""spec.jupyterhub.auth: who may sign in."""

from typing import Annotated, Literal

from pydantic import Field

from notebook_platform.api.base import DataKey, LocalRef, ObjectName, SecretKeyRef, SpecModel
from notebook_platform.api.lists import SetOf

Name = Annotated[str, Field(max_length=256)]


class ClientSecretRef(LocalRef):
    """A key of a Secret in the namespace of the platform."""

    name: ObjectName = Field(description="Name of the Secret.")
    key: DataKey = Field("clientSecret", description="Key in the Secret.")


class WhoMay(SpecModel):
    """Who of those that can sign in may use the hub."""

    admin_users: SetOf[Name] = Field(default_factory=list, max_length=64, description="Users who administer the hub.")
    allowed_users: SetOf[Name] = Field(default_factory=list, max_length=1024, description="Users who may sign in.")
    blocked_users: SetOf[Name] = Field(
        default_factory=list, max_length=1024, description="Users who may not sign in, regardless of all other rules."
    )
    allow_all: bool = Field(False, description="Every account of the provider may use the hub.")
    allow_existing_users: bool = Field(
        False, description="Users that the hub already knows may sign in. Charts before 3 always allow it."
    )


class OAuth(WhoMay):
    """What all providers with a client id and a secret share. Callback: https://<host><basePath>/hub/oauth_callback."""

    client_id: str = Field(max_length=256, description="Client id at the provider.")
    client_secret_ref: ClientSecretRef = Field(description="The client secret, in a Secret.")


class InGroups(SpecModel):
    """Groups that the provider tells."""

    groups_claim: str | None = Field(None, max_length=64, description="Claim with the user's groups, such as `groups`.")
    allowed_groups: SetOf[Name] = Field(default_factory=list, max_length=256, description="Groups whose members may sign in.")
    admin_groups: SetOf[Name] = Field(default_factory=list, max_length=64, description="Groups whose members administer the hub.")


class Oidc(OAuth, InGroups):
    """Sign-in with an OpenID Connect provider (GenericOAuthenticator), by its issuer or by its endpoints."""

    issuer: str | None = Field(
        None,
        max_length=512,
        description="The issuer's URL (https). Omitted endpoints are read from its discovery document (/.well-known/openid-configuration).",
    )
    authorize_url: str | None = Field(None, max_length=512, description="Authorization endpoint (https).")
    token_url: str | None = Field(None, max_length=512, description="Token endpoint (https).")
    userinfo_url: str | None = Field(None, max_length=512, description="Userinfo endpoint (https).")
    scopes: SetOf[Annotated[str, Field(max_length=256)]] = Field(
        ["openid", "profile", "email"], max_length=16, description="OAuth scopes that the hub requests."
    )
    username_claim: str = Field("email", max_length=64, description="Claim that is used as the user name.")
    login_service: str = Field("OpenID Connect", max_length=64, description="Name on the sign-in button.")
    ca_bundle: str | None = Field(
        None,
        max_length=65536,
        description="PEM certificates of the private CA that signs the provider's certificate, without its key. The operator and the hub then "
        "trust only these at the provider. Needs chart 3.",
    )
    tls_verify: bool = Field(True, description="Whether the hub checks the provider's certificate.")


class Entra(OAuth, InGroups):
    """Sign-in with Microsoft Entra ID (AzureAdOAuthenticator). Groups need chart 4."""

    tenant_id: str = Field(max_length=64, description="Tenant (GUID).")
    username_claim: str = Field(
        "preferred_username",
        max_length=64,
        description="Claim that is used as the user name; it must be unique and never reassigned to another person. A "
        "later change gives users other names and empty homes.",
    )


class GitHub(OAuth):
    """Sign-in with GitHub (GitHubOAuthenticator)."""

    allowed_organizations: SetOf[Name] = Field(
        default_factory=list,
        max_length=64,
        description="Organizations whose members may sign in; since chart 3 also `organization:team`.",
    )


class Dummy(WhoMay):
    """Sign-in with one password for all. For trying out only."""

    insecure: Literal[True] = Field(description="Confirm that anyone with the password can sign in as any user.")
    password_ref: SecretKeyRef | None = Field(None, description="The password, in a Secret. Default: a generated one.")


class Auth(SpecModel):
    """Who may sign in. Exactly one of oidc, entra, github, dummy, fromValues."""

    oidc: Oidc | None = Field(None, description="OpenID Connect.")
    entra: Entra | None = Field(None, description="Microsoft Entra ID.")
    github: GitHub | None = Field(None, description="GitHub.")
    dummy: Dummy | None = Field(None, description="One shared password for all users.")
    from_values: Literal[True] | None = Field(
        None,
        description="The sign-in is configured in `values` or `valuesFrom`, as in an adopted release: the release then gets no defaults "
        "and no generated secrets, only typed fields that differ from their defaults.",
    )
    persist_state: bool = Field(False, description="Store the provider's data about users, encrypted, in the hub's database.")
    auto_login: bool = Field(False, description="Redirect to the provider at once, without a page with a sign-in button.")
