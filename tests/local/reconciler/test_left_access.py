"""The access to a cluster that the operator keeps in its own namespace ends with the platform, however the platform is deleted."""

import contextvars
import copy
import logging
from pathlib import Path

import pytest
from notebook_platform.clients import SharedClients
from notebook_platform.config import OperatorConfig
from notebook_platform.controller import Controller
from notebook_platform.leases.shards import shards
from notebook_platform.workload.stored_access import AccessStore

from sandbox.operator_process import secret
from tests.local.reconciler.cluster import BrokenCall, Management
from tests.local.reconciler.test_no_silence import management, whole_spec

KEPT = "/api/v1/namespaces/operator/secrets/cluster-access-uid-1"


async def deleted(cluster: Management, directory: Path) -> None:
    """Reconcile a platform once, and delete it without a finalizer."""
    clients = SharedClients(OperatorConfig(work_dir=directory), store=AccessStore(cluster.api, "operator"))
    controller = Controller(cluster.api, clients, shards(1)[0], contextvars.copy_context())
    controller.object_changed(copy.deepcopy(cluster.platform), deleted=False)
    await cluster.until("it is reconciled", lambda: cluster.condition("Ready"))
    await controller.close()  # as at a hand-over
    assert KEPT in cluster.objects
    controller = Controller(cluster.api, clients, shards(1)[0], contextvars.copy_context())
    controller.object_changed(copy.deepcopy(cluster.platform), deleted=False)
    controller.object_changed(copy.deepcopy(cluster.platform), deleted=True)
    await cluster.until("it is forgotten", lambda: "DELETE secrets" in cluster.calls and not controller._reconcilers)
    await controller.close()
    await clients.close()


@pytest.mark.parametrize("broken", [False, True], ids=["", "refused"])
async def test_the_access_to_a_cluster_is_deleted_with_a_platform_whose_finalizer_a_user_has_removed(
    broken: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)  # commands that ran in this process leave another one
    async with management(whole_spec(), secret("cluster-access-uid-1", "operator", {"token": "x"})) as cluster:
        cluster.broken = BrokenCall("DELETE", "cluster-access", 500) if broken else None
        await deleted(cluster, tmp_path)
        assert (KEPT in cluster.objects) is broken
    assert ("The Secret cluster-access-uid-1 in the namespace operator may be left" in caplog.text) is broken
