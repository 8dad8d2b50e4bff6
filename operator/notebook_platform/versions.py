"""Versions of Kubernetes and of charts as numbers that compare.

Both follow Semantic Versioning (https://semver.org). `packaging` reads the versions of Python packages and refuses those of the public
development charts, such as `1.0.0-0.dev.git.3506.hba24eb2a`. The order of pre-releases has no use here: what the operator knows about a
version holds for its pre-releases too.
"""

import re
from functools import lru_cache

Version = tuple[int, ...]

_NUMBER = re.compile(r"[0-9]{1,18}")
LONGEST_KEPT = 64
"""Characters of a version whose numbers are remembered: a platform's few versions are parsed hundreds of times in a reconcile."""


def parse(version: str) -> Version:
    """Parse a version: `v1.34.2` gives (1, 34, 2); pre-release and build are ignored.

    Never raises: versions come from records in a workload cluster too. A text without numbers gives ().
    """
    return _remembered(version) if len(version) <= LONGEST_KEPT else _numbers(version)


def _numbers(version: str) -> Version:
    head = re.split(r"[-+]", version, maxsplit=1)[0]
    return tuple(int(part) for part in _NUMBER.findall(head))


_remembered = lru_cache(maxsize=1024)(_numbers)


def minor(version: str) -> tuple[int, int]:
    """Return the major and the minor number. Raises ValueError for a version without them."""
    first, second, *_ = parse(version)
    return first, second
