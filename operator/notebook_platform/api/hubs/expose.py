"""spec.jupyterhub.expose: the door through which people come, with its name and its certificate."""

from typing import Annotated, Literal

from pydantic import Field

from notebook_platform.api.arm_ids import ResourceGroupName
from notebook_platform.api.base import NamespaceName, ObjectName, SecretRef, SpecModel
from notebook_platform.api.lists import SetOf

Annotations = dict[str, Annotated[str, Field(max_length=1024)]]
Address = Annotated[str, Field(max_length=43)]
HostName = Annotated[str, Field(max_length=253)]


class LoadBalancer(SpecModel):
    """An Azure load balancer of the hub's own."""

    internal: bool = Field(False, description="Reachable from the virtual network only.")
    internal_subnet: str | None = Field(None, max_length=80, description="Subnet of the internal address.")
    dns_label: str | None = Field(
        None,
        max_length=63,
        description="Azure gives the address the name <label>.<location>.cloudapp.azure.com, known before anything is created.",
    )
    static_ip: str | None = Field(None, alias="staticIP", max_length=45, description="An existing address.")
    static_ip_resource_group: ResourceGroupName | None = Field(
        None,
        alias="staticIPResourceGroup",
        description="Resource group of staticIP. Default: the nodes'. The cluster's identity needs Network Contributor there.",
    )
    allow_cidrs: SetOf[Address] = Field(
        default_factory=list, alias="allowCIDRs", max_length=64, description="Networks that may connect. Default: all."
    )
    idle_timeout_minutes: int | None = Field(
        None, ge=4, le=100, description="Timeout of an idle connection. Default: Azure's 4 minutes."
    )
    annotations: Annotations = Field(default_factory=dict, max_length=32, description="Additional annotations of the Service.")


class LetsEncrypt(SpecModel):
    """Certificates by Let's Encrypt. Port 80 must be reachable from the Internet."""

    contact_email: str = Field(max_length=254, description="E-mail address of the account at Let's Encrypt.")
    environment: Literal["Production", "Staging"] = Field(
        "Production", description="`Staging` is for tests: it has no rate limits, and browsers do not trust its certificates."
    )


class Tls(SpecModel):
    """TLS of the load balancer. Exactly one of the members."""

    lets_encrypt: LetsEncrypt | None = Field(None, description="A certificate from Let's Encrypt.")
    certificate_ref: SecretRef | None = Field(
        None, description="A certificate in a Secret (tls.crt, tls.key) in the namespace of the platform."
    )
    secret_name: ObjectName | None = Field(None, description="A Secret (tls.crt, tls.key) in the hub's namespace of the cluster.")
    offload: Literal[True] | None = Field(
        None, description="TLS ends in front of the load balancer: port 443 accepts plain HTTP."
    )


class Ingress(SpecModel):
    """An Ingress; the hub has no load balancer of its own."""

    class_name: ObjectName | None = Field(None, description="Ingress class. Default: the cluster's.")
    tls_secret: ObjectName | None = Field(None, description="Secret with the certificate, in the hub's namespace.")
    annotations: Annotations = Field(
        default_factory=dict, max_length=32, description="Annotations, such as those of cert-manager."
    )


class HttpRoute(SpecModel):
    """An HTTPRoute of the Gateway API; the hub has no load balancer of its own. Needs chart 4.3."""

    gateway: ObjectName = Field(description="Name of the Gateway.")
    gateway_namespace: NamespaceName | None = Field(None, description="Namespace of the Gateway. Default: the hub's.")
    section_name: str | None = Field(
        None, max_length=253, description="Listener of the Gateway. Default: all. Needs chart 4.3.3."
    )
    annotations: Annotations = Field(default_factory=dict, max_length=32, description="Annotations of the HTTPRoute.")


class Expose(SpecModel):
    """How people reach the hub. At most one of loadBalancer, ingress, httpRoute; none: a public load balancer."""

    load_balancer: LoadBalancer | None = Field(None, description="A load balancer of the hub's own.")
    ingress: Ingress | None = Field(None, description="An Ingress.")
    http_route: HttpRoute | None = Field(None, description="An HTTPRoute of the Gateway API.")
    tls: Tls | None = Field(None, description="TLS of the load balancer. Default: none.")
    more_hosts: SetOf[HostName] = Field(
        default_factory=list, max_length=16, description="Names in addition to spec.jupyterhub.host, for certificates and routes."
    )
    base_path: str = Field("/", max_length=128, description="Path of the hub, such as /jupyter/.")
