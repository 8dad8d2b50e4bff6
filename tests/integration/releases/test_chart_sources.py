"""Charts come out of a directory, a repository or an OCI registry, and only out of those that the operator allows."""

import asyncio
import hashlib
import json
from pathlib import Path

import pytest
from aiohttp import web
from notebook_platform.helm.charts import ChartSource
from notebook_platform.helm.runner import Helm

from sandbox.kubernetes.binaries import find
from sandbox.kubernetes.processes import free_ports
from tests.integration.releases.harness import ReleaseHarness

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def served(app: web.Application) -> tuple[str, web.AppRunner]:
    """Serve an application on loopback."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    (port,) = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return f"http://127.0.0.1:{port}", runner


async def test_a_chart_comes_out_of_a_repository_that_the_operator_allows(harness: ReleaseHarness) -> None:
    app = web.Application()
    app.router.add_static("/", harness.cluster.charts)
    url, runner = await served(app)
    command = [str(find().path("helm")), "repo", "index", str(harness.cluster.charts)]
    await (await asyncio.create_subprocess_exec(*command)).wait()
    charts = ChartSource(directory=None, repository="", allowed=(url,))
    harness.helm = Helm(executable=command[0], work_dir=harness.cluster.directory / "helm-http", charts=charts, timeout=60)
    harness.cluster.helms.append(harness.helm)
    harness.wants[0]["chart"]["repository"] = url
    assert (await harness.ready()).chart == "little-1.0.0"
    harness.wants[0]["chart"]["version"] = "7.0.0"
    assert "spec.releases[little].chart.version" in (await harness.reason("ChartNotFound")).message
    await runner.cleanup()


def registry(chart: Path) -> web.Application:
    """Serve an OCI registry with one chart, as far as a pull needs it (https://github.com/opencontainers/distribution-spec)."""
    config = b'{"name": "little", "version": "1.0.0", "apiVersion": "v2"}'
    blobs = {_digest(data): data for data in (config, chart.read_bytes())}
    types = ("application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
    first, second = (
        {"mediaType": type_, "digest": digest, "size": len(blobs[digest])} for type_, digest in zip(types, blobs, strict=True)
    )
    media = "application/vnd.oci.image.manifest.v1+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": media, "config": first, "layers": [second]}).encode()

    async def answer(request: web.Request) -> web.Response:
        kind, _, reference = request.path.removeprefix("/v2/charts/little/").partition("/")
        if kind == "manifests" and reference in ("1.0.0", _digest(manifest)):
            headers = {"Docker-Content-Digest": _digest(manifest), "Content-Type": media}
            return web.Response(body=manifest, headers=headers)
        return web.Response(body=blobs[reference]) if reference in blobs else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    return app


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


async def test_a_chart_comes_out_of_an_oci_registry(harness: ReleaseHarness) -> None:
    url, runner = await served(registry(harness.cluster.charts / "little-1.0.0.tgz"))
    repository = url.replace("http://127.0.0.1", "oci://localhost") + "/charts"
    charts = ChartSource(directory=None, repository="", allowed=(repository,))
    helm = str(find().path("helm"))
    harness.helm = Helm(executable=helm, work_dir=harness.cluster.directory / "helm-oci", charts=charts, timeout=60)
    harness.cluster.helms.append(harness.helm)
    harness.wants[0]["chart"]["repository"] = repository
    assert (await harness.ready()).chart == "little-1.0.0"
    harness.wants[0]["chart"]["version"] = "7.0.0"
    assert "spec.releases[little].chart.version" in (await harness.reason("ChartNotFound")).message
    await runner.cleanup()


async def test_a_chart_or_repository_that_is_not_allowed_is_reported_with_its_field(harness: ReleaseHarness) -> None:
    harness.wants[0]["chart"] = {"name": "little", "version": "9.9.9"}
    outcome = await harness.reason("ChartNotFound")
    assert "spec.releases[little].chart.version 9.9.9" in outcome.message and "1.0.0" in outcome.message
    harness.wants[0]["chart"] |= {"repository": "https://evil.example.org"}
    assert "allowed_chart_repositories" in (await harness.reason("RepositoryNotAllowed")).remedy
