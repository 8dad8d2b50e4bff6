"""The creation of one platform as a timeline: each request to Azure, each operation's end, each state that the platform's status shows."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

Line = tuple[float, str]


def of_requests(requests: Iterable[Mapping[str, Any]], start: datetime, speed: float) -> list[Line]:
    """Return the requests with their real seconds since the start. Times in the journal are of Azure's clock."""
    return [
        (
            _seconds(datetime.fromisoformat(one["time"]), start, speed),
            f"{one['status']} {one['method']:6} {one['path'].split('?')[0]}",
        )
        for one in requests
    ]


def of_work(operations: Iterable[Mapping[str, Any]], start: datetime, speed: float) -> list[Line]:
    """Return the beginning and the end of each piece of Azure's work."""
    lines: list[Line] = []
    for one in operations:
        began = datetime.fromisoformat(one["began"])
        end, what = began + timedelta(seconds=one["seconds"]), one.get("kind", "operation")
        lines += [
            (_seconds(began, start, speed), f"--- begins: {what} ({one['seconds']:.0f} s)"),
            (_seconds(end, start, speed), f"--- ends: {what}"),
        ]
    return lines


def of_statuses(seen: Sequence[tuple[float, Mapping[str, Any]]]) -> list[Line]:
    """Return what has changed from one status to the next."""
    lines: list[Line] = []
    before: dict[str, str] = {}
    for at, status in seen:
        now = {c["type"]: f"{c['status']} {c['reason']}" for c in status.get("conditions") or ()}
        changed = [f"{kind}={value}" for kind, value in now.items() if before.get(kind) != value]
        before = now
        lines.append((at, f"    status: {', '.join(changed) or 'no condition'}"))
    return lines


def _seconds(moment: datetime, start: datetime, speed: float) -> float:
    return (moment - start).total_seconds() / speed
