"""The chart value of each typed field in each generation of the chart: the specification, as data, apart from the code. A version
is the first to which an entry applies; it applies until the next entry's version."""

from typing import Any

from notebook_platform.versions import parse

from tests.unit.hubs.mapping.auth import FIELDS_OF_SIGN_IN
from tests.unit.hubs.mapping.expose import FIELDS_OF_EXPOSE
from tests.unit.hubs.mapping.hub import FIELDS_OF_THE_HUB
from tests.unit.hubs.mapping.rows import ABSENT, REFUSED, Row
from tests.unit.hubs.mapping.servers import DEDICATED, FIELDS_OF_SERVERS

__all__ = ["ABSENT", "DEDICATED", "REFUSED", "TABLE", "expected"]

TABLE: dict[str, Row] = {**FIELDS_OF_SIGN_IN, **FIELDS_OF_SERVERS, **FIELDS_OF_EXPOSE, **FIELDS_OF_THE_HUB}


def expected(row: Row, version: str) -> Any:
    """Return the expectation for a version: the last entry that begins at or before it."""
    return [wanted for first, wanted in row[1].items() if parse(version) >= parse(first)][-1]
