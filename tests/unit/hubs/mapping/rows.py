"""What the tables of all fields share."""

from typing import Any

REFUSED = object()
"""The generation of the chart does not support the field."""
ABSENT = object()
"""The path is not set."""

Row = tuple[dict[str, Any], dict[str, Any]]
"""(fields of the spec, path -> value of the chart by first version)."""

USERS = "hub.config.Authenticator"
