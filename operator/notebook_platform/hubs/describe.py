"""Convert installed releases of a hub to a spec that keeps them as they are: values stay values, and likely secrets go to a
Secret."""

import re
from collections.abc import Mapping
from typing import Any

from notebook_platform.helm.release import Release

SECRET_NAMES = re.compile(
    r"(?i)(secret|password|passwd|token|apikey|api_key|private_?key|credential|cryptkeeper|authstate|connection_?string|\bkeys?$|db_url"
    r"|^url$|^env$|^environment$)"
)
"""Members whose text is not printed. Too many are better than one too few: they are kept all the same, in the Secret."""

OF_ONES_OWN = re.compile(r"^extra(?!.*(Labels|Annotations)$)")
"""Members with code, files and environment of people's own: nobody can tell what stands in them."""

SIGNED_ADDRESS = re.compile(r"://[^/\s@]+:[^/\s@]+@")
"""An address with a password in it."""

Values = dict[str, Any]


def split(values: Mapping[str, Any]) -> tuple[Values, Values]:
    """Split values into (printable ones, those for a Secret). Together they are the values; a list is not divided."""
    plain: Values = {}
    secret: Values = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value and not _is_secret(key):
            open_, hidden = split(value)
            if open_:
                plain[key] = open_
            if hidden:
                secret[key] = hidden
        elif _is_secret(key) or _holds_secret(value):
            secret[key] = value
        else:
            plain[key] = value
    return plain, secret


def _is_secret(key: str) -> bool:
    return bool(SECRET_NAMES.search(key) or OF_ONES_OWN.search(key))


def _holds_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_is_secret(str(key)) or _holds_secret(child) for key, child in value.items())
    if isinstance(value, list | tuple):
        return any(map(_holds_secret, value))
    return isinstance(value, str) and bool(SIGNED_ADDRESS.search(value))


def describe_jupyterhub(release: Release, secret: str) -> tuple[dict[str, Any], Values]:
    """Return (spec.jupyterhub of a release, the values for the key values.yaml of the Secret `secret`)."""
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
