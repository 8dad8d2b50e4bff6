"""What `import` prints of clusters of every shape is admitted by a real API server, with its rules and limits."""

import asyncio
import ssl

import aiohttp
import pytest
from notebook_platform.api.azure import Credentials
from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.azure.arm.credentials import sign_in
from notebook_platform.azure.arm.session_pool import SessionPool
from notebook_platform.cli.import_ import describe, rendered

from sandbox.azure.world import SUBSCRIPTION
from sandbox.operator_process import install, kubectl
from tests.azure.shapes import Shape, shapes
from tests.unit.kube.memory import Secrets

pytestmark = pytest.mark.timeout(600)


async def printed(environment: dict[str, str], shape: Shape) -> str:
    """Put the shape into the simulated Azure, import it, and return what import prints."""
    url, authority = environment["SANDBOX_ARM"], environment["SANDBOX_CA"]
    sessions = SessionPool(Cloud(resource_manager=url, authority=url, graph=url, ca_file=authority))
    context = ssl.create_default_context(cafile=authority)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http:
        for id_, body in shape.resources.items():
            async with http.put(f"{url}/_sandbox/resources{id_}", json=body) as answer:
                answer.raise_for_status()
        credentials = Credentials.model_validate({"secretRef": {"name": "azure-credentials"}})
        signed_in = await sign_in(credentials, sessions.cloud, Secrets())  # type: ignore[arg-type]
        taken = await describe(sessions.of(signed_in, SUBSCRIPTION), shape.group, None, shape.group, "platforms")
        async with http.delete(f"{url}/_sandbox/resources/subscriptions/{SUBSCRIPTION}/resourceGroups/{shape.group}") as answer:
            answer.raise_for_status()
    await sessions.close()
    return rendered("platforms", taken)


def test_the_api_server_admits_what_import_prints(sandbox_environment: dict[str, str]) -> None:
    install(sandbox_environment)
    texts = {shape.name: asyncio.run(printed(sandbox_environment, shape)) for shape in shapes()}
    kubectl(sandbox_environment, "create", "--dry-run=server", "-f", "-", stdin="\n---\n".join(texts.values()))
    assert len(texts) >= 60
