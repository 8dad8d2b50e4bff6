"""spec.driftIgnore: patterns of differences that the operator leaves as they are. Pure.

The engine drops these changes. Steps use the test where a change that is dropped would still cost a request of its own.
"""

import fnmatch
import re
from collections.abc import Callable, Sequence


def ignored_by(patterns: Sequence[str]) -> Callable[[str, str], bool]:
    """Return a test for (step, path): whether `spec.driftIgnore` ignores the difference.

    Only `*` is special in a pattern, and a pattern covers everything below the path that it names.
    """
    compiled = [re.compile(fnmatch.translate(pattern.replace("[", "[[]")), re.IGNORECASE) for pattern in patterns]
    deeper = [re.compile(fnmatch.translate(f"{pattern.replace('[', '[[]')}.*"), re.IGNORECASE) for pattern in patterns]

    def ignored(step: str, path: str) -> bool:
        return any(expression.match(f"{step}.{path}") for expression in (*compiled, *deeper))

    return ignored
