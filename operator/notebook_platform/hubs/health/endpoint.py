"""Health of a hub's endpoint: its certificate, and whether its host names resolve to it. Read from the release's own values and
objects.

https://z2jh.jupyter.org/en/stable/administrator/security.html#https
"""

import asyncio
import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubernetes.aio import client

from notebook_platform.api.condition_types import ConditionType
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.step import Notice
from notebook_platform.helm.health.issues import HealthIssue
from notebook_platform.helm.values import list_in, mapping_in
from notebook_platform.hubs.health.certificates import SOON, Certificate, best_for, in_acme, in_pem
from notebook_platform.hubs.net.public_addresses import addresses_of, is_public
from notebook_platform.kube.existing import existing
from notebook_platform.paths import at

FRONT_DOOR = "proxy-public"
ACME_SECRET, ACME_KEY = "proxy-public-tls-acme", "acme.json"
"""Where z2jh's chart keeps what Let's Encrypt gave."""

SECONDS = 3
SHOWN_NAMES = 5
MOST_HOSTS = 20
"""Of one door: its values are the tenants' own, and each host is a name to resolve."""

FROM_LETS_ENCRYPT = "Let's Encrypt has not issued a certificate yet"


@dataclass(frozen=True)
class EndpointHealth:
    """Issues of the endpoint (worst first), and notices."""

    issues: tuple[HealthIssue, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EndpointState:
    """The endpoint as observed. `kind` is the chart's proxy.https.type; `certificates`: None when unknown; `leads_to`: the
    addresses that a host resolves to; `address`: the endpoint's own."""

    hosts: tuple[str, ...]
    kind: str
    certificates: tuple[Certificate, ...] | None
    leads_to: Mapping[str, tuple[str, ...]]
    address: str | None


async def read_health(
    api: client.ApiClient, namespace: str, values: Mapping[str, Any], address: str | None, field: str
) -> EndpointHealth:
    """Observe a hub's own TLS and that of its Ingress. `values` are the hub's, `address` is its endpoint's own, `field` is the part of
    the spec."""
    now = datetime.now(UTC)
    found = [await _own(api, namespace, mapping_in(at(values, "proxy", "https")), address)]
    if at(values, "ingress", "enabled"):
        found += [await _of_ingress(api, namespace, mapping_in(one)) for one in list_in(at(values, "ingress", "tls"))]
    endpoints = [evaluate(state, now, field) for state in found if state is not None]
    issues = tuple(sorted(issue for endpoint_health in endpoints for issue in endpoint_health.issues))
    return EndpointHealth(issues, tuple(notice for endpoint_health in endpoints for notice in endpoint_health.notices))


async def _own(api: client.ApiClient, namespace: str, https: Mapping[str, Any], address: str | None) -> EndpointState | None:
    hosts = tuple(str(host) for host in list_in(https.get("hosts")))[:MOST_HOSTS]
    kind = str(https.get("type") or "letsencrypt")
    if not https.get("enabled") or kind == "offload" or (kind == "letsencrypt" and not hosts):
        return None
    certificates = await _certificates(api, namespace, kind, https)
    places = await asyncio.gather(*(_leads_to(host) for host in hosts)) if address else ()
    leads = dict(zip(hosts, places, strict=False))
    return EndpointState(hosts=hosts, kind=kind, certificates=certificates, leads_to=leads, address=address)


async def _of_ingress(api: client.ApiClient, namespace: str, tls: Mapping[str, Any]) -> EndpointState:
    """Observe the certificate of an Ingress. Where its host resolves to is up to the ingress controller."""
    certificates = await _certificates(api, namespace, "secret", {"secret": {"name": tls.get("secretName")}})
    hosts = tuple(str(host) for host in list_in(tls.get("hosts")))[:MOST_HOSTS]
    return EndpointState(hosts=hosts, kind="secret", certificates=certificates, leads_to={}, address=None)


async def _certificates(
    api: client.ApiClient, namespace: str, kind: str, https: Mapping[str, Any]
) -> tuple[Certificate, ...] | None:
    if kind == "letsencrypt":
        return tuple(in_acme(await _secret(api, namespace, ACME_SECRET, ACME_KEY) or ""))
    if kind == "manual":
        text = str(mapping_in(https.get("manual")).get("cert") or "")
    else:
        secret = mapping_in(https.get("secret"))
        text = await _secret(api, namespace, str(secret.get("name") or ""), str(secret.get("crt") or "tls.crt")) or ""
    found = in_pem(text)
    return (found,) if found else None


async def _secret(api: client.ApiClient, namespace: str, name: str, key: str) -> str | None:
    if not name:
        return None
    secret = await existing(client.CoreV1Api(api).read_namespaced_secret(name, namespace))
    data = (secret.data if secret is not None else None) or {}
    try:
        return base64.b64decode(data[key]).decode() if key in data else None
    except ValueError:
        return None


async def _leads_to(host: str) -> tuple[str, ...]:
    try:
        async with asyncio.timeout(SECONDS):
            return tuple(sorted(await addresses_of(host)))
    except TimeoutError:
        return ()


def evaluate(state: EndpointState, now: datetime, field: str) -> EndpointHealth:
    """Return the issues and notices of an observed endpoint. Pure."""
    return EndpointHealth(tuple(sorted(_endpoint_issues(state, now))), tuple(_notices(state, now, field)))


def _endpoint_issues(state: EndpointState, now: datetime) -> Iterator[HealthIssue]:
    if state.certificates is None:
        return
    for host in state.hosts:
        found = best_for(host, state.certificates)
        if found is None and state.kind == "letsencrypt":
            yield HealthIssue(3, Reason.CERTIFICATE_PENDING, f"{FROM_LETS_ENCRYPT} for {host}: {_why(host, state)}")
        elif found is not None and found.until <= now:
            renew = _why(host, state) if state.kind == "letsencrypt" else "replace it"
            yield HealthIssue(
                2, Reason.CERTIFICATE_EXPIRED, f"the certificate for {host} ended on {found.until:%Y-%m-%d}: {renew}"
            )


def _why(host: str, state: EndpointState) -> str:
    """Return why Let's Encrypt issues no certificate."""
    resolved, address = state.leads_to.get(host, ()), state.address
    if address is None:
        return f"Service {FRONT_DOOR} has no address yet for a DNS record of {host}"
    if not resolved:
        return f"{host} does not resolve: create a DNS record with {address}, the address of Service {FRONT_DOOR}"
    if address not in resolved:
        return f"{host} resolves to {_shown(resolved)}: correct its DNS record; Service {FRONT_DOOR} has {address}"
    return f"{host} resolves to Service {FRONT_DOOR}; check that its port 80 is open from the Internet, and read the log of Deployment autohttps"


def _shown(addresses: tuple[str, ...]) -> str:
    """Return the addresses that a name resolves to. Private ones are left out: they would reveal the operator's network."""
    return ", ".join(sorted({address if is_public(address) else "an address that is not public" for address in addresses}))


def _notices(state: EndpointState, now: datetime, field: str) -> Iterator[Notice]:
    certificates = state.certificates
    for host in state.hosts:
        found = best_for(host, certificates or ())
        if found is not None and now < found.until < now + SOON:
            message = f"{field}.expose.tls: the certificate for {host} ends on {found.until:%Y-%m-%d %H:%M} UTC"
            yield Notice(
                condition=ConditionType.CERTIFICATE_EXPIRING,
                reason=Reason.EXPIRES_SOON,
                message=f"{message}, and the hub serves no newer one",
            )
        if found is None and certificates and state.kind != "letsencrypt":
            others = sorted({name for one in certificates for name in one.names})
            names = ", ".join(others[:SHOWN_NAMES]) or "no name"
            message = f"{field}.expose.tls: the certificate is for {names}, and browsers warn users of {host}"
            yield Notice(condition=ConditionType.CERTIFICATE_NAME_MISMATCH, reason=Reason.NAME_MISMATCH, message=message)
    if state.kind == "letsencrypt" or state.address is None:
        return
    for host, resolved in state.leads_to.items():
        if resolved and state.address not in resolved:
            message = f"{field}.host: {host} resolves to {_shown(resolved)} from the operator, but Service {FRONT_DOOR} has {state.address}"
            yield Notice(condition=ConditionType.DNS_MISMATCH, reason=Reason.ADDRESS_MISMATCH, message=message)
