"""Parse the URL of a hub's database as users write it, and write it as the chart and the drivers of its image read it. Pure.

A Secret is checked by no rule of the CRD, so that its content is judged here. What is unambiguous is repaired: a password whose `@`,
`/`, `?` or `#` is not percent-encoded, the dialect `postgres`, which SQLAlchemy dropped with 1.4, and `mysql`, whose default driver the
image lacks. No message contains a part of the URL.

Sources: https://docs.sqlalchemy.org/en/20/core/engines.html#database-urls,
https://github.com/jupyterhub/zero-to-jupyterhub-k8s/blob/main/images/hub/requirements.in
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

FORM = "postgresql://user:password@host:5432/name or mysql+pymysql://user:password@host:3306/name"
ENCODED = "percent-encode @ : / ? # [ ] % in the password (@ as %40)"

DIALECTS = {"postgres": "postgresql", "mariadb": "mysql"}
"""Names of dialects that not every SQLAlchemy of the charts has, and those that all have."""

DEFAULT_DRIVERS = {"mysql": "pymysql"}
"""Drivers to name because the image has another one than SQLAlchemy expects."""

DRIVERS = {"postgresql": ("", "psycopg2"), "mysql": ("pymysql",), "sqlite": ("", "pysqlite"), "cockroachdb": ("", "psycopg2")}
"""Dialects and drivers of the charts' hub images; empty: SQLAlchemy's default."""

LIBPQ = ("", "psycopg2", "psycopg", "psycopg2cffi")
"""Drivers that take a password from PGPASSWORD, as the chart passes it."""

KINDS = {"postgresql": "postgres", "mysql": "mysql"}
"""Type of the database for the chart; `other` for all other dialects."""

_URL = re.compile(r"(?P<dialect>[A-Za-z][A-Za-z0-9]*)(?:\+(?P<driver>[A-Za-z0-9_]+))?://(?P<rest>.*)", re.DOTALL)
_PLACE = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)?(?::[0-9]{1,5})?(?:/[^/?#@]*)?(?:\?[^=&?#]+=[^&?#]*(?:&[^=&?#]+=[^&?#]*)*)?"
)
"""Host, port, name and parameters: what follows the last `@`."""


class InvalidDatabaseUrl(ValueError):
    """A text that is not the URL of a database. Its message is the predicate of a sentence and contains nothing of the text."""


@dataclass(frozen=True)
class DatabaseUrl:
    """A database URL in its parts; `user` and `password` are decoded."""

    dialect: str
    driver: str
    place: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def kind(self) -> str:
        """Return `hub.db.type` of the chart."""
        return KINDS.get(self.dialect, "other")

    @property
    def in_environment(self) -> bool:
        """Return whether the chart passes the password to the driver beside the URL: PyMySQL ignores MYSQL_PWD."""
        return self.kind == "postgres" and self.driver in LIBPQ

    def text(self, *, with_password: bool) -> str:
        """Return the URL with everything encoded that has to be."""
        scheme = f"{self.dialect}+{self.driver}" if self.driver else self.dialect
        user = "" if self.user is None else quote(self.user, safe="")
        secret = f":{quote(self.password, safe='')}" if with_password and self.password is not None else ""
        return f"{scheme}://{user}{secret}{'@' if user or secret else ''}{self.place}"


def chart_values(text: str, *, own_image: bool = False) -> tuple[str, str, str | None]:
    """Return (hub.db.type, hub.db.url, hub.db.password) for the content of a Secret; a password of None is not set.

    `own_image`: the hub does not run the chart's image, so that any driver may be there. Raises InvalidDatabaseUrl.

    `postgresql+psycopg2://hub:pw@db/hub?sslmode=require` -> (postgres, postgresql+psycopg2://hub@db/hub?sslmode=require, pw)
    """
    url = parse_url(text, own_image=own_image)
    return url.kind, url.text(with_password=not url.in_environment), url.password if url.in_environment else None


def parse_url(text: str, *, own_image: bool = False) -> DatabaseUrl:
    """Parse the URL of a database, and repair what is unambiguous. Raises InvalidDatabaseUrl."""
    bare = text.strip()
    if bare[:1] in ("'", '"') and bare[-1:] == bare[:1]:
        bare = bare[1:-1]
    found = _URL.fullmatch(bare)
    if found is None or not bare.isprintable():
        raise InvalidDatabaseUrl("is not the URL of a database")
    dialect, driver = found["dialect"].lower(), (found["driver"] or "").lower()
    if not own_image:
        dialect = DIALECTS.get(dialect, dialect)
        driver = driver or DEFAULT_DRIVERS.get(dialect, "")
        if driver not in DRIVERS.get(dialect, ()):
            raise InvalidDatabaseUrl("names a dialect or driver that the chart's hub image does not have")
    dialect = "postgresql" if dialect == "postgres" else dialect
    if dialect == "sqlite":
        return DatabaseUrl(dialect, driver, found["rest"])
    return _with_account(dialect, driver, found["rest"])


def _with_account(dialect: str, driver: str, rest: str) -> DatabaseUrl:
    readings = list(_readings(rest))
    if not readings:
        raise InvalidDatabaseUrl("has a host, port or parameters that cannot be read")
    if len(readings) > 1:
        raise InvalidDatabaseUrl("can be read in several ways")
    (account, place), *_ = readings
    if account is None:
        return DatabaseUrl(dialect, driver, place)
    user, _, password = account.partition(":")
    return DatabaseUrl(dialect, driver, place, _decoded(user) or None, _decoded(password) or None)


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise InvalidDatabaseUrl("has a % that is not percent-encoded in the user or the password") from None


def _readings(rest: str) -> Iterator[tuple[str | None, str]]:
    """Yield each (account, place) that the text may mean: a place holds no `@` before its parameters."""
    if "@" not in rest:
        if _PLACE.fullmatch(rest):
            yield None, rest
        return
    for found in re.finditer("@", rest):
        place = rest[found.end() :]
        if _PLACE.fullmatch(place):
            yield rest[: found.start()], place


def violations(url: object, where: str, field: str, *, own_image: bool) -> Iterator[tuple[str, str]]:
    """Yield (sentence, remedy) if a URL that the values of a hub set (`hub.db.url`) cannot work. `where`: its place in the spec;
    `field`: the field for the database's URL.

    It is not repaired: the chart gets its values exactly as written.
    """
    found = _URL.fullmatch(url.strip()) if isinstance(url, str) else None
    dialect, driver = (found["dialect"].lower(), (found["driver"] or "").lower()) if found else ("", "")
    if not found:
        problem = "is not the URL of a database"
    elif dialect == "postgres":
        problem = "names the dialect postgres, which SQLAlchemy no longer has since 1.4"
    elif not own_image and driver not in DRIVERS.get(dialect, ()):
        problem = "names a dialect or driver that the chart's hub image does not have"
    else:
        return
    yield f"{where}: hub.db.url {problem}", f"Write it as {FORM}, or use {field}."
