"""Map spec.jupyterhub.expose to the chart's rows: addresses, host names, TLS. Pure."""

from collections.abc import Mapping
from typing import Any

from notebook_platform.api.hubs import Expose, HttpRoute, Ingress, JupyterHubSpec, LoadBalancer
from notebook_platform.hubs.inputs import HubContext, HubSecrets, base_path, host_of

FieldValues = Mapping[str, Any]

STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
"""https://letsencrypt.org/docs/staging-environment/"""


def expose_values(spec: JupyterHubSpec, secrets: HubSecrets, hub_context: HubContext) -> FieldValues:
    """Return the rows of spec.jupyterhub.expose; None: not set."""
    expose, host = spec.expose, host_of(spec, hub_context)
    hosts = [*([host] if host else []), *expose.more_hosts]
    behind = expose.ingress is not None or expose.http_route is not None
    return {
        "expose": "ClusterIP" if behind else "LoadBalancer",
        "expose.basePath": f"{base_path(spec)}/" if base_path(spec) else None,
        **_load_balancer(expose.load_balancer or LoadBalancer()),
        **_tls(expose, secrets, hosts),
        **(_ingress(expose.ingress, hosts) if expose.ingress else {}),
        **(_http_route(expose.http_route, hosts) if expose.http_route else {}),
    }


def _load_balancer(balancer: LoadBalancer) -> FieldValues:
    minutes = balancer.idle_timeout_minutes
    own = {
        "annotations": dict(sorted(balancer.annotations.items())) or None,
        "internal": "true" if balancer.internal else None,
        "internalSubnet": balancer.internal_subnet,
        "dnsLabel": balancer.dns_label,
        "staticIP": balancer.static_ip,
        "staticIP#annotation": balancer.static_ip,
        "staticIPResourceGroup": balancer.static_ip_resource_group,
        "idleTimeoutMinutes": str(minutes) if minutes else None,
        "allowCIDRs": list(balancer.allow_cidrs) or None,
    }
    return {f"expose.loadBalancer.{name}": value for name, value in own.items()}


def _tls(expose: Expose, secrets: HubSecrets, hosts: list[str]) -> FieldValues:
    tls = expose.tls
    if tls is None:
        return {}
    certificate, key = secrets.certificate or (None, None)
    kinds = {"letsencrypt": tls.lets_encrypt, "manual": tls.certificate_ref, "secret": tls.secret_name, "offload": tls.offload}
    acme = tls.lets_encrypt
    return {
        "expose.tls": True,
        "expose.tls#type": next(kind for kind, member in kinds.items() if member is not None),
        "expose.tls#hosts": hosts or None,
        "expose.tls.letsEncrypt.contactEmail": acme.contact_email if acme else None,
        "expose.tls.letsEncrypt.environment": STAGING if acme and acme.environment == "Staging" else None,
        "expose.tls.certificateRef#cert": certificate if tls.certificate_ref else None,
        "expose.tls.certificateRef#key": key if tls.certificate_ref else None,
        "expose.tls.secretName": tls.secret_name,
    }


def _ingress(ingress: Ingress, hosts: list[str]) -> FieldValues:
    secret = ingress.tls_secret
    return {
        "expose.ingress": True,
        "expose.ingress#hosts": hosts or None,
        "expose.ingress.annotations": dict(sorted(ingress.annotations.items())) or None,
        "expose.ingress.className": ingress.class_name,
        "expose.ingress.className#annotation": ingress.class_name,
        "expose.ingress.tlsSecret": [{"hosts": hosts, "secretName": secret}] if secret else None,
    }


def _http_route(route: HttpRoute, hosts: list[str]) -> FieldValues:
    parent = {"name": route.gateway, "namespace": route.gateway_namespace, "sectionName": route.section_name}
    return {
        "expose.httpRoute": True,
        "expose.httpRoute#hosts": hosts or None,
        "expose.httpRoute.annotations": dict(sorted(route.annotations.items())) or None,
        "expose.httpRoute.gateway": route.gateway,
        "expose.httpRoute.gatewayNamespace": route.gateway_namespace,
        "expose.httpRoute.sectionName": route.section_name,
        "expose.httpRoute.gateway#parents": [{name: value for name, value in parent.items() if value}],
    }
