"""What a hub's next release does to the data of its current users, as concerns that need approval."""

from collections.abc import Iterable, Mapping

from kubernetes.aio import client

from notebook_platform.helm.claims import claims_of, has_claims
from notebook_platform.helm.plan import Concern
from notebook_platform.helm.release import Release
from notebook_platform.hubs.naming import ReleaseSnapshot
from notebook_platform.hubs.users.changes import DataChange
from notebook_platform.hubs.users.claims import origin_of
from notebook_platform.hubs.users.presence import has_users
from notebook_platform.hubs.users.visibility import data_changes
from notebook_platform.paths import at


async def data_concerns(
    api: client.ApiClient,
    release: Release,
    before: ReleaseSnapshot,
    after: ReleaseSnapshot,
    *,
    urls: Iterable[str | None],
    allow_private: bool,
    origins: Mapping[str, str],
) -> list[Concern]:
    """Return the changes from the installed release of a hub to the wanted one that hide users' data; empty for a hub without
    users. `before` and `after` are the hub's part of the values, `urls` its addresses; `origins` maps values to the parts of
    the spec that they come from."""
    found = list(data_changes(before, after))
    if found and not await _has_data(api, release, before, urls, allow_private=allow_private):
        return []
    return [concern_of(one, origins) for one in found]


async def _has_data(
    api: client.ApiClient, release: Release, before: ReleaseSnapshot, urls: Iterable[str | None], *, allow_private: bool
) -> bool:
    """Return whether the hub has users, or volumes beside its own that may be theirs."""
    if at(before.values, "hub", "config", "KubeSpawner", "enable_user_namespaces"):
        return True
    own = {name for namespace, name in claims_of(release) if namespace == release.namespace}
    return await has_claims(api, release.namespace, own) or await has_users(urls, before.values, allow_private=allow_private)


def concern_of(one: DataChange, origins: Mapping[str, str]) -> Concern:
    """Describe the change, with the field of the spec that requests it, if there is one. Pure."""
    path = one.path.partition(" ")[0]
    field = origin_of(path, origins, "")
    return Concern(clause=one.clause if field.startswith(".values.") else f"{field}: {one.clause}", key=one.key)
