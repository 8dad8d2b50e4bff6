"""Checks of the hub's profiles against the pools: whether each kind of server has a pool with its labels, whose taints it tolerates, and
whose nodes are large enough; and whether each pool for users gets servers at all.

They are warnings: the platform can be created, and a user's start of such a server would wait until it times out. Profiles in `values`
are compared too; what `valuesFrom` says of the same is not seen here.
"""

from collections.abc import Iterator, Mapping, Sequence

from notebook_platform.api.hubs.spec import JupyterHubSpec
from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.pool_nodes import PURPOSE_LABEL, has_gpus, is_for_users, labels_of, missing_labels, untolerated_taints
from notebook_platform.api.profiles_in_values import kinds_of
from notebook_platform.api.reasons import Reason
from notebook_platform.api.server_kinds import ServerKind, tolerances_of, user_pools
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.addresses import most_nodes
from notebook_platform.azure.checks.finding import Finding
from notebook_platform.azure.checks.vm_sizes import Size, Sizes, sizes_of
from notebook_platform.azure.scope import AzureScope

CHART_MEMORY = "1G"
"""Memory that the charts guarantee to a server unless values say otherwise."""

MIG_PARTS = {"MIG1g": 7, "MIG2g": 3, "MIG3g": 2, "MIG4g": 1, "MIG7g": 1}
"""Parts of one processor (https://learn.microsoft.com/azure/aks/gpu-multi-instance)."""

UNITS = {"K": 1 / 1024**2, "M": 1 / 1024, "G": 1.0, "T": 1024.0}
"""GiB by the suffix that JupyterHub reads (https://jupyterhub.readthedocs.io/en/stable/reference/api/spawner.html)."""


async def server_placement(scope: AzureScope, fresh: bool) -> list[Finding]:
    """Check each kind of server against the pools, and each pool for users against the servers."""
    hub = scope.spec.jupyterhub
    if hub is None:
        return []
    found = placement_findings(scope.spec, hub, await sizes_of(scope, False))
    return found or [Finding(sentence="each kind of server has a pool that accepts it")]


def placement_findings(spec: NotebookPlatformSpec, hub: JupyterHubSpec, sizes: Sizes) -> list[Finding]:
    """Return what stands against the kinds of servers and the pools. `sizes`: those of the region, by name. Pure."""
    pools = [pool for pool in spec.node_pools if most_nodes(pool) > 0]
    kinds = kinds_of(hub)
    provisioned = spec.cluster.node_provisioning == "Auto"  # AKS makes nodes of other sizes and with other labels
    found = [] if provisioned else [f for kind in kinds if (f := _placed(kind, hub, pools, spec.azure.location, sizes))]
    found += [finding for kind in kinds for finding in _limits(kind)]
    found += [*_unused(spec, hub, kinds, pools), *_device_plugin(spec, kinds)]
    return found


def _placed(kind: ServerKind, hub: JupyterHubSpec, pools: Sequence[NodePool], location: str, sizes: Sizes) -> Finding | None:
    """Return why no pool takes a kind of server: labels, taints, or the size of its nodes; None: one does."""
    selector = {**kind.selector, **({PURPOSE_LABEL: "user"} if hub.placement.user_pods == "Require" else {})}
    labelled = [pool for pool in pools if not missing_labels(selector, pool, location)]
    if not labelled:
        wanted = ", ".join(f"{key}={value}" for key, value in selector.items())
        return _warning(
            kind,
            Reason.NO_NODE_WITH_LABEL,
            f"{kind.member('nodeSelector')}: no pool of spec.nodePools that can have nodes has the labels {wanted}",
            f"Add the labels to nodeLabels of a pool of spec.nodePools, or correct {kind.member('nodeSelector')}.",
        )
    held = tolerances_of(kind, hub, pools, location)
    open_pools = [pool for pool in labelled if _is_loose(hub) or not untolerated_taints(pool, held)]
    if not open_pools:
        pool = labelled[0]
        return _warning(
            kind,
            Reason.TAINT_NOT_TOLERATED,
            f"{kind.field}: its servers do not tolerate the taint {untolerated_taints(pool, held)[0]} of spec.nodePools[{pool.name}]",
            f"Add it to {kind.member('tolerations')} or spec.jupyterhub.placement.userTolerations, or remove it from nodeTaints.",
            pool=pool.name,
        )
    known = [(pool, sizes[pool.vm_size]) for pool in open_pools if pool.vm_size in sizes]
    if len(known) < len(open_pools):
        return None  # a size that the region does not offer is a finding of its own
    return _too_large(kind, known)


def _too_large(kind: ServerKind, known: Sequence[tuple[NodePool, Size]]) -> Finding | None:
    """Return what a kind of server asks beyond the nodes of each pool that it may use."""
    wanted = demand_of(kind)
    rooms = [(pool, capacity_of(pool, size)) for pool, size in known]
    if any(all(wanted[what] <= room[what] for what in wanted) for _, room in rooms):
        return None
    what = next((what for what in wanted if all(wanted[what] > room[what] for _, room in rooms)), "memory")
    pool, room = max(rooms, key=lambda one: one[1][what])
    return _warning(
        kind,
        Reason.INSUFFICIENT_RESOURCES,
        f"{kind.field} requests {wanted[what]:g} {_WORDS[what]}, and the nodes of spec.nodePools[{pool.name}] ({pool.vm_size}) have "
        f"{room[what]:.4g} for pods, the most of the pools that it may use",
        f"Lower {kind.member('gpus' if what == 'gpus' else f'{what}.guarantee')}, or give a pool a larger vmSize.",
        pool=pool.name,
    )


_WORDS = {"cpu": "CPUs", "memory": "GiB of memory", "gpus": "graphics processors"}


def demand_of(kind: ServerKind) -> Mapping[str, float]:
    """Return what the scheduler reserves for a server: CPUs, memory in GiB, processors. A limit alone counts as the request
    (https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/)."""
    cpu = kind.cpu.guarantee or kind.cpu.limit or "0"
    return {"cpu": _number(cpu), "memory": _number(kind.memory.guarantee or CHART_MEMORY), "gpus": float(kind.gpus)}


def _number(text: str) -> float:
    """Return CPUs, or memory in GiB; 0 for what neither is: the chart judges that."""
    try:
        if text[-1:] in UNITS:
            return float(text[:-1]) * UNITS[text[-1]]
        return float(text[:-1]) / 1000 if text.endswith("m") else float(text)
    except ValueError:
        return 0.0


def capacity_of(pool: NodePool, size: Size) -> Mapping[str, float]:
    """Return what a node of a pool has for pods, after what AKS reserves from Kubernetes 1.29 on
    (https://learn.microsoft.com/azure/aks/node-resource-reservations). Pods of the system take more of it."""
    reserved = min((20 * (pool.max_pods or 110) + 50) / 1024, 0.25 * size.memory_gib) + 100 / 1024
    parts = MIG_PARTS[pool.gpu.instance_profile] if pool.gpu and pool.gpu.instance_profile else 1
    cores = size.vcpus
    taken = next(millicores for least, millicores in _RESERVED_CPU if cores >= least)
    return {
        "cpu": max(cores - taken / 1000, 0.0),
        "memory": max(size.memory_gib - reserved, 0.0),
        "gpus": float(size.gpus * parts),
    }


_RESERVED_CPU = ((64, 740), (32, 420), (16, 260), (8, 180), (4, 140), (2, 100), (0, 60))
"""(at least so many cores, millicores that AKS reserves)."""


def _limits(kind: ServerKind) -> Iterator[Finding]:
    """Yield a limit below what is guaranteed: Kubernetes refuses such a pod."""
    for what, amount, usual in (("cpu", kind.cpu, "0"), ("memory", kind.memory, CHART_MEMORY)):
        least = amount.guarantee or usual
        if amount.limit and _number(amount.limit) < _number(least):
            yield _warning(
                kind,
                Reason.INSUFFICIENT_RESOURCES,
                f"{kind.member(f'{what}.limit')} {amount.limit} is less than the guaranteed {least}, and Kubernetes rejects such servers",
                f"Set {kind.member(f'{what}.guarantee')} to {amount.limit} or less.",
            )


def _unused(
    spec: NotebookPlatformSpec, hub: JupyterHubSpec, kinds: Sequence[ServerKind], pools: Sequence[NodePool]
) -> Iterator[Finding]:
    """Yield the pools of mode User whose taints no kind of server tolerates, unless they are for something else."""
    for pool in pools:
        others = pool.mode != "User" or labels_of(pool).get(PURPOSE_LABEL) == "core" or (spec.releases and not is_for_users(pool))
        if others or _is_loose(hub):
            continue
        if taints := [untolerated_taints(pool, tolerances_of(kind, hub, pools, spec.azure.location)) for kind in kinds]:
            if not all(taints):
                continue
            hint = "" if pool in user_pools(pools) else f"Set spec.nodePools[{pool.name}].purpose: User, or add"
            yield Finding(
                sentence=f"spec.nodePools[{pool.name}]: no user's server tolerates its taint {taints[0][0]}, so it never runs servers",
                reason=Reason.TAINT_NOT_TOLERATED,
                remedy=f"{hint or 'Add'} the taint to the tolerations of a profile in spec.jupyterhub.singleUser.profiles.",
                blocks=False,
                pool=pool.name,
            )


def _device_plugin(spec: NotebookPlatformSpec, kinds: Sequence[ServerKind]) -> Iterator[Finding]:
    """Yield the kinds that ask for processors where no release of the spec offers them to pods: AKS installs the driver alone
    (https://learn.microsoft.com/azure/aks/use-nvidia-gpu)."""
    offered = any("nvidia" in release.chart.name or "gpu" in release.chart.name for release in spec.releases)
    asking = [kind for kind in kinds if kind.gpus]
    if asking and not offered and any(has_gpus(pool) for pool in spec.node_pools):
        yield _warning(
            asking[0],
            Reason.INSUFFICIENT_RESOURCES,
            f"{asking[0].member('gpus')}: nodes offer nvidia.com/gpu only with NVIDIA's device plugin, which no release of spec.releases installs",
            "Add the chart nvidia-device-plugin or gpu-operator to spec.releases, unless the cluster has the plugin already.",
        )


def _is_loose(hub: JupyterHubSpec) -> bool:
    """Return whether values may set more tolerations than the typed fields show."""
    scheduling = hub.values.get("scheduling") if isinstance(hub.values.get("scheduling"), dict) else {}
    server = hub.values.get("singleuser") if isinstance(hub.values.get("singleuser"), dict) else {}
    return bool(hub.values_from) or "userPods" in (scheduling or {}) or "extraTolerations" in (server or {})


def _warning(kind: ServerKind, reason: Reason, sentence: str, remedy: str, *, pool: str = "") -> Finding:
    return Finding(sentence=sentence, reason=reason, remedy=remedy, blocks=False, profile=kind.profile, pool=pool)
