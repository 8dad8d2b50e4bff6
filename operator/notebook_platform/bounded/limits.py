"""Limits of a document, and the errors of one that is not parsed."""

from dataclasses import dataclass


class DocumentRefused(ValueError):
    """A document that is not parsed: it is malformed, or uses a feature that is not accepted. The text holds none of its
    content."""


class DocumentTooLarge(DocumentRefused):
    """A document that exceeds its budget."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The limits of a document. `nodes` counts scalars, mappings and sequences; `depth` counts the collections around a
    value."""

    bytes: int
    nodes: int
    depth: int
