"""From the typed spec to the chart's values. Pure and deterministic: the same spec and secrets give the same values.

Order: typed fields, then `valuesFrom` in order, then `values`; later ones win, maps are merged, everything else replaced.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from notebook_platform.api.durations import parse_duration
from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.engine.outcome import Refused
from notebook_platform.hubs.generations import Generation, generation

FIELD = "spec.jupyterhub"
POLICY_V1BETA1_GONE = (1, 25)

Values = dict[str, Any]


@dataclass(frozen=True)
class HubSecrets:
    """What a hub needs to keep for life. Never printed."""

    proxy_token: str = field(repr=False)
    cookie_secret: str = field(repr=False)
    crypt_key: str = field(repr=False)
    client_secret: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


def render(
    spec: JupyterHubSpec, secrets: HubSecrets, kubernetes: tuple[int, ...], more: Iterable[Mapping[str, Any]] = ()
) -> Values:
    """The values of the release. `more` are the documents of valuesFrom, in order.

    Raises Refused (NoUsersAllowed, FieldNotSupported) for what the chart's generation cannot do.
    """
    chosen = generation(spec.chart.version)
    values: Values = {}
    for name, value in _said(spec, secrets).items():
        if value is None:
            continue
        if (path := chosen.paths.get(name)) is None:
            if name in ("allow_all", "delete_pvc"):
                continue  # what the field asks for is what this generation always does
            raise Refused.because(
                "FieldNotSupported",
                f"{FIELD}: chart {spec.chart.version} has nothing for {name}",
                f"Leave it out, or choose a newer {FIELD}.chart.version.",
            )
        _put(values, path, value)
    if not spec.auth.from_values:
        values = merged(values, _for_kubernetes(chosen, kubernetes))
    for document in [*more, spec.values]:
        values = merged(values, document)
    _check_allowed(spec, chosen, values)
    return values


def _said(spec: JupyterHubSpec, secrets: HubSecrets) -> Mapping[str, Any]:
    """The typed fields that are rendered: all of them, or for a release that was taken over those that differ from defaults."""
    found = typed(spec, secrets)
    if not spec.auth.from_values:
        return found
    usual = typed(JupyterHubSpec.model_validate({"chart": spec.chart, "auth": spec.auth}), secrets)
    return {name: value for name, value in found.items() if value != usual[name]}


def typed(spec: JupyterHubSpec, secrets: HubSecrets) -> Mapping[str, Any]:
    """The typed fields by the names that the generations know; None: not said."""
    server, cull = spec.single_user, spec.culling
    image, _, tag = (server.image or "").rpartition(":")
    found: dict[str, Any] = {
        "proxy_token": secrets.proxy_token,
        "cookie_secret": secrets.cookie_secret,
        "crypt_keys": [secrets.crypt_key],
        "image.name": image or None,
        "image.tag": tag if image else None,
        "cpu.guarantee": _number(server.cpu.guarantee),
        "cpu.limit": _number(server.cpu.limit),
        "memory.guarantee": server.memory.guarantee,
        "memory.limit": server.memory.limit,
        "storage.type": server.storage.type,
        "storage.capacity": server.storage.capacity if server.storage.type == "dynamic" else None,
        "storage.class": server.storage.storage_class,
        "delete_pvc": False,
        "cull.enabled": cull.enabled,
        "cull.timeout": _seconds(cull.timeout),
        "cull.every": _seconds(cull.every),
        "cull.max_age": _seconds(cull.max_age) if cull.max_age else None,
    }
    return {**found, **_sign_in(spec, secrets)}


def _sign_in(spec: JupyterHubSpec, secrets: HubSecrets) -> Mapping[str, Any]:
    who = spec.auth.oidc or spec.auth.dummy
    found: dict[str, Any] = {}
    if who is not None:
        found = {
            "admin_users": sorted(who.admin_users) or None,
            "allowed_users": sorted(who.allowed_users) or None,
            "allow_all": True if who.allow_all or spec.auth.dummy else None,
        }
    if spec.auth.dummy is not None:
        return {**found, "authenticator": "dummy", "dummy.password": secrets.password}
    oidc = spec.auth.oidc
    if oidc is None:
        return found
    return {
        **found,
        "authenticator": "generic-oauth",
        "oidc.client_id": oidc.client_id,
        "oidc.client_secret": secrets.client_secret,
        "oidc.callback": f"https://{spec.host}/hub/oauth_callback" if spec.host else None,
        "oidc.authorize_url": oidc.authorize_url,
        "oidc.token_url": oidc.token_url,
        "oidc.userinfo_url": oidc.userinfo_url,
        "oidc.scopes": list(oidc.scopes),
        "oidc.login_service": oidc.login_service,
        "oidc.username_claim": oidc.username_claim,
    }


def _for_kubernetes(chosen: Generation, kubernetes: tuple[int, ...]) -> Values:
    """What an old chart must leave out on a new Kubernetes."""
    if not (chosen.drops_pdb and kubernetes >= POLICY_V1BETA1_GONE):
        return {}
    off = {"enabled": False}
    return {"scheduling": {"userScheduler": off, "userPlaceholder": off}}


def _check_allowed(spec: JupyterHubSpec, chosen: Generation, values: Values) -> None:
    """From chart 3 on an OAuth hub lets nobody in unless told whom."""
    if not chosen.needs_allow_rule or spec.auth.oidc is None:
        return
    config = values.get("hub", {}).get("config", {})
    rules = ("allow_all", "allowed_users", "admin_users", "allowed_groups", "admin_groups", "allow_existing_users")
    if not any(config.get(section, {}).get(rule) for section in ("Authenticator", "GenericOAuthenticator") for rule in rules):
        raise Refused.because(
            "NoUsersAllowed",
            f"{FIELD}.auth.oidc lets nobody in: chart {spec.chart.version} asks for a rule",
            f"Set {FIELD}.auth.oidc.adminUsers, allowedUsers or allowAll: true.",
        )


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Values:
    """A deep merge; `over` wins."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def _put(values: Values, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
    values[last] = value


def _seconds(duration: str) -> int:
    return int(parse_duration(duration).total_seconds())


def _number(text: str | None) -> float | None:
    """CPUs: `500m` or `0.5`."""
    if text is None:
        return None
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)
