"""Translation of Helm's error messages into reasons and remedies, by a table of patterns. Messages are quoted without secrets."""

import re
from dataclasses import dataclass

from notebook_platform.api.reasons import AnyReason, Reason
from notebook_platform.engine.outcome import Failed
from notebook_platform.kube.redaction import sanitize

LONGEST, HEAD, READ = 500, 180, 8000
"""Characters of a quoted message, of its beginning when its middle is cut (Go's chains of errors end with the cause), and of what is
read of it."""

NOISE = re.compile(r"W\d{4} |walk\.go:\d+: |WARNING: |Use --debug flag|helm\.go:\d+: ")
"""Beginnings of lines that say nothing about the failure: klog's warnings, Helm's hints."""

BANNER = re.compile(r"([#*=~_-])\1{3,}")
"""Rows of one character, with which the jupyterhub chart frames its refusals."""

OBJECT = re.compile(r"(\S+) \"([^\"]+)\" in namespace \"([^\"]*)\" exists and cannot be imported")
HOLDER = re.compile(r'key "meta\.helm\.sh/release-(name|namespace)" must equal "([^"]*)": current value is "([^"]*)"')
"""Helm's words about an object that exists, and about the release that its annotations name."""

LABEL = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
"""Names of releases and namespaces; an annotation may hold anything."""

RETRIES = "The operator retries."

TOO_LARGE = (
    "Move large texts of {field} into ConfigMaps in the release's namespace and mount these as volumes: Helm keeps chart, values and "
    "manifests in one Secret, and Kubernetes limits a Secret to 1 MiB."
)


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
        "Correct {field}.values (or valuesFrom): the chart's schema rejects the values that Helm names above.",
    ),
    Row(
        r"resource mapping not found|no matches for kind|ensure CRDs are installed",
        Reason.UNSUPPORTED_KUBERNETES,
        "Choose a newer {field}.chart.version: the chart renders a kind that this Kubernetes no longer serves.",
    ),
    Row(
        r"chart requires kubeVersion",
        Reason.UNSUPPORTED_KUBERNETES,
        "Choose a {field}.chart.version for this Kubernetes, or change spec.cluster.kubernetesVersion.",
    ),
    Row(
        r"(FetchReference|failed to fetch|looks like .* is not a valid chart repository).*(\b401\b|\b403\b|[Uu]nauthorized|[Dd]enied|[Ff]orbidden)",
        Reason.REPOSITORY_REFUSED,
        "Name a repository in {field}.chart that holds this chart and requires no sign-in.",
    ),
    Row(
        r"\"FetchReference\" on source: \S+ not found|no chart version found|404 Not Found|"
        r"not found in .* repository|chart \S+ .*not found|not a valid chart repository|failed to fetch",
        Reason.CHART_NOT_FOUND,
        "Correct {field}.chart.version or {field}.chart.repository. The operator reads the repository again at every interval.",
    ),
    Row(
        r"no such host|connection refused|i/o timeout|network is unreachable|dial tcp",
        Reason.REPOSITORY_UNREACHABLE,
        f"Check that the operator can reach the chart repository and the cluster. {RETRIES}",
        30,
    ),
    Row(
        r"invalid ownership metadata|cannot be imported into the current release",
        Reason.OWNERSHIP_CONFLICT,
        "Choose another {field}.namespace, or delete the object: it belongs to another release.",
    ),
    Row(
        r"Too long: may not be more than|must have at most \d+ bytes|request is too large|[Ee]ntity too large|larger than max",
        Reason.VALUES_TOO_LARGE,
        TOO_LARGE,
    ),
    Row(
        r"another operation \(install/upgrade/rollback\) is in progress",
        Reason.RELEASE_LOCKED,
        f"Wait for the other Helm process to end. {RETRIES}",
        15,
    ),
    Row(
        r"secrets \"sh\.helm\.release\.v1\.\S+\" already exists",
        Reason.RELEASE_RECORD_CHANGED,
        "Check which other client writes Secrets in the namespace of {field}: it wrote a record of this revision. " + RETRIES,
        30,
    ),
    Row(
        r"has no deployed releases",
        Reason.NOTHING_DEPLOYED,
        "Delete the Secrets sh.helm.release.v1.* of the release of {field}: none of them records a deployed revision. The "
        "operator installs the release over its existing objects and keeps its volumes.",
        60,
    ),
    Row(
        r"(pre|post)-(install|upgrade)\S* hooks? failed|failed (pre|post)-(install|upgrade)|hook .* timed out",
        Reason.HOOK_FAILED,
        f"Read the log of the Job that Helm names (`kubectl --kubeconfig workload.kubeconfig logs job/NAME`). {RETRIES}",
        60,
    ),
    Row(
        r"execution error at|parse error at|error calling|nil pointer evaluating",
        Reason.VALUES_REFUSED,
        "Correct {field}.values as Helm's message above says: the chart's templates reject them.",
    ),
    Row(
        r"helm wrote more than \d+ bytes",
        Reason.CHART_REFUSED,
        "Choose another {field}.chart.version, or switch off parts of the chart in {field}.values: it renders more than the operator reads.",
    ),
    Row(r"timed out waiting|context deadline exceeded", Reason.HELM_TIMED_OUT, RETRIES, 60),
)


def words_of(text: str) -> str:
    """Return Helm's message in one line, without secrets and with its middle cut if it is long."""
    cleaned = _cleaned(text)
    if len(cleaned) <= LONGEST:
        return cleaned
    return f"{cleaned[:HEAD].rstrip()} … {cleaned[HEAD + 3 - LONGEST :].lstrip()}"


def _cleaned(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    kept = [line for line in lines if not NOISE.match(line)] or lines[-1:] or ["it ended without a message"]
    plain = " ".join(BANNER.sub(" ", sanitize(" ".join(kept), READ)).split())
    return re.sub(r"^(Error: )+", "", plain)


def failure(stderr: str, field: str) -> Failed:
    """Return the failure for Helm's message (its stderr, or the description of a failed revision). `field`: the part of the spec
    that asks for the release."""
    text, message = _cleaned(stderr), f"{field}: helm: {words_of(stderr)}"
    for row in TABLE:
        if re.search(row.text, text):
            remedy = _of_conflict(text, field) if row.reason is Reason.OWNERSHIP_CONFLICT else row.remedy.format(field=field)
            return Failed(reason=row.reason, message=message, remedy=remedy, retry_in=row.retry_in)
    return Failed(reason=Reason.HELM_FAILED, message=message, remedy="The operator retries.", retry_in=60)


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """An object that Helm refuses to take over (`kind`, `name`, and its namespace, empty for a cluster-scoped one), and the release
    (namespace, name) that has it."""

    kind: str
    name: str
    namespace: str
    holder: tuple[str, str]


def conflict_in(stderr: str, namespace: str, release: str) -> Conflict | None:
    """Return the conflict of `release` that Helm's message reports; None: no other release can have the object, or the message is another."""
    text = _cleaned(stderr)
    found, held = OBJECT.search(text), {part: name for part, _, name in HOLDER.findall(text)}
    if found is None or not held:
        return None
    holder = (held.get("namespace", namespace), held.get("name", release))
    if not all(map(LABEL.fullmatch, holder)):
        return None
    return Conflict(kind=found[1], name=found[2], namespace=found[3], holder=holder)


def _of_conflict(text: str, field: str) -> str:
    """Return the remedy for an object that exists: it is deleted only if it is no other release's."""
    name_field = f"{field}.name" if field.startswith("spec.releases[") else f"{field}.release"
    found, holder = OBJECT.search(text), {part: (wanted, held) for part, wanted, held in HOLDER.findall(text)}
    kind, name, namespace = found.groups() if found else ("the object", "", "")
    label = f"{kind} {name}".strip()
    if not holder:
        at = f" in namespace {namespace}" if namespace else ""
        return f"Check what uses {label}{at}, which no Helm release created. Delete it if it is unused, or choose another {name_field}."
    held = {part: holder[part][1] for part in holder}
    release = f"release {held['name']}" if "name" in held else "the release of the same name"
    place = f" in namespace {held['namespace']}" if "namespace" in held else ""
    other = f"{field}.namespace" if namespace else name_field
    again = "" if field.startswith("spec.releases[") else f" (remove {field}, then apply it with the other name)"
    return f"Choose another {other}{again}. Keep {label}: {release}{place} uses it."
