"""What is done when helm fails on a release, or what it installed does not work: the same for the hub, the binder and every other release."""

from typing import Literal

from pydantic import Field

from notebook_platform.api.base import SpecModel


class Remediation(SpecModel):
    """What is done when helm fails, or what it installed does not work. A failure counts against what was tried; another chart or
    other values start anew."""

    retries: int = Field(3, ge=0, le=10, description="So often is a failed install or upgrade tried again.")
    strategy: Literal["Retry", "Rollback"] = Field(
        "Retry",
        description="Retry: the failed revision is written again. Rollback: the last good revision comes back first, so that "
        "people can go on; not over a change of version that cannot be undone.",
    )
    stalled_after: str = Field(
        "15m",
        max_length=8,
        description="How long an installed release may fail to work (an image that cannot be pulled, no node for a pod) before it "
        "counts as Stalled, as `15m`. It may still recover automatically.",
    )
    wait: str = Field("1m", max_length=8, description="Time until the first retry; it doubles with each, as `1m`.")
