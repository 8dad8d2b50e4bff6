"""Determine the owner of an Azure resource: a tag names the platform that created it. Resources of another owner are never
changed."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from notebook_platform.api.arm_ids import fits
from notebook_platform.api.reasons import Reason
from notebook_platform.engine.outcome import Failed

log = logging.getLogger(__name__)

OWNER_TAG = "notebookplatform-owner"

PLATFORM_NAME = "[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?"

UID = "[-0-9a-zA-Z]{1,64}"


def untagging(tag: str) -> str:
    """Return how to remove the owner tag `tag` from resources, which no operator does any more."""
    named = f"{OWNER_TAG}={tag}"
    return (
        f"`az resource list --tag {named} --query [].id` and `az group list --tag {named} --query [].id` list them; `az tag update --operation "
        f"Delete --tags {named} --resource-id ID` removes the tag"
    )


def holder_of(tags: Mapping[str, str] | None) -> str | None:
    """Return the value of the owner tag. Names of tags are compared without regard to case, as in Azure."""
    return next((value for name, value in (tags or {}).items() if name.casefold() == OWNER_TAG), None)


@lru_cache(maxsize=1024)
def _log_holder(namespace: str, name: str, what: str, holder: str) -> None:
    """Log the owner of a resource that a platform asks for, once: the platform retries for as long as the spec asks for it."""
    log.info("%s/%s: %s belongs to %r", namespace, name, what, holder)


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The platform that owns an Azure resource."""

    cluster_id: str
    namespace: str
    name: str
    uid: str

    @property
    def tag(self) -> str:
        """Return the value of the owner tag."""
        return f"{self.cluster_id}/{self.namespace}/{self.name}/{self.uid}"

    def known(self, what: str, holder: str) -> str:
        """Return how to name another owner after "another platform": its name if it is of the same namespace, else nothing.

        The author of a platform must not learn of platforms in other namespaces; the operator's log has the owner.
        """
        _log_holder(self.namespace, self.name, what, holder)
        cluster_id, _, place = holder.partition("/")
        namespace, _, rest = place.partition("/")
        name = rest.partition("/")[0]
        same = (cluster_id, namespace) == (self.cluster_id, self.namespace) and fits(PLATFORM_NAME, name)
        return f" of this namespace, {name!r}" if same else ""

    def owns(self, tags: Mapping[str, str] | None) -> bool:
        """Return whether the tags name this platform."""
        return holder_of(tags) == self.tag

    def tags(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return the tags of a new resource."""
        return {**more, OWNER_TAG: self.tag}

    def ownership_conflict(self, what: str, field: str, tags: Mapping[str, str] | None, adoption: str) -> Failed | None:
        """Return why the resource may not be changed; None: it belongs to this platform, or has no owner and may be adopted.

        `what` names the resource ("resource group prd_rg_jhub"), `field` the member of the spec that names it.
        """
        holder = holder_of(tags)
        if holder == self.tag or (holder is None and adoption == "IfUnowned"):
            return None
        if holder is None:
            return Failed(
                reason=Reason.NOT_OWNED,
                message=f"{field}: {what} exists already and has no owner",
                remedy="Choose another name, or set spec.adoption: IfUnowned to adopt it.",
            )
        if self.is_former(holder):
            return Failed(
                reason=Reason.OWNED_BY_ANOTHER,
                message=f"{field}: {what} belongs to an earlier platform of this name, or to one in another management cluster",
                remedy=f"If no operator manages it any more, remove the owner tag and set spec.adoption: IfUnowned: {untagging(holder)}. "
                "Otherwise choose another name.",
            )
        return Failed(
            reason=Reason.OWNED_BY_ANOTHER,
            message=f"{field}: {what} belongs to another platform{self.known(what, holder)}",
            remedy=f"Choose another name, or delete that platform first. If it no longer exists, remove the tag {OWNER_TAG} from the resource.",
        )

    def is_former(self, holder: str) -> bool:
        """Return whether the owner has the name of this platform and is another object: one that was deleted while its tags could not be
        removed, or one in another management cluster with the same name for its operator."""
        place, _, uid = holder.rpartition("/")
        return place == self.tag.rpartition("/")[0] and uid != self.uid and fits(UID, uid)
