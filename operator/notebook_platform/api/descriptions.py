"""Descriptions of the spec's fields: the docstring below each attribute becomes its `description` in the schema.

Pydantic can do this too (`use_attribute_docstrings`), when a class is made: it parses the source of each of a hundred models in every
process that imports them, a quarter of their import. The schema alone needs the texts, so it reads them when it is made.
"""

import ast
import inspect
import itertools
import sys
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from notebook_platform.api.base import SpecModel


class DescribedSchema(GenerateJsonSchema):
    """Pydantic's generator of JSON schemas, with the docstrings of the fields of each SpecModel."""

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        """Return the schema of one model.

        Args:
            schema: pydantic's core schema of the model.
        """
        found, model = super().model_schema(schema), schema["cls"]
        texts = descriptions_of(model) if issubclass(model, SpecModel) else {}
        for name, text in texts.items():
            found["properties"][model.model_fields[name].alias or name].setdefault("description", text)
        return found


def descriptions_of(model: type[SpecModel]) -> dict[str, str]:
    """Return the docstring of each field of a model by the attribute's name; a class that declares a field again replaces its text."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if kind is not SpecModel and issubclass(kind, SpecModel):
            own = inspect.get_annotations(kind)
            found = {name: text for name, text in found.items() if name not in own} | _texts_of(kind)
    return {name: text for name, text in found.items() if name in model.model_fields}


def _texts_of(kind: type) -> dict[str, str]:
    """Return the docstrings in the body of one class."""
    body = _classes_of(kind.__module__)[kind.__name__].body
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


@cache
def _classes_of(module: str) -> dict[str, ast.ClassDef]:
    """Return the classes of a module by name, from its source."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
