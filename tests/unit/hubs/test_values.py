"""Typed fields become the chart's values, for every generation of the chart; deterministically, and later ones win."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.engine import Refused
from notebook_platform.hubs.generations import generation, is_known
from notebook_platform.hubs.values import HubSecrets, merged, render

SECRETS = HubSecrets("proxy-token-1", "cookie-secret-1", "crypt-key-1", "client-secret-1", "password-1")
NEW, OLD = (1, 35, 1), (1, 19, 6)
ENDPOINTS = {
    "authorizeUrl": "https://login.example.org/authorize",
    "tokenUrl": "https://login.example.org/token",
    "userinfoUrl": "https://login.example.org/userinfo",
}


def spec(version: str, **changes: Any) -> JupyterHubSpec:
    oidc = {"clientId": "hub", "clientSecretRef": {"name": "oidc"}, "adminUsers": ["ada@example.org"], **ENDPOINTS}
    given_spec = {"chart": {"version": version}, "host": "hub.example.org", "auth": {"oidc": oidc}, **changes}
    return JupyterHubSpec.model_validate(given_spec)


def at(values: dict[str, Any], path: str) -> Any:
    node: Any = values
    for part in path.split("."):
        node = node.get(part, {}) if isinstance(node, dict) else None
    return node


@pytest.mark.parametrize(
    ("version", "token", "cookie", "claim"),
    [
        ("0.11.1", "proxy.secretToken", "hub.cookieSecret", "username_key"),
        ("1.2.0", "hub.config.ConfigurableHTTPProxy.auth_token", "hub.config.JupyterHub.cookie_secret", "username_key"),
        ("2.0.0", "hub.config.ConfigurableHTTPProxy.auth_token", "hub.config.JupyterHub.cookie_secret", "username_key"),
        ("3.3.8", "hub.config.ConfigurableHTTPProxy.auth_token", "hub.config.JupyterHub.cookie_secret", "username_claim"),
        ("4.4.0", "hub.config.ConfigurableHTTPProxy.auth_token", "hub.config.JupyterHub.cookie_secret", "username_claim"),
    ],
)
def test_each_generation_gets_its_own_names(version: str, token: str, cookie: str, claim: str) -> None:
    values = render(spec(version), SECRETS, NEW)
    assert at(values, token) == "proxy-token-1" and at(values, cookie) == "cookie-secret-1"
    assert at(values, f"hub.config.GenericOAuthenticator.{claim}") == "email"
    assert at(values, "hub.config.GenericOAuthenticator.oauth_callback_url") == "https://hub.example.org/hub/oauth_callback"
    assert at(values, "hub.config.GenericOAuthenticator.client_secret") == "client-secret-1"
    assert at(values, "hub.config.Authenticator.admin_users") == ["ada@example.org"]
    assert at(values, "hub.config.KubeSpawner.delete_pvc") == ({} if version == "0.11.1" else False)


def test_an_old_chart_on_a_new_kubernetes_leaves_out_what_is_no_longer_served() -> None:
    off = {"userScheduler": {"enabled": False}, "userPlaceholder": {"enabled": False}}
    assert render(spec("0.11.1"), SECRETS, NEW)["scheduling"] == off
    assert "scheduling" not in render(spec("0.11.1"), SECRETS, OLD)
    assert "scheduling" not in render(spec("4.4.0"), SECRETS, NEW)


def test_servers_and_culling_are_rendered() -> None:
    server = {
        "image": "registry.example.org:5000/team/notebook:2026-10",
        "cpu": {"guarantee": "500m", "limit": "4"},
        "memory": {"guarantee": "2G", "limit": "8G"},
        "storage": {"capacity": "20Gi", "storageClass": "managed-csi"},
    }
    values = render(spec("4.4.0", singleUser=server, culling={"timeout": "2h", "every": "5m", "maxAge": "7d"}), SECRETS, NEW)
    assert values["singleuser"] == {
        "image": {"name": "registry.example.org:5000/team/notebook", "tag": "2026-10"},
        "cpu": {"guarantee": 0.5, "limit": 4.0},
        "memory": {"guarantee": "2G", "limit": "8G"},
        "storage": {"type": "dynamic", "capacity": "20Gi", "dynamic": {"storageClass": "managed-csi"}},
    }
    assert values["cull"] == {"enabled": True, "timeout": 7200, "every": 300, "maxAge": 604800}


def test_values_win_over_values_from_and_both_over_typed_fields() -> None:
    wanted = spec("4.4.0", values={"cull": {"timeout": 3}, "hub": {"x": "spec"}})
    values = render(
        wanted, SECRETS, NEW, [{"cull": {"timeout": 1, "every": 1}, "hub": {"x": "first"}}, {"hub": {"x": "second", "y": 2}}]
    )
    assert (values["cull"]["timeout"], values["cull"]["every"]) == (3, 1)
    assert (values["hub"]["x"], values["hub"]["y"]) == ("spec", 2)


def test_a_hub_that_would_let_nobody_in_is_refused_from_chart_3_on() -> None:
    wanted = spec("4.4.0", auth={"oidc": {"clientId": "h", "clientSecretRef": {"name": "o"}, **ENDPOINTS}})
    with pytest.raises(Refused) as refused:
        render(wanted, SECRETS, NEW)
    assert refused.value.failed.reason == "NoUsersAllowed" and "spec.jupyterhub.auth.oidc" in refused.value.failed.message
    older = spec("2.0.0", auth={"oidc": {"clientId": "h", "clientSecretRef": {"name": "o"}, **ENDPOINTS}})
    assert render(older, SECRETS, NEW)


def test_versions_find_their_generation_and_strange_ones_are_told() -> None:
    found = [generation(v).name for v in ("0.9.0", "0.11.1", "1.2.0", "2.0.0", "3.3.8", "4.0.0-beta.4", "4.4.0", "9.0.0")]
    assert found == ["0.11", "0.11", "1", "2", "3", "4", "4", "4"]
    assert is_known("4.4.0") and not is_known("5.0.0") and not is_known("0.10.6")


def test_secrets_do_not_show_in_a_repr() -> None:
    assert "token" not in repr(SECRETS).replace("HubSecrets", "") or "proxy-token-1" not in repr(SECRETS)
    assert "client-secret-1" not in repr(SECRETS)


TREES = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
    max_leaves=8,
)
MAPS = st.dictionaries(st.text("abc", min_size=1, max_size=2), TREES, max_size=3)


@given(MAPS, MAPS)
def test_merging_keeps_what_is_not_spoken_of_and_the_later_wins(base: dict, over: dict) -> None:
    result = merged(base, over)
    assert set(result) == set(base) | set(over)
    assert merged(result, over) == result
    assert merged(base, {}) == base and merged({}, over) == over


@given(MAPS, MAPS, MAPS)
def test_merging_is_associative(a: dict, b: dict, c: dict) -> None:
    def shapes_agree(x: Any, y: Any) -> bool:
        if isinstance(x, dict) != isinstance(y, dict):
            return False
        return not isinstance(x, dict) or all(shapes_agree(x[k], y[k]) for k in x.keys() & y.keys())

    if shapes_agree(a, b) and shapes_agree(b, c) and shapes_agree(a, c):
        assert merged(merged(a, b), c) == merged(a, merged(b, c))


@given(st.sampled_from(["0.11.1", "1.2.0", "2.0.0", "3.3.8", "4.4.0", "5.1.0"]), st.sampled_from([NEW, OLD]), MAPS)
def test_the_same_spec_and_secrets_give_the_same_values(version: str, kubernetes: tuple[int, ...], more: dict) -> None:
    assert render(spec(version), SECRETS, kubernetes, [{"custom": more}]) == render(
        spec(version), SECRETS, kubernetes, [{"custom": more}]
    )
