"""Own Secrets of a known version are not read again; a write makes it unknown, whether or not the watch reports it."""

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
