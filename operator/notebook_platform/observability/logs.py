"""Log lines, as text or JSON, with no secret in them whoever wrote them."""

import json
import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from notebook_platform.bounded.text import printable
from notebook_platform.kube.redaction import REDACTORS

QUIET = {
    "azure": logging.ERROR,
    "azure.identity": logging.CRITICAL,
    "aiohttp.access": logging.WARNING,
    "kopf.objects": logging.ERROR,
    "kopf": logging.WARNING,
    "asyncio": logging.WARNING,
    "pyhelm3": logging.WARNING,
}
"""Loggers of others: the SDK logs whole response bodies at INFO, azure-identity at WARNING."""


class TextFormatter(logging.Formatter):
    """One line with time, level and logger; tracebacks below it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = _message(record)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        return _traceback(super().formatException(ei))


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        if record.exc_info:
            line["exception"] = _traceback(self.formatException(record.exc_info))
        return json.dumps(line)


def _message(record: logging.LogRecord) -> str:
    return REDACTORS.redact(printable(record.getMessage()))


def _traceback(text: str) -> str:
    return "\n".join(map(printable, REDACTORS.redact(text).splitlines()))


log = logging.getLogger(__name__)


def configure(form: str, level: str) -> None:
    """Send everything to standard error in one form; quieten what would repeat or reveal."""
    logging.raiseExceptions = False  # it would print a line that cannot be formatted as it stands
    sys.excepthook = _unhandled
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelNamesMapping()[level]))


def _unhandled(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("the process ends", exc_info=(kind, error, trace))
