"""Own Secrets of a known version are not read again; the version of a written one is known from the answer."""

from types import SimpleNamespace
from typing import Any, cast

from notebook_platform.engine.outcome import Ready
from notebook_platform.engine.result import Result
from notebook_platform.engine.trace import Tracer, Traces
from notebook_platform.kube.secret_versions import ABSENT, SecretVersions
from notebook_platform.kube.secrets import Platform, SecretStore

from tests.local.reconciler.cluster import Management

PLATFORM = Platform(namespace="platforms", name="lab", uid="uid-1")
NAME = "lab-releases"


async def test_an_absent_secret_is_read_once_until_it_is_written() -> None:
    async with Management() as cluster:
        store = SecretStore(cluster.api, PLATFORM, SecretVersions())
        assert await store.own(NAME) is None and await store.own(NAME) is None
        assert cluster.calls == ["GET secrets"]
        await store.apply(NAME, {"a": "b"}, hidden={})
        assert await store.own(NAME) is not None, "without an event of the watch"
        await store.delete(NAME)
        assert await store.own(NAME) is None


async def test_a_secret_that_another_writer_has_made_or_deleted_is_read_again() -> None:
    async with Management() as cluster:
        versions = SecretVersions()
        store = SecretStore(cluster.api, PLATFORM, versions)
        assert await store.own(NAME) is None
        other = SecretStore(cluster.api, PLATFORM)
        await other.apply(NAME, {"a": "b"})
        versions.event("platforms", NAME, "1")
        assert await store.own(NAME) is not None
        await other.delete(NAME)
        versions.event("platforms", NAME, ABSENT)
        assert await store.own(NAME) is None


async def test_content_that_was_current_is_not_rendered_again() -> None:
    rendered = []

    def content() -> dict[str, str]:
        rendered.append(1)
        return {}

    async with Management() as cluster:
        versions = SecretVersions()
        store = SecretStore(cluster.api, PLATFORM, versions)
        await store.apply(NAME, {})
        assert [await store.compare(NAME, content, basis=1) for _ in range(3)] == ["current"] * 3
        assert len(rendered) == 1
        assert await store.compare(NAME, content, basis=2) == "current" and len(rendered) == 2
        versions.event("platforms", NAME, "2")
        assert await store.compare(NAME, content, basis=2) == "current" and len(rendered) == 3


async def test_a_step_that_has_written_its_secret_is_not_observed_again_until_another_writer_changes_it() -> None:
    async with Management() as cluster:
        versions = SecretVersions()
        store = SecretStore(cluster.api, PLATFORM, versions)
        traces, step = Traces(), cast(Any, SimpleNamespace(name="Writes"))
        observed = []

        async def observe() -> Result:
            observed.append(await store.own(NAME))
            await store.apply(NAME, {"a": "b"}, hidden={})
            return Result(outcome=Ready())

        async def reconcile() -> None:
            await Tracer(traces, store.verify, salt=0).result(step, cast(Any, {}), observe)

        for _ in range(3):
            await reconcile()
        assert observed == [None]
        versions.event("platforms", NAME, "another")
        await reconcile()
        assert len(observed) == 2


async def test_a_secret_that_changes_while_it_is_written_is_read_again() -> None:
    async with Management() as cluster:
        versions = SecretVersions()
        store = SecretStore(cluster.api, PLATFORM, versions)
        cluster.on_call = lambda call: versions.event("platforms", NAME, "another")
        await store.apply(NAME, {"a": "b"}, hidden={})
        assert versions.of("platforms", NAME) is None
