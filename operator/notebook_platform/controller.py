"""Wire kopf to the reconcilers: events of platforms, Secrets and ConfigMaps wake the reconciler of each platform.

kopf watches, reconnects and signs in. Its daemons and deletion handlers are not used: they put a finalizer and annotations of
kopf's on the user's object, and a daemon does not start again for an object that is already being deleted, so an operator
restarted during a deletion would leave cloud resources behind (docs/decisions/0001-reconcilers.md).
"""

import asyncio
import contextvars
import logging
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any

import kopf
from kopf._core.reactor import inventory
from kubernetes.aio import client

from notebook_platform.api import GROUP, PLURAL, VERSION
from notebook_platform.clients import SharedClients
from notebook_platform.kube.redaction import REDACTORS
from notebook_platform.kube.secret_versions import ABSENT, SecretVersions
from notebook_platform.kube.watch_session import WatchSessions
from notebook_platform.leases.shards import Shard
from notebook_platform.reconciler import PlatformReconciler
from notebook_platform.referrers import ReferenceWatch

log = logging.getLogger(__name__)

FORGOTTEN_TOGETHER = 50
"""Platforms that are forgotten before the event loop runs other tasks: the probes, and the leases of other shards."""

CHUNK = 50
"""Objects of one page when kopf lists. A list of ten thousand platforms at once would take hundreds of megabytes that Python does not give
back, and one page of the largest objects takes as much as this many times 1.5 MB."""


EVENT_KEPT = 0.5
"""Seconds for which kopf keeps the last event of an object, with the object in it, in case that another one follows. With kopf's five, a
start would hold all platforms as they were listed."""


class Controller:
    """The reconcilers of one shard, by the uid of their platform. `context`: the shard's context variables, which their tasks inherit. In
    those of kopf's handlers are the event and its object, which a reconciler would keep as long as it exists."""

    def __init__(self, api: client.ApiClient, shared: SharedClients, shard: Shard, context: contextvars.Context) -> None:
        self._api = api
        self._shared = shared
        self._shard = shard
        self._context = context
        self._closed = False
        self._reconcilers: dict[str, PlatformReconciler] = {}
        self._tasks: dict[str, asyncio.Task[float | None]] = {}
        self._resting: dict[str, asyncio.TimerHandle] = {}
        """The platforms without a task, which starts again when it is due: a timer takes a tenth of a task that sleeps."""
        self._references = ReferenceWatch(api, self._wake)
        self._versions = SecretVersions()

    def object_changed(self, body: Mapping[str, Any], *, deleted: bool) -> None:
        """Start, update or stop the reconciler of a platform that was listed, added, changed or deleted."""
        uid = body["metadata"]["uid"]
        if self._closed or not self._shard.includes(uid):
            return None
        if deleted:
            return self._stop(uid)
        if reconciler := self._reconcilers.get(uid):
            reconciler.update(body)
            return self._resume(uid) if reconciler.awake else None
        refer = partial(self._references.referrers.put, uid)
        reconciler = self._reconcilers[uid] = PlatformReconciler(body, self._api, self._shared, refer, self._versions)
        return self._start(uid, reconciler.run())

    def _start(self, uid: str, work: Coroutine[Any, Any, float | None]) -> None:
        name = f"reconcile {self._reconcilers[uid].platform.name}"
        task = self._tasks[uid] = asyncio.create_task(work, name=name, context=self._context.copy())
        task.add_done_callback(partial(self._ended, uid), context=self._context)

    def _resume(self, uid: str) -> None:
        """Start the task of a platform that rests."""
        if timer := self._resting.pop(uid, None):
            timer.cancel()
            self._start(uid, self._reconcilers[uid].run())

    def listed(self, kind: str, namespace: str, name: str, version: str) -> None:
        """Note the version of a Secret that was listed, added, changed or deleted: its resourceVersion, ABSENT if it was deleted."""
        if kind == "Secret":
            self._versions.event(namespace, name, version)

    def referred(self, kind: str, namespace: str, name: str) -> None:
        """Wake the platforms that refer to a Secret or ConfigMap that was added, changed or deleted."""
        self._references.event((kind, namespace, name))

    def _wake(self, uid: str) -> None:
        if reconciler := self._reconcilers.get(uid):
            reconciler.wake()
            self._resume(uid)

    def abort(self) -> None:
        """Cancel all reconcilers and their helm processes, and start none any more."""
        self._closed = True
        for task in self._tasks.values():
            task.cancel()
        for timer in self._resting.values():
            timer.cancel()
        for reconciler in self._reconcilers.values():
            self._shared.abort(reconciler.platform)

    async def close(self) -> None:
        """Stop all reconcilers and their helm processes, and forget what this process holds of their platforms. Operations in the
        cloud continue, and the next holder of the shard polls them."""
        platforms, tasks = [reconciler.platform for reconciler in self._reconcilers.values()], list(self._tasks.values())
        self.abort()
        self._resting.clear()
        await self._references.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        for first in range(0, len(platforms), FORGOTTEN_TOGETHER):
            batch = platforms[first : first + FORGOTTEN_TOGETHER]
            await asyncio.gather(*map(self._shared.forget, batch), return_exceptions=True)
            for platform in batch:
                self._drop(platform.uid)

    def _stop(self, uid: str) -> None:
        """End the work for a platform that was deleted."""
        if task := self._tasks.get(uid):
            task.cancel()
        elif timer := self._resting.pop(uid, None):
            timer.cancel()
            self._start(uid, self._reconcilers[uid].forget())

    def _ended(self, uid: str, task: asyncio.Task[float | None]) -> None:
        """Let a platform rest if its task says for how long; else drop it."""
        self._tasks.pop(uid, None)
        if self._closed:
            return
        reconciler, due = self._reconcilers[uid], None
        if task.cancelled():  # its platform was deleted meanwhile
            self._start(uid, reconciler.forget())
            return
        if error := task.exception():
            log.error("the reconciler of %s ended with an unexpected error", reconciler.platform.name, exc_info=error)
        else:
            due = task.result()
        if due is None:
            self._drop(uid)
        else:
            due = 0.0 if reconciler.awake else due
            self._resting[uid] = asyncio.get_running_loop().call_later(due, self._resume, uid, context=self._context)

    def _drop(self, uid: str) -> None:
        self._references.referrers.put(uid, ())
        self._reconcilers.pop(uid).uncount()
        REDACTORS.drop(uid)


def registry(controller: Controller) -> kopf.OperatorRegistry:
    """Return kopf's registry: sign in, and pass every event to the controller."""
    handlers, sessions = kopf.OperatorRegistry(), WatchSessions()

    @kopf.on.login(registry=handlers)
    async def sign_in(**kwargs: Any) -> kopf.AiohttpSession | None:
        login = kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)
        return sessions.of(login) if login else None

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=handlers)
    async def platform(event: Mapping[str, Any], body: Mapping[str, Any], **_: Any) -> None:
        controller.object_changed(dict(body), deleted=event["type"] == "DELETED")

    async def reference(event: Mapping[str, Any], body: Mapping[str, Any], param: Any = "Secret", **_: Any) -> None:
        namespace, name = str(body["metadata"]["namespace"]), str(body["metadata"]["name"])
        version = ABSENT if event["type"] == "DELETED" else str(body["metadata"]["resourceVersion"])
        controller.listed(param, namespace, name, version)
        if event["type"] is not None:
            controller.referred(param, namespace, name)

    kopf.on.event("", "v1", "secrets", registry=handlers, id="secret", param="Secret")(reference)
    kopf.on.event("", "v1", "configmaps", registry=handlers, id="configmap", param="ConfigMap")(reference)
    return handlers


class NoDiffs(kopf.DiffBaseStorage):
    """Keeps kopf from copying each object that a watch reports, to compare it with an earlier one: no handler asks for that."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass


class NoMemories(inventory.ResourceMemories):
    """Keeps kopf from remembering each object that a watch has reported, 0.6 to 1 KB for each platform and Secret: only its daemons, timers and
    change handlers use that, and an error of a handler is logged and not retried."""

    async def recall(self, raw_body: Any, *, ephemeral: bool = False, **arguments: Any) -> inventory.ResourceMemory:
        return await super().recall(raw_body, ephemeral=True, **arguments)


def settings(shard: Shard, *, patterns: bool) -> kopf.OperatorSettings:
    """Return kopf's settings: no Events of its own, quick reconnects, no peering, of platforms those of the shard.

    `patterns`: namespaces are created and deleted, so kopf watches them. Without patterns it requests nothing outside the
    namespaces that it serves.
    """
    chosen = kopf.OperatorSettings()
    chosen.scanning.disabled = not patterns
    chosen.posting.enabled = False
    chosen.persistence.diffbase_storage = NoDiffs()
    chosen.peering.standalone = True
    chosen.watching.server_timeout = 270
    chosen.watching.chunk_size = CHUNK
    chosen.queueing.idle_timeout = EVENT_KEPT
    chosen.watching.connect_timeout = 10
    chosen.networking.request_timeout = 30
    if shard.selector is not None:
        chosen.watching.shard_selectors[f"{PLURAL}.{GROUP}"] = shard.selector
    return chosen
