"""Runs in the Python of a hub: users sign in with its real authenticator, by the configuration of each case on the standard input.

A case has `config` (class -> traits, with the chart's), `roles`, `services`, `known` (users in the hub's database) and `people`: name -> what the
provider tells of them. Only the provider's addresses differ from the chart's: a server on loopback answers there. Prints, by case,
the error that keeps the hub from starting, or name -> [whether the user signs in, whether as an administrator, and whether still after
the hub's restart].
"""

import asyncio
import base64
import json
import logging
import sys

import jupyterhub.app
import jwt
from jupyterhub import orm
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from traitlets.config import Config

KEY = "k" * 32
PEOPLE = {}
CLASSES = {}
"""The classes of authenticators by name; the hub searches all installed packages for one."""


class Token(web.RequestHandler):
    """The token endpoint: the code is the user's name."""

    def post(self):
        name = self.get_argument("code")
        claims = {"aud": self.get_argument("client_id", "hub"), **PEOPLE[name]}
        self.write({"access_token": name, "token_type": "Bearer", "scope": "read:org", "id_token": jwt.encode(claims, KEY)})


class User(web.RequestHandler):
    """The userinfo endpoint, and GitHub's."""

    def get(self):
        name = self.request.headers["Authorization"].split()[-1]
        self.write({"login": name, "name": name, "email": "x@example.org", **PEOPLE[name]})


class Member(web.RequestHandler):
    """GitHub's answer to whether a user is in an organization."""

    def get(self, organization, name):
        self.set_status(204 if organization in PEOPLE[name].get("organizations", ()) else 404)


class Callback:
    """The request that brings a user back from the provider; it holds what authenticators read from it."""

    def __init__(self, name):
        self._name = name

    def get_argument(self, argument, default=None):
        return self._name if argument == "code" else default

    def get_state_cookie(self):
        """Return the state that the hub stored when it sent the user to the provider (RFC 7636)."""
        return base64.urlsafe_b64encode(json.dumps({"code_verifier": "v" * 43}).encode()).decode()


def listen():
    """Start the provider; return its URL."""
    routes = [(r"/token", Token), (r"/(?:api/)?user", User), (r"/api/orgs/([^/]+)/members/([^/]+)", Member)]
    server = HTTPServer(web.Application(routes))
    (socket,) = bind_sockets(0, "127.0.0.1")
    server.add_sockets([socket])
    return f"http://127.0.0.1:{socket.getsockname()[1]}"


def configuration(case, provider):
    """Return the hub's configuration for a case."""
    addresses = {
        "GenericOAuthenticator": {"token_url": f"{provider}/token", "userdata_url": f"{provider}/user"},
        "AzureAdOAuthenticator": {"token_url": f"{provider}/token"},
        "GitHubOAuthenticator": {
            "token_url": f"{provider}/token",
            "userdata_url": f"{provider}/api/user",
            "github_url": provider,
            "github_api": f"{provider}/api",
        },
    }
    config = Config()
    for section, traits in case["config"].items():
        if section not in ("ConfigurableHTTPProxy", "CryptKeeper", "KubeSpawner"):
            for trait, value in traits.items():
                if trait != "cookie_secret":
                    config[section][trait] = value
    for section, traits in addresses.items():
        known = case["config"].get(section)
        for trait, value in traits.items() if known else ():
            config[section][trait] = value
    chosen = case["config"]["JupyterHub"]["authenticator_class"]
    config.JupyterHub.authenticator_class = CLASSES.get(chosen, chosen)
    if case["roles"]:
        config.JupyterHub.load_roles = [{"name": name, **role} for name, role in case["roles"].items()]
    return config


async def started(case, provider, db):
    """Start as much of a hub as decides on users: its roles, users and authenticator."""
    app = jupyterhub.app.JupyterHub(config=configuration(case, provider), classes=[])
    app.log.setLevel(logging.CRITICAL)
    app.db = db
    app.authenticator = CLASSES.setdefault(case["config"]["JupyterHub"]["authenticator_class"], app.authenticator_class)(
        parent=app
    )
    if hasattr(app, "init_role_creation"):
        await app.init_role_creation()
    await app.init_users()
    if hasattr(app, "init_role_assignment"):
        await app.init_role_assignment()
    return app


def database():
    """Return a session of a new database in memory, as the hub creates it."""
    app = jupyterhub.app.JupyterHub(db_url="sqlite:///:memory:")
    app.log.setLevel(logging.CRITICAL)
    app.init_db()
    return app.db


def emptied(case, db):
    """Leave only the users and services that a case has at its beginning."""
    for table in reversed(orm.Base.metadata.sorted_tables):
        db.execute(table.delete())
    db.add_all([orm.User(name=name) for name in case["known"]] + [orm.Service(name=name) for name in case["services"]])
    db.commit()
    db.expire_all()


async def sign_in(app, name):
    """Let a user sign in; return whether the hub admits the user, and whether as an administrator. The hub stores what the
    authenticator says as `BaseHandler.auth_to_user` does."""
    data = {"username": name, "password": "password-1"}
    try:
        found = await app.authenticator.get_authenticated_user(Callback(name), data)
    except web.HTTPError as refused:
        if refused.status_code != 403:
            raise
        found = None
    if not found:
        return False, False
    user = app.db.query(orm.User).filter_by(name=found["name"]).first()
    if user is None:
        user = orm.User(name=found["name"])
        app.db.add(user)
        app.authenticator.add_user(user)
    if found["admin"] is not None:
        user.admin = found["admin"]
    if hasattr(orm, "Role"):
        from jupyterhub import roles

        roles.assign_default_roles(app.db, entity=user)
    app.db.commit()
    return True, bool(user.admin)


async def outcome(case, provider, db):
    """Return what happens to each user of a case."""
    PEOPLE.clear()
    PEOPLE.update(case["people"])
    emptied(case, db)
    try:
        app = await started(case, provider, db)
    except Exception as error:
        db.rollback()
        return f"{type(error).__name__}: {error}"
    first = {name: await sign_in(app, name) for name in case["people"]}
    await started(case, provider, db)
    still = {user.name for user in db.query(orm.User) if user.admin}
    return {name: [entered, admin, name in still] for name, (entered, admin) in first.items()}


async def main():
    cases = json.load(sys.stdin)
    provider, db = listen(), database()
    json.dump({name: await outcome(case, provider, db) for name, case in cases.items()}, sys.stdout)


asyncio.run(main())
