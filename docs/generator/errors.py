"""docs/reference/errors.md: what the operator says when something is wrong, and what to do."""

from collections.abc import Iterator, Sequence

from notebook_platform.azure.arm.error_table import AADSTS, CODES, Row
from notebook_platform.azure.arm.errors import TRANSIENT, UNKNOWN_RETRY
from notebook_platform.helm.errors import TABLE

from docs.generator.markdown import code, generated, prose, table
from docs.generator.sources import failures

A_PERSON = "no"

OPENING = """{total} meanings: {azure} of {codes} codes of Resource Manager and Microsoft Graph, {entra} of Entra ID, {helm} of helm, and \
{own} that the operator finds by itself.

A failed step's condition (`<Step>Ready`, and `Ready` itself) has the reason, then a sentence that names the field and holds the
other side's own words, then the remedy. **Tried again** tells the first wait in seconds; it grows with each failure in a row.
`no` means that trying again cannot help: the platform is `Stalled` until the spec, a Secret it names or the cloud changes, and is
looked at once an interval all the same. *field* stands for the part of the spec that the step is about."""


def page() -> str:
    """The whole page."""
    azure = [(name, row) for name, rows in CODES.items() for row in rows]
    own = failures()
    counts = {"azure": len(azure), "codes": len(CODES), "entra": len(AADSTS), "helm": len(TABLE), "own": len(own)}
    statuses = ", ".join(map(str, sorted(TRANSIENT)))
    parts = [
        generated("Errors: reason, retry, remedy", OPENING.format(total=sum(counts.values()) - len(CODES), **counts)),
        "## Azure Resource Manager and Microsoft Graph",
        table(["Code", "When it says", "Reason", "Tried again", "What to do"], _rows(azure)),
        f"Any other code is told as it is, with Azure's own words, and is tried again after {UNKNOWN_RETRY:g} s; one that comes with the "
        f"status {statuses} is `AzureUnavailable`. With status 429 Azure's own `Retry-After` counts.",
        "## Entra ID",
        table(
            ["Code", "When it says", "Reason", "Tried again", "What to do"], _rows((f"AADSTS{n}", r) for n, r in AADSTS.items())
        ),
        "Any other refusal of Entra ID is `SignInRefused`.",
        "## Helm",
        "The first row whose pattern (a regular expression) is in helm's words holds; for anything else the reason is `HelmFailed`.",
        table(
            ["Pattern", "Reason", "Tried again", "What to do"],
            ([code(r.text), code(r.reason), _again(r.retry_in), _words(r.remedy)] for r in TABLE),
        ),
        "## Found by the operator itself",
        "`…` stands for names and values of the moment.",
        table(
            ["Reason", "Message", "Tried again", "What to do"],
            ([code(t.reason), _words(t.message), t.retry_in.replace("…", "yes") or A_PERSON, _words(t.remedy)] for t in own),
        ),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _rows(rows: "Iterator[tuple[str, Row]] | Sequence[tuple[str, Row]]") -> Iterator[list[str]]:
    for name, row in rows:
        remedy = _words(row.remedy.replace("{field}", row.field) if row.field else row.remedy)
        yield [code(name), code(row.contains or ""), code(row.reason), _again(row.retry_in), remedy]


def _again(seconds: float | None) -> str:
    return A_PERSON if seconds is None else f"{seconds:g}"


def _words(text: str) -> str:
    return prose(text).replace("{field}", "*field*")
