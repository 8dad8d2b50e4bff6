"""The desired and the observed state of the step NodePools."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from notebook_platform import outputs
from notebook_platform.azure.agent_pools import Wire
from notebook_platform.engine import Failed


@dataclass(frozen=True)
class Wanted:
    """The bodies of the agent pools by name, and the cluster that they belong to."""

    pools: Mapping[str, Wire]
    cluster: outputs.Cluster


@dataclass(frozen=True)
class Found:
    """The agent pools in wire form, and their scale sets, by name. `obstacles`: why Azure would refuse pools; only if read fresh."""

    pools: Mapping[str, Wire]
    scale_sets: Mapping[str, str]
    obstacles: Mapping[str, Failed] = field(default_factory=dict)
