"""Fixtures of the tests of the operator's rights."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.operator_process import ACCOUNT, NAMESPACE, install
from tests.security.conftest import namespace_of
from tests.security.rights.management import Management, bind, control_plane
from tests.security.rights.tenant import Tenant


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Management]:
    """One management cluster for all files of this package, with deploy/kustomize/base installed."""
    async with control_plane(tmp_path_factory.mktemp("plane")) as made:
        install(made.environment)
        yield made


@pytest.fixture
def namespace(site: Management, request: pytest.FixtureRequest) -> str:
    """Create a namespace of an author."""
    name = namespace_of(request, "author")
    site.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    bind(site, name, {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE})
    return name


@pytest.fixture
def tenant(site: Management, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Tenant]:
    """An operator of this test alone, which is stopped at its end."""
    made = Tenant(site, namespace_of(request, "alone"), tmp_path)
    yield made
    made.stop()
    for kind in ("clusterrolebinding", "serviceaccount"):
        site.kubectl("delete", kind, made.name, "-n", NAMESPACE, "--ignore-not-found", check=False)
