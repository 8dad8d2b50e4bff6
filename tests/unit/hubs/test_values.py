"""Typed fields become the chart's values, deterministically; later sources win, and the origin of each value is known."""

import copy
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.engine import StepError
from notebook_platform.helm.values import merged
from notebook_platform.hubs.chart.value_map import ROWS
from notebook_platform.hubs.chart.versions import GENERATIONS, KNOWN, Generation, Knowledge, generation, is_known
from notebook_platform.hubs.inputs import Endpoints, HubContext, host_of, url_of
from notebook_platform.hubs.naming import ReleaseSnapshot
from notebook_platform.hubs.values import HubSecrets, render_with_origins

from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import CLIENT, ENDPOINTS, NEW, OLD, SECRETS, VERSIONS, at, oidc, spec


def test_an_old_chart_on_a_new_kubernetes_leaves_out_what_is_no_longer_served() -> None:
    def scheduling(version: str, kubernetes: tuple[int, ...]) -> dict[str, Any]:
        found = render(spec(version), SECRETS, kubernetes)["scheduling"]
        return {name: part["enabled"] for name, part in found.items() if "enabled" in part}

    assert scheduling("0.11.1", NEW) == {"userScheduler": False, "userPlaceholder": False}
    assert scheduling("1.2.0", (1, 25)) == {"userScheduler": False, "userPlaceholder": False}
    assert scheduling("2.0.0", (1, 27)) == {"userScheduler": False}
    assert scheduling("0.11.1", OLD) == scheduling("2.0.0", (1, 26)) == scheduling("4.4.0", NEW) == {}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scaling": {"spareSeats": 2}}, "spec.jupyterhub.scaling.spareSeats"),
        ({"expose": {"ingress": {}}}, "spec.jupyterhub.expose.ingress"),
    ],
)
def test_fields_that_an_old_chart_cannot_serve_on_a_new_kubernetes_are_refused(changes: dict, field: str) -> None:
    with pytest.raises(StepError) as refused:
        render(spec("0.11.1", **changes), SECRETS, NEW)
    assert refused.value.failed.reason == "FieldNotSupported" and field in refused.value.failed.message
    assert render(spec("0.11.1", **changes), SECRETS, OLD) and render(spec("4.4.0", **changes), SECRETS, NEW)


def test_values_win_over_values_from_and_both_over_typed_fields() -> None:
    wanted = spec("4.4.0", values={"cull": {"timeout": 3}, "hub": {"x": "spec"}})
    values = render(
        wanted, SECRETS, NEW, [{"cull": {"timeout": 1, "every": 1}, "hub": {"x": "first"}}, {"hub": {"x": "second", "y": 2}}]
    )
    assert (values["cull"]["timeout"], values["cull"]["every"]) == (3, 1)
    assert (values["hub"]["x"], values["hub"]["y"]) == ("spec", 2)


def test_each_value_has_an_origin_and_no_value_is_shown() -> None:
    wanted = spec(
        "4.4.0",
        culling={"timeout": "2h"},
        expose={"loadBalancer": {"dnsLabel": "my-hub"}},
        values={"cull": {"every": 3}},
        valuesFrom=[{"kind": "Secret", "name": "more"}, {"kind": "ConfigMap", "name": "open"}],
    )
    origins = render_with_origins(
        wanted, SECRETS, NEW, [{"hub": {"x": 1}}, {"hub": {"y": 2}, "cull": {"every": 1}}]
    ).described_origins()
    assert origins["cull.timeout"] == "spec.jupyterhub.culling.timeout"
    assert origins["cull.enabled"] == "spec.jupyterhub.culling.enabled (default)"
    assert origins["cull.every"] == "spec.jupyterhub.values.cull.every"
    assert origins["hub.x"] == "spec.jupyterhub.valuesFrom[0] (Secret more): hub.x"
    assert origins["hub.y"] == "spec.jupyterhub.valuesFrom[1] (ConfigMap open): hub.y"
    assert origins["hub.config.JupyterHub.cookie_secret"] == "kept by the operator"
    assert origins["hub.config.GenericOAuthenticator.client_secret"] == "spec.jupyterhub.auth.oidc.clientSecretRef"
    label = "proxy.service.annotations.service.beta.kubernetes.io/azure-dns-label-name"
    assert origins[label] == "spec.jupyterhub.expose.loadBalancer.dnsLabel"
    old = render_with_origins(spec("0.11.1"), SECRETS, NEW).described_origins()
    assert old["scheduling.userScheduler.enabled"] == "the chart is too old for the cluster's Kubernetes"
    secret = [value for value in dataclasses.astuple(SECRETS) if value and isinstance(value, str)]
    assert not any(value in json.dumps(origins) for value in secret)


def test_every_leaf_has_an_origin() -> None:
    rendered = render_with_origins(spec("4.4.0", values={"custom": {"a": {}, "b": [1]}}), SECRETS, NEW)
    assert set(rendered.origins.values()) and "" not in rendered.origins.values()
    assert {"custom.a", "custom.b"} <= set(rendered.described_origins())


def test_versions_have_a_generation_and_untested_ones_are_reported() -> None:
    found = [generation(v).name for v in ("0.9.0", "0.11.1", "1.2.0", "2.0.0", "3.3.8", "4.0.0-beta.4", "4.4.0", "9.0.0")]
    assert found == ["0.11", "0.11", "1", "2", "3", "4", "4", "4"]
    assert is_known("4.4.0") and not is_known("5.0.0") and not is_known("0.10.6")


def test_the_next_generation_is_an_entry_and_its_rows() -> None:
    rows = {**ROWS, "culling.timeout": (*ROWS["culling.timeout"], ((5, 0), "culler.idle"))}
    five = Generation(name="5", first=(5, 0), hub="6", kubernetes=(1, 32), needs_allow_rule="all")
    knowledge = Knowledge(generations=(*GENERATIONS, five), rows=rows)
    newer, older = (render(spec(v), SECRETS, NEW, knowledge=knowledge) for v in ("5.0.0", "4.4.0"))
    assert newer["culler"] == {"idle": 3600} and "timeout" not in newer["cull"]
    assert older["cull"]["timeout"] == 3600 and "culler" not in older
    assert knowledge.generation("5.1.0").name == "5" and KNOWN.generation("5.1.0").name == "4"


def test_secrets_do_not_show_in_a_repr() -> None:
    shown = (
        repr(SECRETS)
        + repr(render_with_origins(spec("4.4.0"), SECRETS, NEW))
        + repr(ReleaseSnapshot("4.4.0", {"a": "proxy-token-1"}))
    )
    assert not any(str(value) in shown for value in dataclasses.astuple(SECRETS) if value)


def test_endpoints_that_are_left_out_are_those_of_the_issuer() -> None:
    found = Endpoints(authorize="https://i.example.org/a", token="https://i.example.org/t", userinfo="https://i.example.org/u")
    wanted = spec("4.4.0", auth={"oidc": {**CLIENT, "issuer": "https://i.example.org", "allowAll": True}})
    section = render(wanted, SECRETS, NEW, hub_context=HubContext(endpoints=found))["hub"]["config"]["GenericOAuthenticator"]
    assert (section["authorize_url"], section["token_url"], section["userdata_url"]) == dataclasses.astuple(found)
    one = {**CLIENT, "issuer": "https://i.example.org", "allowAll": True, "tokenUrl": ENDPOINTS["tokenUrl"]}
    section = render(spec("4.4.0", auth={"oidc": one}), SECRETS, NEW, hub_context=HubContext(endpoints=found))["hub"]["config"]
    assert section["GenericOAuthenticator"]["token_url"] == ENDPOINTS["tokenUrl"]
    with pytest.raises(StepError) as refused:
        render(wanted, SECRETS, NEW)
    assert refused.value.failed.reason == "EndpointsUnknown" and "spec.jupyterhub.auth.oidc" in refused.value.failed.message


def test_the_host_of_a_dns_label_is_known_before_creation() -> None:
    expose = {"loadBalancer": {"dnsLabel": "my-hub"}, "tls": {"letsEncrypt": {"contactEmail": "a@example.org"}}}
    wanted = spec("4.4.0", host=None, expose={**expose, "basePath": "/jupyter/"})
    hub_context = HubContext(location="westeurope")
    assert host_of(wanted, hub_context) == "my-hub.westeurope.cloudapp.azure.com"
    assert url_of(wanted, hub_context) == "https://my-hub.westeurope.cloudapp.azure.com/jupyter"
    values = render(wanted, SECRETS, NEW, hub_context=hub_context)
    assert values["proxy"]["https"]["hosts"] == ["my-hub.westeurope.cloudapp.azure.com"]
    callback = at(values, "hub.config.GenericOAuthenticator.oauth_callback_url")
    assert callback == "https://my-hub.westeurope.cloudapp.azure.com/jupyter/hub/oauth_callback"
    china = HubContext(location="chinanorth3", label_suffix="cloudapp.chinacloudapi.cn")
    assert host_of(wanted, china) == "my-hub.chinanorth3.cloudapp.chinacloudapi.cn"


def test_a_hub_with_no_name_is_found_at_its_address() -> None:
    bare = JupyterHubSpec.model_validate({"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}})
    assert url_of(bare) is None and url_of(bare, address="203.0.113.7") == "http://203.0.113.7"
    assert url_of(spec("4.4.0")) == "https://hub.example.org"


def test_every_service_has_a_token_that_stays_the_same() -> None:
    services = {"own": {"url": "http://own:80"}, "with": {"apiToken": "theirs"}, "old": {"api_token": "theirs"}}
    wanted = spec("4.4.0", services=[{"name": "given"}, {"name": "made"}], values={"hub": {"services": services}})
    first, second = (render(wanted, SECRETS, NEW)["hub"]["services"] for _ in range(2))
    assert first == second
    assert first["given"]["apiToken"] == "service-token-1" and first["with"] == {"apiToken": "theirs"}
    assert "apiToken" not in first["old"]
    made = {first[name]["apiToken"] for name in ("made", "own")}
    assert len(made) == 2 and all(len(token) == 64 and int(token, 16) for token in made)
    other = dataclasses.replace(SECRETS, token_key="another")
    assert render(wanted, other, NEW)["hub"]["services"]["made"] != first["made"]


def test_an_adopted_release_keeps_its_own_values_and_no_more() -> None:
    values = {"hub": {"config": {"JupyterHub": {"authenticator_class": "github"}, "GitHubOAuthenticator": {"allow_all": True}}}}
    taken = JupyterHubSpec.model_validate({"chart": {"version": "3.3.8"}, "auth": {"fromValues": True}, "values": values})
    assert render(taken, SECRETS, NEW) == values
    more = taken.model_copy(update={"culling": taken.culling.model_copy(update={"timeout": "2h"})})
    assert render(more, SECRETS, NEW) == {**values, "cull": {"timeout": 7200}}


UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No deadline: the machine may be busy."""

TREES = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3),
    max_leaves=8,
)
MAPS = st.dictionaries(st.text("abc", min_size=1, max_size=2), TREES, max_size=3)


@UNHURRIED
@given(MAPS, MAPS)
def test_merging_keeps_what_is_not_spoken_of_and_the_later_wins(base: dict, over: dict) -> None:
    result = merged(base, over)
    assert set(result) == set(base) | set(over)
    assert merged(result, over) == result
    assert merged(base, {}) == base and merged({}, over) == over


@UNHURRIED
@given(MAPS, MAPS, MAPS)
def test_merging_is_associative(a: dict, b: dict, c: dict) -> None:
    def shapes_agree(x: Any, y: Any) -> bool:
        if isinstance(x, dict) != isinstance(y, dict):
            return False
        return not isinstance(x, dict) or all(shapes_agree(x[k], y[k]) for k in x.keys() & y.keys())

    if shapes_agree(a, b) and shapes_agree(b, c) and shapes_agree(a, c):
        assert merged(merged(a, b), c) == merged(a, merged(b, c))


NAMES = st.lists(st.sampled_from(["ada", "bob", "eve", "kim"]), max_size=4)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "auth": NAMES.map(lambda names: oidc(allowedUsers=names, blockedUsers=names)),
        "singleUser": st.fixed_dictionaries(
            {},
            optional={
                "env": st.dictionaries(st.sampled_from("ABCD"), st.text("{}ab", max_size=4)),
                "gpus": st.integers(1, 4),
                "storage": st.sampled_from([{"type": "none"}, {"capacity": "5Gi"}, {"type": "static", "shared": {"claim": "c"}}]),
                "profiles": NAMES.map(
                    lambda names: [{"name": n, "displayName": n, "image": "a/b:1"} for n in dict.fromkeys(names)]
                ),
            },
        ),
        "services": NAMES.map(lambda names: [{"name": n} for n in dict.fromkeys(names)]),
        "expose": st.sampled_from([{}, {"loadBalancer": {"dnsLabel": "abc"}}, {"tls": {"secretName": "s"}}, {"basePath": "/x/"}]),
        "extraConfig": st.dictionaries(st.sampled_from("ABCD"), st.text("xyz", max_size=4)),
    },
)


@UNHURRIED
@given(st.sampled_from([*VERSIONS, "5.1.0"]), st.sampled_from([NEW, OLD]), MAPS, CHANGES)
def test_the_same_spec_and_secrets_give_the_same_values(version: str, kubernetes: tuple, more: dict, changes: dict) -> None:
    """Byte for byte, whatever the content and the order of maps; and the input does not change."""
    before = copy.deepcopy((more, changes))
    backwards = {key: changes[key] for key in reversed(changes)}
    first = render(spec(version, **changes), SECRETS, kubernetes, [{"custom": more}])
    second = render(spec(version, **backwards), SECRETS, kubernetes, [{"custom": more}])
    assert json.dumps(first) == json.dumps(second)
    assert (more, changes) == before


@UNHURRIED
@given(st.sampled_from(VERSIONS), CHANGES)
def test_the_secrets_are_always_set(version: str, changes: dict) -> None:
    values = render(spec(version, **changes), SECRETS, OLD)
    text = json.dumps(values)
    assert all(secret in text for secret in ("proxy-token-1", "cookie-secret-1", "crypt-key-1"))
    assert all(service["apiToken"] for service in values["hub"].get("services", {}).values())


def test_values_are_plain_data() -> None:
    secrets = HubSecrets("a", "b", "c", "d", token_key="e")
    values = render(spec("4.4.0", services=[{"name": "x"}]), secrets, NEW)
    assert json.loads(json.dumps(values)) == values
