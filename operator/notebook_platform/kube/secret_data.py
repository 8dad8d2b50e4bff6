"""Encode and decode the data of a Secret: its values are in base64."""

import base64
import contextlib
from collections.abc import Mapping


def encoded(data: Mapping[str, str]) -> dict[str, str]:
    """Return values as a Secret has them."""
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def decoded(data: Mapping[str, str] | None) -> dict[str, str]:
    """Return the values that are text; the operator uses no binary values."""
    found = {}
    for key, value in (data or {}).items():
        with contextlib.suppress(ValueError):
            found[key] = base64.b64decode(value).decode()
    return found
