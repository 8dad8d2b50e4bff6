"""Checks of the database that the values of a hub name. Pure, a row each, as those of `hubs/validation.py`."""

from collections.abc import Callable, Iterator, Mapping

from notebook_platform.api.reasons import Reason
from notebook_platform.hubs.case import Case, Violation
from notebook_platform.hubs.chart.versions import migrates
from notebook_platform.hubs.database_url import violations
from notebook_platform.hubs.inputs import FIELD

KEPT_BY_THE_HUB = (None, "sqlite-pvc", "sqlite-memory")
"""Databases that the hub upgrades without being asked."""


def _database_url(case: Case) -> Iterator[Violation]:
    """Judge a URL in the values; the content of the Secret of database.urlRef is repaired or refused before."""
    url, where = case.at("hub.db.url"), case.from_("hub.db.url")
    if url is not None and where != f"{FIELD}.database.urlRef" and case.version >= (1, 0):
        yield from violations(url, where, own_image=case.hub_context.own_image)


def _database_volume(case: Case) -> Iterator[Violation]:
    """Judge the volume of a new hub's SQLite file; the class of an existing volume cannot change."""
    path = "hub.db.pvc.storageClassName"
    name = case.at(path) or ""
    on_volume = case.at("hub.db.type") in (None, "sqlite-pvc")
    if on_volume and case.hub_context.before is None and name in case.hub_context.unlockable_classes:
        yield (
            f"{case.from_(path) if name else f'{FIELD}.database.volume.storageClass'}: SQLite cannot lock its file on a volume of "
            f"StorageClass {name or 'default'}, a network share",
            f"Set {FIELD}.database.volume.storageClass to a class of disks, such as managed-csi, or use {FIELD}.database.urlRef.",
        )


def _database_upgrade(case: Case) -> Iterator[Violation]:
    before, kind = case.hub_context.before, case.at("hub.db.type")
    if before is None or kind in KEPT_BY_THE_HUB or not migrates(before.version, case.spec.chart.version):
        return
    if not case.at("hub.db.upgrade"):
        yield (
            f"{FIELD}.chart.version {case.spec.chart.version} needs another schema of the database at {FIELD}.database.urlRef than "
            f"{before.version}, and its hub would not start until the upgrade is allowed",
            f"Back up the database, then set {FIELD}.database.upgrade: true until the upgrade is over.",
        )


DATABASE_REFUSALS: Mapping[Reason, Callable[[Case], Iterator[Violation]]] = {
    Reason.DATABASE_UNREACHABLE: _database_url,
    Reason.DATABASE_VOLUME_UNSUITABLE: _database_volume,
    Reason.DATABASE_UPGRADE_REQUIRED: _database_upgrade,
}
