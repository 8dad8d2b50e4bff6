"""Sentences about a spec that the models refuse, for a condition of the operator and for the errors of the commands. Pure."""

from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

SHOWN = 5
"""The maximum number of errors that one sentence names."""

OWN_RULE = "Value error, "
"""How pydantic begins the message of a rule of ours."""


def field_path(keys: Sequence[str | int]) -> str:
    """Return the path of a member of the spec by its keys and indexes, such as spec.nodePools[0].name."""
    return "spec" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)


def sentence(error: ErrorDetails) -> str:
    """Return one error of pydantic with the path of its field."""
    unquoted = error["type"] == "string_type" and isinstance(error["input"], int | float)
    words = "must be text: write the value in quotes" if unquoted else error["msg"].removeprefix(OWN_RULE)
    return f"{field_path(error['loc'])}: {words}"


def sentences(error: ValidationError) -> str:
    """Return the first errors of a spec, separated by semicolons."""
    return "; ".join(sentence(one) for one in error.errors()[:SHOWN])
