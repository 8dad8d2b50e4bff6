"""What has to hold at each quiet moment of a fleet."""

import copy
import logging
from collections import Counter

from tests.faults.baseline import executed, plain
from tests.faults.fleet import FOREIGN, Fleet, running, settle

OWNER = "notebookplatform-owner"


def resources(fleet: Fleet) -> Counter[str]:
    """Count everything in Azure and in the directory, with GUIDs left out."""
    world = fleet.host.estate.simulator.world
    found = Counter(plain(key) for key in world.store.resources if not key.startswith(FOREIGN.lower()))
    found += Counter(
        f"application {a['displayName']}, {len(a['passwordCredentials'])} secrets" for a in world.applications.values()
    )
    found += Counter(f"principal {p['displayName']}" for p in world.principals.values())
    return found


async def expected(fleet: Fleet) -> Counter[str]:
    """Return the resources of a new fleet with the same specs that has met no fault."""
    async with running(0, number=0) as fresh:
        for one in fleet.platforms:
            if not one.gone:
                made = fresh.create(one.number)
                made.spec = copy.deepcopy(one.spec)
                fresh.platforms.append(made)
        await settle(fresh)
        return resources(fresh)


async def judge(fleet: Fleet, foreign: str) -> list[str]:
    """Return what does not hold at a quiet moment."""
    problems: list[str] = []
    have, want = resources(fleet), await expected(fleet)
    if have != want:
        problems.append(f"other resources: more {sorted((have - want).items())}, less {sorted((want - have).items())}")
    if foreign_of(fleet) != foreign:
        problems.append("a resource of another owner was touched")
    living = {one.run.estate.uid for one in fleet.platforms if not one.gone}
    for resource in fleet.host.estate.simulator.world.store.resources.values():
        tags = {str(k).lower(): str(v) for k, v in (resource.body.get("tags") or {}).items()}
        if (tag := tags.get(OWNER)) and not any(tag.endswith(uid) for uid in living):
            problems.append(f"{resource.id} has the owner tag {tag} of no living platform")
    for one in fleet.platforms:
        ready = next((c for c in one.run.conditions if c.type == "Ready"), None)
        if not one.gone and (ready is None or ready.status != "True" or ready.observed_generation != one.run.generation):
            problems.append(f"{one.name} has no current condition Ready: {ready}")
    entries = fleet.host.estate.simulator.world.journal.entries
    mark = len(entries)
    for one in fleet.platforms:
        if not one.gone:
            one.run.observe_again()
            await one.turn()
    if late := executed(entries[mark:]):
        problems.append(f"writes of settled platforms: {dict(late)}")
    problems += [f"a secret in {text!r}" for text in fleet.texts if any(secret in text for secret in fleet.secrets)]
    return problems


def foreign_of(fleet: Fleet) -> str:
    """Return the resources of another owner, as text."""
    store = fleet.host.estate.simulator.world.store.resources
    return str(sorted((key, r.body) for key, r in store.items() if key.startswith(FOREIGN.lower())))


class Listening(logging.Handler):
    """Keeps all that the operator logs."""

    def __init__(self, texts: set[str]) -> None:
        super().__init__(logging.DEBUG)
        self._texts = texts

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text of a record."""
        self._texts.add(record.getMessage() + (str(record.exc_info[1]) if record.exc_info else ""))
