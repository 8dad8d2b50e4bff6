"""chart.digest and chart.repository: what admission refuses, and a hub whose package has another digest."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.security.conftest import Author, Field
from tests.security.test_h_chart_digest import digest_of

pytestmark = pytest.mark.attack


DIGEST = "0123456789abcdef" * 4
MALFORMED = [
    DIGEST,
    f"sha256:{DIGEST.upper()}",
    f"sha256:{DIGEST[:-1]}",
    f"sha256:{DIGEST}0",
    f"SHA256:{DIGEST}",
    f"sha512:{DIGEST}",
    f"sha256:{DIGEST}\n",
    f" sha256:{DIGEST}",
    f"sha256:{DIGEST[:-1]}g",
    f"sha256:{DIGEST[:-1]}\N{FULLWIDTH DIGIT ZERO}",
    "sha256:",
    "",
]


def with_chart(author: Author, block: str, name: str, **chart: str) -> dict[str, Any]:
    found = author.runbook(name, suspend=True)
    if block == "jupyterhub":
        found["spec"]["jupyterhub"]["chart"] |= chart
    elif block == "releases":
        named = {"name": "little", "version": "1.0.0", **chart}
        found["spec"]["releases"] = [{"name": "little", "namespace": "little", "chart": named}]
    else:
        found["spec"]["binderhub"] = {
            "chart": {"version": "1.0.0-0.dev.git.3941.h9056a226", **chart},
            "address": {"dnsLabels": {"binder": "a-binder", "hub": "a-hub"}},
            "registry": {"azure": {"name": "aregistry"}},
            "builder": {"pool": "nodepool1"},
        }
    return found


def refusals(author: Author, block: str, field: str, values: Sequence[str]) -> list[str]:
    """Return admission's answer to each value of a field of the chart; one command tries all of them, and none is accepted."""
    documents = [with_chart(author, block, f"x{number}", **{field: value}) for number, value in enumerate(values)]
    answer = author.apply(*documents, check=False)
    assert author.kubectl("get", "nbp", "-o", "name").strip() == ""
    return [answer.partition(f'"x{number}" is invalid')[2].partition("NotebookPlatform")[0] for number in range(len(values))]


BLOCKS = {"jupyterhub": "spec.jupyterhub.chart", "releases": "spec.releases[].chart", "binderhub": "spec.binderhub.chart"}


@pytest.mark.parametrize("block", BLOCKS)
def test_admission_refuses_a_malformed_digest(author: Author, block: str) -> None:
    answers = refusals(author, block, "digest", MALFORMED)
    sentence = f"{BLOCKS[block]}.digest must be sha256: and 64 lower-case hexadecimal digits"
    assert [
        value for value, words in zip(MALFORMED, answers, strict=True) if sentence not in words and "Too long" not in words
    ] == []


@pytest.mark.parametrize("block", BLOCKS)
def test_admission_takes_a_well_formed_digest(author: Author, block: str) -> None:
    author.apply(with_chart(author, block, "x", digest=f"sha256:{DIGEST}"))


REPOSITORIES = [
    "https://user:secret@charts.example.org",
    "https://token@charts.example.org/stable",
    "oci://user:secret@registry.example.org/charts",
    "file:///etc",
    "http://charts.example.org",
    "s3://bucket/charts",
    "git+https://example.org/charts",
    "/etc/charts",
]


@pytest.mark.parametrize("block", BLOCKS)
def test_admission_refuses_a_repository_with_credentials_or_another_scheme(author: Author, block: str) -> None:
    answers = refusals(author, block, "repository", REPOSITORIES)
    sentence = f"{BLOCKS[block]}.repository must"
    assert [value for value, words in zip(REPOSITORIES, answers, strict=True) if sentence not in words] == []


def test_a_hub_whose_package_has_another_digest_is_not_rendered_until_it_is_corrected(author: Author, site: Field) -> None:
    archive = Path(site.environment["SANDBOX_CHARTS"]) / "jupyterhub-4.4.0.tgz"
    right, wrong = digest_of(archive.read_bytes()), f"sha256:{DIGEST}"
    found = author.runbook("hub")
    found["spec"]["jupyterhub"]["chart"]["digest"] = wrong
    author.apply(found)
    message = author.until_reason("hub", "JupyterHubReady", "ChartDigestMismatch")["message"]
    assert f"spec.jupyterhub.chart.digest is {wrong}" in message and right in message
    assert not author.platform("hub")["status"].get("releases")
    found["spec"]["jupyterhub"]["chart"]["digest"] = right
    author.apply(found)
    site.until("the hub is installed", lambda: author.platform("hub").get("status", {}).get("releases"))
