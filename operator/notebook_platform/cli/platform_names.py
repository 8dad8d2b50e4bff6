"""Names of platforms, for completion: one LIST by kubectl, which starts sooner than this project's client of Kubernetes.

Completion runs in the middle of a line that its user types. So nothing here takes long, and nothing is ever printed as an error: without
kubectl, a cluster or the CustomResourceDefinition there are no names.
"""

import re
import subprocess
from collections.abc import Sequence
from urllib.parse import quote

from notebook_platform.api import GROUP, PLURAL, VERSION
from notebook_platform.bounded.documents import DocumentRefused, parse_json
from notebook_platform.cli.flags import DEFAULT_NAMESPACE

SECONDS = 2
"""Time for an answer of the API server."""

MOST = 200
"""Platforms that are listed: more names do not fit a terminal."""

NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
NAMESPACE_FLAG = re.compile(r"(?:--namespace=|-n=?)(.+)")


def platform_names(namespace: str) -> list[str]:
    """Return the names of the platforms of a namespace (empty: that of the kubeconfig's context); none when they cannot be read in time."""
    try:
        where = namespace or _kubectl("config", "view", "--minify", "-o", "jsonpath={..namespace}") or DEFAULT_NAMESPACE
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{quote(where, safe='')}/{PLURAL}?limit={MOST}"
        listed = parse_json(_kubectl("get", "--raw", path, f"--request-timeout={SECONDS}s"))
        names = [str(item["metadata"]["name"]) for item in listed["items"]]
    except (OSError, ValueError, subprocess.SubprocessError, DocumentRefused, LookupError, TypeError):
        return []
    return sorted(name for name in names if NAME.fullmatch(name))


def namespace_of(words: Sequence[str]) -> str:
    """Return the namespace that the words of a command line name; empty when they name none."""
    for previous, word in zip(["", *words], words, strict=False):
        if previous in ("-n", "--namespace"):
            return word
        if found := NAMESPACE_FLAG.fullmatch(word):
            return found[1]
    return ""


def _kubectl(*words: str) -> str:
    done = subprocess.run(
        ["kubectl", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=SECONDS + 1
    )
    return done.stdout
