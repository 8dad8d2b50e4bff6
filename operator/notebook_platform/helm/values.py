"""Values of a chart from several documents."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from notebook_platform.api.hubs import ValuesFrom
from notebook_platform.engine.outcome import Refused
from notebook_platform.kube.secrets import SecretStore

Values = dict[str, Any]


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Values:
    """A deep merge; `over` wins."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


async def documents(store: SecretStore, sources: Iterable[ValuesFrom], field: str) -> list[Mapping[str, Any]]:
    """The documents of `<field>.valuesFrom`, in order. Raises Refused (missing object or key, ValuesNotYaml)."""
    found: list[Mapping[str, Any]] = []
    for place, source in enumerate(sources):
        where = f"{field}.valuesFrom[{place}]"
        if source.kind == "Secret":
            text = (await store.read(source.name, source.key, field=where))[source.key]
        else:
            text = await store.config_map(source.name, source.key, field=where)
        try:
            document = yaml.safe_load(text) or {}
        except yaml.YAMLError:
            document = None
        if not isinstance(document, dict):
            raise Refused.because(
                "ValuesNotYaml",
                f"{where}: {source.kind} {source.name!r}, key {source.key!r} does not hold a YAML mapping",
                "Correct it; it is picked up at once.",
            )
        found.append(document)
    return found


def at(values: Mapping[str, Any], *path: str) -> Any:
    """The value at a path; None when there is none."""
    node: Any = values
    for key in path:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node
