"""Log lines, as text or JSON, with no secret in them whoever wrote them."""

import json
import logging
import sys
from datetime import UTC, datetime

from notebook_platform.kube.redaction import KNOWN

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

    def format(self, record: logging.LogRecord) -> str:
        return KNOWN.clean(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({key: KNOWN.clean(value) for key, value in line.items()})


def configure(form: str, level: str) -> None:
    """Send everything to standard error in one form; quieten what would repeat or reveal."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name, least in QUIET.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelNamesMapping()[level]))
