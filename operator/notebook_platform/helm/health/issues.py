"""What can be amiss with a release, as a word and a sentence that says what to do."""

from collections.abc import Iterable
from dataclasses import dataclass

from notebook_platform.api.reasons import AnyReason


@dataclass(frozen=True, order=True)
class HealthIssue:
    """`weight`: worse troubles come first (0 is worst); `reason` is CamelCase; `message` names the object and the remedy."""

    weight: int
    reason: AnyReason
    message: str


def sentence(troubles: Iterable[HealthIssue]) -> str:
    """All troubles in one sentence, worst first, each once."""
    return "; ".join(dict.fromkeys(trouble.message for trouble in sorted(troubles)))
