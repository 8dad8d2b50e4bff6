"""Decimals without floats: an integer, or a decimal as text (`5`, `"0.5"`).

JSON numbers with a fraction change on their way through clients of different languages, so the API conventions of Kubernetes keep
them out of a spec. Source: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#primitive-types
"""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

PATTERN = r"^-?[0-9]{1,15}([.][0-9]{1,9})?$"
LONGEST = 26
"""Characters of a decimal."""

INT_OR_STRING = "x-kubernetes-int-or-string"


def _without_floats(value: object) -> object:
    if isinstance(value, float | bool) or (isinstance(value, str) and not re.fullmatch(PATTERN, value)):
        raise ValueError(f'must be an integer or a decimal as text, such as "{value}"')
    return value


def json_number(value: Decimal) -> int | float:
    """Return the number as Azure's JSON has it: without a fraction as an integer."""
    return int(value) if value == value.to_integral_value() else float(value)


def wire_decimal(value: float | Decimal) -> int | str:
    """Return a number as the spec has it: an integer, or a decimal as text with nine places at most."""
    number = round(Decimal(str(value)), 9).normalize()
    return int(number) if number == number.to_integral_value() else f"{number:f}"


DecimalNumber = Annotated[
    Decimal,
    BeforeValidator(_without_floats),
    PlainSerializer(wire_decimal),
    WithJsonSchema({INT_OR_STRING: True, "maxLength": LONGEST, "pattern": PATTERN}),
]
"""A number of the spec that may have a fraction. Its form is a pattern of the schema: older API servers take a rule in CEL on text of
no known length for too expensive."""
