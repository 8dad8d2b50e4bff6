"""What is done when helm fails on a release, or what it installed does not work: the same for the hub, the binder and every other release."""

from typing import Literal

from pydantic import Field

from notebook_platform.api.base import SpecModel


class Remediation(SpecModel):
    """What is done when helm fails, or what it installed does not work. A failure counts against what was tried; another chart or
    other values start anew."""

    retries: int = Field(3, ge=0, le=10, description="Maximum number of retries of a failed install or upgrade.")
    strategy: Literal["Retry", "Rollback"] = Field(
        "Retry",
        description="Retry: install the failed revision again. Rollback: first return to the last good revision, so that users "
        "can continue; never across a version change that cannot be undone.",
    )
    stalled_after: str = Field(
        "15m",
        max_length=8,
        description="How long an installed release may be unhealthy (an image that cannot be pulled, no node for a pod) before it is "
        "Stalled, such as `15m`. It may still recover automatically.",
    )
    wait: str = Field("1m", max_length=8, description="Time until the first retry, such as `1m`; it doubles with each retry.")
