"""Hold the access to workload clusters: asked for once (`ClusterClients`), kept in memory, and asked for again only when it is no longer
valid.

A platform's Secret with a kubeconfig is written for users and never read: otherwise users who may edit Secrets in its
namespace would choose where the operator connects and which programs it runs.
"""

import asyncio
import pickle
import time
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from kubernetes.aio import client

from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import StepError
from notebook_platform.engine.time_limit import in_turn
from notebook_platform.workload.client import build, close_idle, connect
from notebook_platform.workload.kubeconfig import ClusterAccess

TOKEN_LEFT = 600.0
"""Seconds before its expiry at which a token is renewed."""
LEAST_AGE = 5.0
"""Seconds. Access that is refused as soon as Azure returned it would be returned unchanged. Doubled each time that it is."""
UNREACHABLE_AGE = 60.0
"""Seconds. The same for an API that does not answer: its address seldom changes."""
LONGEST_AGE = 600.0
"""Seconds. An API behind the cluster's own can answer 401 permanently: Azure is asked no more often than this in the end."""
RETIRED_SECONDS = 180.0
"""Seconds until a replaced client is closed. No request takes longer."""


@dataclass(frozen=True, kw_only=True)
class ClusterKey:
    """What access is bound to: one cluster (`resource_uid` and `fqdn` change when it is created again under its name) and one
    identity.

    Access of one credential is not used for another.
    """

    cluster_id: str
    fqdn: str | None
    resource_uid: str | None
    local_accounts: bool
    credential: str


Ask = Callable[[bool], Awaitable[ClusterAccess]]
"""Returns access to a cluster. True: what was known of it no longer serves, so it has to come from Azure."""


@dataclass(frozen=True)
class Connection:
    """Access to a cluster, and the client that uses it."""

    access: ClusterAccess = field(repr=False)
    api: client.ApiClient


@dataclass
class _Held:
    key: ClusterKey
    connection: Connection
    since: float
    factor: int = 1
    """Of the age from which access that does not serve is given up; 0: at once, because it is an earlier process's."""
    refused: bool = False
    unreachable: bool = False
    served: tuple[str, tuple[int, int]] | None = None
    """The version that Azure reports, and (major, minor) that the API itself reported then."""

    def still_holds(self, key: ClusterKey) -> bool:
        age = time.monotonic() - self.since
        ends = self.connection.access.expires
        least = LEAST_AGE if self.refused else UNREACHABLE_AGE
        given_up = (self.refused or self.unreachable) and age > min(least * self.factor, LONGEST_AGE)
        return self.key == key and not given_up and (ends is None or ends - time.time() > TOKEN_LEFT)


class WorkloadClusters:
    """One connection for each platform, by the platform's uid, shared by steps that request it at once. While a platform rests it has no
    client, and the access is packed."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._resting: dict[str, bytes] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._retired: list[tuple[float, client.ApiClient]] = []

    async def connection(self, uid: str, key: ClusterKey, ask: Ask) -> Connection:
        """Return the connection of a platform; `ask` is called only when none is valid. Raises StepError, and what `ask`
        raises."""
        await self._close_retired()
        async with in_turn(self._locks.setdefault(uid, asyncio.Lock())):
            held = self._held.get(uid) or self._wake(uid)
            if held is not None and held.still_holds(key):
                return held.connection
            access = await ask(held is not None and held.key == key and (held.refused or held.unreachable))
            if held is not None and held.key == key and held.connection.access == access:
                # Azure gives what it gave before: the client, and whoever uses it, go on.
                self._held[uid] = _Held(
                    key, held.connection, time.monotonic(), factor=max(1, 2 * held.factor), served=held.served
                )
                return held.connection
            try:
                api = await self._connected(uid, access)
            except StepError:
                if not access.stored:
                    raise
                access = await ask(True)
                api = await self._connected(uid, access)
            if held is not None:
                self._retired.append((time.monotonic() + RETIRED_SECONDS, held.connection.api))
            self._held[uid] = _Held(key, Connection(access, api), time.monotonic(), factor=0 if access.stored else 1)
            return self._held[uid].connection

    async def _connected(self, uid: str, access: ClusterAccess) -> client.ApiClient:
        """Return a client with this access. Raises StepError when its certificates cannot be used."""
        try:
            return await connect(access, lambda: self._refuse(uid, access))
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise StepError(
                Reason.KUBECONFIG_REFUSED,
                f"spec.cluster: the certificates in the kubeconfig of the managed cluster are unusable ({type(error).__name__})",
                "Rotate the cluster's certificates (`az aks rotate-certs`), or check the certificate that its API server presents.",
                retry_in=60,
            ) from None

    def _refuse(self, uid: str, access: ClusterAccess) -> None:
        """Handle a refusal (401) by the cluster, or another cluster at its address."""
        held = self._held.get(uid)
        if held is not None and held.connection.access is access:
            held.refused = True

    def served(self, uid: str, reported: str) -> tuple[int, int] | None:
        """Return (major, minor) of a platform's API as noted while Azure reported this version; None: it has to be read."""
        held = self._held.get(uid)
        return held.served[1] if held is not None and held.served is not None and held.served[0] == reported else None

    def note_served(self, uid: str, reported: str, served: tuple[int, int]) -> None:
        """Note what the API of a platform serves while Azure reports this version of it."""
        if uid in self._held:
            self._held[uid].served = (reported, served)

    def unreachable(self, uid: str) -> None:
        """Record that the API did not answer. If it continues, Azure is asked for the current address."""
        if uid in self._held:
            self._held[uid].unreachable = True

    def reached(self, uid: str) -> None:
        """Record that the API answered."""
        if uid in self._held:
            self._held[uid].unreachable = False

    def rest(self, uid: str) -> None:
        """Close the connections to the cluster of a platform before a long wait, each of which takes a third of a megabyte, and keep the
        access alone. A connection that sends a request stays."""
        held = self._held.get(uid)
        if held is None or self._locks[uid].locked() or not close_idle(held.connection.api):
            return
        del self._held[uid], self._locks[uid]
        facts = held.since, held.factor, held.refused, held.unreachable, held.served
        self._resting[uid] = zlib.compress(pickle.dumps((vars(held.key), vars(held.connection.access), facts)), 1)

    def _wake(self, uid: str) -> _Held | None:
        """Build the client of a platform that has rested."""
        if (packed := self._resting.pop(uid, None)) is None:
            return None
        key, facts_of_access, facts = pickle.loads(zlib.decompress(packed))
        access = ClusterAccess(**facts_of_access)
        held = self._held[uid] = _Held(
            ClusterKey(**key), Connection(access, build(access, lambda: self._refuse(uid, access))), *facts
        )
        return held

    async def drop(self, uid: str) -> None:
        """Drop the connection of a platform and close its client."""
        self._locks.pop(uid, None)
        self._resting.pop(uid, None)
        held = self._held.pop(uid, None)
        if held is not None:
            await held.connection.api.close()

    async def close(self) -> None:
        """Close all clients."""
        self._resting.clear()
        for uid in list(self._held):
            await self.drop(uid)
        await self._close_retired(all_of_them=True)

    async def _close_retired(self, *, all_of_them: bool = False) -> None:
        now = time.monotonic()
        over = [api for ends, api in self._retired if all_of_them or ends < now]
        self._retired = [(ends, api) for ends, api in self._retired if api not in over]
        for api in over:
            await api.close()
