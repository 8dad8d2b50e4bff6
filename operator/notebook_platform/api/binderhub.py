"""spec.binderhub: the binder and its hub, with their addresses decided before anything is installed."""

from typing import Annotated, Any, Literal

from pydantic import Field

from notebook_platform.api.arm_ids import RegistryName, ResourceGroupName
from notebook_platform.api.base import ObjectName, SecretKeyRef, SecretRef, SpecModel
from notebook_platform.api.hubs import Amount, Auth, Chart, Culling, ValuesFrom
from notebook_platform.api.lists import Atomic, ListType, SetOf
from notebook_platform.api.remediation import Remediation

Pattern = Annotated[str, Field(min_length=1, max_length=256)]


class BinderChart(Chart):
    """Which binderhub chart is installed. It has no releases, only development versions: one exact version."""

    version: str = Field(
        max_length=64, description="Exact version of the chart, as `1.0.0-0.dev.git.3506.hba24eb2a`; ranges are not taken."
    )
    jupyterhub_version: str | None = Field(
        None,
        max_length=64,
        description="Version of the jupyterhub chart inside it; left out: as this operator knows it of the chart's version.",
    )


class IngressAddress(SpecModel):
    """One name for both, behind an ingress controller: the binder at `/`, the hub below `hubPath`. Exactly one of host and
    dnsLabel."""

    host: str | None = Field(
        None, max_length=253, description="Name that leads to the ingress controller, as binder.example.org."
    )
    dns_label: str | None = Field(
        None,
        max_length=63,
        description="Azure DNS label of the ingress controller's Service: the name is `<label>.<location>.cloudapp.azure.com`.",
    )
    hub_path: str = Field("/hub-base/", max_length=64, description="Where the hub is, beginning and ending with a slash.")
    class_name: ObjectName | None = Field(None, description="Ingress class; left out: the cluster's default.")
    tls_secret: ObjectName | None = Field(
        None,
        description="Secret in the release's namespace with the certificate (cert-manager makes it if annotations ask for "
        "that); left out: the controller's own certificate.",
    )
    plain_http: bool = Field(False, description="No TLS: addresses begin with http.")
    annotations: dict[str, Annotated[str, Field(max_length=1024)]] = Field(
        default_factory=dict, max_length=32, description="Annotations of both Ingresses, as `cert-manager.io/cluster-issuer`."
    )


class DnsLabels(SpecModel):
    """Two public load balancers, each with an Azure DNS label of its own, in plain http: the chart has no TLS for the binder."""

    binder: str = Field(max_length=63, description="Label of the binder: `<label>.<location>.cloudapp.azure.com`.")
    hub: str = Field(max_length=63, description="Label of the hub.")


class ExistingAddress(SpecModel):
    """An existing address, with the name that leads to it."""

    url: str = Field(max_length=512, description="Where people reach it, as `https://binder.example.org`.")
    ip: str | None = Field(
        None,
        max_length=45,
        description="Address of the load balancer, reserved beforehand; left out: no load balancer, something of your own leads to "
        "the Service in the cluster.",
    )


class ExistingAddresses(SpecModel):
    """Existing addresses of both."""

    binder: ExistingAddress = Field(description="The binder's.")
    hub: ExistingAddress = Field(description="The hub's.")
    internal: bool = Field(False, description="The load balancers are internal: their addresses are of the network.")
    ip_resource_group: ResourceGroupName | None = Field(
        None, description="Resource group of the public addresses, if it is not the nodes' own."
    )


class Address(SpecModel):
    """Where the binder and its hub are reached: known before the install, so that one revision is enough. Exactly one member."""

    ingress: IngressAddress | None = Field(None, description="One host, routed by path behind an ingress.")
    dns_labels: DnsLabels | None = Field(None, description="Two public load balancers with Azure DNS labels.")
    existing: ExistingAddresses | None = Field(None, description="Existing addresses.")


class ExistingRegistry(SpecModel):
    """An existing registry, and the account that pushes to it."""

    server: str = Field(max_length=253, description="Its host, as `registry.example.org`; `docker.io` for Docker Hub.")
    prefix: str = Field(
        max_length=200,
        description="What image names begin with, after the server: a project (or organisation), a slash, and a prefix, as "
        "`binder/r2d-`.",
    )
    secret_ref: SecretRef = Field(
        description="Secret with the keys `username` and `password` of an account that may push and pull."
    )
    token_url: str | None = Field(
        None,
        max_length=512,
        description="Where the registry gives tokens (https); left out: the default of Docker Hub, Azure and other registries.",
    )


class AzureRegistry(SpecModel):
    """An Azure Container Registry of the platform: nodes may pull from it, and a token of it that may do nothing else pushes."""

    name: RegistryName = Field(
        description="Name, 5-50 letters and digits, unique in all of Azure: `<name>.azurecr.io`. Cannot change."
    )
    sku: Literal["Basic", "Standard", "Premium"] = Field("Standard", description="Service tier.")
    prefix: str = Field("binder/r2d-", max_length=200, description="What image names begin with: a project, a slash, a prefix.")
    token_lifetime: str = Field("90d", max_length=8, description="How long a password of the builder's token is good for.")
    renew_before: str = Field("30d", max_length=8, description="How long before its end a password is renewed.")


class ImageRegistry(SpecModel):
    """Where built images are kept. Exactly one member."""

    existing: ExistingRegistry | None = Field(None, description="An existing registry.")
    azure: AzureRegistry | None = Field(None, description="An Azure Container Registry, made with its roles.")


class ImageCleaner(SpecModel):
    """Old images are removed from the build nodes, in percent of their disk."""

    enabled: bool = Field(True, description="Remove old images.")
    above: int = Field(80, ge=1, le=100, description="Begin when so much of the disk is in use.")
    until: int = Field(60, ge=0, le=99, description="Stop when no more than this is in use.")


class Builder(SpecModel):
    """How and where images are built. The nodes' own Docker is no choice: AKS nodes have none."""

    type: Literal["dind", "pink"] = Field(
        "dind", description="`dind`: Docker in a pod; `pink`: Podman in a pod. Both privileged."
    )
    pool: str | None = Field(
        None, max_length=12, description="Pool of spec.nodePools that images are built on; left out: all nodes."
    )
    memory: str | None = Field(None, max_length=16, description="Memory promised to a build, as `2G`.")
    image_cleaner: ImageCleaner = Field(
        default_factory=lambda: ImageCleaner.model_validate({}), description="Old images on the build nodes."
    )


class Quotas(SpecModel):
    """How many servers may run at once; left out: as many as fit."""

    per_repository: int | None = Field(None, ge=1, le=100000, description="Of one repository.")
    per_repository_higher: int | None = Field(None, ge=1, le=100000, description="Of one with a high quota.")
    total: int | None = Field(None, ge=1, le=100000, description="Of all. Nothing is launched beyond.")


class RepositoryRules(SpecModel):
    """Which repositories of a provider are launched: regular expressions, without regard to case, from the beginning of what follows the
    provider in a launch URL. GitHub: `owner/name/ref`; GitLab: `group%2Fname/ref`; Git: `https%3A%2F%2Fhost%2Fpath/ref`; Gist:
    `owner/id/ref`, with the rules of GitHub unless it has its own; the rest: a DOI or an address."""

    provider: Literal["GitHub", "GitLab", "Git", "Gist", "Zenodo", "Figshare", "Hydroshare", "Dataverse", "CKAN"] = Field(
        description="Provider of repositories."
    )
    banned: SetOf[Pattern] = Field(default_factory=list, max_length=256, description="Never launched.")
    allowed: SetOf[Pattern] = Field(
        default_factory=list,
        max_length=256,
        description="If there are any, only these are launched of this provider. Needs chart git.3506.",
    )
    high_quota: SetOf[Pattern] = Field(
        default_factory=list, max_length=256, description="Have the quota `quotas.perRepositoryHigher`."
    )


class RepositoryToken(SpecModel):
    """Signs in at a provider of repositories: without it GitHub answers 60 times an hour."""

    token_ref: SecretKeyRef = Field(description="The token, in a Secret.")


class Servers(SpecModel):
    """Launched servers."""

    cpu: Amount = Field(default_factory=Amount, description="CPUs.")
    memory: Amount = Field(default_factory=Amount, description="Memory.")
    start_timeout: str = Field("10m", max_length=8, description="How long a server may take to start; a new node takes minutes.")


class BinderHubSpec(SpecModel):
    """The BinderHub release: the binder and a hub of its own."""

    release: str = Field("binder", max_length=53, description="Name of the Helm release. Cannot change.")
    namespace: str = Field("binder", max_length=63, description="Namespace of the release. Cannot change.")
    chart: BinderChart = Field(description="Chart and version.")
    address: Address = Field(description="Where the binder and its hub are reached.")
    registry: ImageRegistry = Field(description="Where built images are kept.")
    builder: Builder = Field(default_factory=lambda: Builder.model_validate({}), description="How and where images are built.")
    auth: Auth | None = Field(
        None, description="Users sign in before they launch; left out: every visitor may launch, anonymously."
    )
    quotas: Quotas = Field(default_factory=lambda: Quotas.model_validate({}), description="How many servers may run at once.")
    repositories: Annotated[list[RepositoryRules], ListType("map", ("provider",))] = Field(
        default_factory=list, max_length=9, description="Which repositories are launched, by provider."
    )
    github: RepositoryToken | None = Field(None, description="How the binder signs in at GitHub.")
    gitlab: RepositoryToken | None = Field(None, description="How the binder signs in at GitLab.")
    single_user: Servers = Field(default_factory=lambda: Servers.model_validate({}), description="Launched servers.")
    culling: Culling = Field(default_factory=lambda: Culling.model_validate({}), description="Idle servers.")
    needs: SetOf[Annotated[str, Field(max_length=50)]] = Field(
        default_factory=list,
        max_length=16,
        description="Releases that must work first, by name: an ingress controller, cert-manager.",
    )
    remediation: Remediation = Field(default_factory=Remediation, description="What is done when helm fails.")
    values: dict[str, Any] = Field(
        default_factory=dict,
        description="Values of the chart (the hub's below `jupyterhub`); win over the typed fields and over valuesFrom.",
    )
    values_from: Atomic[ValuesFrom] = Field(
        default_factory=list, max_length=16, description="More values, later ones win; all win over the typed fields."
    )
