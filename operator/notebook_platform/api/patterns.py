"""The rules of the CRD that are patterns, evaluated on a spec without an API server.

`import` uses them: what it prints has to be admitted. The other rules compare members with each other, which Azure has done.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from notebook_platform.api.rules import RULES

_MATCHES = re.compile(r"self\.matches\('(.*)'\)", re.DOTALL)


@dataclass(frozen=True)
class Refused:
    """A value that a rule refuses: the keys and indexes that lead to it, and the rule's sentence."""

    keys: tuple[str | int, ...]
    sentence: str


def refused(spec: Mapping[str, Any]) -> list[Refused]:
    """Return the values of a spec, in the form of its YAML, that a pattern of the CRD refuses. Pure."""
    found = []
    for path, rules in RULES.items():
        patterns = [(_python(m[1]), sentence) for rule, sentence in rules if (m := _MATCHES.fullmatch(rule))]
        for keys, value in _values(spec, path.split(".")[1:], ()) if patterns else ():
            sentences = [text for pattern, text in patterns if isinstance(value, str) and not pattern.search(value)]
            found += [Refused(keys, sentence) for sentence in sentences[:1]]
    return found


def _python(pattern: str) -> re.Pattern[str]:
    """Convert a pattern of CEL: there `$` is the end of the text, not the place before a last newline."""
    text = pattern.replace("\\\\", "\\")
    return re.compile(f"{text[:-1]}\\Z" if text.endswith("$") else text, re.ASCII)


def _values(node: Any, names: list[str], keys: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield (its keys, the value) of each place that a path of the rules means; `[]` is each item of a list."""
    if not names:
        yield keys, node
        return
    name, lists = names[0].removesuffix("[]"), names[0].count("[]")
    if not isinstance(node, Mapping) or name not in node:
        return
    child, here = node[name], (*keys, name)
    if not lists:
        yield from _values(child, names[1:], here)
    elif isinstance(child, list):
        for number, item in enumerate(child):
            yield from _values(item, names[1:], (*here, number))
