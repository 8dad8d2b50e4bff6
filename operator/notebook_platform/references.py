"""Which Secrets and ConfigMaps a spec names: a change of one of them wakes the platform. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

REFERENCES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "secretRef": lambda _: "Secret",
    "certificateRef": lambda _: "Secret",
    "clientSecretRef": lambda _: "Secret",
    "passwordRef": lambda _: "Secret",
    "tokenRef": lambda _: "Secret",
    "sshPublicKeyFrom": lambda _: "Secret",
    "valuesFrom": lambda reference: str(reference.get("kind", "Secret")),
}
"""Members of the spec that name a Secret or a ConfigMap, and which of the two."""


def references(spec: Any) -> frozenset[tuple[str, str]]:
    """Every (kind, name) that a spec names, wherever it stands; the chart's free values are not looked into."""
    found: set[tuple[str, str]] = set()

    def look(node: Any) -> None:
        if isinstance(node, Mapping):
            for key, value in node.items():
                if kind := REFERENCES.get(key):
                    for reference in value if isinstance(value, list) else [value]:
                        found.add((kind(reference), str(reference["name"])))
                elif key != "values":
                    look(value)
        elif isinstance(node, list):
            for item in node:
                look(item)

    look(spec)
    return frozenset(found)
