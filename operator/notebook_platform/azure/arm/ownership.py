"""Whose is it? A tag names the platform that made a thing; nothing of another owner is ever touched."""

from collections.abc import Mapping
from dataclasses import dataclass

from notebook_platform.engine.outcome import Failed

OWNER_TAG = "notebookplatform-owner"


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

    def owns(self, tags: Mapping[str, str] | None) -> bool:
        """Whether the tags say it is ours."""
        return (tags or {}).get(OWNER_TAG) == self.tag

    def tags(self, more: Mapping[str, str]) -> dict[str, str]:
        """The tags of something new."""
        return {**more, OWNER_TAG: self.tag}

    def objection(self, what: str, field: str, tags: Mapping[str, str] | None, adoption: str) -> Failed | None:
        """Why the thing may not be touched; None: it is ours, or has no owner and may be adopted.

        `what` names the thing ("resource group prd_rg_jhub"), `field` the member of the spec that names it.
        """
        holder = (tags or {}).get(OWNER_TAG)
        if holder == self.tag or (holder is None and adoption == "IfUnowned"):
            return None
        if holder is None:
            return Failed(
                reason="NotOwned",
                message=f"{field}: {what} exists already and has no owner",
                remedy="Choose another name, or set spec.adoption: IfUnowned to take it over.",
            )
        return Failed(
            reason="OwnedByAnother",
            message=f"{field}: {what} belongs to another platform ({holder})",
            remedy="Choose another name, or delete that platform first. It is not touched.",
        )
