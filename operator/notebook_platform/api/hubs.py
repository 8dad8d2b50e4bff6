"""spec.jupyterhub: the hub, in typed fields that stay the same over chart generations."""

from typing import Any, Literal

from pydantic import Field

from notebook_platform.api.base import SecretKeyRef, SpecModel
from notebook_platform.api.remediation import Remediation


class Chart(SpecModel):
    """Which chart is installed."""

    version: str = Field(max_length=64, description="Exact version of the chart.")
    repository: str | None = Field(
        None,
        max_length=512,
        description="Chart repository, one that the operator's configuration allows. Left out: the operator's default.",
    )


class ClientSecretRef(SpecModel):
    """A key of a Secret in the namespace of the platform."""

    name: str = Field(min_length=1, max_length=253, description="Name of the Secret.")
    key: str = Field("clientSecret", min_length=1, max_length=253, description="Key in the Secret.")


class WhoMay(SpecModel):
    """Who of those that can sign in may use the hub."""

    admin_users: list[str] = Field(default_factory=list, max_length=64, description="Users who administer the hub.")
    allowed_users: list[str] = Field(default_factory=list, max_length=1024, description="Users who may sign in.")
    allow_all: bool = Field(False, description="Everyone who can sign in may use the hub.")


class Oidc(WhoMay):
    """Sign-in with an OpenID Connect provider (GenericOAuthenticator), by the provider's endpoints."""

    issuer: str | None = Field(None, max_length=512, description="The issuer's URL, for reference.")
    client_id: str = Field(max_length=256, description="Client id at the provider.")
    client_secret_ref: ClientSecretRef = Field(description="The client secret, in a Secret.")
    authorize_url: str = Field(max_length=512, description="Authorization endpoint (https).")
    token_url: str = Field(max_length=512, description="Token endpoint (https).")
    userinfo_url: str = Field(max_length=512, description="Userinfo endpoint (https).")
    scopes: list[str] = Field(["openid", "profile", "email"], max_length=16, description="Scopes asked for.")
    username_claim: str = Field("email", max_length=64, description="Claim that becomes the user's name.")
    login_service: str = Field("OpenID Connect", max_length=64, description="Name on the sign-in button.")


class Dummy(WhoMay):
    """Sign-in with one password for all. For trying out only."""

    insecure: Literal[True] = Field(description="Says that anyone with the password may be anyone.")
    password_ref: SecretKeyRef | None = Field(None, description="The password, in a Secret; left out, one is made.")


class Auth(SpecModel):
    """Who may sign in. Exactly one of the members."""

    oidc: Oidc | None = Field(None, description="OpenID Connect.")
    dummy: Dummy | None = Field(None, description="One password for all.")
    from_values: Literal[True] | None = Field(
        None,
        description="Sign-in stands in `values` or `valuesFrom`, as in a release that was taken over: then no defaults and no "
        "generated secrets are put into the release, only typed fields that differ from their defaults.",
    )


class Amount(SpecModel):
    """What a user's server is promised and may take at most: CPUs as `0.5`, memory as `2G`."""

    guarantee: str | None = Field(None, max_length=16, description="Promised.")
    limit: str | None = Field(None, max_length=16, description="At most.")


class Storage(SpecModel):
    """Users' home volumes."""

    type: Literal["dynamic", "none"] = Field("dynamic", description="`none`: homes are lost when a server stops.")
    capacity: str = Field("10Gi", max_length=16, description="Size of a home volume.")
    storage_class: str | None = Field(None, max_length=253, description="StorageClass; left out: the cluster's default.")


class SingleUser(SpecModel):
    """Users' servers."""

    image: str | None = Field(None, max_length=512, description="Image with tag; left out: the chart's.")
    cpu: Amount = Field(default_factory=Amount, description="CPUs.")
    memory: Amount = Field(default_factory=Amount, description="Memory.")
    storage: Storage = Field(default_factory=Storage, description="Home volumes.")


class Culling(SpecModel):
    """Idle servers are stopped."""

    enabled: bool = Field(True, description="Stop idle servers.")
    timeout: str = Field("1h", max_length=8, description="Idle time after which a server is stopped, as `1h`.")
    every: str = Field("10m", max_length=8, description="How often is looked.")
    max_age: str | None = Field(None, max_length=8, description="Stop servers of this age even if used.")


class ValuesFrom(SpecModel):
    """Values of the chart from a Secret or a ConfigMap in the namespace of the platform. Exactly one kind."""

    kind: Literal["Secret", "ConfigMap"] = Field(description="Kind of the object.")
    name: str = Field(max_length=253, description="Name of the object.")
    key: str = Field("values.yaml", max_length=253, description="Key that holds YAML.")


class JupyterHubSpec(SpecModel):
    """The JupyterHub release."""

    release: str = Field("jhub", max_length=53, description="Name of the Helm release. Cannot change.")
    namespace: str = Field("jhub", max_length=63, description="Namespace of the release. Cannot change.")
    chart: Chart = Field(description="Chart and version.")
    host: str | None = Field(None, max_length=253, description="Name under which people reach the hub.")
    auth: Auth = Field(description="Who may sign in.")
    single_user: SingleUser = Field(default_factory=SingleUser, description="Users' servers.")
    culling: Culling = Field(default_factory=Culling, description="Idle servers.")
    values: dict[str, Any] = Field(
        default_factory=dict, description="Values of the chart; win over the typed fields and over valuesFrom."
    )
    values_from: list[ValuesFrom] = Field(
        default_factory=list, max_length=16, description="More values, later ones win; all win over the typed fields."
    )
    remediation: Remediation = Field(default_factory=Remediation, description="What is done when helm fails.")
