"""Check a file's NotebookPlatform without an API server: its version, its name, members that the API does not know, and values that a
pattern of the CRD refuses. Pure.

The API server's other rules compare fields with each other, in a language that only the server evaluates.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from notebook_platform.api import GROUP, VERSION
from notebook_platform.api.base import SENTENCES, SUBDOMAIN
from notebook_platform.api.crd import LONGEST_NAME, NAME_TOO_LONG
from notebook_platform.api.patterns import refused
from notebook_platform.api.spec_errors import SHOWN
from notebook_platform.api.unknown_fields import unknown_fields


def file_problems(document: Mapping[str, Any]) -> list[str]:
    """Return at most five sentences on what `kubectl apply` would refuse in an object."""
    return list(dict.fromkeys(_problems(document)))[:SHOWN]


def _problems(document: Mapping[str, Any]) -> Iterator[str]:
    version, name = document.get("apiVersion"), document["metadata"]["name"]
    if version != f"{GROUP}/{VERSION}":
        yield f"apiVersion must be {GROUP}/{VERSION}"
    if len(name) > LONGEST_NAME:
        yield NAME_TOO_LONG
    if not re.fullmatch(SUBDOMAIN, name):
        yield f"metadata.name {SENTENCES[SUBDOMAIN]}"
    yield from unknown_fields(document)
    if isinstance(document.get("spec"), Mapping):
        yield from (one.sentence for one in refused(document["spec"]))
    else:
        yield "spec is missing"
