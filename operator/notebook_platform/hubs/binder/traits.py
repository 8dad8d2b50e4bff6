"""Traits of BinderHub's classes, which `config` of the binderhub chart sets: their names and types.

BinderHub is not on PyPI, so the table is written by hand from its source. It has the traits of the charts since `FIRST`; older charts are
not judged. A trait that is not listed may exist all the same. Source: app.py, build.py, quota.py, ratelimit.py, registry.py and
repoproviders.py of https://github.com/jupyterhub/binderhub/tree/main/binderhub, and its changelog
(https://github.com/jupyterhub/binderhub/blob/main/CHANGES.md).
"""

from collections.abc import Mapping

from notebook_platform.hubs.chart.traits import HubClasses

FIRST = 3506
"""Number of the first development version that the table describes. It has `allowed_specs`, which came in June 2024
(https://github.com/jupyterhub/binderhub/pull/1105); older charts ignore it."""

_TEXTS = "list[text]"

_REPOSITORIES = {
    "allowed_specs": _TEXTS,
    "banned_specs": _TEXTS,
    "high_quota_specs": _TEXTS,
    "spec_config": "list[map]",
    "git_credentials": "text",
}

_BINDER = {
    **dict.fromkeys(
        (
            "about_message",
            "appendix",
            "banner_message",
            "base_url",
            "build_class",
            "build_docker_host",
            "build_image",
            "build_namespace",
            "build_token_secret",
            "cors_allow_origin",
            "extra_static_path",
            "extra_static_url_prefix",
            "hub_api_token",
            "hub_url",
            "hub_url_local",
            "image_prefix",
            "launch_quota_class",
            "normalized_origin",
            "registry_class",
            "template_path",
        ),
        "text",
    ),
    **dict.fromkeys(
        (
            "auth_enabled",
            "build_token_check_origin",
            "builder_required",
            "debug",
            "enable_api_only_mode",
            "sticky_builds",
            "use_registry",
        ),
        "bool",
    ),
    **dict.fromkeys(
        (
            "build_cleanup_interval",
            "build_max_age",
            "build_token_expires_seconds",
            "concurrent_build_limit",
            "executor_threads",
            "log_tail_lines",
            "per_repo_quota",
            "per_repo_quota_higher",
            "port",
        ),
        "int",
    ),
    **dict.fromkeys(
        (
            "ban_networks",
            "build_node_selector",
            "extra_footer_scripts",
            "repo_providers",
            "template_variables",
            "tornado_settings",
        ),
        "map",
    ),
    "badge_base_url": "text|code",
    "block_build_user_agents": _TEXTS,
    "build_docker_config": "map|null",
    "build_memory_limit": "bytes",
    "build_memory_request": "bytes",
    "pod_quota": "int|null",
    "push_secret": "text|null",
}

_EXECUTOR = {
    "appendix": "text",
    "git_credentials": "text",
    "memory_limit": "bytes",
    "push_secret": "text",
    "repo2docker_extra_args": _TEXTS,
}

_KUBERNETES_EXECUTOR = {
    "build_image": "text",
    "docker_host": "text|null",
    "extra_envs": "map",
    "image_pull_secrets": "list",
    "log_tail_lines": "int",
    "memory_request": "bytes",
    "namespace": "text",
    "node_selector": "map",
    "resources": "map",
    "sticky_builds": "bool",
}

_REGISTRY = dict.fromkeys(("auth_config_url", "docker_config_path", "password", "token_url", "url", "username"), "text")

_GITHUB = dict.fromkeys(("access_token", "api_base_path", "client_id", "client_secret", "hostname"), "text")

_CLASSES: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "BinderHub": ((), _BINDER),
    "BuildExecutor": ((), _EXECUTOR),
    "KubernetesBuildExecutor": (("BuildExecutor",), _KUBERNETES_EXECUTOR),
    "KubernetesCleaner": ((), {"max_age": "int", "namespace": "text"}),
    "LaunchQuota": ((), {"total_quota": "int|null"}),
    "KubernetesLaunchQuota": (("LaunchQuota",), {"namespace": "text"}),
    "RateLimiter": ((), dict.fromkeys(("clean_seconds", "limit", "period_seconds"), "int")),
    "DockerRegistry": ((), {**_REGISTRY, "not_found_401": "bool"}),
    "RepoProvider": ((), _REPOSITORIES),
    "GitHubRepoProvider": (("RepoProvider",), _GITHUB),
    "GistRepoProvider": (("GitHubRepoProvider", "RepoProvider"), {"allow_secret_gist": "bool"}),
    "GitLabRepoProvider": (("RepoProvider",), dict.fromkeys(("access_token", "hostname", "private_token"), "text")),
    "GitRepoProvider": (("RepoProvider",), {"allowed_protocols": _TEXTS}),
    "ZenodoProvider": (("RepoProvider",), {}),
    "FigshareProvider": (("RepoProvider",), {}),
    "HydroshareProvider": (("RepoProvider",), {}),
    "DataverseProvider": (("RepoProvider",), {}),
    "CKANProvider": (("RepoProvider",), {}),
}

BINDER_CLASSES = HubClasses(_CLASSES, authenticators={}, spawners={}, scopes=frozenset())

PROVIDERS: Mapping[str, str] = {
    **{name: f"{name}RepoProvider" for name in ("GitHub", "Gist", "Git", "GitLab")},
    **{name: f"{name}Provider" for name in ("Zenodo", "Figshare", "Hydroshare", "Dataverse", "CKAN")},
}
"""Provider of repositories -> its class."""
