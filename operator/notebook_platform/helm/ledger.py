"""The ledger: the releases that a platform owns, recorded in the management cluster in the operator's Secret `<platform>-releases`.

Markers and Helm's records are in the workload cluster, where tenants may write Secrets and ConfigMaps. So the operator records here what it
installed and the digest of each revision that its helm wrote, and only the ledger starts a correction, a rollback or an uninstallation.
`helm/record_proxy.py` records a digest before the release record itself reaches the cluster, so no record of ours is without one.

The author of the platform may edit this Secret, which gains nothing: spec.releases installs any chart with the same rights in the same
cluster. The content is still parsed as foreign text. An entry of another form is left out, and its release is then not owned.
"""

import asyncio
import json
import time
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from notebook_platform.bounded.documents import DocumentRefused, parse_json
from notebook_platform.kube.secrets import SecretStore

Place = tuple[str, str]
"""(namespace, release)."""

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=253)]
Revision = Annotated[int, Field(ge=1, le=999_999_999)]
Count = Annotated[int, Field(ge=0, le=999_999_999)]

MOST_REVISIONS = 32
"""Helm keeps 10, and beside them the last that was deployed."""

MOST_DIGESTS = 4
"""Per revision. The record is rewritten when the API version of a kind in it is renewed."""

MOST_LEFTOVERS = 200
MOST_NEEDS = 16
READ_AGAIN = 10.0
"""Seconds. Another replica may have reconciled the platform in between (shards move)."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reference(_Model):
    """An object in the workload cluster."""

    apiVersion: Name
    kind: Name
    name: Name
    namespace: Annotated[str, StringConstraints(max_length=63)] = ""


class OwnedRelease(_Model):
    """One release of ours.

    Attributes:
        step: the step that reconciles it.
        needs: the releases that it needs, which are uninstalled after it.
        failures: number of failures of helm in a row on the wanted chart and values, the last at revision `failed`.
        recoveries: number of locks of dead helm processes that were removed.
        unfinished: what such a process had begun has not been repeated yet.
        wish: digest of the chart and values that helm was last run for; only these may be completed without another approval.
        removing: the operator has begun to uninstall it.
        leftovers: objects of its hooks, which helm does not delete.
        revisions: digests of the records that the operator's helm wrote, or that were adopted.
        holder: the replica whose helm wrote the newest record, as `namespace/lease/identity` of its lease; empty: not known.
        adopted: revisions that another helm wrote. They show which objects belong to the release; no object is created from them.
    """

    step: Annotated[str, StringConstraints(max_length=253)] = ""
    needs: Annotated[tuple[tuple[Name, Name], ...], Field(max_length=MOST_NEEDS)] = ()
    failures: Count = 0
    failed: Count = 0
    recoveries: Count = 0
    unfinished: bool = False
    wish: Digest | None = None
    removing: bool = False
    holder: Annotated[str, StringConstraints(max_length=600)] = ""
    leftovers: Annotated[tuple[Reference, ...], Field(max_length=MOST_LEFTOVERS)] = ()
    revisions: Annotated[
        Mapping[Revision, Annotated[tuple[Digest, ...], Field(max_length=MOST_DIGESTS)]], Field(max_length=MOST_REVISIONS)
    ] = Field(default_factory=dict)
    adopted: Annotated[tuple[Revision, ...], Field(max_length=MOST_REVISIONS)] = ()

    def wrote(self, revision: int, digest: str) -> bool:
        """Return whether the operator wrote or adopted a record of this digest."""
        return digest in self.revisions.get(revision, ())

    def having(self, **changes: Any) -> "OwnedRelease":
        """Return the entry with other members."""
        return self.model_copy(update=changes)

    def with_record(self, revision: int, digest: str, *, new: bool) -> "OwnedRelease":
        """Return the entry with the digest of a record. `new`: it replaces earlier digests of the revision."""
        before = () if new else self.revisions.get(revision, ())
        if digest in before:
            return self
        kept = {**self.revisions, revision: (*before, digest)[-MOST_DIGESTS:]}
        newest = sorted(kept)[-MOST_REVISIONS:]
        adopted = tuple(one for one in self.adopted if one in newest and not (new and one == revision))
        return self.having(revisions={one: kept[one] for one in newest}, adopted=adopted)

    def with_revisions_of(self, existing: frozenset[int]) -> "OwnedRelease":
        """Return the entry without the revisions that Helm no longer keeps."""
        kept = {one: digests for one, digests in self.revisions.items() if one in existing}
        return self.having(revisions=kept, adopted=tuple(one for one in self.adopted if one in kept))


class ReleaseLedger:
    """The releases that one platform owns, and the namespaces that were created for them.

    A process has one instance for each platform, because helm runs write to it between reconciles. `owner` is the platform's tag: entries of
    another owner do not count.
    """

    def __init__(self, secrets: SecretStore, owner: str) -> None:
        self._secrets = secrets
        self._owner = owner
        self._name = f"{secrets.platform.name}-releases"
        self._releases: dict[Place, OwnedRelease] = {}
        self._namespaces: dict[str, str] = {}
        self._read_at: float | None = None
        self._lock = asyncio.Lock()

    async def load(self) -> None:
        """Read the Secret, unless it was read in the last READ_AGAIN seconds. Raises StepError (SecretNameTaken) and ApiException."""
        async with self._lock:
            if self._read_at is not None and time.monotonic() - self._read_at < READ_AGAIN:
                return
            data = await self._secrets.own(self._name, orphaned=False, plain=True) or {}
            if data.get("owner") != self._owner:
                data = {}
            self._releases = {place: one for key, text in data.items() if (place := _place(key)) and (one := _release(text))}
            self._namespaces = _namespaces(data.get("namespaces", ""))
            self._read_at = time.monotonic()

    def release(self, place: Place) -> OwnedRelease | None:
        """Return the entry of a release; None: it is not ours."""
        return self._releases.get(place)

    def releases(self) -> Mapping[Place, OwnedRelease]:
        """Return all entries."""
        return dict(self._releases)

    def namespace(self, name: str) -> str | None:
        """Return the uid of a namespace that the operator created for a release; None: it existed before."""
        return self._namespaces.get(name)

    async def change(self, place: Place, change: Callable[[OwnedRelease], OwnedRelease]) -> OwnedRelease:
        """Change the entry of a release, a new one if there is none, and write the Secret. Raises ApiException, and changes nothing then."""
        async with self._lock:
            before = self._releases.get(place)
            after = change(before or OwnedRelease())
            if after != before:
                await self._write({**self._releases, place: after}, self._namespaces)
            return after

    async def created(self, namespace: str, uid: str) -> None:
        """Record that the operator created a namespace for a release."""
        async with self._lock:
            await self._write(self._releases, {**self._namespaces, namespace: uid})

    async def forget(self, place: Place, *, wanted: Collection[Place] = ()) -> None:
        """Delete the entry of a release, and that of its namespace with the last release in it. `wanted`: releases of the spec, which may
        come to that namespace later."""
        async with self._lock:
            if place not in self._releases:
                return
            releases = {other: one for other, one in self._releases.items() if other != place}
            used = {namespace for namespace, _ in [*releases, *wanted]}
            await self._write(releases, {name: uid for name, uid in self._namespaces.items() if name in used})

    async def _write(self, releases: dict[Place, OwnedRelease], namespaces: dict[str, str]) -> None:
        data = {_key(place): one.model_dump_json(exclude_defaults=True) for place, one in releases.items()}
        if data or namespaces:
            content = {"owner": self._owner, "namespaces": json.dumps(namespaces), **data}
            await self._secrets.apply(self._name, content, hidden={})
        else:
            await self._secrets.delete(self._name)
        self._releases, self._namespaces = releases, namespaces


RELEASE = "release."


def _key(place: Place) -> str:
    """Return the key of an entry. A namespace contains no dots, a release may."""
    return f"{RELEASE}{place[0]}.{place[1]}"


def _place(key: str) -> Place | None:
    namespace, _, release = key.removeprefix(RELEASE).partition(".")
    return (namespace, release) if key.startswith(RELEASE) and namespace and release else None


def _release(text: str) -> OwnedRelease | None:
    try:
        return OwnedRelease.model_validate_json(text)
    except ValidationError:
        return None


def _namespaces(text: str) -> dict[str, str]:
    try:
        found = parse_json(text)
    except DocumentRefused:
        return {}
    return {name: uid for name, uid in found.items() if isinstance(uid, str)} if isinstance(found, dict) else {}
