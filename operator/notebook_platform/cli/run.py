"""`notebook-platform run`: the operator's process."""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from kubernetes.aio import client

from notebook_platform.cli.heap import keep_loaded, return_freed_memory
from notebook_platform.cli.logs import configure
from notebook_platform.cli.management import UsageError, connected, management_api, own_namespace
from notebook_platform.cli.operator_config import configuration
from notebook_platform.clients import SharedClients
from notebook_platform.config import OperatorConfig
from notebook_platform.fencing import Fence
from notebook_platform.kube.access import until_observable, until_served
from notebook_platform.kube.contact import contacted
from notebook_platform.kube.redaction import REDACTORS
from notebook_platform.leases.identity import Identity
from notebook_platform.leases.shards import Shard, shards
from notebook_platform.leases.store import LeaseStore, Timing
from notebook_platform.leases.thread import ElectorThread
from notebook_platform.observability import tracing
from notebook_platform.observability.fleet import FLEET
from notebook_platform.observability.health import serving, standing
from notebook_platform.observability.readiness import Check, Contact
from notebook_platform.observability.stalls import Heartbeat, measured
from notebook_platform.observability.tracing import TracingUnavailable
from notebook_platform.shard_operator import ShardOperator
from notebook_platform.workload.stored_access import AccessStore

OWN_SECRETS = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD")
"""Variables that the operator's own identity may sign in with (https://learn.microsoft.com/python/api/azure-identity)."""


def run(arguments: Sequence[str]) -> int:
    """Reconcile platforms until SIGTERM or SIGINT; return the exit code."""
    try:
        chosen = configuration(arguments)
    except UsageError as error:
        raise SystemExit(f"notebook-platform run: {error}") from None
    configure(chosen.log_format, chosen.log_level)
    return_freed_memory()
    gc.freeze()  # what was imported so far: else each collection of `warm_up` visits it
    try:
        end_tracing = tracing.configure(chosen.otlp_endpoint)
    except TracingUnavailable as error:
        raise SystemExit(str(error)) from None
    try:
        asyncio.run(operate(chosen))
    except UsageError as error:
        raise SystemExit(str(error)) from None
    finally:
        end_tracing()
    return 0


async def operate(chosen: OperatorConfig) -> None:
    """Run one replica until SIGTERM or SIGINT: the elector holds leases, and each shard that it holds is at work."""
    REDACTORS.process.add({name: os.environ[name] for name in OWN_SECRETS if name in os.environ})
    stop = asyncio.Event()
    catch_signals(stop)
    if (api := await management_api()) is None:
        raise SystemExit("no cluster found: the process has no ServiceAccount and no KUBECONFIG")
    namespace = chosen.lease_namespace or own_namespace()
    shared, contact = SharedClients(chosen, store=AccessStore(api, namespace)), Contact()
    try:
        async with measured(shared.slots.adapt) as beat, contacted(api, contact):
            elector = _elector(chosen, namespace, api, shared, stop, beat)
            async with _endpoints(chosen, beat, contact, elector):
                await shared.warm_up()
                keep_loaded()
                if await _prepared(api, chosen, stop):
                    contact.served = True
                    await elector.run(stop)
    finally:
        await shared.close()
        await api.close()


def catch_signals(stop: asyncio.Event) -> None:
    """Set `stop` at SIGTERM and SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


def _elector(
    chosen: OperatorConfig, namespace: str, api: client.ApiClient, shared: SharedClients, stop: asyncio.Event, beat: Heartbeat
) -> ElectorThread:
    def start(shard: Shard, fence: Fence) -> ShardOperator:
        # kopf takes the signals for itself, and with several shards for the last one
        return ShardOperator(
            shard,
            fence,
            api,
            shared,
            namespaces=chosen.namespaces,
            patterns=chosen.has_namespace_patterns,
            spawned=lambda: catch_signals(stop),
        )

    @asynccontextmanager
    async def connect() -> AsyncIterator[LeaseStore]:
        async with connected() as lease_api:
            yield LeaseStore(lease_api, namespace, chosen.lease_name, Timing(chosen.lease_duration))

    return ElectorThread(connect, shards(chosen.shards), Identity(chosen.work_dir), start, lambda: standing(beat))


def _endpoints(
    chosen: OperatorConfig, beat: Heartbeat, contact: Contact, elector: ElectorThread
) -> AbstractAsyncContextManager[None]:
    """Return what serves the probes and the metrics."""
    FLEET.per_platform = chosen.per_platform_metrics
    checks = [
        Check("api-server", contact.api_server),
        Check("crd", contact.crd),
        Check("leases", elector.leases_failing),
        Check("watch", elector.watch_failing),
    ]
    return serving(chosen.listen, chosen.health_port, chosen.metrics_port, beat, checks)


async def _prepared(api: client.ApiClient, chosen: OperatorConfig, stop: asyncio.Event) -> bool:
    """Wait until the CRD is served and namespaces can be observed, which kopf requires; return False when stopped before."""

    async def needs() -> None:
        await until_served(api)
        if chosen.has_namespace_patterns:
            await until_observable(api)

    waiting, stopped = asyncio.create_task(needs()), asyncio.create_task(stop.wait())
    done, pending = await asyncio.wait({waiting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    return waiting in done
