"""CollectionRule: the base of the steps that reconcile a data collection rule of Azure Monitor and its association with the cluster.

An agent on the cluster sends nothing until a rule names a workspace and is associated with the cluster under the name that the agent
reads. An association that exists is kept, whoever made its rule. A rule follows the region of its workspace: one of the platform in
another region is replaced. Once the spec no longer asks for it, the platform's rule is deleted, and
before it the cluster's association if that is with this rule.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from notebook_platform import outputs
from notebook_platform.azure.arm.answer import resource_of
from notebook_platform.azure.arm.errors import azure_errors
from notebook_platform.azure.arm.resource_types import CLUSTERS, COLLECTION_API, COLLECTION_RULES, COLLECTION_TYPE
from notebook_platform.azure.arm.tagging import changed_resource, only_tags, write_tags
from notebook_platform.azure.comparison import compare_wire
from notebook_platform.azure.tagged_resource import TaggedResource, Wire
from notebook_platform.engine import Action, Change, Inputs, Observed, Outcome, Ready
from notebook_platform.engine.step import Output

LONGEST_NAME = 64
RULE, ASSOCIATION, FORMER = "dataCollectionRule", "association", "former"
"""The paths of changes."""


@dataclass(frozen=True)
class Desired:
    """The rule, and the id that the association names. `endpoint`: the data collection endpoint that the rule needs, and its id."""

    rule: Wire
    rule_id: str
    endpoint: Wire | None = None
    endpoint_id: str = ""


@dataclass(frozen=True)
class Found:
    """The platform's own rule; whether a rule of its name `exists`, be it of another owner; the id of the rule that the cluster is
    associated with, and of the `association` itself; the platform's own `endpoint`. `former`: the ids of the platform's rules and endpoints
    in the region of an earlier workspace, the rules first."""

    rule: Wire | None
    exists: bool
    associated: str | None
    association: str | None = None
    endpoint: Wire | None = None
    former: tuple[str, ...] = ()


def rule_name(prefix: str, location: str, cluster: str) -> str:
    """Return the rule's name, as az makes it."""
    return f"{prefix}-{location}-{cluster}"[:LONGEST_NAME].rstrip("-")


class CollectionRule(TaggedResource[Desired, Found, Output]):
    """The rule has the owner tag; the association is part of the cluster.

    `prefix` starts the rule's name, `association` is the name that the agent reads, `member` the name in what was applied last.
    """

    cacheable = True
    resource_type = COLLECTION_RULES
    noun = "data collection rule"
    prefix: ClassVar[str]
    association: ClassVar[str]
    member: ClassVar[str]
    described: ClassVar[str]

    @property
    @abstractmethod
    def asked(self) -> bool:
        """Return whether the spec asks for the rule."""

    @abstractmethod
    def serves(self, cluster: outputs.Cluster) -> bool:
        """Return whether the agent that needs the rule is on."""

    @abstractmethod
    def properties(self, inputs: Inputs, cluster: outputs.Cluster) -> tuple[str, Wire] | None:
        """Return the location and the properties of the rule; None: what it needs does not exist yet. Pure."""

    def desired(self, inputs: Inputs) -> Desired | None:
        cluster = inputs.get(outputs.Cluster)
        if not self.asked or cluster is None or cluster.planned or not self.serves(cluster):
            return None
        if (made := self.properties(inputs, cluster)) is None:
            return None
        location, properties = made
        rule = {"location": location, "kind": "Linux", "tags": self._scope.tags, "properties": properties}
        return Desired(rule, self._scope.id_of(COLLECTION_TYPE, rule_name(self.prefix, location, cluster.name)))

    async def observe(self, inputs: Inputs, *, fresh: bool) -> Observed[Found]:
        cluster = inputs.get(outputs.Cluster)
        if self._scope.deleting or self.taken_out:
            return await self._observe_ending(cluster, fresh=fresh)
        if cluster is None or cluster.planned or not (self.asked and self.serves(cluster)):
            return Observed()
        associated = await self._associated(self._path(cluster.id), fresh=fresh)
        desired = self.desired(inputs)
        name = desired.rule_id.rsplit("/", 1)[1] if desired else rule_name(self.prefix, cluster.location, cluster.name)
        rule = await self.look_up(name, fresh=fresh)
        former = await self._former_rules(desired, fresh=fresh) if associated else ()
        if rule is None and associated is None:
            return Observed()
        mine = rule is not None and self._is_ours(rule, desired)
        return Observed(found=Found(rule if mine else None, rule is not None, associated, former=former))

    async def _former_rules(self, desired: Desired | None, *, fresh: bool) -> tuple[str, ...]:
        """Return the ids of the platform's rules that have another name than the desired one."""
        ours = await self._owned_rules(fresh=fresh) if desired else []
        return tuple(str(rule["id"]) for rule in ours if desired and rule["id"].lower() != desired.rule_id.lower())

    def _is_ours(self, rule: Wire, desired: Desired | None) -> bool:
        """Return whether the rule is the platform's, or is adopted: one without an owner of which the tags alone would change."""
        if self._scope.owner.owns(rule.get("tags")):
            return True
        if desired is None or self.conflict(rule, str(rule["name"])):
            return False
        return not any(compare_wire({name: value for name, value in desired.rule.items() if name != "tags"}, rule))

    async def _observe_ending(self, cluster: outputs.Cluster | None, *, fresh: bool) -> Observed[Found]:
        """Observe what is to be deleted: the platform's rules, which outlive its cluster, and the association while the cluster exists."""
        owned = await self._owned_rules(fresh=fresh)
        if not owned:
            return Observed()
        rule, *former = owned
        path = None if cluster is None or cluster.planned else self._path(cluster.id)
        associated = await self._associated(path, fresh=fresh) if path else None
        return Observed(found=Found(rule, True, associated, path, former=tuple(str(one["id"]) for one in former)))

    async def _associated(self, path: str, *, fresh: bool) -> str | None:
        """Return the id of the rule that an association names; None: there is none."""
        async with azure_errors(self.field):
            association = await self._scope.find(path, COLLECTION_API, fresh=fresh)
        found: str | None = ((association or {}).get("properties") or {}).get("dataCollectionRuleId")
        return found

    @property
    def taken_out(self) -> bool:
        """Return whether the spec asked for the rule and no longer does."""
        return self.member in self._scope.applied_members(self.name) and not self.asked

    async def _owned_rules(self, *, fresh: bool) -> list[Wire]:
        """Return the platform's rules. A name follows the region of a workspace that the spec no longer names, so the owner tag and the
        start of the name find them."""
        ours = await self.owned(COLLECTION_RULES, fresh=fresh)
        return [rule for rule in ours if str(rule["name"]).casefold().startswith(f"{self.prefix}-".casefold())]

    def resource(self, found: Found) -> Wire:
        return found.rule or {}

    def plan(self, desired: Desired | None, found: Found | None) -> Sequence[Change]:
        if desired is None:
            return _removal(found) if self.taken_out else ()
        there = found or Found(None, exists=False, associated=None)
        changes: list[Change] = []
        if self.writes_rule(desired, there):
            changes += self.create_or_compare(RULE, desired.rule, there.rule)
        if there.associated is None:
            changes.append(Change(path=ASSOCIATION, action=Action.CREATE, after=desired.rule_id))
        elif _is_former(there):
            changes.append(Change(path=ASSOCIATION, action=Action.UPDATE, before=there.associated, after=desired.rule_id))
        if self.writes_rule(desired, there):
            changes += _former_removal(there)
        return changes

    def writes_rule(self, desired: Desired, there: Found) -> bool:
        """Return whether the rule is the platform's to write: the cluster has no association with another one, and no other owner has its
        name. Pure."""
        ours = there.associated is None or there.associated.lower() == desired.rule_id.lower() or _is_former(there)
        return ours and (there.rule is not None or not there.exists)

    async def apply(self, desired: Desired | None, found: Found | None, changes: Sequence[Change]) -> Outcome:
        if desired is None:
            async with azure_errors(self.field):
                await self._remove(changes)
            return Ready()
        session, former = self._scope.session, [change for change in changes if change.path.startswith(FORMER)]
        of_rule = [change for change in changes if change.path != ASSOCIATION and change not in former]
        async with azure_errors(self.field):
            if found and found.rule and of_rule and only_tags(of_rule):
                await write_tags(session, found.rule["id"], of_rule)
            elif of_rule:
                body = changed_resource(desired.rule, found.rule if found else None, of_rule)
                await session.send("PUT", desired.rule_id, json=body, api_version=COLLECTION_API)
            if any(change.path == ASSOCIATION for change in changes):
                properties = {"dataCollectionRuleId": desired.rule_id, "description": self.described}
                await session.send("PUT", self._own_path, json={"properties": properties}, api_version=COLLECTION_API)
            await self._remove(former)
        return Ready()

    async def delete(self, found: Found, inputs: Inputs) -> Outcome:
        async with azure_errors(self.field):
            await self._remove([change for change in _removal(found) if change.path != RULE])
        return Ready() if found.rule is None else await super().delete(found, inputs)

    async def _remove(self, changes: Sequence[Change]) -> None:
        """Delete what the changes name."""
        for change in changes:
            await self._scope.session.send("DELETE", change.before, api_version=COLLECTION_API)

    async def delete_owned(self, resource: Wire) -> Outcome:
        await self._scope.session.send("DELETE", resource["id"], api_version=COLLECTION_API)
        return Ready()

    async def read(self, path: str, version: str) -> Wire:
        """Read a resource by its id. Raises HttpResponseError."""
        return resource_of(await self._scope.session.send("GET", path, api_version=version))

    @property
    def _own_path(self) -> str:
        return self._path(self._scope.id_of(CLUSTERS.name, self._scope.spec.cluster.name))

    def _path(self, cluster_id: str) -> str:
        return f"{cluster_id}/providers/Microsoft.Insights/dataCollectionRuleAssociations/{self.association}"


def _is_former(there: Found) -> bool:
    """Return whether the cluster is associated with a rule of the platform in the region of an earlier workspace."""
    return (there.associated or "").lower() in {id_.lower() for id_ in there.former}


def _removal(found: Found | None) -> list[Change]:
    """Return the removal of the platform's rules; before them, of the cluster's association if that is with its rule."""
    if found is None:
        return []
    changes = []
    if found.rule is not None:
        if found.association is not None and (found.associated or "").lower() == found.rule["id"].lower():
            changes.append(Change(path=ASSOCIATION, action=Action.DELETE, before=found.association))
        changes.append(Change(path=RULE, action=Action.DELETE, before=found.rule["id"]))
    return [*changes, *_former_removal(found)]


def _former_removal(found: Found) -> list[Change]:
    """Return the removal of the platform's resources with former names."""
    return [Change(path=f"{FORMER}[{id_.rsplit('/', 1)[1]}]", action=Action.DELETE, before=id_) for id_ in found.former]
