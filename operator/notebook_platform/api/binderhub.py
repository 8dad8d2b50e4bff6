"""spec.binderhub: the binder and its hub, with their addresses decided before anything is installed."""

from typing import Annotated, Any, Literal

from pydantic import Field

from notebook_platform.api.arm_ids import RegistryName, ResourceGroupName
from notebook_platform.api.base import ObjectName, SecretKeyRef, SecretRef, SpecModel
from notebook_platform.api.hubs import Amount, Auth, Chart, Culling, MoreValues, Needs
from notebook_platform.api.lists import ListType, SetOf
from notebook_platform.api.remediation import Remediation

Pattern = Annotated[str, Field(min_length=1, max_length=256)]


class BinderChart(Chart):
    """Which binderhub chart is installed. It has no releases, only development versions: one exact version."""

    version: str = Field(
        max_length=64,
        description="Exact version of the chart, such as `1.0.0-0.dev.git.3506.hba24eb2a`; ranges are not accepted.",
    )
    jupyterhub_version: str | None = Field(
        None,
        max_length=64,
        description="Version of the jupyterhub chart inside it. Default: the version that this operator knows for the chart's version.",
    )


class IngressAddress(SpecModel):
    """One name for both, behind an ingress controller: the binder at `/`, the hub below `hubPath`. Exactly one of host and
    dnsLabel."""

    host: str | None = Field(None, max_length=253, description="DNS name of the ingress controller, such as binder.example.org.")
    dns_label: str | None = Field(
        None,
        max_length=63,
        description="Azure DNS label of the ingress controller's Service; the name is `<label>.<location>.cloudapp.azure.com`.",
    )
    hub_path: str = Field("/hub-base/", max_length=64, description="Path of the hub, with a slash at both ends.")
    class_name: ObjectName | None = Field(None, description="Ingress class. Default: the cluster's.")
    tls_secret: ObjectName | None = Field(
        None,
        description="Secret in the release's namespace with the certificate (cert-manager creates it if annotations request it). "
        "Default: the controller's own certificate.",
    )
    plain_http: bool = Field(False, description="Serve plain HTTP, without TLS.")
    annotations: dict[str, Annotated[str, Field(max_length=1024)]] = Field(
        default_factory=dict,
        max_length=32,
        description="Annotations of both Ingresses, such as `cert-manager.io/cluster-issuer`.",
    )


class DnsLabels(SpecModel):
    """Two public load balancers, each with an Azure DNS label of its own, in plain http: the chart has no TLS for the binder."""

    binder: str = Field(max_length=63, description="Label of the binder: `<label>.<location>.cloudapp.azure.com`.")
    hub: str = Field(max_length=63, description="Label of the hub.")


class ExistingAddress(SpecModel):
    """An existing address, with the name that leads to it."""

    url: str = Field(max_length=512, description="URL for users, such as `https://binder.example.org`.")
    ip: str | None = Field(
        None,
        max_length=45,
        description="Address of the load balancer, reserved beforehand. If omitted, there is no load balancer, and you route traffic "
        "to the Service in the cluster yourself.",
    )


class ExistingAddresses(SpecModel):
    """Existing addresses of both."""

    binder: ExistingAddress = Field(description="Address of the binder.")
    hub: ExistingAddress = Field(description="Address of the hub.")
    internal: bool = Field(False, description="Use internal load balancers with addresses of the network.")
    ip_resource_group: ResourceGroupName | None = Field(
        None, description="Resource group of the public addresses. Default: the nodes' resource group."
    )


class Address(SpecModel):
    """Where the binder and its hub are reached: known before the install, so that one revision is enough. Exactly one member."""

    ingress: IngressAddress | None = Field(None, description="One host, routed by path behind an ingress.")
    dns_labels: DnsLabels | None = Field(None, description="Two public load balancers with Azure DNS labels.")
    existing: ExistingAddresses | None = Field(None, description="Existing addresses.")


class ExistingRegistry(SpecModel):
    """An existing registry, and the account that pushes to it."""

    server: str = Field(
        max_length=253, description="Host of the registry, such as `registry.example.org`; `docker.io` for Docker Hub."
    )
    prefix: str = Field(
        max_length=200,
        description="Prefix of image names after the server: a project (or organization), a slash, and a prefix, such as "
        "`binder/r2d-`.",
    )
    secret_ref: SecretRef = Field(
        description="Secret with the keys `username` and `password` of an account with the right to push and pull."
    )
    token_url: str | None = Field(
        None,
        max_length=512,
        description="Token endpoint of the registry (https). Default: that of Docker Hub, Azure and other registries.",
    )


class AzureRegistry(SpecModel):
    """An Azure Container Registry of the platform: nodes may pull from it, and a token of it that may do nothing else pushes."""

    name: RegistryName = Field(
        description="Name, 5-50 letters and digits, unique in all of Azure: `<name>.azurecr.io`. Cannot change."
    )
    sku: Literal["Basic", "Standard", "Premium"] = Field("Standard", description="Service tier.")
    prefix: str = Field("binder/r2d-", max_length=200, description="Prefix of image names: a project, a slash, and a prefix.")
    token_lifetime: str = Field("90d", max_length=8, description="Validity of a password of the builder's token.")
    renew_before: str = Field("30d", max_length=8, description="How long before its expiry a password is renewed.")


class ImageRegistry(SpecModel):
    """Registry of built images. Exactly one member."""

    existing: ExistingRegistry | None = Field(None, description="An existing registry.")
    azure: AzureRegistry | None = Field(None, description="An Azure Container Registry, created with its roles.")


class ImageCleaner(SpecModel):
    """Old images are removed from the build nodes, in percent of their disk."""

    enabled: bool = Field(True, description="Remove old images.")
    above: int = Field(80, ge=1, le=100, description="Disk usage at which the cleaning starts.")
    until: int = Field(60, ge=0, le=99, description="Disk usage at which the cleaning stops.")


class Builder(SpecModel):
    """Builder of images. The nodes' own Docker is no choice: AKS nodes have none."""

    type: Literal["dind", "pink"] = Field(
        "dind", description="`dind`: Docker in a pod; `pink`: Podman in a pod. Both privileged."
    )
    pool: str | None = Field(None, max_length=12, description="Pool of spec.nodePools for builds. Default: all nodes.")
    memory: str | None = Field(None, max_length=16, description="Memory request of a build, such as `2G`.")
    image_cleaner: ImageCleaner = Field(
        default_factory=lambda: ImageCleaner.model_validate({}), description="When old images on the build nodes are deleted."
    )


class Quotas(SpecModel):
    """How many servers may run at once; left out: as many as fit."""

    per_repository: int | None = Field(None, ge=1, le=100000, description="Maximum for one repository.")
    per_repository_higher: int | None = Field(None, ge=1, le=100000, description="Maximum for a repository with a high quota.")
    total: int | None = Field(
        None, ge=1, le=100000, description="Maximum for all repositories together; further launches are rejected."
    )


class RepositoryRules(SpecModel):
    """Rules for the repositories of one provider: case-insensitive regular expressions, which must match from the start of what follows the
    provider in a launch URL. GitHub: `owner/name/ref`; GitLab: `group%2Fname/ref`; Git: `https%3A%2F%2Fhost%2Fpath/ref`; Gist:
    `owner/id/ref` (the rules of GitHub apply unless Gist has rules); other providers: a DOI or a URL."""

    provider: Literal["GitHub", "GitLab", "Git", "Gist", "Zenodo", "Figshare", "Hydroshare", "Dataverse", "CKAN"] = Field(
        description="Provider of repositories."
    )
    banned: SetOf[Pattern] = Field(default_factory=list, max_length=256, description="Repositories that are never launched.")
    allowed: SetOf[Pattern] = Field(
        default_factory=list,
        max_length=256,
        description="If set, only these repositories of this provider can be launched. Needs chart git.3506.",
    )
    high_quota: SetOf[Pattern] = Field(
        default_factory=list, max_length=256, description="Repositories with the quota `quotas.perRepositoryHigher`."
    )


class RepositoryToken(SpecModel):
    """Signs in at a provider of repositories: without it GitHub answers 60 times an hour."""

    token_ref: SecretKeyRef = Field(description="The token, in a Secret.")


class Servers(SpecModel):
    """Launched servers."""

    cpu: Amount = Field(default_factory=Amount, description="CPUs.")
    memory: Amount = Field(default_factory=Amount, description="Memory.")
    start_timeout: str = Field("10m", max_length=8, description="Maximum time for a server to start; a new node takes minutes.")


class BinderHubSpec(SpecModel):
    """The BinderHub release: the binder and a hub of its own."""

    release: str = Field("binder", max_length=53, description="Name of the Helm release. Cannot change.")
    namespace: str = Field("binder", max_length=63, description="Namespace of the release. Cannot change.")
    chart: BinderChart = Field(description="Chart and version.")
    address: Address = Field(description="Addresses of the binder and its hub.")
    registry: ImageRegistry = Field(description="Registry of built images.")
    builder: Builder = Field(default_factory=lambda: Builder.model_validate({}), description="Builder of images.")
    auth: Auth | None = Field(None, description="Sign-in before a launch. If omitted, every visitor can launch anonymously.")
    quotas: Quotas = Field(
        default_factory=lambda: Quotas.model_validate({}), description="Limits on the number of running servers."
    )
    repositories: Annotated[list[RepositoryRules], ListType("map", ("provider",))] = Field(
        default_factory=list, max_length=9, description="Repositories that can be launched, by provider."
    )
    github: RepositoryToken | None = Field(None, description="The binder's access to GitHub.")
    gitlab: RepositoryToken | None = Field(None, description="The binder's access to GitLab.")
    single_user: Servers = Field(default_factory=lambda: Servers.model_validate({}), description="Launched servers.")
    culling: Culling = Field(default_factory=lambda: Culling.model_validate({}), description="Idle servers.")
    needs: Needs = Field(default_factory=list)
    remediation: Remediation = Field(default_factory=Remediation, description="What the operator does when helm fails.")
    values: dict[str, Any] = Field(
        default_factory=dict,
        description="Chart values (the hub's under `jupyterhub`). They override the typed fields and valuesFrom.",
    )
    values_from: MoreValues = Field(default_factory=list)
