"""docs/reference/spec.md: every field of spec and status as the CRD has it, and the conditions."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from notebook_platform.api import GROUP, VERSION
from notebook_platform.api.crd import COLUMNS, STRING_LIMIT, crd
from notebook_platform.api.lists import TYPE as LIST_TYPE
from notebook_platform.api.numbers import INT_OR_STRING

from docs.generator.markdown import code, generated, prose, table
from docs.generator.sources import notices, steps

Schema = Mapping[str, Any]

OPENING = f"""Every field of a NotebookPlatform (`{GROUP}/{VERSION}`, short name `nbp`) in the order of the CRD, with its default and
with the rules by which the API server rejects it at `kubectl apply`. `[]` in a path means each item of a list. A default of **required** means that
the field must be set when the block around it is set; **optional** that it has no value unless it is set.
A set refuses duplicates, and server-side apply merges it by its entries.
`kubectl explain nbp.spec.cluster --recursive` shows the same on a cluster."""

SUMMARY = (
    ("Ready", "All steps are up to date. False: the reason and the message are those of the first step that is not."),
    ("Reconciling", "Work is in progress, or the operator retries (kstatus)."),
    ("Stalled", "A user has to act: no retry can help until the spec, a Secret that it names or the cloud changes (kstatus)."),
    ("DriftDetected", "A resource differs from the spec that was applied; `spec.driftPolicy` decides what the operator does."),
)


@dataclass(frozen=True)
class Field:
    """One member of a schema. `path` is as the sentences of the rules write it."""

    path: str
    schema: Schema
    required: bool


def fields(schema: Schema, path: str) -> Iterator[Field]:
    """Yield all members below a schema in its order, with those of list items."""
    required = schema.get("required", ())
    for name, child in schema.get("properties", {}).items():
        here = f"{path}.{name}"
        yield Field(here, child, name in required)
        yield from fields(child, here)
        if child.get("type") == "array":
            yield from fields(child["items"], f"{here}[]")


def type_of(schema: Schema) -> str:
    """The type in words, with its bounds."""
    if "enum" in schema:
        return ", ".join(code(json.dumps(value) if not isinstance(value, str) else value) for value in schema["enum"])
    match schema.get("type"):
        case None if schema.get(INT_OR_STRING):
            return "integer, or decimal as string"
        case "array":
            kind = "set" if schema[LIST_TYPE] == "set" else "list"
            return f"{kind} of {_plain(schema['items'])}{_between(schema.get('minItems'), schema.get('maxItems'))}"
        case "object" if schema.get("x-kubernetes-preserve-unknown-fields"):
            return "anything"
        case "object" if "additionalProperties" in schema:
            return f"map of {_plain(schema['additionalProperties'])}{_between(None, schema.get('maxProperties'))}"
        case "string" if schema.get("format") == "date-time":
            return "time"
        case "string":
            longest = schema.get("maxLength")
            return "string" + ("" if longest == STRING_LIMIT else _between(schema.get("minLength"), longest))
        case other:
            return f"{other}{_between(schema.get('minimum'), schema.get('maximum'))}"


def _plain(item: Schema) -> str:
    return type_of(item) if "enum" in item else str(item["type"])


def _between(least: float | None, most: float | None) -> str:
    if most is None:
        return "" if least is None else f" (≥ {least:g})"
    return f" (≤ {most:g})" if least is None else f" ({least:g}–{most:g})"


def default_of(field: Field) -> str:
    """The default as YAML's flow style has it."""
    if "default" not in field.schema:
        return "**required**" if field.required else "optional"
    value = field.schema["default"]
    if isinstance(value, dict) and value:
        return "as below"
    return code(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def sentences(schema: Schema) -> list[str]:
    """Return the messages with which the API server rejects the field, for a list also those of its items."""
    rules = [str(rule["message"]) for rule in schema.get("x-kubernetes-validations", ())]
    return rules + (sentences(schema["items"]) if schema.get("type") == "array" else [])


def _brief(sentence: str, path: str) -> str:
    """A sentence without the path that its row has anyway."""
    return re.sub(rf"^{re.escape(path)}(\[\])? (?=must|cannot)", lambda found: "each " if found[1] else "", sentence)


def _fields_table(found: Sequence[Field], *, rules: bool) -> str:
    head = ["Field", "Type", "Default", "Meaning", "Admission"] if rules else ["Field", "Type", "Meaning"]
    rows = [
        [
            code(f.path),
            type_of(f.schema),
            *([default_of(f)] if rules else []),
            prose(f.schema.get("description", "")),
            *(["<br>".join(prose(_brief(s, f.path)) for s in sentences(f.schema))] if rules else []),
        ]
        for f in found
    ]
    return table(head, rows)


def blocks(spec: Schema) -> Iterator[tuple[Field | None, list[Field]]]:
    """Yield the blocks of the spec with their fields; last, with None, the fields outside all blocks."""
    top = [f for f in fields(spec, "spec") if f.path.count(".") == 1]
    inner = list(fields(spec, "spec"))
    single: list[Field] = []
    for block in top:
        below = [f for f in inner if f.path.startswith((f"{block.path}.", f"{block.path}[]."))]
        if below:
            yield block, below
        else:
            single.append(block)
    yield None, single


@cache
def _schema(part: str) -> Schema:
    found: Schema = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][part]
    return found


def counts() -> tuple[int, int]:
    """Return how many fields the spec has, and how many validation rules."""
    spec = _schema("spec")
    return len(list(fields(spec, "spec"))), len(list(_rules(spec)))


@cache
def page() -> str:
    """The whole page."""
    spec, status = _schema("spec"), _schema("status")
    parts = [generated("NotebookPlatform: spec and status", OPENING)]
    parts.append("{} fields of the spec, {} rules.".format(*counts()))
    for block, below in blocks(spec):
        parts += [f"## {block.path}", _about(block), _bullets(sentences(block.schema))] if block else ["## The rest"]
        parts.append(_fields_table(below, rules=True))
    parts += ["## Rules over several blocks", _bullets(sentences(spec))]
    parts += ["## status", _fields_table(list(fields(status, "status")), rules=False)]
    parts += ["## Conditions", *_conditions()]
    parts += ["## Columns of `kubectl get nbp`", _columns()]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _about(block: Field) -> str:
    need = "required" if block.required else "optional"
    return f"{prose(block.schema['description'])} ({type_of(block.schema)}, {need})"


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {prose(line)}" for line in lines)


def _rules(schema: Schema) -> Iterator[Schema]:
    yield from schema.get("x-kubernetes-validations", ())
    for child in schema.get("properties", {}).values():
        yield from _rules(child)
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from _rules(schema[key])


def _conditions() -> list[str]:
    summary = [[code(name), prose(meaning)] for name, meaning in SUMMARY]
    each = [[code(f"{name}Ready"), prose(meaning)] for name, meaning in steps()]
    rows = [[code(n.name), code(n.reason), prose(n.message)] for n in notices()]
    return [
        table(["Condition", "True means"], summary),
        "One for each step of the platform; a step that the spec does not ask for has none. [steps.md](steps.md) draws the steps, and "
        "[errors.md](errors.md) lists the reasons of failures.",
        table(["Condition", "What the step is about"], each),
        "Notices: conditions that exist only while they apply, and that do not make the platform unready:",
        table(["Condition", "Reason", "Message"], rows),
    ]


def _columns() -> str:
    return table(
        ["Column", "Meaning", "Shown"],
        [[c["name"], prose(c["description"]), code("-o wide") if c["priority"] else "always"] for c in COLUMNS],
    )
