"""docs/reference/steps.md and the drawing in ARCHITECTURE.md: the steps and their needs, read from the classes."""

from collections.abc import Iterator, Mapping, Sequence

from notebook_platform.helm.releases import AnyChart

from docs.generator.markdown import code, generated, prose, table
from docs.generator.sources import StepEntry, provider_of, step_entries

OPENING = """{count} steps, each drawn below the steps that it needs. An arrow leads from a step to one that takes its output. Steps \
without a path between them run side by side. A deletion follows the arrows backwards.

`Release<Name>` stands for one step for each entry of `spec.releases`; releases also come after the releases in their own `needs`.
A step that the spec does not ask for is `Ready` at once and has no condition. The condition of a step is its name with `Ready`."""

ANY_RELEASE = "Release<Name>"

AZURE, CLUSTER = "Azure Resource Manager and Microsoft Graph", "The workload cluster"

SIDES: Mapping[str, str] = {"azure": AZURE, "workload": CLUSTER, "helm": CLUSTER, "hubs": CLUSTER}
"""The side that the steps of a package write to."""

BEGIN = "<!-- Steps: written by `make docs` from the code; do not edit below. -->"
END = "<!-- Steps: end. -->"


def entries() -> list[StepEntry]:
    """Return all steps with the one that stands for the releases of `spec.releases`."""
    release = StepEntry(
        name=ANY_RELEASE,
        about="A release of spec.releases: its chart is installed with its values, unchanged since, and healthy.",
        needs=tuple(map(provider_of, AnyChart.needs)),
        package="helm",
        deleted_with="Cluster",
    )
    return [*step_entries(), release]


def page() -> str:
    """Return the whole page."""
    found = entries()
    head = ["Step", "Needs", "Package", "Deleted with", "What it is about"]
    rows = [
        [
            code(entry.name),
            ", ".join(map(code, sorted(entry.needs))),
            code(f"{entry.package}/"),
            code(entry.deleted_with),
            prose(entry.about),
        ]
        for entry in found
    ]
    parts = [generated("Steps", OPENING.format(count=len(found))), drawing(found), table(head, rows)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def drawing(found: Sequence[StepEntry]) -> str:
    """Return a Mermaid flowchart of the steps, with a box for each side. An arrow that follows from two others is left out."""
    lines = ["```mermaid", "flowchart TD"]
    for number, side in enumerate(dict.fromkeys(SIDES.values())):
        members = [entry for entry in found if SIDES[entry.package] == side]
        lines += [f'  subgraph side{number}["{side}"]', *(f"    {_node(entry.name)}" for entry in members), "  end"]
    lines += [f"  {_id(need)} --> {_id(entry.name)}" for need, entry in _arrows(found)]
    return "\n".join([*lines, "```"])


def _arrows(found: Sequence[StepEntry]) -> Iterator[tuple[str, StepEntry]]:
    above: dict[str, frozenset[str]] = {}
    for entry in found:  # each comes after those that it needs
        above[entry.name] = frozenset(entry.needs).union(*(above[need] for need in entry.needs))
    for entry in found:
        through = frozenset[str]().union(*(above[need] for need in entry.needs))
        yield from ((need, entry) for need in sorted(entry.needs) if need not in through)


def _node(name: str) -> str:
    return f'{_id(name)}["{name.replace("<", "#lt;").replace(">", "#gt;")}"]'


def _id(name: str) -> str:
    return name.replace("<", "").replace(">", "")


def with_drawing(document: str) -> str:
    """Return a document with the drawing between its two marks. Raises ValueError when the marks are missing."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the document has no block between {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{drawing(entries())}\n\n{END}{after}"
