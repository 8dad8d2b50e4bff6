"""spec.binderhub becomes the chart's values: registry, builder, limits, sign-in; the same every time."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.engine import StepError
from notebook_platform.hubs.binder.values import (
    existing_registry,
    is_known,
    jupyterhub_version,
    render,
)

from tests.unit.hubs.binder_specs import AZURE, EXISTING, INGRESS, LABELS, NEW, OIDC, PLACE, SECRETS, VERSION, rendered, spec


def test_an_azure_registry_has_its_token_address_and_nodes_pull_by_themselves() -> None:
    values = rendered()
    server = "universitybinder.azurecr.io"
    assert values["config"]["BinderHub"]["use_registry"] is True
    assert values["config"]["BinderHub"]["image_prefix"] == f"{server}/binder/r2d-"
    assert values["config"]["DockerRegistry"] == {
        "url": f"https://{server}",
        "token_url": f"https://{server}/oauth2/token?service={server}",
    }
    assert values["registry"] == {"url": f"https://{server}", "username": "builder", "password": "password-2"}
    assert "imagePullSecret" not in values["jupyterhub"]


@pytest.mark.parametrize(
    ("existing_spec", "prefix", "section", "url", "login"),
    [
        (
            {"server": "docker.io", "prefix": "university/binder-", "secretRef": {"name": "r"}},
            "university/binder-",
            None,
            None,
            "https://index.docker.io/v1/",
        ),
        (
            {"server": "registry.example.org:5000", "prefix": "b/x-", "secretRef": {"name": "r"}},
            "registry.example.org:5000/b/x-",
            {"url": "https://registry.example.org:5000"},
            "https://registry.example.org:5000",
            "registry.example.org:5000",
        ),
        (
            {"server": "r.example.org", "prefix": "b/x-", "secretRef": {"name": "r"}, "tokenUrl": "https://auth.example.org/t"},
            "r.example.org/b/x-",
            {"url": "https://r.example.org", "token_url": "https://auth.example.org/t"},
            "https://r.example.org",
            "r.example.org",
        ),
    ],
    ids=["Docker Hub", "own", "own with tokens"],
)
def test_a_existing_registry_is_signed_in_to_by_builder_and_servers(
    existing_spec: dict[str, Any], prefix: str, section: dict[str, Any] | None, url: str | None, login: str
) -> None:
    wanted = spec(registry={"existing": existing_spec})
    assert wanted.registry.existing is not None
    registry = existing_registry(wanted.registry.existing, {"username": "u\n", "password": "p\n"})
    values = render(wanted, SECRETS, registry, NEW).values
    assert values["config"]["BinderHub"]["image_prefix"] == prefix
    assert values["config"].get("DockerRegistry") == section
    assert values["registry"] == {**({"url": url} if url else {}), "username": "u", "password": "p"}
    pull = {"create": True, "registry": login, "username": "u", "password": "p"}
    assert values["jupyterhub"]["imagePullSecret"] == pull


@pytest.mark.parametrize("builder", ["dind", "pink"])
def test_images_are_built_where_the_builder_is_and_never_by_the_nodes_themselves(builder: str) -> None:
    values = rendered(builder={"type": builder, "pool": "users", "memory": "2G"})
    label = {"kubernetes.azure.com/agentpool": "users"}
    assert values["imageBuilderType"] == builder
    assert values["config"]["BinderHub"]["build_node_selector"] == label
    assert values["config"]["KubernetesBuildExecutor"] == {"node_selector": label, "memory_request": "2G"}
    assert rendered()["imageBuilderType"] == "dind"
    with pytest.raises(ValueError, match="dind"):
        spec(builder={"type": "host"})


def test_limits_and_tokens_stand_at_their_providers() -> None:
    values = rendered(
        quotas={"perRepository": 50, "perRepositoryHigher": 200, "total": 300},
        repositories=[
            {"provider": "GitHub", "banned": ["^spam/.*"], "highQuota": ["^university/.*"]},
            {"provider": "GitLab", "allowed": ["^ours%2F.*"]},
        ],
    )
    binder = values["config"]["BinderHub"]
    assert (binder["per_repo_quota"], binder["per_repo_quota_higher"], binder["pod_quota"]) == (50, 200, 300)
    assert values["config"]["GitHubRepoProvider"] == {
        "banned_specs": ["^spam/.*"],
        "high_quota_specs": ["^university/.*"],
        "access_token": "github-token-1",
    }
    assert values["config"]["GitLabRepoProvider"] == {"allowed_specs": ["^ours%2F.*"]}
    assert "pod_quota" not in rendered()["config"]["BinderHub"]


@pytest.mark.parametrize("provider", ["GitHub", "GitLab", "Git", "Gist", "Zenodo", "Figshare", "Hydroshare", "Dataverse", "CKAN"])
def test_the_rules_of_a_provider_stand_under_its_class_in_binderhub(provider: str) -> None:
    """https://github.com/jupyterhub/binderhub/blob/main/binderhub/repoproviders.py"""
    classes = {
        "GitHub": "GitHubRepoProvider",
        "GitLab": "GitLabRepoProvider",
        "Git": "GitRepoProvider",
        "Gist": "GistRepoProvider",
        "Zenodo": "ZenodoProvider",
        "Figshare": "FigshareProvider",
        "Hydroshare": "HydroshareProvider",
        "Dataverse": "DataverseProvider",
        "CKAN": "CKANProvider",
    }
    config = rendered(repositories=[{"provider": provider, "banned": ["^10[.]1/.*"]}])["config"]
    assert config[classes[provider]]["banned_specs"] == ["^10[.]1/.*"]
    assert {name for name in config if name.endswith("Provider")} <= set(classes.values())


def test_a_provider_that_binderhub_calls_by_another_name_is_refused() -> None:
    with pytest.raises(StepError) as refused:
        rendered(values={"config": {"ZenodoRepoProvider": {"banned_specs": ["^x"]}}})
    failed = refused.value.failed
    assert failed.message == "spec.binderhub.values.config.ZenodoRepoProvider is not a class of BinderHub: it has no effect"
    assert failed.remedy == "Write ZenodoProvider."


def test_the_hub_inside_has_its_secrets_no_homes_and_the_binders_token() -> None:
    hub = rendered(culling={"timeout": "10m", "every": "1m"}, singleUser={"memory": {"limit": "2G"}, "startTimeout": "15m"})
    inside = hub["jupyterhub"]
    assert inside["hub"]["config"]["ConfigurableHTTPProxy"]["auth_token"] == "proxy-token-1"
    assert inside["hub"]["config"]["JupyterHub"]["cookie_secret"] == "cookie-secret-1"
    assert inside["hub"]["services"]["binder"] == {"apiToken": "api-token-1"}
    assert inside["singleuser"]["storage"]["type"] == "none"
    assert inside["singleuser"]["memory"]["limit"] == "2G" and inside["singleuser"]["startTimeout"] == 900
    assert inside["cull"]["timeout"] == 600


def test_without_sign_in_users_are_anonymous_and_culled_after_launch() -> None:
    values = rendered()
    assert values["config"]["BinderHub"]["auth_enabled"] is False
    assert values["jupyterhub"]["hub"]["config"]["JupyterHub"]["authenticator_class"] == "null"
    assert "BinderSpawner" not in values["jupyterhub"]["hub"]["config"]
    assert values["jupyterhub"]["cull"]["users"] is True and "cmd" not in values["jupyterhub"]["singleuser"]


def test_sign_in_is_all_that_a_binder_needs_for_it() -> None:
    values = rendered(auth=OIDC)
    inside = values["jupyterhub"]
    config = inside["hub"]["config"]
    assert values["config"]["BinderHub"]["auth_enabled"] is True
    assert inside["cull"]["users"] is False
    assert config["BinderSpawner"] == {"auth_enabled": True}
    assert config["JupyterHub"]["authenticator_class"] == "generic-oauth"
    assert config["JupyterHub"]["redirect_to_server"] is False
    callback = "https://binder.example.org/hub-base/hub/oauth_callback"
    assert config["GenericOAuthenticator"]["oauth_callback_url"] == callback
    assert inside["hub"]["services"]["binder"] == {
        "apiToken": "api-token-1",
        "oauth_client_id": "service-binderhub",
        "oauth_no_confirm": True,
        "oauth_redirect_uri": "https://binder.example.org/oauth_callback",
    }
    assert inside["hub"]["loadRoles"]["user"]["scopes"] == ["self", "access:services!service=binder"]
    assert inside["singleuser"]["cmd"] == "jupyterhub-singleuser"


def test_a_refusal_of_the_inner_hub_names_the_binders_fields() -> None:
    auth = {"oidc": {**OIDC["oidc"], "allowAll": False}}
    with pytest.raises(StepError) as refused:
        rendered(auth=auth)
    failed = refused.value.failed
    assert failed.reason == "NoUsersAllowed" and "spec.binderhub.auth.oidc" in failed.message
    assert "spec.jupyterhub" not in failed.message + failed.remedy


def test_values_win_over_values_from_and_both_over_typed_fields() -> None:
    wanted = spec(values={"config": {"BinderHub": {"banner_message": "spec"}}, "dind": {"hostLibDir": "/mnt/dind"}})
    more = [
        {"config": {"BinderHub": {"banner_message": "first", "about_message": "first"}}},
        {"config": {"BinderHub": {"about_message": "second", "pod_quota": 7}}},
    ]
    values = render(wanted, SECRETS, AZURE, NEW, more).values
    binder = values["config"]["BinderHub"]
    assert (binder["banner_message"], binder["about_message"], binder["pod_quota"]) == ("spec", "second", 7)
    assert binder["hub_url"] == "https://binder.example.org/hub-base/" and values["dind"] == {"hostLibDir": "/mnt/dind"}


@pytest.mark.parametrize(
    ("version", "declared", "inside", "known"),
    [
        ("1.0.0-0.dev.git.3506.hba24eb2a", None, "3.3.7", True),
        (VERSION, None, "4.2.0", True),
        (VERSION, "4.4.0", "4.4.0", True),
        ("0.2.0-n1011.hb49edf6", None, "3.3.7", False),
        ("1.0.0", None, "4.2.0", False),
    ],
)
def test_the_version_of_the_inner_hub_is_known_or_declared(version: str, declared: str | None, inside: str, known: bool) -> None:
    assert (jupyterhub_version(version, declared), is_known(version)) == (inside, known)


def test_secrets_do_not_show_in_a_repr() -> None:
    shown = f"{SECRETS!r} {AZURE!r}"
    assert not [word for word in ("api-token-1", "github-token-1", "password-2", "cookie-secret-1") if word in shown]


@given(
    st.sampled_from([INGRESS, LABELS, EXISTING]),
    st.sampled_from([None, OIDC]),
    st.sampled_from(["1.0.0-0.dev.git.3506.hba24eb2a", VERSION]),
    st.dictionaries(st.text("abc", min_size=1, max_size=2), st.integers(), max_size=3),
)
def test_the_same_spec_and_secrets_give_the_same_values(
    address: dict[str, Any], auth: dict[str, Any] | None, version: str, more: dict[str, int]
) -> None:
    wanted = spec(address, auth=auth, chart={"version": version})
    first = render(wanted, SECRETS, AZURE, NEW, [{"config": {"Extra": more}}], PLACE).values
    assert first == render(wanted, SECRETS, AZURE, NEW, [{"config": {"Extra": more}}], PLACE).values
    assert first["config"]["BinderHub"]["hub_url"].startswith(("http://", "https://"))


@pytest.mark.parametrize(
    ("values", "reason", "named"),
    [
        ({"imageBuilderType": "host"}, "BuilderNotSupported", "spec.binderhub.values.imageBuilderType"),
        ({"perRepoQuota": 3}, "ValueRemoved", "spec.binderhub.values.perRepoQuota"),
        ({"hub": {"url": "http://x"}}, "ValueRemoved", "spec.binderhub.values.hub.url"),
        ({"dind": {"enabled": True}}, "ValueRemoved", "spec.binderhub.values.dind.enabled"),
        ({"config": {"binderhub": {"debug": True}}}, "ConfigSectionInvalid", "spec.binderhub.values.config.binderhub"),
        ({"config": {"Application": 1}}, "ConfigSectionInvalid", "spec.binderhub.values.config.Application"),
        (
            {"config": {"BinderHub": {"image_prefix": "universitybinder.azurecr.io/r2d-"}}},
            "ImagePrefixTooShort",
            "spec.binderhub.values.config.BinderHub.image_prefix",
        ),
        (
            {
                "jupyterhub": {
                    "singleuser": {"storage": {"type": "dynamic"}},
                    "hub": {"config": {"KubeSpawner": {"delete_pvc": True}}},
                }
            },
            "CullingDeletesHomes",
            "spec.binderhub.values.jupyterhub",
        ),
        (
            {"jupyterhub": {"hub": {"services": {"binder": {"oauth_client_id": "binder"}}}}},
            "ClientIdInvalid",
            "spec.binderhub.values.jupyterhub.hub.services.binder.oauth_client_id",
        ),
    ],
)
@pytest.mark.parametrize("where", ["values", "valuesFrom"])
def test_harmful_values_are_refused_in_any_form(where: str, values: dict[str, Any], reason: str, named: str) -> None:
    wanted, more = (spec(values=values), []) if where == "values" else (spec(), [values])
    with pytest.raises(StepError) as refused:
        render(wanted, SECRETS, AZURE, NEW, more)
    failed = refused.value.failed
    assert failed.reason == reason and named in failed.message and failed.remedy and failed.retry_in is None
