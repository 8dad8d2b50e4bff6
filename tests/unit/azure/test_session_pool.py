"""Platforms with one credential share a session; it is closed when none uses it any more, and never while one does."""

import pytest
from azure.core.credentials import AccessToken
from azure.core.credentials_async import AsyncTokenCredential
from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.azure.arm.credentials import SignIn
from notebook_platform.azure.arm.session_pool import SessionPool
from notebook_platform.azure.arm.transport import BoundedTransport

URL = "https://azure.example.org"
CLOUD = Cloud(resource_manager=URL, authority=URL, graph=URL)
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


class Credential:
    """A credential that counts how often it is closed."""

    def __init__(self, closed: list[str], name: str) -> None:
        self._closed, self._name = closed, name

    async def get_token(self, *scopes: str) -> AccessToken:
        return AccessToken("token", 2**31)

    async def close(self) -> None:
        self._closed.append(self._name)


class CountedSignIn(SignIn):
    """A sign-in whose credential reports that it is closed."""

    def __init__(self, closed: list[str], name: str) -> None:
        super().__init__("test", CLOUD, {"name": name})
        self._closed, self._name = closed, name

    def credential(self, transport: BoundedTransport) -> AsyncTokenCredential:
        return Credential(self._closed, self._name)  # type: ignore[return-value]


class Pool(SessionPool):
    """A pool whose sessions report that they are closed."""

    def __init__(self) -> None:
        super().__init__(CLOUD)
        self.closed: list[str] = []

    async def take(self, platform: str, name: str) -> object:
        return await self.hold(platform, CountedSignIn(self.closed, name), SUBSCRIPTION, name)


async def test_a_refused_token_gives_all_holders_one_new_session() -> None:
    pool = Pool()
    first = await pool.take("a", "x")
    assert await pool.take("b", "x") is first
    await pool.refuse("a")
    assert pool.closed == []
    second = await pool.take("a", "x")
    assert second is not first and pool.closed == []
    assert await pool.take("b", "x") is second and pool.closed == ["x"]
    for _ in range(3):
        assert await pool.take("a", "x") is second and await pool.take("b", "x") is second
    assert pool.closed == ["x"]
    await pool.close()
    assert pool.closed == ["x", "x"]


async def test_the_session_of_the_last_platform_is_closed() -> None:
    pool = Pool()
    await pool.take("a", "x")
    await pool.take("b", "x")
    await pool.release("a")
    assert pool.closed == []
    await pool.release("b")
    await pool.release("b")
    assert pool.closed == ["x"]


@pytest.mark.parametrize("shared", [True, False])
async def test_a_changed_secret_closes_the_old_session_unless_another_platform_uses_it(shared: bool) -> None:
    pool = Pool()
    await pool.take("a", "x")
    if shared:
        await pool.take("b", "x")
    await pool.take("a", "y")
    assert pool.closed == ([] if shared else ["x"])
    await pool.close()
    assert sorted(pool.closed) == ["x", "y"]


async def test_a_credential_is_read_again_when_its_secret_has_changed_when_another_is_named_and_when_azure_refuses_it() -> None:
    pool = Pool()
    assert pool.recent("a", "x") is None
    session = await pool.take("a", "x")
    assert pool.recent("a", "x") is session and pool.recent("a", "y") is None
    pool.reread("a")
    assert pool.recent("a", "x") is None
    await pool.take("a", "x")
    await pool.refuse("a")
    assert pool.recent("a", "x") is None


async def test_a_refused_token_has_all_its_holders_read_their_credential_again() -> None:
    pool = Pool()
    await pool.take("a", "x")
    session = await pool.take("b", "x")
    await pool.refuse("a")
    assert pool.recent("b", "x") is None
    await pool.take("a", "x")
    assert pool.recent("b", "x") is None and await pool.take("b", "x") is not session
    assert pool.closed == ["x"]
