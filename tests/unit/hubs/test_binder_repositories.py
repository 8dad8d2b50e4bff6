"""Rules for repositories hold as they are declared, and BinderHub's settings have the names and types of its classes."""

import re
from typing import Any

import pytest
from notebook_platform.engine import StepError
from notebook_platform.hubs.binder.repositories import ESCAPED
from notebook_platform.hubs.binder.traits import BINDER_CLASSES, PROVIDERS
from notebook_platform.hubs.binder.values import render

from tests.unit.hubs.binder_specs import AZURE, INGRESS, NEW, PLACE, SECRETS, VERSION, spec

OLD = "0.2.0-n1011.hb49edf6"
LAUNCHED = {
    "GitHub": "ours/course/main",
    "Gist": "ours/8a658f7f63b13768d1e75fa2464f5092/main",
    "GitLab": "ours%2Fcourse/main",
    "Git": "https%3A%2F%2Fgit.example.org%2Fours%2Fcourse/main",
    "Zenodo": "10.5281/zenodo.3242074",
    "Figshare": "10.6084/m9.figshare.9782777.v1",
    "Hydroshare": "b8f6eae9d89241cf8b5904033460af61",
    "Dataverse": "10.7910/DVN/TJCLKP",
    "CKAN": "https%3A%2F%2Fdata.example.org%2Fdataset%2Fours",
}
"""What follows the provider in a launch URL (https://binderhub.readthedocs.io/en/latest/developer/repoproviders.html)."""


def rendered(version: str = VERSION, *, values: dict[str, Any] | None = None, **changes: Any) -> Any:
    return render(
        spec(INGRESS, chart={"version": version}, values=values or {}, **changes), SECRETS, AZURE, NEW, hub_context=PLACE
    )


def refused(version: str = VERSION, **changes: Any) -> tuple[str, str, str]:
    with pytest.raises(StepError) as raised:
        rendered(version, **changes)
    failed = raised.value.failed
    assert failed.retry_in is None
    return failed.reason, failed.message, failed.remedy


@pytest.mark.parametrize("member", ["allowed", "banned", "highQuota"])
@pytest.mark.parametrize("provider", ESCAPED)
def test_a_pattern_that_matches_no_repository_of_its_provider_is_refused(provider: str, member: str) -> None:
    """A banned repository would be launched."""
    name = next(one for one, of_class in PROVIDERS.items() if of_class == provider)
    for pattern in ("^ours/.*", "ours/", r"ours\-x/course"):
        reason, message, remedy = refused(repositories=[{"provider": name, member: [pattern]}])
        assert reason == "ValuesRefused" and message.startswith(f"spec.binderhub.repositories[{name}].{member}: {pattern!r}")
        assert f"written as {ESCAPED[provider]}" in message and "%2F" in remedy
        assert not re.match(pattern, LAUNCHED[name], re.IGNORECASE)


@pytest.mark.parametrize("provider", LAUNCHED)
def test_a_pattern_for_what_a_provider_launches_is_taken(provider: str) -> None:
    for pattern in (f"^{re.escape(LAUNCHED[provider])}$", ".*/main$", "(?!theirs)", "^[^/]+/main"):
        rendered(repositories=[{"provider": provider, "allowed": [pattern]}])


@pytest.mark.parametrize("pattern", ["*.git", "(", "a{2}{3}", "(?P<x", "(" * 120])
def test_a_pattern_that_python_cannot_compile_is_refused(pattern: str) -> None:
    reason, message, _ = refused(repositories=[{"provider": "GitHub", "banned": [pattern]}])
    assert reason == "ValuesRefused" and "every launch would fail" in message


def test_a_chart_without_allow_lists_refuses_them() -> None:
    reason, message, remedy = refused(OLD, repositories=[{"provider": "GitHub", "allowed": ["^ours/"]}])
    assert (reason, "repositories[GitHub].allowed: this chart ignores it" in message) == ("FieldNotSupported", True)
    assert "spec.binderhub.chart.version" in remedy and "^(?!owner/)" in remedy
    assert refused(OLD, values={"config": {"RepoProvider": {"allowed_specs": ["^ours/"]}}})[0] == "FieldNotSupported"
    for version in (VERSION, "1.0.0-0.dev.git.3506.hba24eb2a", "1.0.0"):
        values = rendered(version, repositories=[{"provider": "GitHub", "allowed": ["^ours/"]}]).values
        assert values["config"]["GitHubRepoProvider"]["allowed_specs"] == ["^ours/"]
    rendered(OLD, repositories=[{"provider": "GitHub", "banned": ["^(?!ours/)"]}])


@pytest.mark.parametrize("trait", ["allowed_spec", "ban_specs", "banned_repos", "allow_specs", "high_quota_spec"])
def test_a_misspelt_rule_is_refused(trait: str) -> None:
    reason, message, _ = refused(values={"config": {"GitHubRepoProvider": {trait: ["^x/"]}}})
    assert reason == "ValuesRefused" and message == (
        f"spec.binderhub.values.config.GitHubRepoProvider.{trait} is not a setting of BinderHub: the rule has no effect"
    )


def opened(**changes: Any) -> str | None:
    return next((one.message for one in rendered(**changes).notices if one.condition == "RepositoriesOpen"), None)


def test_providers_without_rules_beside_allow_lists_are_named() -> None:
    github = {"provider": "GitHub", "allowed": ["^ours/"]}
    rest = [{"provider": name, "banned": [".*"]} for name in LAUNCHED if name not in ("GitHub", "Gist")]
    message = opened(repositories=[github])
    assert message is not None and message.startswith(
        "spec.binderhub.repositories: GitHub, Gist launch allowed repositories only"
    )
    assert "Git, GitLab, Zenodo" in message and "of all Git servers" in message
    assert opened(repositories=[github, *rest]) is None
    assert opened(repositories=[github, *rest, {"provider": "Gist", "allowed": ["^ours/"]}]) is None
    assert opened(repositories=[{"provider": "GitHub", "banned": ["^spam/"]}]) is None
    assert opened() is None
    assert opened(repositories=[github], values={"extraConfig": {"own": "c.BinderHub.repo_providers = {}"}}) is None
    assert opened(values={"config": {"RepoProvider": {"allowed_specs": ["^ours"]}}}) is None


@pytest.mark.parametrize(
    ("section", "trait", "value", "words"),
    [
        ("BinderHub", "per_repo_quota", "50", "takes a whole number, and this is '50'"),
        ("BinderHub", "auth_enabled", "true", "takes true or false, and this is a text"),
        ("BinderHub", "ban_networks", ["10.0.0.0/8"], "takes a map, and this is a list"),
        ("GitHubRepoProvider", "banned_specs", "^spam/", "takes a list (of a text each), and this is a text"),
        ("GitHubRepoProvider", "spec_config", [["^x", {}]], "takes a list (of a map each), and this is a list with a list"),
        ("KubernetesBuildExecutor", "memory_limit", "2Gi", "takes bytes as a number, or a number with K, M, G or T"),
        ("KubernetesBuildExecutor", "repo2docker_extra_args", "--debug", "takes a list"),
        ("LaunchQuota", "total_quota", "many", "takes a whole number"),
        ("DockerRegistry", "token_url", {"url": "x"}, "takes a text, and this is a map"),
    ],
)
def test_a_setting_of_another_type_than_its_class_takes_is_refused(section: str, trait: str, value: Any, words: str) -> None:
    reason, message, _ = refused(values={"config": {section: {trait: value}}})
    assert reason == "ValuesRefused" and message.startswith(f"spec.binderhub.values.config.{section}.{trait} {words}")
    rendered(OLD, values={"config": {section: {trait: value}}})


def test_a_misspelt_setting_is_remarked_and_an_unknown_one_is_not() -> None:
    config = {"BinderHub": {"banner_mesage": "x", "brand_new": 1}, "Launcher": {"retries": 4}, "Own": {"x": 1}}
    (notice,) = rendered(values={"config": config}).notices
    assert (notice.condition, notice.reason) == ("ValuesIgnored", "NoEffect")
    assert notice.message == (
        "spec.binderhub.values.config.BinderHub.banner_mesage: BinderHub has no trait banner_mesage; it has no effect, write banner_message"
    )


def test_each_setting_that_the_operator_writes_is_one_of_its_class() -> None:
    values = rendered(
        quotas={"perRepository": 1, "perRepositoryHigher": 2, "total": 3},
        builder={"pool": "users", "memory": "2G"},
        repositories=[{"provider": name, "banned": ["^x"], "allowed": ["^y"], "highQuota": ["^z"]} for name in LAUNCHED],
    ).values
    for section, traits in values["config"].items():
        assert set(traits) <= set(BINDER_CLASSES.traits(section)), section
