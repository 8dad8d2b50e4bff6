"""The context of an action: the release as observed and as wanted, the cluster, Helm, and the owner."""

from collections.abc import Sequence
from dataclasses import dataclass

from kubernetes.aio import client

from notebook_platform.api.remediation import Remediation
from notebook_platform.helm.adoption import adopted
from notebook_platform.helm.history import History
from notebook_platform.helm.ledger import OwnedRelease, Place, ReleaseLedger
from notebook_platform.helm.ownership import ReleaseOwner, write_owner
from notebook_platform.helm.record_proxy import Access
from notebook_platform.helm.release import Release
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.state import Record, Wanted
from notebook_platform.helm.storage import discard

RUN_RECHECK = 1.0
"""Seconds between two checks of a Helm process."""

MOST_DISCARDED = 100
"""Foreign records that are deleted before one run of helm."""


@dataclass(frozen=True, kw_only=True)
class ActionContext:
    """The input of an action.

    `field`: the part of the spec that asks for the release; `key`: the release among all that helm runs for; `history`: Helm's records;
    `adopting`: those that become ours with the release; `paths`: the drifts to correct; `hooks`: objects (kind, name) that a hook made and
    that become part of the release; `irreversible`: why the last good revision may not be restored.
    """

    api: client.ApiClient
    helm: Helm
    ledger: ReleaseLedger
    owner: str
    step: str
    field: str
    key: str
    wanted: Wanted
    record: Record
    remedies: Remediation
    history: History
    adopting: Sequence[Release] = ()
    paths: Sequence[str] = ()
    hooks: Sequence[tuple[str, str]] = ()
    irreversible: str = ""

    @property
    def label(self) -> str:
        """Return the release in words."""
        return f"release {self.wanted.name} in namespace {self.wanted.namespace}"

    @property
    def chart(self) -> str:
        """Return the wanted chart with its version."""
        return f"{self.wanted.chart.name}-{self.wanted.chart.version}"

    @property
    def place(self) -> Place:
        """Return the key of the release in the ledger."""
        return self.wanted.namespace, self.wanted.name

    async def note(self, *, recovering: bool = False) -> None:
        """Record the failures so far, and that the release is ours, with what it needs. `recovering`: an interrupted run left nothing usable."""
        failed, existing = self.record.last_failure(self.wanted), self.history.existing

        def change(owned: OwnedRelease) -> OwnedRelease:
            return adopted(owned.with_revisions_of(existing), self.adopting).having(
                step=self.step,
                needs=self.wanted.needs,
                failures=self.record.attempts(self.wanted),
                failed=failed.revision if failed else 0,
                recoveries=owned.recoveries + recovering,
                unfinished=recovering,
                wish=owned.wish if recovering else self.wanted.digest,
                removing=False,
                leftovers=(),
            )

        await self.ledger.change(self.place, change)
        created = await write_owner(self.api, *self.place, ReleaseOwner(owner=self.owner, step=self.step))
        if created is not None:
            await self.ledger.created(self.wanted.namespace, created)

    @property
    def next_revision(self) -> int:
        """Return the revision that Helm will write."""
        return self.history.own.revision + 1 if self.history.own else 1

    async def delete_foreign_records(self) -> None:
        """Delete the foreign records at the revision that helm writes next, and after it: helm would fail, and status would show a
        revision that does not exist."""
        in_the_way = [one for one in self.history.foreign if one.revision >= self.next_revision]
        if self.ledger.release(self.place) is not None:
            await discard(self.api, sorted(in_the_way, key=lambda one: one.revision)[:MOST_DISCARDED])

    @property
    def access(self) -> Access:
        """Return the access of a Helm process to the cluster, which records the digest of what it writes in the ledger."""
        return Access(api=self.api, ledger=self.ledger, place=self.place)
