"""Health issues of a release: a reason, and a sentence with the remedy."""

from collections.abc import Iterable
from dataclasses import dataclass

from notebook_platform.api.reasons import AnyReason


@dataclass(frozen=True, order=True)
class HealthIssue:
    """`weight`: the worst issues come first (0 is worst); `message` names the object and the remedy."""

    weight: int
    reason: AnyReason
    message: str


def sentence(issues: Iterable[HealthIssue]) -> str:
    """Return all issues in one sentence, worst first, each once."""
    return "; ".join(dict.fromkeys(issue.message for issue in sorted(issues)))
