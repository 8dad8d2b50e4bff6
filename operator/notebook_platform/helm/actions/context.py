"""What an action works with: the release as it is and is wanted, the cluster, helm, and whose it is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from kubernetes.aio import client
from pyhelm3 import Command

from notebook_platform.api.reasons import Reason
from notebook_platform.api.remediation import Remediation
from notebook_platform.engine.outcome import Progressing
from notebook_platform.helm.adoption import adopted
from notebook_platform.helm.history import History
from notebook_platform.helm.ledger import OwnedRelease, Place, ReleaseLedger
from notebook_platform.helm.ownership import Marker, write_marker
from notebook_platform.helm.record_proxy import Access
from notebook_platform.helm.release import Release
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.state import Record, Wanted
from notebook_platform.helm.storage import discard

LOOK_AGAIN = 1.0
MOST_DISCARDED = 100
"""Records of others that are deleted before one run of helm."""


@dataclass(frozen=True, kw_only=True)
class ActionContext:
    """`field` is the part of the spec that asks for the release; `key` names the release among all that helm works on; `history` are
    Helm's records, `adopting` those of a release that becomes ours; `paths` are the drifts that may be put right; `hooks` are (kind, name)
    of what a hook made and the release has as its own from now on; `irreversible` says why the last good revision may not come back."""

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
        """The release in words."""
        return f"release {self.wanted.name} in namespace {self.wanted.namespace}"

    @property
    def chart(self) -> str:
        """The wanted chart with its version."""
        return f"{self.wanted.chart.name}-{self.wanted.chart.version}"

    @property
    def place(self) -> Place:
        """Where the ledger has it."""
        return self.wanted.namespace, self.wanted.name

    async def note(self, *, recovering: bool = False) -> None:
        """Write down the failures so far, and that the release is ours. `recovering`: what had been begun came to nothing."""
        failed, there = self.record.last_failure(self.wanted), self.history.there

        def change(owned: OwnedRelease) -> OwnedRelease:
            return adopted(owned.with_revisions_of(there), self.adopting).having(
                step=self.step,
                failures=self.record.tries(self.wanted),
                failed=failed.revision if failed else 0,
                recoveries=owned.recoveries + recovering,
                unfinished=recovering,
                wish=owned.wish if recovering else self.wanted.digest,
                removing=False,
                leftovers=(),
            )

        await self.ledger.change(self.place, change)
        created = await write_marker(self.api, *self.place, Marker(owner=self.owner, step=self.step))
        if created is not None:
            await self.ledger.created(self.wanted.namespace, created)

    @property
    def next_revision(self) -> int:
        """The revision that helm will write."""
        return self.history.own.revision + 1 if self.history.own else 1

    async def make_way(self) -> None:
        """Delete the records of others that stand where helm writes its next one, or after it: helm would fail, and people would be told
        of a revision that is none."""
        in_the_way = [one for one in self.history.foreign if one.revision >= self.next_revision]
        if self.ledger.release(self.place) is not None:
            await discard(self.api, sorted(in_the_way, key=lambda one: one.revision)[:MOST_DISCARDED])

    def start(
        self, verb: str, reason: Reason, sentence: str, work: Callable[[Command], Awaitable[object]], wish: object = None
    ) -> Progressing:
        """Begin `work`; `sentence` says what runs, `wish` what for: it is ended when that changes."""
        access = Access(api=self.api, ledger=self.ledger, place=self.place)
        self.helm.start(self.key, verb, access, work, wish)
        return Progressing(reason=reason, message=sentence, requeue_after=LOOK_AGAIN)
