"""What a protected platform named prd has, and waits for reconciles."""

import json
import re

from sandbox.operator_process import kubectl
from tests.security.conftest import Author, Field

NAME = "prd"
HUB = "jhub"


def release(author: Author) -> str:
    """Return what the built cluster shows of the hub's Deployment, read with the kubeconfig from the operator's Secret."""
    value = author.site.kubectl(
        "get", "secret", f"{NAME}-kubeconfig", "-n", author.namespace, "-o", "go-template={{.data.value | base64decode}}"
    )
    path = author.site.directory / f"{author.namespace}.built.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(value)
    environment = {**author.site.environment, "KUBECONFIG": str(path)}
    return kubectl(environment, "get", "deployment", "hub", "-n", HUB, "-o", "jsonpath={.metadata.uid}")


def passes(site: Field) -> float:
    """Return how many reconciles the operator has run over all platforms."""
    (count,) = re.findall(r"^\S*reconcile_duration_seconds_count\S* (\S+)$", site.operator.metrics(), re.MULTILINE)
    return float(count)


def until_passes(site: Field, more: int = 3) -> None:
    """Wait until the operator has run this number of further reconciles."""
    enough = passes(site) + more
    site.until(f"{more} more passes", lambda: passes(site) >= enough)


def secrets_of(author: Author) -> dict[str, str]:
    """Return the uids of all Secrets in the author's namespace."""
    listed = json.loads(author.site.kubectl("get", "secrets", "-n", author.namespace, "-o", "json"))["items"]
    return {one["metadata"]["name"]: one["metadata"]["uid"] for one in listed}
