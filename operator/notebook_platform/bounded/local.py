"""Read YAML files of the user who runs a command, as kubectl reads them.

Unlike a document of another party (`documents`), such a file may hold anchors, aliases and merge keys. Its scalars have the values that
kubectl sends to the API server, so that `plan` compares what `kubectl apply` would write.
"""

from typing import Any

import yaml
from yaml.constructor import ConstructorError, SafeConstructor

from notebook_platform.bounded.scalars import as_key, resolve

_PREFIX = "tag:yaml.org,2002:"
_MERGE = f"{_PREFIX}merge"
_PLAIN = "plain"
"""Tag of a plain scalar without a tag of its own, except for `<<`."""


class _Loader(yaml.CSafeLoader):
    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        """Return the tag of a node that has none in the text."""
        if kind is yaml.ScalarNode and implicit[0]:
            return _MERGE if value == "<<" else _PLAIN
        return super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping with its keys as text, as JSON has them."""
        self.flatten_mapping(node)
        return {_key(key): self.construct_object(value, deep=deep) for key, value in node.value}


def _scalar(_: object, node: yaml.Node) -> Any:
    plain = node.tag in (_PLAIN, _MERGE)
    try:
        return resolve(node.value, None if plain else node.tag, plain=plain)
    except ValueError as error:
        raise ConstructorError(None, None, str(error), node.start_mark) from None


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ConstructorError(None, None, "it has a key that is not text", node.start_mark)
    try:
        return as_key(_scalar(None, node))
    except ValueError as error:
        raise ConstructorError(None, None, str(error), node.start_mark) from None


_Loader.yaml_constructors = {
    f"{_PREFIX}map": SafeConstructor.construct_yaml_map,
    f"{_PREFIX}seq": SafeConstructor.construct_yaml_seq,
    None: _scalar,
}


def read_local_yaml(text: str) -> list[Any]:
    """Parse a stream of YAML documents. Raises yaml.YAMLError."""
    return list(yaml.load_all(text, Loader=_Loader))
