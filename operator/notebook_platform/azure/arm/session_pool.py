"""Keep Azure sessions open between reconciles and share them: all platforms with one credential and subscription use one session.

`SharedClients` holds a session for each platform, and drops it when Azure refuses its token or the platform is deleted.
"""

import asyncio
import importlib
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from notebook_platform.azure.arm.cache import ResourceCache
from notebook_platform.azure.arm.cloud import Cloud
from notebook_platform.azure.arm.credentials import SignIn
from notebook_platform.azure.arm.rate_limit import Buckets
from notebook_platform.azure.arm.repeated import RepeatedWrites
from notebook_platform.azure.arm.session import CLIENTS, AzureSession
from notebook_platform.azure.arm.written import WrittenPaths
from notebook_platform.engine.trace import Read, Verify

RECENT = 3600.0
"""Seconds. A change of the credential's Secret ends it at once, and so does a token that Azure refuses; a watch that was interrupted may miss
a change."""


@dataclass(frozen=True, eq=False)
class SignedIn:
    """One credential in one subscription: the session with Azure, the cached reads of that session, and the repeated writes of all."""

    session: AzureSession
    cache: ResourceCache
    repeated: RepeatedWrites


@dataclass(frozen=True, slots=True)
class _Held:
    """The session of a holder, by what its spec says of it (one string for all holders that say the same); the credential need not be read
    again until a time, in seconds."""

    signed_in: SignedIn
    named: str
    until: float


class SessionPool:
    """Keeps sessions open between reconciles, so that tokens and connections are reused. Holders (platforms) with one credential share a
    session, which is closed when none uses it any more. `clock`: seconds, in which the rate limits of all sessions run."""

    def __init__(self, cloud: Cloud, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.cloud = cloud
        self._open: dict[tuple[str, str], SignedIn] = {}
        self._held: dict[str, _Held] = {}
        self._users: Counter[SignedIn] = Counter()
        """How many holders use each session."""
        self.buckets = Buckets(documented=cloud.documented, clock=clock)
        self._repeated = RepeatedWrites()

    @staticmethod
    async def warm_up() -> None:
        """Import the SDK's clients in a thread: they are large, and the first reconcile must not block on them."""
        await asyncio.to_thread(lambda: [importlib.import_module(f"azure.mgmt.{name}.aio") for name in CLIENTS])

    def of(self, sign_in: SignIn, subscription_id: str) -> SignedIn:
        """Return the session of this credential for this subscription."""
        key = (subscription_id, sign_in.digest)
        if key not in self._open:
            written = WrittenPaths()
            session = AzureSession(self.cloud, sign_in, subscription_id, self.buckets, written)
            self._open[key] = SignedIn(session, ResourceCache(session, written), self._repeated)
        return self._open[key]

    def recent(self, holder: str, named: str) -> SignedIn | None:
        """Return the session of a holder whose credential was read within RECENT seconds, if `named` is what it was then, and no holder's
        token was refused; else None. Otherwise each reconcile would read the credential's Secret."""
        held = self._held.get(holder)
        if held is None or held.named != named or time.monotonic() >= held.until:
            return None
        return held.signed_in if self._is_open(held.signed_in) else None

    async def hold(self, holder: str, sign_in: SignIn, subscription_id: str, named: str) -> SignedIn:
        """Return the session of this credential for a holder, which uses it until its next `hold` or `release`. `named`: what the
        credential was read from."""
        signed_in = self.of(sign_in, subscription_id)
        before, self._held[holder] = self._held.get(holder), _Held(signed_in, sys.intern(named), time.monotonic() + RECENT)
        self._users[signed_in] += 1
        if before is not None:
            await self._leave(before.signed_in)
        return signed_in

    def verify(self, holder: str, max_age: float) -> Verify:
        """Return the call that verifies a read of the cache of a holder's session, from answers that are at most `max_age` old."""

        async def unchanged(read: Read) -> bool:
            held = self._held.get(holder)
            return held is not None and await held.signed_in.cache.verify(read, max_age)

        return unchanged

    def reread(self, holder: str) -> None:
        """Let the next reconcile of a holder read its credential again."""
        if held := self._held.get(holder):
            self._held[holder] = replace(held, until=0.0)

    async def refuse(self, holder: str) -> None:
        """Drop the session of a holder because its token was refused: the next `hold` opens a new one. The other holders keep theirs until
        then."""
        held = self._held.pop(holder, None)
        if held is not None:
            self._forget(held.signed_in)
            await self._leave(held.signed_in)

    async def release(self, holder: str) -> None:
        """Close the session of a holder unless another one uses it."""
        held = self._held.pop(holder, None)
        if held is not None:
            await self._leave(held.signed_in)

    async def _leave(self, signed_in: SignedIn) -> None:
        """Close a session if the last of its holders has left it."""
        self._users[signed_in] -= 1
        if not self._users[signed_in]:
            del self._users[signed_in]
            self._forget(signed_in)
            await signed_in.session.close()

    def _is_open(self, signed_in: SignedIn) -> bool:
        return self._open.get(_key(signed_in)) is signed_in

    def _forget(self, signed_in: SignedIn) -> None:
        if self._is_open(signed_in):
            del self._open[_key(signed_in)]

    async def close(self) -> None:
        """Close all sessions."""
        signed_in = {*self._open.values(), *(held.signed_in for held in self._held.values())}
        self._open.clear()
        self._held.clear()
        self._users.clear()
        for one in signed_in:
            await one.session.close()


def _key(signed_in: SignedIn) -> tuple[str, str]:
    return signed_in.session.subscription_id, signed_in.session.digest
