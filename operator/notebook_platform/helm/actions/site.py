"""What an action works with: the release as it is and is wanted, the cluster, helm, and whose it is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from kubernetes.aio import client
from pyhelm3 import Command
from pyhelm3.errors import Error

from notebook_platform.api.remediation import Remediation
from notebook_platform.engine.outcome import InProgress
from notebook_platform.helm import marker
from notebook_platform.helm.marker import Marker
from notebook_platform.helm.release import history
from notebook_platform.helm.runner import Helm
from notebook_platform.helm.state import Record, Wanted

LOOK_AGAIN = 1.0


@dataclass(frozen=True, kw_only=True)
class Site:
    """`field` is the part of the spec that asks for the release; `key` names the release among all that helm works on;
    `mark` is our marker as it was read; `paths` are the drifts that may be put right; `hooks` are (kind, name) of what a hook made
    and the release has as its own from now on; `irreversible` says why the last good revision may not come back, if it may not."""

    api: client.ApiClient
    kubeconfig: str = field(repr=False)
    helm: Helm
    owner: str
    step: str
    field: str
    key: str
    wanted: Wanted
    record: Record
    remedies: Remediation
    mark: Marker | None = None
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

    async def note(self, revision: int, *, recovering: bool = False) -> None:
        """Write down which revision is begun, and the failures so far. `recovering`: it had been begun before, and came to nothing."""
        failed = self.record.last_failure(self.wanted)
        before = self.mark or Marker(owner=self.owner)
        written = Marker(
            owner=self.owner,
            step=self.step,
            revision=revision,
            failures=self.record.tries(self.wanted),
            failed=failed.revision if failed else 0,
            recoveries=before.recoveries + recovering,
            unfinished=int(recovering),
        )
        await marker.write(self.api, self.wanted.namespace, self.wanted.name, written)

    @property
    def next_revision(self) -> int:
        """The revision that helm will write."""
        return self.record.newest.revision + 1 if self.record.newest else 1

    def start(
        self, verb: str, reason: str, sentence: str, work: Callable[[Command], Awaitable[object]], wish: object = None
    ) -> InProgress:
        """Begin `work`; `sentence` says what runs, `wish` what for: it is ended when that changes."""

        async def work_and_note(command: Command) -> None:
            try:
                await work(command)
            except Error:
                await self._take_back()
                raise

        self.helm.start(self.key, verb, self.kubeconfig, work_and_note, wish)
        return InProgress(reason=reason, message=sentence, look_again_in=LOOK_AGAIN)

    async def _take_back(self) -> None:
        """Helm may refuse before it writes anything. The revision is not ours then: whoever writes it next may be somebody else."""
        newest = (await history(self.api, self.wanted.namespace, self.wanted.name)).newest
        revision = newest.revision if newest else 0
        mark = await marker.read(self.api, self.wanted.namespace, self.wanted.name)
        if mark is not None and mark.owner == self.owner and mark.revision > revision:
            await marker.write(self.api, self.wanted.namespace, self.wanted.name, replace(mark, revision=revision))
