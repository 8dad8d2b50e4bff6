"""Read the operator's own configuration: flags, NOTEBOOK_PLATFORM_* variables, a YAML file.

The endpoints of clouds, chart directories and allowed repositories are set here and never in a resource: its author must not
be able to send a credential to a host of their choice.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

from notebook_platform.api.manual import SITE
from notebook_platform.azure.arm.grants import IdentityGrant
from notebook_platform.leases.shards import MOST_SHARDS

JUPYTERHUB_CHARTS = "https://hub.jupyter.org/helm-chart/"
"""Where Zero to JupyterHub publishes its chart (https://z2jh.jupyter.org)."""

PATTERN = re.compile(r"!?[-a-z0-9*?]+( *, *!?[-a-z0-9*?]+)*")
"""A namespace's name, or kopf's globs: `*`, `?`, and a leading `!` to exclude, separated by commas
(https://docs.kopf.dev/en/stable/scopes/)."""


class OperatorConfig(BaseSettings):
    """The settings of this operator process."""

    model_config = SettingsConfigDict(
        env_prefix="NOTEBOOK_PLATFORM_",
        cli_prog_name="notebook-platform run",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        extra="forbid",
        yaml_file=os.environ.get("NOTEBOOK_PLATFORM_CONFIG"),
        frozen=True,
    )

    cluster_id: str = Field("management", description="Name of this management cluster; part of the owner tag in Azure.")
    namespaces: list[str] = Field(
        default_factory=list,
        description="Namespaces with platforms: exact names, or patterns such as `team-*` and `!kube-*, !default`, which need the right to list "
        "namespaces. None: the whole cluster.",
    )
    shards: int = Field(
        1,
        ge=1,
        le=MOST_SHARDS,
        description="Parts into which the platforms are divided by their uid. Each has a Lease, and the replicas "
        "share the leases.",
    )
    lease_namespace: str | None = Field(
        None, description="Namespace of the leases. Default: the operator's own, or that of the kubeconfig's context."
    )
    lease_name: str = Field(
        "notebook-platform",
        pattern=r"^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$",
        description="Name of the leases, the same for all replicas of one installation. Two installations in one namespace need two names.",
    )
    lease_duration: int = Field(
        15,
        ge=3,
        le=600,
        description="Seconds after which another replica takes over from one that has died. A replica that cannot renew "
        "its lease stops after two thirds of it.",
    )
    cloud: Literal["public", "usgovernment", "china"] = Field("public", description="Azure cloud.")
    resource_manager_url: str | None = Field(None, description="Resource Manager of a custom cloud (https).")
    authority_url: str | None = Field(None, description="Entra ID of a custom cloud (https).")
    graph_url: str | None = Field(None, description="Microsoft Graph of a custom cloud (https).")
    ca_file: Path | None = Field(None, description="CA certificates of a custom cloud.")
    identities: list[IdentityGrant] = Field(
        default_factory=list,
        description="Which namespaces may use the identities that the operator and its machine have, and in which subscriptions and "
        "resource groups. None: every platform needs credentials of its own.",
    )
    charts: Path | None = Field(None, description="Directory with packaged charts, searched before repositories.")
    chart_repository: str = Field(JUPYTERHUB_CHARTS, description="Chart repository when a resource names none.")
    allowed_chart_repositories: list[str] = Field(
        default_factory=list, description="More chart repositories that resources may name."
    )
    helm: str = Field("helm", description="The helm executable.")
    docs_url: str = Field(
        SITE,
        pattern=r"^(https?://[!-~]{1,190})?$",
        description="Address of the manual, to which the condition Stalled links. Empty: no links.",
    )
    helm_timeout: int = Field(1200, ge=30, description="Seconds that the hooks of a chart may take.")
    work_dir: Path | None = Field(None, description="Private directory for Helm's files. Default: a temporary directory.")
    allow_private_addresses: bool = Field(
        False, description="Let health probes go to loopback and link-local addresses (for the sandbox)."
    )
    least_interval: int = Field(30, ge=1, description="Seconds. A shorter interval in a resource is raised to this value.")
    passes_per_minute: int = Field(
        20, ge=1, description="Maximum average rate of reconciles that one platform triggers, per minute."
    )
    pass_burst: int = Field(60, ge=1, description="Reconciles that one platform may trigger at once before it is throttled.")
    concurrent_reconciles: int = Field(
        32, ge=1, le=1000, description="Maximum number of parallel reconciles in this process; the rest wait in a queue."
    )
    health_port: int = Field(8080, description="Port of /healthz and /readyz.")
    metrics_port: int = Field(8081, description="Port of /metrics.")
    listen: str = Field("0.0.0.0", description="Address of both ports.")
    otlp_endpoint: str | None = Field(
        None,
        pattern=r"^https?://",
        description="Receiver of OpenTelemetry traces (OTLP over HTTP), such as http://collector:4318. Needs notebook-platform[otel]. Default: "
        "OTEL_EXPORTER_OTLP_ENDPOINT; without either there are no traces.",
    )
    per_platform_metrics: int = Field(
        0, ge=0, le=1000, description="Largest number of platforms with a series of their own in /metrics; 0: none."
    )
    log_format: Literal["text", "json"] = Field("json", description="Format of log lines.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Lowest level that is logged.")

    @field_validator("namespaces")
    @classmethod
    def _namespace_names(cls, names: list[str]) -> list[str]:
        for name in names:
            if not PATTERN.fullmatch(name):
                raise ValueError(f"{name!r} is neither a namespace name nor a pattern")
        return list(dict.fromkeys(names))

    @property
    def has_namespace_patterns(self) -> bool:
        """Return whether `namespaces` holds more than exact names."""
        return any(set(name) & set("*?!,") for name in self.namespaces)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Give flags precedence over variables, and variables over the file that NOTEBOOK_PLATFORM_CONFIG names."""
        return init_settings, env_settings, YamlConfigSettingsSource(settings_cls)

    @classmethod
    def load(cls, arguments: Sequence[str]) -> "OperatorConfig":
        """Read flags, variables and the file. Ends the process with an error message for a wrong flag, as commands do."""
        return cls(_cli_parse_args=list(arguments))
