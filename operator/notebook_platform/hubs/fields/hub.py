"""Map the fields of the hub itself to the chart's rows: database, services, roles, network, resources. Pure."""

import hmac
from collections.abc import Mapping
from typing import Any

from notebook_platform.api.base import SecretKeyRef
from notebook_platform.api.hubs import HubService, JupyterHubSpec, Network
from notebook_platform.api.hubs.hub import EgressRule, Requests, UserEgress
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import StepError
from notebook_platform.hubs.database_url import ENCODED, FORM, InvalidDatabaseUrl, chart_values
from notebook_platform.hubs.inputs import HubContext, HubSecrets

FieldValues = Mapping[str, Any]

EVERYWHERE = "0.0.0.0/0"
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
METADATA = "169.254.169.254/32"
"""Azure's instance metadata service, which gives out the node's identity."""

COUNTER = "notebook-platform"
"""The service, and the role, of the operator in each hub."""

COUNTS = ("list:users", "read:servers")
"""The least that it needs (https://jupyterhub.readthedocs.io/en/stable/rbac/scopes.html)."""


def hub_values(spec: JupyterHubSpec, secrets: HubSecrets, hub_context: HubContext) -> FieldValues:
    """Return the rows of the hub itself; None: not set. Raises StepError (SecretValueInvalid)."""
    return {
        **_database(spec, secrets, hub_context),
        **_services(spec, secrets),
        **_counter(spec, secrets),
        **_network(spec.network),
        "resources.hub": _resources(spec.resources.hub),
        "resources.proxy": _resources(spec.resources.proxy),
        "resources.scheduler": _requests(spec.resources.scheduler.cpu, spec.resources.scheduler.memory),
        "limits.concurrentSpawns": spec.limits.concurrent_spawns,
        "limits.activeServers": spec.limits.active_servers,
        "metrics.open": False if spec.metrics.open else None,
        "fsGroup": spec.fs_group,
        "rbac": None if spec.rbac else False,
        "imagePullSecrets": [{"name": name} for name in spec.image_pull_secrets] or None,
        "extraConfig": dict(sorted(spec.extra_config.items())) or None,
        "extraFiles": {f.name: {"mountPath": f.mount_path, "stringData": f.content} for f in spec.extra_files} or None,
        **_image_pull(spec, secrets),
    }


def _image_pull(spec: JupyterHubSpec, secrets: HubSecrets) -> FieldValues:
    pull = spec.image_pull
    if pull is None:
        return {}
    return {
        "imagePull": True,
        "imagePull.registry": pull.registry,
        "imagePull.username": pull.username,
        "imagePull.passwordRef": secrets.pull_password,
    }


def _requests(cpu: str, memory: str) -> dict[str, Any]:
    return {"requests": {"cpu": cpu, "memory": memory}}


def _resources(asked: Requests) -> dict[str, Any]:
    limits = {"cpu": asked.cpu_limit, "memory": asked.memory_limit}
    set_limits = {name: value for name, value in limits.items() if value}
    return {**_requests(asked.cpu, asked.memory), **({"limits": set_limits} if set_limits else {})}


def _database(spec: JupyterHubSpec, secrets: HubSecrets, hub_context: HubContext) -> FieldValues:
    database = spec.database
    upgrade = {"database.upgrade": True if database.upgrade else None}
    if database.url_ref is not None:
        kind, url, password = _referred_url(database.url_ref, secrets.database_url, hub_context)
        return {"database": kind, "database.urlRef": url, "database.urlRef#password": password, **upgrade}
    volume = database.volume
    return {
        "database": "sqlite-pvc",
        "database.volume.size": volume.size if volume else None,
        "database.volume.storageClass": volume.storage_class if volume else None,
        "database.volume.keepOnUninstall": "keep" if volume is None or volume.keep_on_uninstall else None,
        **upgrade,
    }


def _referred_url(reference: SecretKeyRef, url: str | None, hub_context: HubContext) -> tuple[str, str, str | None]:
    """Return (type, URL, password) of the database for the chart. Raises StepError (SecretValueInvalid)."""
    try:
        return chart_values(url or "", own_image=hub_context.own_image)
    except InvalidDatabaseUrl as invalid:
        raise StepError(
            Reason.SECRET_VALUE_INVALID,
            f"{hub_context.fields.path('database.urlRef')}: key {reference.key!r} of Secret {reference.name!r} {invalid}",
            f"Write it as {FORM}, and {ENCODED}.",
        ) from None


def service_token(name: str, secrets: HubSecrets) -> str | None:
    """Return the token of a service: the given one, or one derived from the hub's own key; None: the hub has no key."""
    if given := secrets.service_tokens.get(name):
        return given
    return hmac.digest(secrets.token_key.encode(), name.encode(), "sha256").hex() if secrets.token_key else None


def _services(spec: JupyterHubSpec, secrets: HubSecrets) -> FieldValues:
    admins = [service.name for service in spec.services if service.admin]
    hidden = [service.name for service in spec.services if not service.display]
    roles = {
        role.name: {
            **({"description": role.description} if role.description else {}),
            **{kind: list(members) for kind in ("scopes", "users", "groups", "services") if (members := getattr(role, kind))},
        }
        for role in spec.roles
    }
    return {
        "services": {service.name: _service(service, secrets) for service in spec.services} or None,
        "services[].admin": {name: {"admin": True} for name in admins} or None,
        "services[].admin#role": admins or None,
        "services[].display": {name: {"display": False} for name in hidden} or None,
        "roles": roles or None,
    }


def _counter(spec: JupyterHubSpec, secrets: HubSecrets) -> FieldValues:
    """Return the operator's own service, which queries the hub for running servers; a service of that name in the spec is kept.
    Charts before 2 have no roles, and only administrators may query."""
    token = service_token(COUNTER, secrets)
    if token is None or any(service.name == COUNTER for service in spec.services):
        return {}
    return {
        "secrets.counter": {COUNTER: {"apiToken": token}},
        "secrets.counter#admin": {COUNTER: {"admin": True}},
        "secrets.counter#hidden": {COUNTER: {"display": False}},
        "secrets.counter#role": {COUNTER: {"scopes": list(COUNTS), "services": [COUNTER]}},
    }


def _service(service: HubService, secrets: HubSecrets) -> dict[str, Any]:
    own = {
        "url": service.url,
        "oauth_redirect_uri": service.oauth_redirect_uri,
        "oauth_no_confirm": None if service.oauth_confirm else True,
        "apiToken": service_token(service.name, secrets),
    }
    return {name: value for name, value in own.items() if value is not None}


def _network(network: Network) -> FieldValues:
    off = None if network.isolate else False
    egress, mode = network.user_egress, network.block_metadata
    changed = mode != "InitContainer"
    return {
        "network.isolate#hub": off,
        "network.isolate#proxy": off,
        "network.isolate#users": off,
        "network.userEgress": _whole(network, egress) if egress else _everything(network),
        "network.userEgress.to": [_rule(rule) for rule in egress.to] or None if egress else None,
        "network.userEgress.internet": egress.internet if egress else None,
        "network.userEgress.privateAddresses": egress.private_addresses if egress else None,
        "network.blockMetadata": not changed,
        "network.blockMetadata#open": changed,
        "network.blockMetadata#rule": mode == "No" if changed or egress else None,
    }


def _rule(rule: EgressRule) -> dict[str, Any]:
    ports = {"ports": [{"port": port, "protocol": "TCP"} for port in rule.ports]} if rule.ports else {}
    return {"to": [{"ipBlock": {"cidr": rule.cidr}}], **ports}


def _everything(network: Network) -> list[dict[str, Any]] | None:
    """Return a rule for all destinations where the metadata server is not to be blocked; None elsewhere. The own rule of charts before
    2 leaves out that server, and they have no switch for it."""
    return [{"to": [{"ipBlock": {"cidr": EVERYWHERE}}]}] if network.isolate and network.block_metadata == "No" else None


def _whole(network: Network, egress: UserEgress) -> list[dict[str, Any]]:
    """Return every destination that users' servers may reach: charts before 2 have only this list."""
    metadata = [] if network.block_metadata == "No" else [METADATA]
    rules: list[dict[str, Any]] = [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}]
    if egress.internet:
        apart = [*([] if egress.private_addresses else PRIVATE), *metadata]
        rules.append({"to": [{"ipBlock": {"cidr": EVERYWHERE, **({"except": apart} if apart else {})}}]})
    elif egress.private_addresses:
        rules.append({"to": [{"ipBlock": {"cidr": cidr}} for cidr in PRIVATE]})
    return [*rules, *(_rule(rule) for rule in egress.to)]
