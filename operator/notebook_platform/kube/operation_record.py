"""Encode and decode the record of an accepted operation, in the Secret `<platform>-operations`. Pure.

Users who may edit Secrets in the namespace can write records, and the operator sends its token to their addresses. So a
record is untrusted: it may name an operation of Resource Manager in the platform's own subscription, and nothing else.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from notebook_platform.bounded.documents import Budget, DocumentRefused, parse_json
from notebook_platform.engine.outcome import Operation

BUDGET = Budget(bytes=16 * 1024, nodes=20, depth=2)
MOST_RECORDS = 100
"""A platform has a dozen steps, and some have an operation for each agent pool."""
LONGEST_EXPECTED = 24 * 3600.0
OLDEST = timedelta(days=7)
"""Azure keeps an operation for about a day; the rest allows for clock differences and outages."""
EARLY = timedelta(hours=1)

KEY = re.compile(r"[A-Z][A-Za-z0-9]{0,62}(/[A-Za-z0-9._-]{1,63})?")
KIND = re.compile(r"[a-z]{3,20} .{1,400}")
MEMBERS: Mapping[str, type | tuple[type, ...]] = {"kind": str, "url": str, "started": str, "expected": (int, float), "key": str}
CORRELATION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|")
"""A UUID. Records of earlier versions of the operator have none."""

SEGMENT = r"[A-Za-z0-9][A-Za-z0-9._=-]{0,511}"
DOCUMENT = rf"[A-Za-z]{{0,40}}operation(s|status|statuses|results?|sstatus)/{SEGMENT}"
"""Providers differ in the name: operations, operationStatuses, operationsStatus, operationResults, DiskOperations, ..."""
NAMESPACES = r"Microsoft\.(Compute|ContainerRegistry|ContainerService|Insights|ManagedIdentity|Network|Resources)"
"""The namespaces whose operations the steps start."""


@dataclass(frozen=True, kw_only=True)
class OperationScope:
    """Where the operations of a platform may be: Resource Manager (an https origin without a path), a subscription, resource
    groups.

    `placeholders` are addresses, by key, that stand for a state to wait for and are never requested.
    """

    resource_manager: str
    subscription_id: str
    resource_groups: tuple[str, ...] = ()
    placeholders: Mapping[str, str] = field(default_factory=dict)

    def admits(self, key: str, url: str) -> bool:
        """Return whether the address is that of an operation document within the scope, or the placeholder of this key.

        The forms are `/subscriptions/S/providers/N/locations/L/operations/ID`, `/subscriptions/S/operationresults/ID` and, in
        the platform's resource groups, `.../resourceGroups/G/providers/N/TYPE/NAME/operationStatuses/ID`
        (https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations).
        """
        if key in self.placeholders:
            return url == self.placeholders[key]
        if not url.isascii() or not url.isprintable() or any(mark in url for mark in " \\#@") or len(url) > 8192:
            return False
        try:
            parts = urlsplit(url)
            origin = f"{parts.scheme}://{parts.netloc}"
        except ValueError:
            return False
        if parts.scheme != "https" or origin.lower() != self.resource_manager.lower():
            return False
        subscription = f"/subscriptions/{re.escape(self.subscription_id)}"
        groups = "|".join(map(re.escape, self.resource_groups)) or "(?!)"
        forms = (
            rf"{subscription}/{DOCUMENT}",
            rf"{subscription}/providers/{NAMESPACES}/locations/[A-Za-z0-9-]{{1,64}}/{DOCUMENT}",
            rf"{subscription}/resourcegroups/({groups})/providers/{NAMESPACES}(/{SEGMENT}){{0,4}}/{DOCUMENT}",
        )
        return any(re.fullmatch(form, parts.path, re.IGNORECASE) for form in forms)


def encode(operation: Operation) -> str:
    """Return the text of a record."""
    return json.dumps(
        {
            "kind": operation.kind,
            "url": operation.url,
            "started": operation.started.isoformat(),
            "expected": operation.expected,
            "key": operation.key,
            "correlationId": operation.correlation_id,
        }
    )


def decode(name: str, text: str, scope: OperationScope, now: datetime) -> tuple[str, Operation] | None:
    """Read the record under the Secret's key `name`. Returns (key of the operation, operation); None for anything else."""
    key = name.replace("__", "/")
    try:
        data = parse_json(text, BUDGET)
    except DocumentRefused:
        return None
    if not KEY.fullmatch(key) or not _has_form(data) or not scope.admits(key, data["url"]):
        return None
    started = _moment(data["started"])
    if started is None or not now - OLDEST < started < now + EARLY:
        return None
    if data["key"] not in ("", key) or not (data["kind"].isprintable() and KIND.fullmatch(data["kind"])):
        return None
    expected = float(data["expected"])
    if not math.isfinite(expected) or not 0 <= expected <= LONGEST_EXPECTED:
        return None
    return key, Operation(
        kind=data["kind"],
        url=data["url"],
        started=started,
        expected=expected,
        key=data["key"],
        correlation_id=data.get("correlationId", ""),
    )


def decode_all(data: Mapping[str, str], scope: OperationScope, now: datetime) -> tuple[dict[str, Operation], int]:
    """Return all records of the Secret by key, and the number of refused ones."""
    read: Iterable[tuple[str, str]] = list(data.items())[:MOST_RECORDS]
    found = dict(record for name, text in read if (record := decode(name, text, scope, now)) is not None)
    return found, len(data) - len(found)


def _has_form(data: Any) -> bool:
    return (
        isinstance(data, dict)
        and data.keys() - {"correlationId"} == MEMBERS.keys()
        and isinstance(correlation_id := data.get("correlationId", ""), str)
        and CORRELATION_ID.fullmatch(correlation_id) is not None
        and all(isinstance(data[name], form) and not isinstance(data[name], bool) for name, form in MEMBERS.items())
    )


def _moment(text: str) -> datetime | None:
    """Return the moment with its time zone; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
