"""What settled platforms with hubs cost one operator: as `scale.py`, with a real release of JupyterHub for each platform.

All hubs are on one API server, each in a namespace of its own. Their pods are simulated (kwok), and what answers at their addresses is a
stand-in. Each platform is created for real, so there are tens of them and not thousands.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from kubernetes.aio import client, config

from tests.bench.process import bench
from tests.bench.scale import IDLE, OBJECT, Scale, restart, settle, spec_of, watch_quiet

CHART = "4.4.0"


def spec_with_hub(name: str, interval: float) -> dict[str, Any]:
    """Return the spec of a platform with a hub; no two share a name in the cluster."""
    hub = {
        "release": f"hub-{name}",
        "namespace": f"hub-{name}",
        "chart": {"version": CHART},
        "auth": {"dummy": {"insecure": True}},
    }
    return {**spec_of(name, interval), "jupyterhub": hub}


async def measure(count: int, interval: float, window: float) -> Scale:
    """Measure an operator with so many settled platforms with hubs. `rss_mb_alone` and `cpu_cores_alone` are those of one of them; edits are
    not measured. Without changes for `window` seconds."""
    found = Scale(count)
    with tempfile.TemporaryDirectory(prefix="bench-hubs-") as directory:
        async with bench(Path(directory), hubs=True) as parts:
            await config.load_kube_config(str(Path(directory) / "management" / "kubeconfig"))
            async with client.ApiClient() as api:
                custom = client.CustomObjectsApi(api)

                async def create(name: str) -> None:
                    body = {"apiVersion": f"{OBJECT[0]}/{OBJECT[1]}", "kind": "NotebookPlatform", "metadata": {"name": name}}
                    await custom.create_namespaced_custom_object(*OBJECT, {**body, "spec": spec_with_hub(name, interval)})

                names = [f"p{number:03}" for number in range(count)]
                await create(names[0])
                await settle(parts, 1)
                await asyncio.sleep(IDLE)
                found.rss_mb_alone, cpu, began = parts.machine.rss_mb(), parts.machine.cpu(), time.monotonic()
                await asyncio.sleep(IDLE)
                found.cpu_cores_alone = (parts.machine.cpu() - cpu) / (time.monotonic() - began)
                for name in names[1:]:
                    await create(name)
                await settle(parts, count)
                await watch_quiet(parts, found, window)
                await restart(parts, found, "JupyterHub")
    return found


def rows(found: Scale) -> list[tuple[str, ...]]:
    """Return the rows of the table: figures of a hub, and those that have a goal at any size."""
    goals = {"settled_writes": "0", "settled_helm_processes": "0", "restart_status_writes": "0"}
    names = ("rss_mb", "kb_per_platform", "cpu_ms_per_reconcile", "restart_observed_s", *goals)
    return [(name, f"{getattr(found, name):,.3g}", goals.get(name, "")) for name in names]
