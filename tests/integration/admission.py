"""Send a platform to a real API server as a dry run, and return its answer."""

import copy
from collections.abc import Callable
from typing import Any

from tests.api_server import Refused
from tests.integration.conftest import Field, runbook

DROP = object()
"""The value that takes a field out of the spec."""


def changed(path: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(runbook("bad"))
    node: Any = document["spec"]
    *parents, last = path.split(".")
    for part in parents:
        node = node[int(part)] if isinstance(node, list) else node[part]
    if value is DROP:
        del node[last]
    else:
        node[last] = value
    return document


TAKEN = "created (server dry run)"


def attempt(site: Field, document: dict[str, Any]) -> str:
    """Create a platform as a server-side dry run, with strict validation as kubectl asks for it. Returns TAKEN or the API server's
    message."""
    return _tried(site.api.create, document)


def attempt_change(site: Field, document: dict[str, Any]) -> str:
    """Apply a platform that exists already as a server-side dry run. Returns TAKEN or the API server's message."""
    return _tried(site.api.apply, document)


def _tried(write: Callable[..., Any], document: dict[str, Any]) -> str:
    try:
        write({**document, "metadata": {"namespace": "platforms", **document["metadata"]}}, dryRun="All")
    except Refused as refused:
        return str(refused)
    return TAKEN
