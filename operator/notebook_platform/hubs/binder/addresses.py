"""Addresses of the binder and its hub, decided before anything is installed. Pure.

BinderHub sends browsers to the hub, so it needs the hub's address when it is installed. The name that Azure gives to a load
balancer, or an administrator to an Ingress, is known beforehand, so that one revision is enough.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from notebook_platform.api.binderhub import Address, DnsLabels, ExistingAddress, ExistingAddresses, IngressAddress

Values = dict[str, Any]

AZURE = "service.beta.kubernetes.io/azure-"
"""Annotations of Services on AKS: https://cloud-provider-azure.sigs.k8s.io/topics/loadbalancer/"""


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """The URLs of binder and hub as browsers use them, each ending with a slash."""

    binder: str
    hub: str

    @property
    def binder_base(self) -> str:
        """Return the binder's path."""
        return urlsplit(self.binder).path

    @property
    def hub_base(self) -> str:
        """Return the hub's path."""
        return urlsplit(self.hub).path

    @property
    def hub_host(self) -> str:
        """Return the hub's host, with its port if it has one."""
        return urlsplit(self.hub).netloc


def decide(address: Address, azure_names: str) -> Addresses:
    """Return the addresses. `azure_names` is the suffix of a DNS label of Azure: `eastus.cloudapp.azure.com`."""
    return _DECIDED[_mode(address)](_chosen(address), azure_names)


def exposure_values(address: Address, azure_names: str) -> Values:
    """Return the chart values that expose both at these addresses: Services and Ingresses."""
    return _DOORS[_mode(address)](_chosen(address), azure_names)


def _mode(address: Address) -> str:
    return next(name for name in _DECIDED if getattr(address, name) is not None)


def _chosen(address: Address) -> Any:
    return getattr(address, _mode(address))


def _host(ingress: IngressAddress, azure_names: str) -> str:
    return ingress.host or f"{ingress.dns_label}.{azure_names}"


def _of_ingress(ingress: IngressAddress, azure_names: str) -> Addresses:
    root = f"{'http' if ingress.plain_http else 'https'}://{_host(ingress, azure_names)}"
    return Addresses(binder=f"{root}/", hub=f"{root}{ingress.hub_path}")


def _of_labels(labels: DnsLabels, azure_names: str) -> Addresses:
    return Addresses(binder=f"http://{labels.binder}.{azure_names}/", hub=f"http://{labels.hub}.{azure_names}/")


def _of_existing(existing: ExistingAddresses, azure_names: str) -> Addresses:
    return Addresses(binder=f"{existing.binder.url.rstrip('/')}/", hub=f"{existing.hub.url.rstrip('/')}/")


def _ingress_doors(ingress: IngressAddress, azure_names: str) -> Values:
    host = _host(ingress, azure_names)
    door: Values = {"enabled": True, "hosts": [host]}
    if ingress.class_name:
        door["ingressClassName"] = ingress.class_name
    if ingress.annotations:
        door["annotations"] = dict(ingress.annotations)
    if ingress.tls_secret and not ingress.plain_http:
        door["tls"] = [{"hosts": [host], "secretName": ingress.tls_secret}]
    inside = {"type": "ClusterIP"}
    return {"service": inside, "ingress": door, "jupyterhub": {"proxy": {"service": inside}, "ingress": door}}


def _label_doors(labels: DnsLabels, azure_names: str) -> Values:
    def service(label: str) -> Values:
        return {"type": "LoadBalancer", "annotations": {f"{AZURE}dns-label-name": label}}

    return {"service": service(labels.binder), "jupyterhub": {"proxy": {"service": service(labels.hub)}}}


def _existing_doors(existing: ExistingAddresses, azure_names: str) -> Values:
    def service(one: ExistingAddress) -> Values:
        if one.ip is None:
            return {"type": "ClusterIP"}
        annotations = {f"{AZURE}load-balancer-ipv4": one.ip}
        if existing.internal:
            annotations[f"{AZURE}load-balancer-internal"] = "true"
        if existing.ip_resource_group:
            annotations[f"{AZURE}load-balancer-resource-group"] = existing.ip_resource_group
        return {"type": "LoadBalancer", "annotations": annotations}

    return {"service": service(existing.binder), "jupyterhub": {"proxy": {"service": service(existing.hub)}}}


_DECIDED: Mapping[str, Callable[[Any, str], Addresses]] = {
    "ingress": _of_ingress,
    "dns_labels": _of_labels,
    "existing": _of_existing,
}
_DOORS: Mapping[str, Callable[[Any, str], Values]] = {
    "ingress": _ingress_doors,
    "dns_labels": _label_doors,
    "existing": _existing_doors,
}
