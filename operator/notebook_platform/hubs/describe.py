"""Releases of a hub as the spec that would keep them so: values stay values, and what looks like a secret goes to a Secret."""

import re
from collections.abc import Mapping
from typing import Any

from notebook_platform.helm.release import Release

SECRET_NAMES = re.compile(
    r"(?i)(secret|password|passwd|token|apikey|api_key|private_?key|credential|cryptkeeper|authstate|connection_?string|\bkeys?$|db_url|^url$)"
)
"""Members whose text is not printed. Too many are better than one too few: they are kept all the same, in the Secret."""

Values = dict[str, Any]


def split(values: Mapping[str, Any]) -> tuple[Values, Values]:
    """(what may be printed, what goes to a Secret). Together they are the values."""
    plain: Values = {}
    secret: Values = {}
    for key, value in values.items():
        if SECRET_NAMES.search(key):
            secret[key] = value
        elif isinstance(value, Mapping) and value:
            open_, hidden = split(value)
            if open_:
                plain[key] = open_
            if hidden:
                secret[key] = hidden
        elif key.startswith("extra") and isinstance(value, str):
            secret[key] = value  # code and environment of people's own: nobody can tell what stands in it
        else:
            plain[key] = value
    return plain, secret


def describe_jupyterhub(release: Release, secret: str) -> tuple[dict[str, Any], Values]:
    """(spec.jupyterhub of a release, the values that go to the Secret `secret` under values.yaml)."""
    plain, hidden = split(release.config)
    found: dict[str, Any] = {
        "release": release.name,
        "namespace": release.namespace,
        "chart": {"version": release.chart_version},
        "auth": {"fromValues": True},
    }
    if plain:
        found["values"] = plain
    if hidden:
        found["valuesFrom"] = [{"kind": "Secret", "name": secret}]
    return found, hidden
