"""docs/reference/errors.md: the reason, the retry and the remedy of every error that the operator reports."""

from collections.abc import Iterator, Sequence
from functools import cache

from notebook_platform.azure.arm.error_rows import Row
from notebook_platform.azure.arm.error_table import CODES, NODE_GROUP_GONE, STATUSES
from notebook_platform.azure.arm.errors import TRANSIENT, UNKNOWN_RETRY, UNKNOWN_TRIES
from notebook_platform.azure.arm.sign_in_table import AADSTS, FEDERATED
from notebook_platform.helm.errors import TABLE

from docs.generator.markdown import code, generated, prose, table
from docs.generator.sources import failures

NO_RETRY = "no"

OPENING = """{total} meanings: {azure} of {codes} codes of Resource Manager and Microsoft Graph, {entra} of Entra ID, {helm} of helm, and \
{own} that the operator detects.

The condition of a failed step (`<Step>Ready`, and `Ready`) has the reason, a message that names the field and quotes the error of \
Azure or helm, and the remedy. **Retry** is the first wait in seconds; it grows with each failure in a row. `no` means that a \
retry cannot help: the platform is `Stalled` until the spec, a Secret that it names or the cloud changes; the operator still checks \
at every interval. With a number of times, the platform is `Stalled` after so many failures in a row too, and is tried once an \
interval from then on. *field* stands for the path in the spec that the step is about."""


@cache
def page() -> str:
    """The whole page."""
    azure = [(name, row) for name, rows in CODES.items() for row in rows]
    own = failures()
    entra = [
        *((f"AADSTS{n}", row) for n, row in AADSTS.items()),
        *((f"AADSTS{n} (token file)", row) for n, row in FEDERATED.items()),
    ]
    counts = {"azure": len(azure), "codes": len(CODES), "entra": len(entra), "helm": len(TABLE), "own": len(own)}
    statuses = ", ".join(map(str, sorted(TRANSIENT)))
    parts = [
        generated("Errors: reason, retry, remedy", OPENING.format(total=sum(counts.values()) - len(CODES), **counts)),
        "## Azure Resource Manager and Microsoft Graph",
        table(["Code", "Only with the text", "Reason", "Retry", "Remedy"], _rows(azure)),
        "A code marked *inside* gives way to a code of this table in its details, its inner error or its message: "
        "`CreateVMSSAgentPoolFailed` around `RequestDisallowedByPolicy` is reported as the latter.",
        f"`ResourceGroupNotFound` as the result of an operation on the cluster or a pool has the reason {code(NODE_GROUP_GONE.reason)}: "
        f"{_words(NODE_GROUP_GONE.remedy)}",
        f"The operator reports any other code unchanged, with Azure's message, and retries after {UNKNOWN_RETRY:g} s, "
        f"{UNKNOWN_TRIES} times; with the HTTP status {statuses} the reason is `AzureUnavailable`, and retries go on. With status 429 "
        "the wait is that of `Retry-After`. A status without a body counts as "
        + ", ".join(f"{code(name)} ({status})" for status, name in STATUSES.items())
        + ".",
        "## Entra ID",
        table(["Code", "Only with the text", "Reason", "Retry", "Remedy"], _rows(entra)),
        "The reason of any other error of Entra ID is `SignInRefused`.",
        "## Helm",
        "The first row whose pattern (a regular expression) matches helm's message applies; without one the reason is `HelmFailed`.",
        table(
            ["Pattern", "Reason", "Retry", "Remedy"],
            ([code(r.text), code(r.reason), _again(r.retry_in), _words(r.remedy)] for r in TABLE),
        ),
        "## Detected by the operator",
        "`…` stands for a name or a value.",
        table(
            ["Reason", "Message", "Retry", "Remedy"],
            ([code(t.reason), _words(t.message), t.retry_in.replace("…", "yes") or NO_RETRY, _words(t.remedy)] for t in own),
        ),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _rows(rows: "Iterator[tuple[str, Row]] | Sequence[tuple[str, Row]]") -> Iterator[list[str]]:
    for name, row in rows:
        remedy = _words(row.remedy.replace("{field}", row.field) if row.field else row.remedy)
        again = _again(row.retry_in) + (f", {row.tries} times" if row.tries else "") + (", *inside*" if row.vague else "")
        yield [code(name), code(row.contains or ""), code(row.reason), again, remedy]


def _again(seconds: float | None) -> str:
    return NO_RETRY if seconds is None else f"{seconds:g}"


def _words(text: str) -> str:
    return prose(text).replace("{field}", "*field*")
