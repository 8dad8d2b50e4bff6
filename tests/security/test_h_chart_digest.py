"""chart.digest: Helm renders and installs exactly the package with the digest of the spec, whatever its source."""

import asyncio
import hashlib
import io
import json
import os
import tarfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from notebook_platform.engine.outcome import StepError
from notebook_platform.helm import packages
from notebook_platform.helm.charts import ChartSource
from notebook_platform.helm.runner import Helm

from sandbox.kubernetes.binaries import find
from sandbox.kubernetes.processes import free_ports

pytestmark = pytest.mark.attack


FIELD = "spec.releases[little].chart"


def package(text: str = "the publisher's", size: int = 0) -> bytes:
    """Return a chart `little` 1.0.0 with one ConfigMap; `size` bytes of it are noise."""
    files = {
        "little/Chart.yaml": b"apiVersion: v2\nname: little\nversion: 1.0.0\n",
        "little/templates/map.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: little}}\ndata: {{text: {text}}}\n".encode(),
        "little/files/noise": os.urandom(size),
    }
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


GOOD, EVIL = package(), package("the attacker's")


def helm(directory: Path, *, repository: str = "") -> Helm:
    charts = ChartSource(directory=None if repository else directory, repository=repository)
    return Helm(executable=str(find().path("helm")), work_dir=directory / "work", charts=charts, timeout=30)


async def package_for(tried: Helm, digest: str) -> bytes:
    """Return the package that Helm would read for this digest. Raises StepError."""
    chart = tried.charts.find("little", "1.0.0", None, FIELD, digest)
    async with tried.packages.checked(chart) as found:
        assert found.is_archive and found.repository is None
        return await asyncio.to_thread(Path(found.reference).read_bytes)


async def refused(tried: Helm, digest: str, reason: str = "ChartDigestMismatch") -> str:
    with pytest.raises(StepError) as caught:
        await package_for(tried, digest)
    assert caught.value.failed.reason == reason
    return caught.value.failed.message


@dataclass
class Repository:
    """A chart repository on loopback that serves what a test sets."""

    package: bytes = GOOD
    packages_at: str = ""
    requests: list[str] = field(default_factory=list)
    answer: Callable[[web.Request], web.StreamResponse] | None = None

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request.path)
        if request.path == "/index.yaml":
            url = f"{self.packages_at or self.url}/little-1.0.0.tgz"
            entry = {"name": "little", "version": "1.0.0", "apiVersion": "v2", "urls": [url], "digest": "0" * 64}
            return web.Response(text=yaml.safe_dump({"apiVersion": "v1", "entries": {"little": [entry]}}))
        return web.Response(body=self.package)

    url: str = ""


@asynccontextmanager
async def serving(repository: Repository, handler: Callable[..., object] | None = None) -> AsyncIterator[Repository]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler or repository.serve)  # type: ignore[arg-type]
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    (port,) = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    repository.url = f"http://127.0.0.1:{port}"
    try:
        yield repository
    finally:
        await runner.cleanup()


async def test_helm_installs_the_cached_package_with_the_digest(tmp_path: Path) -> None:
    (tmp_path / "little-1.0.0.tgz").write_bytes(GOOD)
    assert await package_for(helm(tmp_path), digest_of(GOOD)) == GOOD


@pytest.mark.parametrize(
    "digest",
    [digest_of(EVIL), digest_of(GOOD)[:-1] + ("0" if digest_of(GOOD)[-1] != "0" else "1"), "sha256:" + "0" * 64],
    ids=["of another package", "one digit differs", "zeros"],
)
async def test_another_digest_is_refused_with_both_digests_and_the_field(tmp_path: Path, digest: str) -> None:
    (tmp_path / "little-1.0.0.tgz").write_bytes(GOOD)
    message = await refused(helm(tmp_path), digest)
    assert f"{FIELD}.digest is {digest}" in message and digest_of(GOOD) in message


async def test_a_package_changed_on_disk_after_the_check_is_not_what_helm_gets(tmp_path: Path) -> None:
    archive = tmp_path / "little-1.0.0.tgz"
    archive.write_bytes(GOOD)
    tried = helm(tmp_path)
    chart = tried.charts.find("little", "1.0.0", None, FIELD, digest_of(GOOD))
    async with tried.packages.checked(chart) as first:
        archive.write_bytes(EVIL)
        assert await asyncio.to_thread(Path(first.reference).read_bytes) == GOOD
    assert await package_for(tried, digest_of(GOOD)) == GOOD


async def test_a_package_exchanged_by_a_link_after_the_check_is_not_what_helm_gets(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(GOOD)
    (tmp_path / "evil").write_bytes(EVIL)
    (tmp_path / "little-1.0.0.tgz").symlink_to(tmp_path / "good")
    tried = helm(tmp_path)
    assert await package_for(tried, digest_of(GOOD)) == GOOD
    (tmp_path / "little-1.0.0.tgz").unlink()
    (tmp_path / "little-1.0.0.tgz").symlink_to(tmp_path / "evil")
    assert await package_for(tried, digest_of(GOOD)) == GOOD


async def test_a_changed_package_in_the_cache_is_downloaded_again(tmp_path: Path) -> None:
    (tmp_path / "little-1.0.0.tgz").write_bytes(GOOD)
    tried = helm(tmp_path)
    await package_for(tried, digest_of(GOOD))
    (kept,) = (tmp_path / "work" / "packages").glob("*.tgz")
    kept.write_bytes(EVIL)
    assert await package_for(tried, digest_of(GOOD)) == GOOD


async def test_a_package_that_vanishes_is_refused_and_no_other_takes_its_place(tmp_path: Path) -> None:
    (tmp_path / "little-1.0.0.tgz").write_bytes(GOOD)
    tried = helm(tmp_path)
    chart = tried.charts.find("little", "1.0.0", None, FIELD, digest_of(GOOD))
    (tmp_path / "little-1.0.0.tgz").unlink()
    with pytest.raises(StepError) as caught:
        async with tried.packages.checked(chart):
            pass
    assert caught.value.failed.reason == "ChartNotFound"


async def test_a_repository_that_serves_another_package_is_refused(tmp_path: Path) -> None:
    async with serving(Repository(package=EVIL)) as repository:
        message = await refused(helm(tmp_path, repository=repository.url), digest_of(GOOD))
    assert digest_of(EVIL) in message


async def test_a_repository_that_replaces_a_package_after_the_check_changes_nothing(tmp_path: Path) -> None:
    async with serving(Repository()) as repository:
        tried = helm(tmp_path, repository=repository.url)
        assert await package_for(tried, digest_of(GOOD)) == GOOD
        asked = len(repository.requests)
        repository.package = EVIL
        assert await package_for(tried, digest_of(GOOD)) == GOOD
        assert len(repository.requests) == asked
        await refused(tried, digest_of(package("a third")))


async def test_an_index_that_points_to_another_host_cannot_bring_in_another_package(tmp_path: Path) -> None:
    async with serving(Repository(package=EVIL)) as elsewhere, serving(Repository(packages_at=elsewhere.url)) as repository:
        tried = helm(tmp_path, repository=repository.url)
        await refused(tried, digest_of(GOOD))
        elsewhere.package = GOOD
        assert await package_for(tried, digest_of(GOOD)) == GOOD


async def test_the_digest_of_an_oci_chart_is_that_of_its_package_and_not_of_its_manifest(tmp_path: Path) -> None:
    config = b'{"name": "little", "version": "1.0.0", "apiVersion": "v2"}'
    blobs = {digest_of(data): data for data in (config, GOOD)}
    types = ("application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip")
    parts = [{"mediaType": kind, "digest": name, "size": len(blobs[name])} for kind, name in zip(types, blobs, strict=True)]
    media = "application/vnd.oci.image.manifest.v1+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": media, "config": parts[0], "layers": parts[1:]}).encode()

    async def registry(request: web.Request) -> web.Response:
        kind, _, reference = request.path.removeprefix("/v2/charts/little/").partition("/")
        if kind == "manifests":
            return web.Response(body=manifest, headers={"Docker-Content-Digest": digest_of(manifest), "Content-Type": media})
        return web.Response(body=blobs[reference]) if reference in blobs else web.Response(status=404)

    async with serving(Repository(), registry) as repository:
        oci = repository.url.replace("http://127.0.0.1", "oci://localhost") + "/charts"
        tried = helm(tmp_path, repository=oci)
        assert await package_for(tried, digest_of(GOOD)) == GOOD
        await refused(tried, digest_of(manifest))


async def test_a_package_that_is_too_large_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    large = package(size=packages.LARGEST)
    (tmp_path / "little-1.0.0.tgz").write_bytes(large)
    await refused(helm(tmp_path), digest_of(large), "ChartTooLarge")
    async with serving(Repository(package=large)) as repository:
        await refused(helm(tmp_path, repository=repository.url), digest_of(large), "ChartTooLarge")
    assert list((tmp_path / "work" / "packages").iterdir()) == []


@pytest.mark.parametrize("endless", ["/index.yaml", "/little-1.0.0.tgz"])
async def test_an_endless_answer_of_a_repository_ends_at_a_bound(tmp_path: Path, endless: str) -> None:
    repository = Repository()
    sent = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        if request.path != endless:
            return await repository.serve(request)
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(1 << 20))
            sent += 1
            await asyncio.sleep(0)  # otherwise the loop may never learn that the client has left

    async with serving(repository, answer):
        await refused(helm(tmp_path, repository=repository.url), digest_of(GOOD), "ChartTooLarge")
    assert sent < 1024, f"{sent} MiB"


async def test_a_repository_that_never_answers_times_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "PULL_SECONDS", 1.0)

    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async with serving(Repository(), answer) as repository:
        await refused(helm(tmp_path, repository=repository.url), digest_of(GOOD), "RepositoryUnreachable")


async def test_the_private_directory_keeps_a_bounded_number_of_packages(tmp_path: Path) -> None:
    tried = helm(tmp_path)
    for number in range(6):
        made = package(f"number {number}")
        (tmp_path / "little-1.0.0.tgz").write_bytes(made)
        assert await package_for(tried, digest_of(made)) == made
    assert len(list((tmp_path / "work" / "packages").iterdir())) == packages.KEPT


async def test_many_releases_with_the_same_package_each_get_it(tmp_path: Path) -> None:
    async with serving(Repository()) as repository:
        tried = helm(tmp_path, repository=repository.url)
        found = await asyncio.gather(*(package_for(tried, digest_of(GOOD)) for _ in range(8)))
    assert set(found) == {GOOD}
