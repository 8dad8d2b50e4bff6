"""Reads each dashboard into Grafana's own model (grafana-foundation-sdk, generated from Grafana's schemas) and back: a member that Grafana
does not know, or whose value it reads differently, is reported, and so is a unit that Grafana does not have.

Grafana itself and its linter for dashboards are in no package registry that this project uses."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

FILES = sorted((Path(__file__).parent.parent.parent / "deploy" / "monitoring" / "dashboards").glob("*.json"))


def differences(ours: Any, theirs: Any, path: str) -> Iterator[str]:
    """Yield the members of ours that Grafana's model does not have, or has with another value. Defaults that it adds do not count."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from differences(value, theirs[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}: unknown to Grafana"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif ours != theirs:
        yield f"{path}: {ours!r} is read as {theirs!r}"


def unknown_units(document: dict[str, Any]) -> Iterator[str]:
    """Yield the units of panels that Grafana does not have: it shows plain numbers for those."""
    known = {value for value in vars(units).values() if isinstance(value, str)}
    for panel in document["panels"]:
        if (unit := panel["fieldConfig"]["defaults"]["unit"]) not in known:
            yield f"{document['uid']}: {panel['title']}: the unit {unit!r} is unknown to Grafana"


def problems(document: dict[str, Any]) -> list[str]:
    """Return what Grafana does not read as it was meant."""
    read = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(document)))
    return [*differences(document, read, document["uid"]), *unknown_units(document)]


def main() -> int:
    """Return the exit code."""
    register_default_plugins()
    texts = [path.read_text() for path in FILES]
    found = [problem for text in texts for problem in problems(json.loads(text))]
    members = sum(text.count('": ') for text in texts)
    sys.stdout.write("\n".join(found or [f"[eyes] Grafana's model has all {members} members of {len(texts)} dashboards"]) + "\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
