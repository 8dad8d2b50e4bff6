"""The hub itself: its database, services, roles, network and resources."""

from typing import Annotated, Literal

from pydantic import Field

from notebook_platform.api.base import ObjectName, SecretKeyRef, SpecModel
from notebook_platform.api.lists import Atomic, SetOf

Name = Annotated[str, Field(max_length=256)]
Cidr = Annotated[str, Field(max_length=43)]


class DatabaseVolume(SpecModel):
    """The hub's own volume with an SQLite file. Size and class cannot change once it is there."""

    size: str = Field("1Gi", max_length=16, description="Size.")
    storage_class: ObjectName | None = Field(
        None,
        description="StorageClass of disks. Default: the cluster's. SQLite fails on network shares such as azurefile-csi.",
    )
    keep_on_uninstall: bool = Field(True, description="Keep the volume when the release is uninstalled.")


class Database(SpecModel):
    """Where the hub keeps users and servers: in a volume, or in a database whose URL a Secret holds."""

    volume: DatabaseVolume | None = Field(None, description="Volume of the SQLite database; used if `urlRef` is not set.")
    url_ref: SecretKeyRef | None = Field(
        None,
        description="URL of the database in a Secret, as postgresql://user:password@host/name?sslmode=require or "
        "mysql+pymysql://user:password@host/name. `postgres:` and `mysql:` are accepted too. Percent-encode the password.",
    )
    upgrade: bool = Field(
        False,
        description="Let the hub upgrade the schema of a database with a URL when it starts. "
        "Back up the database first, and set the field to false again afterwards.",
    )


class HubService(SpecModel):
    """A service of the hub: it calls the hub's API, or users reach it through the hub. The operator generates its token and keeps it."""

    name: str = Field(min_length=1, max_length=63, description="Name: lower-case letters, digits, hyphens.")
    url: str | None = Field(
        None, max_length=512, description="URL at which the hub reaches the service; users reach it at /services/<name>."
    )
    admin: bool = Field(False, description="Grant the service all rights. With chart 2 or newer, prefer spec.jupyterhub.roles.")
    display: bool = Field(True, description="Show the service in the hub's menu.")
    oauth_redirect_uri: str | None = Field(
        None, max_length=512, description="OAuth redirect URL of the service, for sign-in through the hub."
    )
    oauth_confirm: bool = Field(True, description="Ask users to confirm the sign-in to the service.")
    api_token_ref: SecretKeyRef | None = Field(None, description="The token, in a Secret. Default: a generated one.")


class HubRole(SpecModel):
    """A role: scopes that are granted to users, groups and services (https://jupyterhub.readthedocs.io/en/stable/rbac/). Needs chart 2."""

    name: str = Field(min_length=3, max_length=63, description="Name: lower-case letters, digits, hyphens.")
    description: str | None = Field(None, max_length=1024, description="Description of the role.")
    scopes: SetOf[Annotated[str, Field(max_length=256)]] = Field(
        default_factory=list, max_length=64, description="Scopes that the role grants, such as `read:metrics`."
    )
    users: SetOf[Name] = Field(default_factory=list, max_length=256, description="Users with the role.")
    groups: SetOf[Name] = Field(default_factory=list, max_length=64, description="Groups with the role.")
    services: SetOf[Name] = Field(default_factory=list, max_length=64, description="Services with the role.")


class EgressRule(SpecModel):
    """A network that users' servers may reach."""

    cidr: Cidr = Field(description="Network in CIDR notation, such as 10.20.0.0/16.")
    ports: SetOf[Annotated[int, Field(ge=1, le=65535)]] = Field(
        default_factory=list, max_length=16, description="TCP ports. Default: all."
    )


class UserEgress(SpecModel):
    """What users' servers may reach. Name resolution and the hub always."""

    internet: bool = Field(True, description="Public addresses.")
    private_addresses: bool = Field(False, description="Private addresses: the virtual network and peered networks.")
    to: Atomic[EgressRule] = Field(
        default_factory=list,
        max_length=32,
        description="Networks that are always allowed, whatever `internet` and `privateAddresses` say.",
    )


class Network(SpecModel):
    """Network policies of the hub. They need spec.cluster.network.policy."""

    isolate: bool = Field(True, description="Network policies for hub, proxy and users' servers.")
    user_egress: UserEgress | None = Field(
        None,
        description="Destinations that users' servers may reach. Default: the chart's rules (the Internet, no private addresses).",
    )
    block_metadata: Literal["InitContainer", "NetworkPolicy", "No"] = Field(
        "InitContainer",
        description="How users' servers are blocked from the nodes' identity (169.254.169.254). `InitContainer` needs NET_ADMIN, which "
        "restricted namespaces refuse; `NetworkPolicy` needs spec.cluster.network.policy.",
    )


class Requests(SpecModel):
    """Resources of a workload: requests, and limits for memory and CPU."""

    cpu: str = Field("200m", max_length=16, description="CPU request.")
    memory: str = Field("512Mi", max_length=16, description="Memory request.")
    cpu_limit: str | None = Field(None, max_length=16, description="CPU limit.")
    memory_limit: str | None = Field(None, max_length=16, description="Memory limit.")


class Scheduler(SpecModel):
    """Resources of the user-scheduler."""

    cpu: str = Field("50m", max_length=16, description="CPU request.")
    memory: str = Field("256Mi", max_length=16, description="Memory request.")


class Resources(SpecModel):
    """Resources of the hub's own workloads. From chart 1 on the charts ask for none, and such pods are evicted first."""

    hub: Requests = Field(default_factory=Requests, description="The hub.")
    proxy: Requests = Field(default_factory=Requests, description="The proxy.")
    scheduler: Scheduler = Field(default_factory=Scheduler, description="Each user-scheduler.")


class ExtraFile(SpecModel):
    """A file in the hub's container. Needs chart 1."""

    name: str = Field(min_length=1, max_length=63, description="Name of the entry.")
    mount_path: str = Field(min_length=1, max_length=512, description="Path of the file in the container.")
    content: str = Field(max_length=65536, description="Content of the file.")


class ImagePull(SpecModel):
    """How nodes sign in to a registry of images. With Azure's registries prefer spec.cluster.registries."""

    registry: str = Field(min_length=1, max_length=253, description="Host of the registry.")
    username: str = Field(min_length=1, max_length=256, description="User.")
    password_ref: SecretKeyRef = Field(description="Password, in a Secret.")
