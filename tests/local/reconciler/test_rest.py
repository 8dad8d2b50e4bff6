"""A platform rests between two reconciles: it has no task, and starts again when it is due, changed, or deleted."""

import asyncio
import contextvars
import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from notebook_platform.controller import Controller
from notebook_platform.leases.shards import shards
from notebook_platform.observability.fleet import FLEET
from notebook_platform.pace import Limits

from tests.local.reconciler.cluster import Management
from tests.local.reconciler.test_no_silence import management, whole_spec
from tests.local.reconciler.test_settled import INTERVAL, WatchedClients

LONG = 1200.0
"""Seconds. The first drift check comes after a tenth of the interval at the earliest, and a platform rests before a wait of a minute."""


def tasks() -> list[str]:
    """Return the names of the reconcilers' tasks."""
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("reconcile ")]


@asynccontextmanager
async def controlled(
    directory: Path, interval: float, rest_after: float = Limits().rest_after
) -> AsyncIterator[tuple[Management, WatchedClients, Controller]]:
    """Yield a settled platform of a controller, at rest."""
    clients = WatchedClients(directory, rest_after)
    async with management(whole_spec(interval=f"{interval:g}s")) as cluster:
        controller = Controller(cluster.api, clients, shards(1)[0], contextvars.copy_context())
        controller.object_changed(copy.deepcopy(cluster.platform), deleted=False)
        await cluster.until("it is Ready", lambda: (c := cluster.condition("Ready")) and c["status"] == "True")
        await cluster.until("it rests", lambda: not tasks())
        yield cluster, clients, controller
        await controller.close()
    await clients.close()


async def test_a_platform_at_rest_is_reconciled_when_it_is_due(tmp_path: Path) -> None:
    async with controlled(tmp_path, INTERVAL, rest_after=INTERVAL / 10) as (_, clients, _):
        await clients.looked(3)


async def test_a_change_ends_the_rest_at_once_and_a_repeated_event_does_not(tmp_path: Path) -> None:
    async with controlled(tmp_path, LONG) as (cluster, clients, controller):
        seen = clients.looks
        controller.object_changed(copy.deepcopy(cluster.platform), deleted=False)
        assert not tasks()
        changed = copy.deepcopy(cluster.platform)
        changed["metadata"]["generation"] = cluster.platform["metadata"].get("generation", 1) + 1
        controller.object_changed(changed, deleted=False)
        assert tasks()
        await cluster.until("it is observed", lambda: clients.looks > seen)


@pytest.mark.parametrize("rests", [True, False])
async def test_nothing_is_kept_of_a_deleted_platform(rests: bool, tmp_path: Path) -> None:
    async with controlled(tmp_path, LONG) as (cluster, clients, controller):
        uid = cluster.platform["metadata"]["uid"]
        assert uid in FLEET._states
        if not rests:
            changed = copy.deepcopy(cluster.platform)
            changed["metadata"]["generation"] = 99
            controller.object_changed(changed, deleted=False)
            assert tasks()
        controller.object_changed(copy.deepcopy(cluster.platform), deleted=True)
        await cluster.until("its clients are closed", lambda: clients.forgotten == [uid] and not tasks())
        assert uid not in FLEET._states


async def test_nothing_starts_after_the_lease_is_lost(tmp_path: Path) -> None:
    async with controlled(tmp_path, LONG) as (cluster, _, controller):
        controller.abort()
        changed = copy.deepcopy(cluster.platform)
        changed["metadata"]["generation"] = 99
        controller.object_changed(changed, deleted=False)
        await controller.close()
        assert not tasks() and cluster.platform["metadata"]["uid"] not in FLEET._states
