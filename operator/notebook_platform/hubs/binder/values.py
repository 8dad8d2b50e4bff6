"""Map spec.binderhub to the chart's values. Pure and deterministic: the same spec, secrets and registry give the same values.

The hub's part, below `jupyterhub`, is rendered as any hub is. Order: typed fields, then `valuesFrom` in order, then `values`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from notebook_platform.api.binderhub import BinderHubSpec, ExistingRegistry, RepositoryRules
from notebook_platform.api.durations import parse_duration
from notebook_platform.api.hubs import Auth, Chart, JupyterHubSpec, SingleUser, Storage
from notebook_platform.engine.step import Notice
from notebook_platform.helm.ignored_values import ignored
from notebook_platform.helm.values import Values, merged, named_sources
from notebook_platform.hubs.binder.addresses import Addresses, decide, exposure_values
from notebook_platform.hubs.binder.repositories import open_providers
from notebook_platform.hubs.binder.traits import PROVIDERS
from notebook_platform.hubs.binder.validation import AZURE_REGISTRIES, check, without_effect
from notebook_platform.hubs.field_paths import BINDERHUB
from notebook_platform.hubs.inputs import NOTHING, HubContext
from notebook_platform.hubs.shapes import check_binder
from notebook_platform.hubs.values import HubSecrets, Rendered, render_with_origins

POOL_LABEL = "kubernetes.azure.com/agentpool"
"""Label that AKS puts on the nodes of a pool (https://learn.microsoft.com/azure/aks/use-labels)."""

DOCKER_HUB = "docker.io"
DOCKER_HUB_LOGIN = "https://index.docker.io/v1/"

OLDEST_KNOWN = 3506
JUPYTERHUB_INSIDE: tuple[tuple[int, str], ...] = ((0, "3.3.7"), (OLDEST_KNOWN + 1, "4.2.0"))
"""(number of a chart's development version, jupyterhub chart in it and in those after it). What is known for certain is 3506 with
3.3.7 and the charts since 2026 with 4.2.0; `chart.jupyterhubVersion` says it where this is wrong."""

NUMBER = re.compile(r"[.-](?:git\.|n)(\d+)\.h")


@dataclass(frozen=True)
class Registry:
    """A registry that images are pushed to, with its login."""

    server: str
    prefix: str
    username: str = field(repr=False)
    password: str = field(repr=False)
    token_url: str | None = None
    nodes_may_pull: bool = False
    """Whether nodes pull from it by themselves; else servers are given the same secret."""


@dataclass(frozen=True)
class BinderSecrets:
    """Secrets that a binder keeps for its lifetime, and those that its spec refers to. Never printed."""

    hub: HubSecrets = field(repr=False)
    api_token: str = field(repr=False)
    repository_tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By the name of the provider: GitHub, GitLab."""


def number(version: str) -> int | None:
    """Return the number of a development version (`1.0.0-0.dev.git.3506.hba24eb2a` gives 3506); None for any other version."""
    found = NUMBER.search(version)
    return int(found[1]) if found else None


def jupyterhub_version(version: str, given: str | None) -> str:
    """Return the version of the jupyterhub chart inside a binderhub chart; `given` takes precedence."""
    if given:
        return given
    counted = number(version)
    return next(inside for first, inside in reversed(JUPYTERHUB_INSIDE) if counted is None or counted >= first)


def is_known(version: str) -> bool:
    """Return whether the operator was tested with the version."""
    return (number(version) or 0) >= OLDEST_KNOWN


def render(
    spec: BinderHubSpec,
    secrets: BinderSecrets,
    registry: Registry,
    kubernetes: tuple[int, ...],
    more: Iterable[Mapping[str, Any]] = (),
    hub_context: HubContext = NOTHING,
) -> Rendered:
    """Return the values of the release with remarks on them. `more` are the documents of valuesFrom, in order; `hub_context` is the
    context of the binder and its hub.

    Raises StepError for what the chart's hub cannot do, and for all that `validation` refuses.
    """
    azure_names = names_in(hub_context)
    addresses, documents = decide(spec.address, azure_names), list(more)
    for source, document in named_sources(BINDERHUB.root, spec.values_from, documents, spec.values):
        check_binder(document, source)
    hub = _hub(spec, secrets, registry, addresses, kubernetes, documents, hub_context)
    values = merged(
        {
            "config": _config(spec, secrets, registry, addresses),
            "registry": _login(registry),
            "imageBuilderType": spec.builder.type,
            "imageCleaner": {
                "enabled": spec.builder.image_cleaner.enabled,
                "imageGCThresholdType": "relative",
                "imageGCThresholdHigh": spec.builder.image_cleaner.above,
                "imageGCThresholdLow": spec.builder.image_cleaner.until,
            },
            "jupyterhub": hub.values,
        },
        exposure_values(spec.address, azure_names),
    )
    for document in [*documents, spec.values]:
        values = merged(values, document)
    check(values, BINDERHUB.root, number(spec.chart.version))
    return Rendered(values, hub.origins, _notices(values, hub))


def names_in(hub_context: HubContext) -> str:
    """Return the suffix of a DNS label of Azure: `eastus.cloudapp.azure.com`."""
    return f"{hub_context.location}.{hub_context.label_suffix}"


def _notices(values: Values, hub: Rendered) -> tuple[Notice, ...]:
    """Return the remarks on the binder and on its hub, those of one condition together."""
    opened = open_providers(values)
    return (*hub.notices, *ignored(list(without_effect(values))), *([opened] if opened else []))


def existing_registry(existing: ExistingRegistry, data: Mapping[str, str]) -> Registry:
    """Return an existing registry with its login; `data`: what its Secret holds."""
    return Registry(existing.server, existing.prefix, data["username"].strip(), data["password"].strip(), existing.token_url)


def _config(spec: BinderHubSpec, secrets: BinderSecrets, registry: Registry, addresses: Addresses) -> Values:
    """Return `config`: class -> trait -> value."""
    quotas = spec.quotas
    build_nodes = {POOL_LABEL: spec.builder.pool} if spec.builder.pool else None
    sections: dict[str, Values] = {
        "BinderHub": {
            "base_url": addresses.binder_base,
            "hub_url": addresses.hub,
            "hub_url_local": f"http://proxy-public{addresses.hub_base}",
            "use_registry": True,
            "image_prefix": _image_prefix(registry),
            "auth_enabled": spec.auth is not None,
            "per_repo_quota": quotas.per_repository,
            "per_repo_quota_higher": quotas.per_repository_higher,
            "pod_quota": quotas.total,
            "build_node_selector": build_nodes,  # the builder's and the cleaner's DaemonSets go by this
        },
        "DockerRegistry": {"url": _url(registry), "token_url": _token_url(registry)},
        "KubernetesBuildExecutor": {"node_selector": build_nodes, "memory_request": spec.builder.memory},
    }
    for rules in spec.repositories:
        sections[PROVIDERS[rules.provider]] = _rules(rules)
    for provider, trait in (("GitHub", "access_token"), ("GitLab", "private_token")):
        if token := secrets.repository_tokens.get(provider):
            sections.setdefault(PROVIDERS[provider], {})[trait] = token
    given = {name: {key: value for key, value in traits.items() if value is not None} for name, traits in sections.items()}
    return {name: traits for name, traits in given.items() if traits}


def _rules(rules: RepositoryRules) -> Values:
    return {
        "banned_specs": list(rules.banned) or None,
        "allowed_specs": list(rules.allowed) or None,
        "high_quota_specs": list(rules.high_quota) or None,
    }


def _image_prefix(registry: Registry) -> str:
    return registry.prefix if registry.server == DOCKER_HUB else f"{registry.server}/{registry.prefix}"


def _url(registry: Registry) -> str | None:
    return None if registry.server == DOCKER_HUB else f"https://{registry.server}"


def _token_url(registry: Registry) -> str | None:
    if registry.token_url or not registry.server.endswith(AZURE_REGISTRIES):
        return registry.token_url
    return f"https://{registry.server}/oauth2/token?service={registry.server}"


def _login(registry: Registry) -> Values:
    login = {"username": registry.username, "password": registry.password}
    return {"url": url, **login} if (url := _url(registry)) else login


def _hub(
    spec: BinderHubSpec,
    secrets: BinderSecrets,
    registry: Registry,
    addresses: Addresses,
    kubernetes: tuple[int, ...],
    documents: Iterable[Mapping[str, Any]],
    hub_context: HubContext,
) -> Rendered:
    """Return the values below `jupyterhub`: those of any hub, validated as such, and those that make it the binder's."""
    inner = [_inside(document) for document in documents]
    hub_context = replace(hub_context, fields=BINDERHUB)
    hub = render_with_origins(hub_inside(spec, addresses), secrets.hub, kubernetes, inner, hub_context)
    services = {"binder": {"apiToken": secrets.api_token}}
    own: Values = {
        "hub": {"baseUrl": addresses.hub_base, "services": services},
        "cull": {"users": spec.auth is None},
        "prePuller": {"hook": {"enabled": False}, "continuous": {"enabled": False}},
        "singleuser": {"startTimeout": int(parse_duration(spec.single_user.start_timeout).total_seconds())},
    }
    if not registry.nodes_may_pull:
        login = DOCKER_HUB_LOGIN if registry.server == DOCKER_HUB else registry.server
        own["imagePullSecret"] = {
            "create": True,
            "registry": login,
            "username": registry.username,
            "password": registry.password,
        }
    values = merged(hub.values, own)
    return Rendered(merged(values, _signing_in(values, addresses)) if spec.auth else values, {}, hub.notices)


def hub_inside(spec: BinderHubSpec, addresses: Addresses) -> JupyterHubSpec:
    """Return the binder's hub as a hub of its own: it has no home volumes, and without sign-in no accounts."""
    servers = spec.single_user
    no_sign_in = {"hub": {"config": {"JupyterHub": {"authenticator_class": "null"}}}}
    return JupyterHubSpec(
        release=spec.release,
        namespace=spec.namespace,
        chart=Chart(version=jupyterhub_version(spec.chart.version, spec.chart.jupyterhub_version)),
        host=addresses.hub_host,
        auth=spec.auth or Auth(),
        single_user=SingleUser(cpu=servers.cpu, memory=servers.memory, storage=Storage(type="none")),
        culling=spec.culling,
        values=merged({} if spec.auth else no_sign_in, _inside(spec.values)),
        values_from=spec.values_from,
    )


def _inside(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a binder's values set for the hub."""
    inside = values.get("jupyterhub")
    return inside if isinstance(inside, Mapping) else {}


def _signing_in(values: Values, addresses: Addresses) -> Values:
    """Return the values that a binder with sign-in needs of its hub
    (https://binderhub.readthedocs.io/en/latest/authentication.html).

    The provider sends people back to the hub, and the hub to the binder, wherever the two are.
    """
    config: Values = {"BinderSpawner": {"auth_enabled": True}, "JupyterHub": {"redirect_to_server": False}}
    for section, traits in values.get("hub", {}).get("config", {}).items():
        if "oauth_callback_url" in traits:
            config[section] = {"oauth_callback_url": f"{addresses.hub}hub/oauth_callback"}
    binder = {
        "oauth_client_id": "service-binderhub",
        "oauth_no_confirm": True,
        "oauth_redirect_uri": f"{addresses.binder}oauth_callback",
    }
    return {
        "hub": {
            "config": config,
            "services": {"binder": binder},
            "loadRoles": {"user": {"scopes": ["self", "access:services!service=binder"]}},
        },
        "singleuser": {"cmd": "jupyterhub-singleuser"},
    }
