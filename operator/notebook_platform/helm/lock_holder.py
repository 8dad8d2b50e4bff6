"""The holder of a release's lock: the replica of the operator whose helm wrote the newest revision, as the ledger names it.

Helm's lock is a revision in a pending state, and nothing in it says whether the process that wrote it still runs. The ledger names the
lease under which it was started. While that lease is held the process may be running, so its lock is left in place; afterwards it
cannot write any more, because it reaches the cluster only through its operator, whose fence has ended.
"""

from notebook_platform.fencing import FENCE
from notebook_platform.helm.ledger import OwnedRelease


def current_holder() -> str:
    """Return the holder that the running task acts for; empty outside the operator."""
    fence = FENCE.get()
    return fence.holder if fence else ""


async def live_holder(owned: OwnedRelease | None) -> str:
    """Return the other replica that may be working on a release; empty if there is none. A command, which has no lease and reads none,
    counts every recorded holder as alive."""
    if owned is None or owned.holder in ("", current_holder()):
        return ""
    fence = FENCE.get()
    ended = fence is not None and await fence.has_ended(owned.holder)
    return "" if ended else owned.holder
