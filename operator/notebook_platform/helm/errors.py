"""Helm's error messages as reason and remedy: a table over their words, which are quoted without secrets."""

import re
from dataclasses import dataclass

from notebook_platform.api.reasons import AnyReason, Reason
from notebook_platform.bounded.text import shortened
from notebook_platform.engine.outcome import Failed
from notebook_platform.kube.redaction import sanitize

LONGEST = 500


@dataclass(frozen=True)
class Row:
    """A pattern (regular expression) of Helm's message, and its meaning."""

    text: str
    reason: AnyReason
    remedy: str
    retry_in: float | None = None


TABLE = (
    Row(
        r"values don't meet the specifications of the schema",
        Reason.VALUES_REFUSED,
        "Correct {field}.values (or valuesFrom): the chart's schema refuses what helm names above.",
    ),
    Row(
        r"resource mapping not found|no matches for kind|ensure CRDs are installed",
        Reason.UNSUPPORTED_KUBERNETES,
        "The chart asks for a kind that this Kubernetes no longer serves: choose a newer {field}.chart.version.",
    ),
    Row(
        r"chart requires kubeVersion",
        Reason.UNSUPPORTED_KUBERNETES,
        "Choose a {field}.chart.version for this Kubernetes, or change spec.cluster.kubernetesVersion.",
    ),
    Row(
        r"(FetchReference|failed to fetch|looks like .* is not a valid chart repository).*(401|403|[Uu]nauthorized|[Dd]enied|[Ff]orbidden)",
        Reason.REPOSITORY_REFUSED,
        "The repository of {field}.chart wants a sign-in that the operator does not have, or does not hold this chart.",
    ),
    Row(
        r"\"FetchReference\" on source: \S+ not found|no chart version found|404 Not Found|"
        r"not found in .* repository|chart \S+ .*not found|not a valid chart repository|failed to fetch",
        Reason.CHART_NOT_FOUND,
        "Correct {field}.chart.version or {field}.chart.repository; it is looked for again once an interval.",
    ),
    Row(
        r"no such host|connection refused|i/o timeout|network is unreachable|dial tcp",
        Reason.REPOSITORY_UNREACHABLE,
        "See whether the operator can reach the chart repository and the cluster; it is tried again.",
        30,
    ),
    Row(
        r"invalid ownership metadata|cannot be imported into the current release",
        Reason.OWNERSHIP_CONFLICT,
        "Something in the namespace belongs to another release: choose another {field}.namespace, or remove it.",
    ),
    Row(
        r"another operation \(install/upgrade/rollback\) is in progress",
        Reason.RELEASE_LOCKED,
        "Another Helm process is at work; it is tried again.",
        15,
    ),
    Row(
        r"secrets \"sh\.helm\.release\.v1\.\S+\" already exists",
        Reason.RELEASE_RECORD_CHANGED,
        "Another helm, or whoever may write Secrets in the namespace of {field}, wrote a record of this revision meanwhile. It is tried again.",
        30,
    ),
    Row(
        r"has no deployed releases",
        Reason.NOTHING_DEPLOYED,
        "Helm's book names no revision of {field} that runs. Delete the Secrets sh.helm.release.v1.* of that release: it is installed "
        "anew over what is there, and volumes stay.",
        60,
    ),
    Row(
        r"(pre|post)-(install|upgrade)\S* hooks? failed|failed (pre|post)-(install|upgrade)|hook .* timed out",
        Reason.HOOK_FAILED,
        "See the Job that helm names; it is tried again.",
        60,
    ),
    Row(
        r"execution error at|parse error at|error calling|nil pointer evaluating",
        Reason.VALUES_REFUSED,
        "The chart's templates refuse the values: correct {field}.values as helm says above.",
    ),
    Row(
        r"helm wrote more than \d+ bytes",
        Reason.CHART_REFUSED,
        "The chart renders more than the operator reads: choose another {field}.chart.version, or ask for less in {field}.values.",
    ),
    Row(r"timed out waiting|context deadline exceeded", Reason.HELM_TIMED_OUT, "It is tried again.", 60),
)


def words_of(text: str) -> str:
    """Return Helm's message in one line, without secrets and shortened."""
    return shortened(_cleaned(text), LONGEST)


def _cleaned(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    kept = [line for line in lines if not line.startswith("W")] or lines[-1:] or ["it ended without a message"]
    return re.sub(r"^(Error: )+", "", sanitize(" ".join(kept)))


def failure(said: str, field: str) -> Failed:
    """Return the failure that Helm's message (its stderr, or the description of a failed revision) means for the part of the
    spec `field`."""
    text, message = _cleaned(said), f"{field}: helm: {words_of(said)}"
    for row in TABLE:
        if re.search(row.text, text):
            remedy = row.remedy.format(field=field)
            return Failed(reason=row.reason, message=message, remedy=remedy, retry_in=row.retry_in)
    return Failed(reason=Reason.HELM_FAILED, message=message, remedy="It is tried again.", retry_in=60)
