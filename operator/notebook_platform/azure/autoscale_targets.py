"""Azure Monitor allows one autoscale setting on each scale set, whatever its name. Pure.

https://learn.microsoft.com/azure/azure-monitor/autoscale/autoscale-overview
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from notebook_platform.api.autoscale import Autoscale
from notebook_platform.api.reasons import Reason
from notebook_platform.azure.autoscale_body import FIELD
from notebook_platform.engine import Failed
from notebook_platform.engine.change import Impossible

Wire = dict[str, Any]


def target_of(setting: Mapping[str, Any]) -> str:
    """Return the id of the scale set that a setting is for, in lower case."""
    return str((setting.get("properties") or {}).get("targetResourceUri") or "").lower()


def by_wanted_name(settings: Iterable[Wire], names: Iterable[str]) -> dict[str, Wire]:
    """Return observed settings by name, as the spec writes it: Azure compares names without regard to case."""
    wanted = {name.casefold(): name for name in names}
    return {wanted.get(str(s["name"]).casefold(), str(s["name"])): s for s in settings}


def occupied(setting: Autoscale, body: Mapping[str, Any], theirs: Mapping[str, str]) -> Impossible | None:
    """Return why a setting cannot be created; None: it can. `theirs`: names of the settings of other clients, by their targets."""
    other = theirs.get(target_of(body))
    if other is None:
        return None
    return Impossible(
        Failed(
            reason=Reason.NOT_OWNED,
            message=f"{FIELD}[{setting.pool}]: the autoscale setting {other!r} exists already on the scale set of the pool, and Azure Monitor "
            "allows one",
            remedy=f"Set {FIELD}[{setting.pool}].name to {other!r} and spec.adoption: IfUnowned to adopt it, or delete it with "
            "`az monitor autoscale delete`.",
        )
    )


def in_order(
    named: Sequence[str], desired: Mapping[str, Wire], ours: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, Wire | None]]:
    """Return the writes of the settings `named`, as name and body; without a body the setting is deleted.

    First go those that the spec no longer has, and those on a scale set that another one gets, which are created anew.
    """
    getting = {target_of(desired[name]): name for name in named if name in desired}
    leaving = [name for name in named if name in ours and getting.get(target_of(ours[name]), name) != name]
    gone = [name for name in named if name not in desired]
    return [(name, None) for name in dict.fromkeys([*gone, *leaving])] + [
        (name, desired[name]) for name in named if name in desired
    ]
