"""Write YAML that Kubernetes and Helm read back as the same values.

PyYAML leaves texts such as `n`, `1e3` or `0o17` without quotes, and go-yaml reads them as other types.
"""

from collections.abc import Iterable
from typing import Any

import yaml

from notebook_platform.bounded.scalars import resolve


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """Write a value that occurs twice in full each time, so that no user meets an alias that only the writer chose."""
        return True


def _text(dumper: Any, value: str) -> Any:
    try:
        style = None if resolve(value, None, plain=True) == value else "'"
    except ValueError:
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def write_yaml(value: Any, *, width: int = 130) -> str:
    """Return the YAML text of one document, its keys in their given order. Raises yaml.YAMLError for other types than plain
    data."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width))


def write_yaml_all(values: Iterable[Any]) -> str:
    """Return the YAML text of a stream of documents, each with its `---`."""
    return str(yaml.dump_all(values, Dumper=_Dumper, explicit_start=True, sort_keys=False, allow_unicode=True))
