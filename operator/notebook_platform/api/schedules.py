"""Times that recur: cron in a time zone. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import Field

from notebook_platform.api.base import SpecModel
from notebook_platform.api.durations import parse_duration
from notebook_platform.api.time_zones import time_zone, unknown_time_zone

CRON = r"^[^\s]+ [^\s]+ [^\s]+ [^\s]+ [^\s]+$"


class Recurring(SpecModel):
    """Something that begins again and again."""

    cron: str = Field(max_length=64, description="Start, in cron's form: minute hour day month weekday, such as `30 8 * * 1-5`.")
    time_zone: str = Field("UTC", max_length=64, description="Time zone of `cron`, such as `Europe/Vienna`.")
    duration: str | None = Field(None, max_length=8, description="Duration. Default: until the next schedule begins.")


Item = TypeVar("Item", bound=Recurring)


def problem(item: Recurring) -> str | None:
    """Return why a schedule is not valid, as a clause; None: it is."""
    if (zone := time_zone(item.time_zone)) is None:
        return unknown_time_zone(item.time_zone)
    try:
        CronSim(item.cron, datetime.now(zone))
    except CronSimError as error:
        return f"cron {item.cron!r} cannot be read: {error}"
    return None


def began(item: Recurring, now: datetime) -> datetime:
    """Return its last start, `now` included."""
    local = now.astimezone(ZoneInfo(item.time_zone)).replace(second=0, microsecond=0) + timedelta(minutes=1)
    return next(CronSim(item.cron, local, reverse=True))


def begins(item: Recurring, now: datetime) -> datetime:
    """Return its next start."""
    return next(CronSim(item.cron, now.astimezone(ZoneInfo(item.time_zone))))


def _valid(items: Iterable[Item]) -> Iterator[Item]:
    return (item for item in items if problem(item) is None)


def active(items: Iterable[Item], now: datetime) -> Item | None:
    """Return the active schedule: of those that have begun and not ended, the one that began last; of equals, the later in the
    list. One that is not valid is never active: a step reports it before it follows the schedules."""
    in_force = [
        (start, place, item)
        for place, item in enumerate(_valid(items))
        if (start := began(item, now)) and (item.duration is None or now < start + parse_duration(item.duration))
    ]
    return max(in_force, key=lambda entry: entry[:2])[2] if in_force else None


def next_turn(items: Sequence[Recurring], now: datetime) -> datetime | None:
    """Return when the result of `active` may change; None without valid schedules."""
    valid = list(_valid(items))
    turns = [begins(item, now) for item in valid]
    turns += [end for i in valid if i.duration and (end := began(i, now) + parse_duration(i.duration)) > now]
    return min(turns, default=None)
