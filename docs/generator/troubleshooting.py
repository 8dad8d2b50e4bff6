"""docs/troubleshooting.md: one part for each reason, to which the condition Stalled links.

A part has the reason's meaning (`api/reasons.py`), the paragraph of `symptoms.md` if there is one, and the remedies of every error with
that reason. The text of `symptoms.md` before its first reason opens the page.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from notebook_platform.api.reasons import Reason
from notebook_platform.azure.arm.error_table import CODES
from notebook_platform.azure.arm.sign_in_table import AADSTS, FEDERATED
from notebook_platform.helm.errors import TABLE

from docs.generator.markdown import generated, prose
from docs.generator.sources import failures

SOURCE = Path(__file__).with_name("symptoms.md")

HEADING = re.compile(r"^## (\w+)\n", re.MULTILINE)
"""A reason in `symptoms.md`; a heading of several words belongs to the opening."""

OPENING = """A condition that needs your action ends with a link to the part of this page about its reason. `kubectl describe nbp NAME` \
shows the conditions. The first three are those of the whole platform:

![`kubectl describe` of a platform whose pool cannot get another VM size: Ready is False, and Stalled is True](pictures/describe.svg)"""


def page() -> str:
    """Return the whole page. Raises ValueError for a paragraph about a reason that does not exist."""
    opening, paragraphs = _symptoms()
    remedies = _remedies()
    parts = [generated("Troubleshooting", OPENING), opening, "## By reason"]
    for reason in sorted(Reason):
        parts += [f"### {reason}", prose(reason.meaning)]
        if text := paragraphs.get(reason):
            parts.append(text)
        if found := remedies.get(reason):
            parts.append("\n".join(f"- {prose(remedy).replace('{field}', '*field*')}" for remedy in found))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _symptoms() -> tuple[str, Mapping[str, str]]:
    """Return the opening of `symptoms.md`, and its paragraphs by reason."""
    opening, *rest = HEADING.split(SOURCE.read_text())
    paragraphs = dict(zip(rest[::2], rest[1::2], strict=True))
    if unknown := paragraphs.keys() - set(Reason):
        raise ValueError(f"{SOURCE.name} has paragraphs about reasons that do not exist: {', '.join(sorted(unknown))}")
    return opening, paragraphs


def _remedies() -> dict[str, list[str]]:
    """Return the remedies by reason, each once."""
    found: dict[str, dict[str, None]] = {}
    for reason, remedy in _pairs():
        if remedy not in ("", "…"):  # another function's text, which cannot be known here
            found.setdefault(reason, {})[re.sub("^…, ", "Restore the previous value, ", remedy)] = None
    return {reason: list(remedies) for reason, remedies in found.items()}


def _pairs() -> Iterator[tuple[str, str]]:
    """Yield (reason, remedy) of each error that the operator knows."""
    for row in (*(row for rows in CODES.values() for row in rows), *AADSTS.values(), *FEDERATED.values()):
        yield row.reason, row.remedy.replace("{field}", row.field or "{field}")
    for known in TABLE:
        yield known.reason, known.remedy
    for own in failures():
        yield own.reason, own.remedy
