"""The URL of a hub's database: what is unambiguous is repaired, the rest is refused, and no message contains a part of it."""

import re
from dataclasses import replace
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.engine import StepError
from notebook_platform.hubs.database_url import InvalidDatabaseUrl, chart_values, parse_url
from notebook_platform.hubs.values import HubSecrets

from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import NEW, SECRETS, VERSIONS, spec

READ = [
    ("postgresql://hub:a%2Fb@db/hub?sslmode=require", "postgres", "postgresql://hub@db/hub?sslmode=require", "a/b"),
    ("postgresql://hub@db/hub", "postgres", "postgresql://hub@db/hub", None),
    ("postgresql://db:5432", "postgres", "postgresql://db:5432", None),
    ("postgresql:///hub?host=/run/pg&user=hub", "postgres", "postgresql:///hub?host=/run/pg&user=hub", None),
    ("postgresql+psycopg2://hub:pw@[fd00::1]:5432/hub", "postgres", "postgresql+psycopg2://hub@[fd00::1]:5432/hub", "pw"),
    ("postgres://hub:pw@db/hub", "postgres", "postgresql://hub@db/hub", "pw"),
    ("postgres+psycopg2://hub:pw@db/hub", "postgres", "postgresql+psycopg2://hub@db/hub", "pw"),
    ("PostgreSQL://hub:pw@db/hub", "postgres", "postgresql://hub@db/hub", "pw"),
    ("'postgresql://hub:pw@db/hub'", "postgres", "postgresql://hub@db/hub", "pw"),
    ("postgresql://hub:p@ss/word@db/jhub", "postgres", "postgresql://hub@db/jhub", "p@ss/word"),
    ("postgresql://hub:p?ss#w@db/jhub", "postgres", "postgresql://hub@db/jhub", "p?ss#w"),
    ("postgresql://hub:p[ss]w@db/jhub", "postgres", "postgresql://hub@db/jhub", "p[ss]w"),
    ("postgresql://hub:a:b c%@db/jhub", "postgres", "postgresql://hub@db/jhub", "a:b c%"),
    ("postgresql://hub@srv:pw@srv.example.org/hub", "postgres", "postgresql://hub%40srv@srv.example.org/hub", "pw"),
    ("mysql+pymysql://hub:pw@db:3306/hub", "mysql", "mysql+pymysql://hub:pw@db:3306/hub", None),
    ("mysql+pymysql://hub:p@ss/w@db/hub", "mysql", "mysql+pymysql://hub:p%40ss%2Fw@db/hub", None),
    ("mysql://hub:pw@db/hub?ssl_ca=/ca.pem", "mysql", "mysql+pymysql://hub:pw@db/hub?ssl_ca=/ca.pem", None),
    ("mariadb://hub:pw@db/hub", "mysql", "mysql+pymysql://hub:pw@db/hub", None),
    ("sqlite:////srv/hub.sqlite", "other", "sqlite:////srv/hub.sqlite", None),
    ("cockroachdb://hub:pw@db/hub", "other", "cockroachdb://hub:pw@db/hub", None),
]


@pytest.mark.parametrize(("text", "kind", "url", "password"), READ)
def test_a_database_url_is_written_as_the_chart_and_its_drivers_read_it(
    text: str, kind: str, url: str, password: str | None
) -> None:
    assert chart_values(text) == (kind, url, password)


REFUSED = [
    "",
    "db.example.org",
    "jdbc:postgresql://db/hub?user=hub",
    "host=db user=hub password=hunter22 dbname=hub",
    "Server=db;Database=hub;User Id=hub;Password=hunter22",
    "DATABASE_URL=postgresql://hub:hunter22@db/hub",
    "postgresql://hub:hunter22@db:port/hub",
    "postgresql://hub:hunter22@db1,db2/hub",
    "postgresql://hub:hunter22@db/hub/more",
    "postgresql://hub:hunter22@db/hub?sslmode",
    "postgresql://hub:hunter22%ff@db/hub",
    "postgresql://hub:hunter22@db/hub?user=a@b",
    "postgresql://hub:hunter22@a?b=c@db/hub",
    "postgresql://hub:hunter22@db/hub\npostgresql://hub:hunter22@db/other",
    "postgresql+asyncpg://hub:hunter22@db/hub",
    "postgresql+pg8000://hub:hunter22@db/hub",
    "mysql+mysqldb://hub:hunter22@db/hub",
    "mssql+pyodbc://hub:hunter22@db/hub",
    "oracle://hub:hunter22@db/hub",
    "redis://hub:hunter22@db/0",
    "https://hub:hunter22@db/hub",
]


@pytest.mark.parametrize("text", REFUSED)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_rest_is_refused_and_no_part_of_it_is_shown(text: str, version: str) -> None:
    wanted = spec(version, database={"urlRef": {"name": "db", "key": "url"}})
    with pytest.raises(StepError) as refused:
        render(wanted, with_url(text), NEW)
    failed = refused.value.failed
    assert (failed.reason, failed.retry_in) == ("SecretValueInvalid", None)
    assert failed.message.startswith("spec.jupyterhub.database.urlRef: key 'url' of Secret 'db' ")
    assert "postgresql://user:password@host" in failed.remedy and "%40" in failed.remedy
    assert "hunter22" not in failed.message + failed.remedy and refused.value.__cause__ is None


def with_url(text: str) -> HubSecrets:
    return replace(SECRETS, database_url=text)


@pytest.mark.parametrize(
    ("text", "url", "password"),
    [
        ("mysql+mysqldb://hub:pw@db/hub", "mysql+mysqldb://hub:pw@db/hub", None),
        ("mysql://hub:pw@db/hub", "mysql://hub:pw@db/hub", None),
        ("postgres://hub:pw@db/hub", "postgresql://hub@db/hub", "pw"),
        ("postgresql+pg8000://hub:pw@db/hub", "postgresql+pg8000://hub:pw@db/hub", None),
    ],
)
def test_a_hub_with_an_image_of_its_own_may_have_other_drivers(text: str, url: str, password: str | None) -> None:
    image = {"hub": {"image": {"name": "registry.example.org/hub", "tag": "1"}}}
    wanted = spec("4.4.0", database={"urlRef": {"name": "db", "key": "url"}}, values=image)
    database = render(wanted, with_url(text), NEW)["hub"]["db"]
    assert (database["url"], database.get("password")) == (url, password)


SQLALCHEMY = re.compile(
    r"[\w+]+://(?:(?P<username>[^:/]*)(?::(?P<password>[^@]*))?@)?(?P<host>[^/:?]*)(?::(?P<port>[^/?]*))?(?:/(?P<database>[^?]*))?(?:\?.*)?"
)
"""What SQLAlchemy reads from a URL (https://docs.sqlalchemy.org/en/20/core/engines.html#database-urls)."""

PASSWORDS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=12)


@given(PASSWORDS, st.sampled_from(["postgresql", "postgres", "mysql", "mysql+pymysql", "mariadb"]), st.booleans())
def test_sqlalchemy_reads_the_password_that_was_meant(password: str, scheme: str, encoded: bool) -> None:
    """A raw password is read as it is, but for percent-codes, or the URL is refused; an encoded one is always read."""
    text = f"{scheme}://hub:{quote(password, safe='') if encoded else password}@db.example.org:5432/jhub?ssl=1"
    try:
        kind, url, apart = chart_values(text)
    except InvalidDatabaseUrl:
        assert not encoded
        return
    read = SQLALCHEMY.fullmatch(url)
    assert read and read.group("username", "host", "port", "database") == ("hub", "db.example.org", "5432", "jhub")
    found = apart if kind == "postgres" else unquote(read["password"] or "")
    assert found == password or (not encoded and "%" in password)


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_no_text_raises_anything_else(text: str) -> None:
    for url in (text, f"postgresql://{text}", f"mysql://hub:{text}@db/hub"):
        try:
            parse_url(url)
        except InvalidDatabaseUrl as invalid:
            assert len(str(invalid)) < 80
