"""One control plane for all tests of releases, and a namespace for each test."""

import hashlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.environments import Say
from tests.integration.releases.cluster import Cluster, cluster_of
from tests.integration.releases.harness import ReleaseHarness


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def cluster(tmp_path_factory: pytest.TempPathFactory, say: Say) -> AsyncIterator[Cluster]:
    async with cluster_of(tmp_path_factory.mktemp("releases")) as made:
        yield made
    say("Conditions seen on releases: what was done, reason, message")
    for (situation, reason), message in made.messages.items():
        say(f"{situation:<100.100} {reason:<20} {message[:220]}")


@pytest.fixture
def harness(cluster: Cluster, request: pytest.FixtureRequest) -> ReleaseHarness:
    namespace = f"n{hashlib.sha256(request.node.name.encode()).hexdigest()[:10]}"
    wanted = {"name": "little", "namespace": namespace, "chart": {"name": "little", "version": "1.0.0"}}
    situation = request.node.name.removeprefix("test_").replace("_", " ")
    wants = [wanted | {"remediation": {"retries": 1, "wait": "1s"}}]
    return ReleaseHarness(cluster, cluster.helm(), namespace, wants, situation=situation)
