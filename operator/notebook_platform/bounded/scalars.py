"""Resolve YAML scalars as Kubernetes and Helm do.

They read YAML by the rules of go-yaml v2 and convert it to JSON: YAML 1.1 without dates and base-60 numbers
(https://github.com/yaml/go-yaml/blob/v2.4.4/resolve.go, https://github.com/kubernetes-sigs/yaml/blob/v1.6.0/yaml.go).
"""

import re
from math import isinf
from typing import Any

_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_NOT_JSON = frozenset(
    f"{sign}.{word}"
    for sign in ("", "+", "-")
    for word in ("inf", "Inf", "INF", "nan", "NaN", "NAN")
    if not (sign and word[0] in "nN")
)
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_BASES = (16, 2, 8, 10)
_LONGEST_NUMBER = 400
"""Characters. No float64 needs more."""

_STARTS_NUMBER = frozenset("+-.0123456789")
_PREFIX = "tag:yaml.org,2002:"
_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}


def resolve(text: str, tag: str | None, *, plain: bool) -> Any:
    """Return the value of a scalar.

    `plain`: it is written without quotes and without a tag. Raises ValueError for values that JSON cannot hold and for tags
    of other types; the error's text holds nothing of the scalar.
    """
    if plain:
        return _implicit(text)
    if tag is None or tag in ("!", f"{_PREFIX}str"):
        return text
    types = _TYPES.get(tag.removeprefix(_PREFIX)) if tag.startswith(_PREFIX) else None
    if types is None:
        raise ValueError("it holds a tag that is not accepted")
    value = _implicit(text)
    if type(value) not in types:
        raise ValueError("it holds a value that does not have the type of its tag")
    return value


def as_key(value: Any) -> str:
    """Return a mapping's key as text, as JSON has it. Raises ValueError for null and for numbers with a fraction."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise ValueError("it has a key that is not text: put it in quotes")


def _implicit(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _STARTS_NUMBER or len(text) > _LONGEST_NUMBER:
        return text
    if text in _NOT_JSON:
        raise ValueError("it holds infinity or a value that is not a number, which JSON cannot hold")
    return _number(text)


def _number(text: str) -> int | float | str:
    digits = text if text[0] == "." else text.replace("_", "")
    if text[0] != "." and (found := _INTEGER.fullmatch(digits)):
        base, body = next((base, body) for base, body in zip(_BASES, found.groups()[1:], strict=True) if body is not None)
        number = int(body, base) * (-1 if found[1] == "-" else 1)
        if -(2**63) <= number < (2**63 if found[1] else 2**64):
            return number
    if _FLOAT.fullmatch(digits) and not isinf(value := float(digits)):
        return value
    return text
