"""Checks of the database that the values of a hub name. Pure, a row each, as those of `hubs/validation.py`."""

from collections.abc import Callable, Iterator, Mapping

from notebook_platform.api.reasons import Reason
from notebook_platform.hubs.case import Case, Violation
from notebook_platform.hubs.chart.versions import migrates
from notebook_platform.hubs.database_url import violations

KEPT_BY_THE_HUB = (None, "sqlite-pvc", "sqlite-memory")
"""Databases that the hub upgrades without being asked."""


def _database_url(case: Case) -> Iterator[Violation]:
    """Judge a URL in the values; the content of the Secret of database.urlRef is repaired or refused before."""
    url, where = case.at("hub.db.url"), case.from_("hub.db.url")
    field = case.fields.path("database.urlRef")
    referred = case.spec.database.url_ref is not None and where == field
    if url is not None and not referred and case.version >= (1, 0):
        yield from violations(url, where, field, own_image=case.hub_context.own_image)


def _database_volume(case: Case) -> Iterator[Violation]:
    """Judge the volume of a new hub's SQLite file; the class of an existing volume cannot change."""
    path = "hub.db.pvc.storageClassName"
    name = case.at(path) or ""
    storage_class = case.fields.path("database.volume.storageClass")
    on_volume = case.at("hub.db.type") in (None, "sqlite-pvc")
    if on_volume and case.hub_context.before is None and name in case.hub_context.unlockable_classes:
        yield (
            f"{case.from_(path) if name else storage_class}: SQLite cannot lock its file on a volume of "
            f"StorageClass {name or 'default'}, a network share",
            f"Set {storage_class} to a class of disks, such as managed-csi, or use {case.fields.path('database.urlRef')}.",
        )


def _database_upgrade(case: Case) -> Iterator[Violation]:
    before, kind = case.hub_context.before, case.at("hub.db.type")
    if before is None or kind in KEPT_BY_THE_HUB or not migrates(before.version, case.spec.chart.version):
        return
    if not case.at("hub.db.upgrade"):
        yield (
            f"{case.fields.path('chart.version')} {case.spec.chart.version} needs another schema of the database at "
            f"{case.fields.path('database.urlRef')} than {before.version}, and its hub would not start until the upgrade is allowed",
            f"Back up the database, then set {case.fields.setting('database.upgrade', 'true')} until the upgrade is over.",
        )


DATABASE_REFUSALS: Mapping[Reason, Callable[[Case], Iterator[Violation]]] = {
    Reason.DATABASE_UNREACHABLE: _database_url,
    Reason.DATABASE_VOLUME_UNSUITABLE: _database_volume,
    Reason.DATABASE_UPGRADE_REQUIRED: _database_upgrade,
}
