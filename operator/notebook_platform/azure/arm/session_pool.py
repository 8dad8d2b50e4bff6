"""Keep Azure sessions open between reconciles and share them: all platforms with one credential and subscription use one session.

`SharedClients` holds a session for each platform, and drops it when Azure refuses its token or the platform is deleted.
"""

import asyncio
import importlib

from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.azure.arm.credentials import SignIn
from notebook_platform.azure.arm.rate_limit import Buckets
from notebook_platform.azure.arm.session import CLIENTS, AzureSession


class SessionPool:
    """Keeps sessions open between reconciles, so that tokens and connections are reused. Holders (platforms) with one credential share a
    session, which is closed when none uses it any more."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._open: dict[tuple[str, str], AzureSession] = {}
        self._held: dict[str, AzureSession] = {}
        self._buckets = Buckets()

    @staticmethod
    async def warm_up() -> None:
        """Import the SDK's clients in a thread: they are large, and the first reconcile must not block on them."""
        await asyncio.to_thread(lambda: [importlib.import_module(f"azure.mgmt.{name}.aio") for name in CLIENTS])

    def of(self, sign_in: SignIn, subscription_id: str) -> AzureSession:
        """Return the session of this credential for this subscription."""
        key = (subscription_id, sign_in.digest)
        if key not in self._open:
            self._open[key] = AzureSession(self.cloud, sign_in, subscription_id, self._buckets)
        return self._open[key]

    async def hold(self, holder: str, sign_in: SignIn, subscription_id: str) -> AzureSession:
        """Return the session of this credential for a holder, which uses it until its next `hold` or `release`."""
        session = self.of(sign_in, subscription_id)
        before, self._held[holder] = self._held.get(holder), session
        if before is not None and before is not session:
            await self._close_unused(before)
        return session

    async def refuse(self, holder: str) -> None:
        """Drop the session of a holder because its token was refused: the next `hold` opens a new one. The other holders keep theirs until
        then."""
        session = self._held.pop(holder, None)
        if session is not None:
            self._forget(session)
            await self._close_unused(session)

    async def release(self, holder: str) -> None:
        """Close the session of a holder unless another one uses it."""
        session = self._held.pop(holder, None)
        if session is not None:
            await self._close_unused(session)

    async def _close_unused(self, session: AzureSession) -> None:
        if not any(held is session for held in self._held.values()):
            self._forget(session)
            await session.close()

    def _forget(self, session: AzureSession) -> None:
        key = (session.subscription_id, session.digest)
        if self._open.get(key) is session:
            del self._open[key]

    async def close(self) -> None:
        """Close all sessions."""
        sessions = {id(session): session for session in (*self._open.values(), *self._held.values())}
        self._open.clear()
        self._held.clear()
        for session in sessions.values():
            await session.close()
