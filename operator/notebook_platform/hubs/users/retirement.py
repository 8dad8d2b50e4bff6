"""What the uninstallation of a release does to volumes: Helm deletes some, and the rest stay where no hub finds them.

A release is uninstalled while its platform stays when the spec no longer asks for it, or asks for it under another name or in
another namespace. Helm deletes the claims of its manifest, unless their resource policy is `keep`; Kubernetes deletes with them
what their objects own (a StatefulSet whose persistentVolumeClaimRetentionPolicy says so) and what lies in namespaces that the chart
made. https://helm.sh/docs/howto/charts_tips_and_tricks/#tell-helm-not-to-uninstall-a-resource
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes.aio import client

from notebook_platform.helm.plan import Concern
from notebook_platform.helm.release import RELEASE_NAME, Release
from notebook_platform.hubs.health import hub as hub_health
from notebook_platform.hubs.users.claims import named_claims
from notebook_platform.hubs.users.presence import has_users
from notebook_platform.hubs.users.volumes import Kind, Place, Volume, described, volume_of
from notebook_platform.paths import at
from notebook_platform.workload.paging import each

CHARTS = frozenset({"jupyterhub", "binderhub"})
POLICY, KEEP = "helm.sh/resource-policy", "keep"
MOST_NAMESPACES = 16


@dataclass(frozen=True, kw_only=True)
class UninstalledVolumes:
    """The volumes of a release: `destroyed` by its uninstallation, or `left` in place."""

    destroyed: tuple[Volume, ...] = ()
    left: tuple[Volume, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ManifestVolumes:
    """What in a release's manifest identifies its own volumes, by (namespace, name)."""

    claims: Mapping[Place, bool]
    """Whether helm keeps it."""
    objects: frozenset[tuple[str, str, str]]
    """(kind, namespace, name)."""
    templates: frozenset[tuple[str, str]]
    """(namespace, beginning of the names) of the claims of StatefulSets."""
    namespaces: frozenset[str]
    named: frozenset[Place]
    """Claims that the values name, whoever made them."""

    @classmethod
    def of(cls, release: Release) -> "ManifestVolumes":
        """Read them from the manifest."""
        claims: dict[Place, bool] = {}
        objects, templates, namespaces = set(), set(), set()
        for manifest in release.objects():
            metadata = manifest.get("metadata") or {}
            kind, name = str(manifest.get("kind")), str(metadata.get("name"))
            namespace = str(metadata.get("namespace") or release.namespace)
            objects.add((kind, namespace, name))
            if kind == "PersistentVolumeClaim":
                claims[(namespace, name)] = (metadata.get("annotations") or {}).get(POLICY) == KEEP
            elif kind == "Namespace" and (metadata.get("annotations") or {}).get(POLICY) != KEEP:
                namespaces.add(name)
            for template in at(manifest, "spec", "volumeClaimTemplates") or () if kind == "StatefulSet" else ():
                templates.add((namespace, f"{at(template, 'metadata', 'name')}-{name}-"))
        return cls(
            claims=claims,
            objects=frozenset(objects),
            templates=frozenset(templates),
            namespaces=frozenset(namespaces),
            named=frozenset((release.namespace, claim.name) for claim in named_claims(release.config)),
        )

    def places(self, release: Release) -> list[str]:
        """Return the namespaces that its volumes may be in."""
        others = {namespace for namespace, _ in [*self.claims, *self.templates]} | self.namespaces
        return [release.namespace, *sorted(others - {release.namespace})[: MOST_NAMESPACES - 1]]

    def deletes(self, claim: Mapping[str, Any], place: Place) -> bool:
        """Return whether the uninstallation deletes a claim."""
        owners = (claim.get("metadata") or {}).get("ownerReferences") or ()
        owned = any((one.get("kind"), place[0], one.get("name")) in self.objects for one in owners)
        return owned or place[0] in self.namespaces or self.claims.get(place) is False

    def has(self, claim: Mapping[str, Any], place: Place, release: Release) -> bool:
        """Return whether a remaining claim belongs to this release: a hub creates claims for its users in its namespace; claims
        of another release are named by that one."""
        of = ((claim.get("metadata") or {}).get("annotations") or {}).get(RELEASE_NAME)
        if place in self.claims or place in self.named or of == release.name:
            return True
        if any(place[0] == namespace and place[1].startswith(start) for namespace, start in self.templates):
            return True
        return release.chart in CHARTS and place[0] == release.namespace and of is None


def classify_claim(claim: Mapping[str, Any], belongings: ManifestVolumes, release: Release) -> tuple[bool, Volume] | None:
    """Return (whether it is destroyed, the volume) for a claim of the release that is uninstalled; None for any other claim.
    Pure."""
    metadata = claim["metadata"]
    place = (str(metadata["namespace"]), str(metadata["name"]))
    destroyed = belongings.deletes(claim, place)
    return (destroyed, volume_of(claim, belongings.named, {})) if destroyed or belongings.has(claim, place, release) else None


async def retirement_concerns(api: client.ApiClient, release: Release, *, allow_private: bool) -> list[Concern]:
    """Return what needs approval before a release is uninstalled while its platform stays; empty: no users' data is concerned."""
    listing = client.CoreV1Api(api).list_namespaced_persistent_volume_claim_without_preload_content
    belongings = ManifestVolumes.of(release)
    destroyed: list[Volume] = []
    left: list[Volume] = []
    for namespace in belongings.places(release):
        async for claim in each(listing, namespace=namespace):
            if judgement := classify_claim(claim, belongings, release):
                (destroyed if judgement[0] else left).append(judgement[1])
    found = UninstalledVolumes(destroyed=tuple(destroyed), left=tuple(left))
    only_its_database = all(volume.kind is Kind.DATABASE for volume in (*found.destroyed, *found.left))
    if only_its_database and not await _has_users(api, release, allow_private=allow_private):
        return []
    return list(concerns_of(found, release))


def concerns_of(found: UninstalledVolumes, release: Release) -> Iterable[Concern]:
    """Describe what happens to the volumes. An approval covers each destroyed volume, and everything that stays in the namespace.
    Pure."""
    if found.destroyed:
        places = sorted(volume.place for volume in found.destroyed)
        yield Concern(clause=f"that deletes {described(found.destroyed)}", key=f"destroyed {json.dumps(places)}")
    if found.left:
        more = ", where a hub under another name or in another namespace does not find them" if release.chart in CHARTS else ""
        clause = f"it leaves {described(found.left)} behind in namespace {release.namespace}{more}"
        yield Concern(clause=clause, key=f"left {release.namespace}")


async def _has_users(api: client.ApiClient, release: Release, *, allow_private: bool) -> bool:
    """Return whether the database of a hub's release holds users; unknown for any other release."""
    if release.chart == "binderhub" and not at(release.config, "config", "BinderHub", "auth_enabled"):
        return False  # who launches without a name leaves nothing behind
    if release.chart not in CHARTS:
        return True
    values = release.config
    if release.chart == "binderhub":
        values = at(release.config, "jupyterhub") or {}
    address = await hub_health.address_of(client.CoreV1Api(api), release.namespace)
    base = str(at(values, "hub", "baseUrl") or "").rstrip("/")
    inside = at(release.config, "config", "BinderHub", "hub_url")
    urls = [f"http://{address}{base}" if address else None, str(inside).rstrip("/") if inside else None]
    return await has_users(urls, values, allow_private=allow_private)
