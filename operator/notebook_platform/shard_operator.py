"""Run one shard: an embedded kopf operator that watches the shard's platforms, and their reconcilers.

The elector starts one when it has acquired the shard's lease, and ends it before it releases the lease. All tasks of the shard inherit its
fence, so whatever they still do after the lease is lost writes nothing.
"""

import asyncio
import contextvars
from collections.abc import Callable, Collection, Iterator
from typing import Any

import kopf
from kubernetes.aio import client

from notebook_platform.clients import SharedClients
from notebook_platform.controller import Controller, NoMemories, registry, settings
from notebook_platform.fencing import FENCE, Fence
from notebook_platform.leases.shards import Shard


class _EveryTask(Collection["asyncio.Task[Any]"]):
    """All tasks of the loop. kopf cancels what was started after it and is not ignored: the reconcilers of other shards, helm. Its own
    tasks are children of its root tasks, which end them."""

    def __contains__(self, task: object) -> bool:
        return True

    def __iter__(self) -> Iterator["asyncio.Task[Any]"]:
        return iter(asyncio.all_tasks())

    def __len__(self) -> int:
        return len(asyncio.all_tasks())


class ShardOperator:
    """One shard at work."""

    def __init__(
        self,
        shard: Shard,
        fence: Fence,
        api: client.ApiClient,
        shared: SharedClients,
        *,
        namespaces: list[str],
        patterns: bool,
        spawned: Callable[[], None],
    ) -> None:
        """Start the shard. `spawned` is called when kopf has installed its signal handlers."""
        self._stop, self._ready = asyncio.Event(), asyncio.Event()
        self._spawned = spawned
        context = contextvars.copy_context()
        context.run(FENCE.set, fence)
        self._controller = Controller(api, shared, shard, context)
        work = self._run(namespaces, settings(shard, patterns=patterns))
        self._task = asyncio.create_task(work, name=f"shard {shard.index}", context=context)

    async def _run(self, namespaces: list[str], chosen: kopf.OperatorSettings) -> None:
        tasks = await kopf.spawn_tasks(
            registry=registry(self._controller),
            settings=chosen,
            memories=NoMemories(),
            clusterwide=not namespaces,
            namespaces=namespaces,
            standalone=True,
            stop_flag=self._stop,
            ready_flag=self._ready,
        )
        self._spawned()
        await kopf.run_tasks(tasks, ignored=_EveryTask())

    @property
    def ready(self) -> bool:
        """Return whether the shard's platforms are being watched."""
        return self._ready.is_set()

    @property
    def failed(self) -> bool:
        """Return whether kopf has ended although the shard was not stopped."""
        return self._task.done() and not self._stop.is_set()

    def abort(self) -> None:
        """Cancel all reconcilers and helm processes at once; returns before they have ended."""
        self._controller.abort()

    async def quiesce(self) -> None:
        """Cancel all reconcilers and helm processes, and return when they have ended."""
        await self._controller.close()

    async def stop(self) -> None:
        """Stop watching. Raises what ended kopf."""
        self._stop.set()
        await self._task
