"""Whose is it? A tag names the platform that made a thing; nothing of another owner is ever touched."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from notebook_platform.api.arm_ids import fits
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import Failed

log = logging.getLogger(__name__)

OWNER_TAG = "notebookplatform-owner"


PLATFORM_NAME = "[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?"


def holder_of(tags: Mapping[str, str] | None) -> str | None:
    """The value of the owner tag. Azure compares tags' names without regard to case, and so does this."""
    return next((value for name, value in (tags or {}).items() if name.casefold() == OWNER_TAG), None)


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The platform that a thing in Azure belongs to."""

    cluster_id: str
    namespace: str
    name: str
    uid: str

    @property
    def tag(self) -> str:
        """Value of the owner tag."""
        return f"{self.cluster_id}/{self.namespace}/{self.name}/{self.uid}"

    def known(self, what: str, holder: str) -> str:
        """What may be said of another owner, to follow "another platform": its name if it is of the same namespace. Whose it is
        otherwise is no business of whoever asks; the operator's log has it."""
        log.info("%s/%s: %s belongs to %r", self.namespace, self.name, what, holder)
        cluster_id, _, place = holder.partition("/")
        namespace, _, rest = place.partition("/")
        name = rest.partition("/")[0]
        same = (cluster_id, namespace) == (self.cluster_id, self.namespace) and fits(PLATFORM_NAME, name)
        return f" of this namespace, {name!r}" if same else ""

    def owns(self, tags: Mapping[str, str] | None) -> bool:
        """Whether the tags say it is ours."""
        return holder_of(tags) == self.tag

    def tags(self, more: Mapping[str, str]) -> dict[str, str]:
        """The tags of something new."""
        return {**more, OWNER_TAG: self.tag}

    def ownership_conflict(self, what: str, field: str, tags: Mapping[str, str] | None, adoption: str) -> Failed | None:
        """Why the thing may not be touched; None: it is ours, or has no owner and may be adopted.

        `what` names the thing ("resource group prd_rg_jhub"), `field` the member of the spec that names it.
        """
        holder = holder_of(tags)
        if holder == self.tag or (holder is None and adoption == "IfUnowned"):
            return None
        if holder is None:
            return Failed(
                reason=Reason.NOT_OWNED,
                message=f"{field}: {what} exists already and has no owner",
                remedy="Choose another name, or set spec.adoption: IfUnowned to take it over.",
            )
        return Failed(
            reason=Reason.OWNED_BY_ANOTHER,
            message=f"{field}: {what} belongs to another platform{self.known(what, holder)}",
            remedy="Choose another name, or delete that platform first. It is not touched.",
        )
