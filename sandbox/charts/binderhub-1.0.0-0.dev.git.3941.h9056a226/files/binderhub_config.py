"""Configuration of the binder, from the values of the release (mounted as a Secret)."""

import os
from pathlib import Path

import yaml

HERE = Path(os.environ.get("BINDER_CONFIG_DIR", "/etc/binderhub/config"))
values = yaml.safe_load((HERE / "values.yaml").read_text())
kind = values["imageBuilderType"]

c.BinderHub.hub_api_token = os.environ.get("JUPYTERHUB_API_TOKEN", "")  # noqa: F821 - `c` is given by traitlets
c.BinderHub.build_class = "binderhub.build.KubernetesBuildExecutor"  # noqa: F821
c.KubernetesBuildExecutor.namespace = os.environ.get("BUILD_NAMESPACE", "default")  # noqa: F821
if values["config"]["BinderHub"].get("use_registry"):
    c.KubernetesBuildExecutor.push_secret = "binder-build-docker-config"  # noqa: F821
if kind != "host":
    builder = values[kind]
    c.KubernetesBuildExecutor.docker_host = f"unix://{builder['hostSocketDir']}/{builder['hostSocketName']}"  # noqa: F821

for section, traits in values["config"].items():
    if section[:1].islower():
        raise SystemExit(f"config.{section}: sections are classes and start with a capital letter")
    for trait, value in traits.items():
        setattr(c[section], trait, value)  # noqa: F821

for name, code in sorted(values["extraConfig"].items()):
    exec(compile(code, f"extraConfig.{name}", "exec"))
