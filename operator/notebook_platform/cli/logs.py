"""Log lines of the operator and its libraries, as text or JSON, with secrets redacted.

A line carries the context of the task that logged it (`context.current_fields`): in JSON as members, in text after the message as
`name=value`. INFO covers the history of a platform: changes applied, begin and end of Azure operations and Helm actions, Events. A
platform that does not change logs nothing at INFO. DEBUG adds each request to Azure.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from notebook_platform.bounded.text import printable
from notebook_platform.kube.redaction import REDACTORS
from notebook_platform.observability.context import current_fields

QUIET = {
    "azure": logging.ERROR,
    "azure.identity": logging.CRITICAL,
    "aiohttp.access": logging.WARNING,
    "kopf.objects": logging.ERROR,
    "kopf": logging.WARNING,
    "asyncio": logging.WARNING,
    "pyhelm3": logging.WARNING,
}
"""Minimum levels of libraries' loggers: the Azure SDK logs whole response bodies at INFO, azure-identity at WARNING."""


class ContextFilter(logging.Filter):
    """Sets `context` on each record to the context of the task that logs. Add it to a handler, which runs in that task."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.context = current_fields()
        return True


class TextFormatter(logging.Formatter):
    """Formats a record as one line with time, level, logger, message and context; tracebacks follow it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:
        context = " ".join(f"{name}={_clean(text)}" for name, text in _context(record).items())
        record.message = _message(record) + (f" {context}" if context else "")
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        return _traceback(super().formatException(ei))


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: time, level, logger, message, then the context and the fields of the call."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_context(record),
        }
        for name, found in getattr(record, "fields", {}).items():
            line.setdefault(name, found)
        line = {name: _clean(found) for name, found in line.items()}
        if record.exc_info:
            line["exception"] = _traceback(self.formatException(record.exc_info))
        return json.dumps(line)


def _message(record: logging.LogRecord) -> str:
    return REDACTORS.redact(printable(record.getMessage()))


def _context(record: logging.LogRecord) -> dict[str, str]:
    return getattr(record, "context", {})


def _clean(found: object) -> object:
    """Return a field with its texts printable and redacted; numbers are unchanged."""
    if isinstance(found, list | tuple):
        return [_clean(one) for one in found]
    return found if isinstance(found, int | float | None) else REDACTORS.redact(printable(str(found)))


def _traceback(text: str) -> str:
    return "\n".join(map(printable, REDACTORS.redact(text).splitlines()))


log = logging.getLogger(__name__)


def configure(form: str, level: str) -> None:
    """Log to standard error in one form (`text` or `json`) from `level` on, with the levels of QUIET for libraries."""
    logging.raiseExceptions = False  # else logging prints a record that it cannot format, without redaction
    sys.excepthook = _unhandled
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(ContextFilter())
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelNamesMapping()[level]))


def _unhandled(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("the process ends", exc_info=(kind, error, trace))
