"""Values are judged by the traits of the classes of the chart's own hub: another type and a misspelt name are refused with the path, and
classes that the table does not have stay possible."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.engine import StepError
from notebook_platform.hubs.chart.traits import accepts, alternatives, hub_classes, in_words
from notebook_platform.hubs.chart.versions import GENERATIONS
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.naming import ReleaseSnapshot
from notebook_platform.hubs.trait_checks import VALUES
from notebook_platform.hubs.values import render_with_origins

from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import NEW, SECRETS, oidc, spec

ALL = ("0.11.1", "1.2.0", "2.0.0", "3.3.8", "4.4.0")
HERE = "spec.jupyterhub.values"
PROFILE = {"display_name": "Big"}
AUTHENTICATOR = "hub.config.Authenticator"


def config(**sections: Any) -> dict[str, Any]:
    return {"hub": {"config": sections}}


def server(**values: Any) -> dict[str, Any]:
    return {"singleuser": values}


def profile(**more: Any) -> dict[str, Any]:
    return server(profileList=[{**PROFILE, **more}])


def override(**traits: Any) -> dict[str, Any]:
    return profile(kubespawner_override=traits)


WRONG: list[tuple[dict[str, Any], str, str]] = [
    (server(memory={"limit": "2Gi"}), "singleuser.memory.limit", "'2Gi': no server would start"),
    (server(memory={"guarantee": "512Mi"}), "singleuser.memory.guarantee", "'512Mi'"),
    (server(memory={"limit": "2"}), "singleuser.memory.limit", "with K, M, G or T"),
    (server(cpu={"limit": "500m"}), "singleuser.cpu.limit", "takes a number, and this is '500m'"),
    (server(cpu={"guarantee": {"cores": 1}}), "singleuser.cpu.guarantee", "this is a map"),
    (server(extraEnv=[{"name": "A", "value": "b"}]), "singleuser.extraEnv", "takes a map, and this is a list"),
    (server(extraEnv={"A": 1}), "singleuser.extraEnv", "A is a whole number, and Kubernetes accepts only text"),
    (server(extraEnv={"A": True}), "singleuser.extraEnv", "A is true or false"),
    (server(nodeSelector=["gpu"]), "singleuser.nodeSelector", "takes a map, and this is a list"),
    (server(startTimeout="10m"), "singleuser.startTimeout", "takes a whole number, and this is '10m'"),
    (server(defaultUrl=["/lab"]), "singleuser.defaultUrl", "takes a text, and this is a list"),
    (server(profileList={"big": PROFILE}), "singleuser.profileList", "this is a map"),
    (server(profileList=["big"]), "singleuser.profileList", "takes a list (of a map each), and this is a list with a text"),
    (server(profileList=[{"description": "x"}]), "singleuser.profileList", "[0] has no display_name"),
    (
        override(mem_limit="8Gi"),
        "singleuser.profileList",
        "[0].kubespawner_override.mem_limit: KubeSpawner.mem_limit takes bytes",
    ),
    (
        override(environment={"A": 1}),
        "singleuser.profileList",
        "[0].kubespawner_override.environment: the environment variable A",
    ),
    (override(node_selector={"gpu": True}), "singleuser.profileList", "node_selector: the label gpu is true or false"),
    (server(extraLabels={"cost-center": 4711}), "singleuser.extraLabels", "the label cost-center is a whole number"),
    (override(memory_limit="8G"), "singleuser.profileList", "has no trait memory_limit; it has no effect"),
    (override(cpus=1), "singleuser.profileList", "has no trait cpus; it has no effect"),
    (override(node_selector=["gpu"]), "singleuser.profileList", "KubeSpawner.node_selector takes a map, and this is a list"),
    (profile(kubespawner_override=[{"mem_limit": "8G"}]), "singleuser.profileList", "[0].kubespawner_override is a list"),
    (
        profile(kubespawner_overrides={"mem_limit": "8G"}),
        "singleuser.profileList",
        "[0].kubespawner_overrides is not a key of a profile",
    ),
    (
        profile(kubespawnerOverride={"mem_limit": "8G"}),
        "singleuser.profileList",
        "[0].kubespawnerOverride is not a key of a profile",
    ),
    (profile(displayName="Bigger"), "singleuser.profileList", "[0].displayName is not a key of a profile"),
    (config(Authenticator={"allowed_users": "alice,bob"}), f"{AUTHENTICATOR}.allowed_users", "takes a list, and this is a text"),
    (config(Authenticator={"admin_users": "alice"}), f"{AUTHENTICATOR}.admin_users", "the hub would not start"),
    (config(Authenticator={"auto_login": "true"}), f"{AUTHENTICATOR}.auto_login", "takes true or false, and this is a text"),
    (config(Authenticator={"alowed_users": ["alice"]}), f"{AUTHENTICATOR}.alowed_users", "has no trait alowed_users"),
    (config(GenericOAuthenticator={"client_id": 12345}), "hub.config.GenericOAuthenticator.client_id", "takes a text"),
    (
        config(GenericOAuthenticator={"scope": "openid email"}),
        "hub.config.GenericOAuthenticator.scope",
        "takes a list (of a text each)",
    ),
    (config(GenericOAuthenticator={"scope": [1]}), "hub.config.GenericOAuthenticator.scope", "takes a list (of a text each)"),
    (config(GenericOauthenticator={"client_id": "x"}), "hub.config.GenericOauthenticator", "no class of the hub has this name"),
    (config(AzureADOAuthenticator={"tenant_id": "x"}), "hub.config.AzureADOAuthenticator", "no class of the hub has this name"),
    (
        config(JupyterHub={"allow_named_server": True}),
        "hub.config.JupyterHub.allow_named_server",
        "has no trait allow_named_server",
    ),
    (
        config(JupyterHub={"concurrent_spawn_limit": "ten"}),
        "hub.config.JupyterHub.concurrent_spawn_limit",
        "takes a whole number",
    ),
    (config(KubeSpawner={"mem_limit": "1g"}), "hub.config.KubeSpawner.mem_limit", "'1g': no server would start"),
    (config(KubeSpawner={"node_selctor": {}}), "hub.config.KubeSpawner.node_selctor", "has no trait node_selctor"),
    (config(Spawner={"default_url": 1}), "hub.config.Spawner.default_url", "takes a text"),
    ({"hub": {"concurrentSpawnLimit": "64"}}, "hub.concurrentSpawnLimit", "takes a whole number, and this is '64'"),
    ({"hub": {"allowNamedServers": "yes"}}, "hub.allowNamedServers", "takes true or false"),
]
RIGHT: list[dict[str, Any]] = [
    server(memory={"limit": "2.5G", "guarantee": 1073741824}, cpu={"limit": 2, "guarantee": 0.5}),
    server(extraEnv={"A": "1", "B": {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}}, cmd=["start", "--x"]),
    server(memory={"limit": None}, nodeSelector={"gpu": "yes"}, startTimeout=600, cmd="jupyterhub-singleuser"),
    override(
        mem_limit="8G", cpu_limit=4, image="a/b:1", tolerations=[{"key": "gpu"}], environment={"A": "1"}, default_url="/lab"
    ),
    profile(slug="big", default=True, description="x", allowed_groups=["staff"]),
    config(Authenticator={"allowed_users": ["alice"], "username_pattern": "^a"}, JupyterHub={"admin_access": False}),
    config(OAuthenticator={"client_id": "x", "scope": ["openid"]}, Spawner={"cmd": ["x"], "args": ["--debug"]}),
    config(LocalProcessSpawner={"shell_cmd": "bash"}, Application={"log_level": "DEBUG"}, CryptKeeper={"n_threads": 2}),
]
CUSTOM: list[dict[str, Any]] = [
    config(JupyterHub={"authenticator_class": "my.Own"}, Own={"anything": 1}, Authenticator={"own_rule": 1}),
    config(
        JupyterHub={"authenticator_class": "nativeauthenticator.NativeAuthenticator"}, NativeAuthenticator={"open_signup": False}
    ),
    config(JupyterHub={"authenticator_class": "my.GenericOauthenticator"}, GenericOauthenticator={"client_id": "x"}),
    config(JupyterHub={"spawner_class": "my.Spawner"}, KubeSpawner={"own_trait": 1}, Own={"x": 1}),
    {**config(KubeSpawner={"own_trait": 1}), "singleuser": override(own_trait=1)["singleuser"]},
    config(BinderSpawner={"auth_enabled": True, "cors_allow_origin": "*"}),
]


def refusal(version: str, values: dict[str, Any], **more: Any) -> StepError:
    with pytest.raises(StepError) as refused:
        render(spec(version, values=values), SECRETS, NEW, **more)
    return refused.value


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(("values", "path", "words"), WRONG, ids=[words for _, _, words in WRONG])
def test_a_value_that_the_classes_do_not_take_is_refused_with_its_path(
    values: dict[str, Any], path: str, words: str, version: str
) -> None:
    failed = refusal(version, values).failed
    assert (failed.reason, failed.retry_in) == ("ValuesRefused", None)
    assert failed.message.startswith(f"{HERE}.{path}: ") and words in failed.message and failed.remedy, failed


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("values", RIGHT, ids=range(len(RIGHT)))
def test_a_value_that_the_classes_take_is_not_refused(values: dict[str, Any], version: str) -> None:
    render(spec(version, values=values), SECRETS, NEW)


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("values", CUSTOM, ids=range(len(CUSTOM)))
def test_classes_of_other_packages_and_of_code_are_possible(values: dict[str, Any], version: str) -> None:
    code = {"own": "class Own: ..."}
    render(spec(version, auth={"fromValues": True}, values=values, extraConfig=code), SECRETS, NEW)


def test_another_image_may_have_more_traits_but_not_other_types() -> None:
    image = {"hub": {"image": {"name": "example.org/hub", "tag": "1"}, "config": {"KubeSpawner": {"own_trait": 1}}}}
    render(spec("4.4.0", values=image), SECRETS, NEW)
    image["hub"]["config"]["KubeSpawner"] = {"mem_limit": "2Gi"}
    assert refusal("4.4.0", image).failed.reason == "ValuesRefused"


def test_options_of_profiles_are_judged() -> None:
    option = {"display_name": "Size", "choices": {"big": {"display_name": "Big", "kubespawner_override": {"mem_limit": "8Gi"}}}}
    failed = refusal("4.4.0", profile(profile_options={"size": option})).failed
    assert "[0].profile_options.size.choices.big.kubespawner_override.mem_limit: " in failed.message, failed


def test_the_message_holds_no_value() -> None:
    failed = refusal("4.4.0", config(GenericOAuthenticator={"client_secret": ["hunter2-hunter2"]})).failed
    assert "hunter2" not in f"{failed.message} {failed.remedy}"


def test_values_from_a_secret_are_named_by_it() -> None:
    wanted = spec("4.4.0", valuesFrom=[{"kind": "Secret", "name": "more"}])
    with pytest.raises(StepError) as refused:
        render(wanted, SECRETS, NEW, [server(memory={"limit": "2Gi"})])
    assert refused.value.failed.message.startswith("spec.jupyterhub.valuesFrom[0] (Secret more): singleuser.memory.limit: ")


def test_values_that_the_running_release_already_ignores_are_a_notice() -> None:
    values = config(KubeSpawner={"node_selctor": {}})
    before = ReleaseSnapshot("4.4.0", values)
    made = render_with_origins(spec("4.4.0", values=values), SECRETS, NEW, hub_context=HubContext(before=before))
    assert [(notice.condition, notice.reason) for notice in made.notices] == [("ValuesIgnored", "NoEffect")]
    assert made.notices[0].message == (
        f"{HERE}.hub.config.KubeSpawner.node_selctor: KubeSpawner of chart 4.4.0 has no trait node_selctor; it has no effect"
    )
    wrong = config(KubeSpawner={"mem_limit": "2Gi"})
    context = HubContext(before=ReleaseSnapshot("4.4.0", wrong))
    assert refusal("4.4.0", wrong, hub_context=context).failed.reason == "ValuesRefused"


def test_an_upgrade_names_traits_that_are_gone() -> None:
    values = config(GenericOAuthenticator={"userdata_method": "GET"})
    render(spec("0.11.1", values=values), SECRETS, NEW)
    assert "has no trait userdata_method" in refusal("4.4.0", values).failed.message


@pytest.mark.parametrize("generation", [generation.name for generation in GENERATIONS])
def test_each_value_of_the_chart_is_a_trait_in_each_generation(generation: str) -> None:
    known = hub_classes(generation)
    missing = {path for path, (section, trait) in VALUES.items() if not known.types(section, trait)}
    assert missing == set()
    assert {"JupyterHub", "KubeSpawner", "GenericOAuthenticator", "AzureAdOAuthenticator"} <= set(known.classes)
    assert known.class_of("generic-oauth") == known.class_of("oauthenticator.generic.GenericOAuthenticator")
    assert known.class_of("my.GenericOAuthenticator") is None and known.class_of("unknown") is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
TYPES = sorted(
    {
        kind
        for generation in GENERATIONS
        for name in hub_classes(generation.name).classes
        for kind in hub_classes(generation.name).traits(name).values()
    }
)


@given(JSON)
def test_no_shape_of_a_value_raises(value: Any) -> None:
    """Each section, trait and value of the chart may be any JSON; the answer is values or a StepError."""
    for values in (
        {"hub": value},
        {"singleuser": value},
        config(KubeSpawner=value),
        {"hub": {"config": value}},
        {"hub": {"loadRoles": {"grader": value}}},
        profile(kubespawner_override=value, profile_options=value),
        server(profileList=[value], extraEnv=value),
    ):
        try:
            render(spec("4.4.0", auth=oidc(), values=values), SECRETS, NEW)
        except StepError as refused:
            assert refused.failed.message and refused.failed.remedy


@given(JSON)
def test_each_type_accepts_or_rejects_each_value(value: Any) -> None:
    for kind in TYPES:
        assert accepts(kind, value) in (True, False) and in_words(kind) and list(alternatives(kind))
