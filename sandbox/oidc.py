"""A small OpenID Connect provider: discovery, the code flow with PKCE, userinfo. It asks people for a name and no password.

https://openid.net/specs/openid-connect-core-1_0.html
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import BasicAuth, web

from sandbox.azure.core.signing import Signer

PAGE = """<!doctype html><title>Sign in</title>
<form method="post"><label>Name <input name="user"></label> <button>Sign in</button></form>
"""


class Provider:
    """One client, some people. `people`: name -> claims; `callback` is the one place people are sent back to."""

    def __init__(self, *, client_id: str, client_secret: str, callback: str, people: Mapping[str, Mapping[str, Any]]) -> None:
        self.url = ""
        self._client_id, self._client_secret, self._callback = client_id, client_secret, callback
        self._people = people
        self._signer = Signer("oidc")
        self._codes: dict[str, tuple[str, str | None]] = {}
        self._tokens: dict[str, str] = {}

    def application(self) -> web.Application:
        """The endpoints. Set `url` to its address before the first request."""
        application = web.Application()
        application.router.add_get("/.well-known/openid-configuration", self._discovery)
        application.router.add_get("/authorize", self._ask)
        application.router.add_post("/authorize", self._answer)
        application.router.add_post("/token", self._token)
        application.router.add_get("/userinfo", self._userinfo)
        application.router.add_get("/keys", self._keys)
        return application

    async def _discovery(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _ask(self, request: web.Request) -> web.Response:
        self._check(request.query)
        return web.Response(text=PAGE, content_type="text/html")

    async def _answer(self, request: web.Request) -> web.Response:
        self._check(request.query)
        user = str((await request.post()).get("user", ""))
        if user not in self._people:
            return web.Response(status=401, text=PAGE, content_type="text/html")
        code = secrets.token_urlsafe(24)
        self._codes[code] = user, request.query.get("code_challenge")
        back = urlencode({"code": code, "state": request.query.get("state", "")})
        raise web.HTTPFound(f"{self._callback}?{back}")

    def _check(self, query: Mapping[str, str]) -> None:
        """Answer a wrong client or callback with an error page instead of a redirect."""
        wanted = {"client_id": self._client_id, "redirect_uri": self._callback, "response_type": "code"}
        for name, value in wanted.items():
            if query.get(name) != value:
                raise web.HTTPBadRequest(text=f"{name} is not the one that is registered")
        if "openid" not in query.get("scope", "").split():
            raise web.HTTPBadRequest(text="scope lacks openid")

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        client = (str(form.get("client_id", "")), str(form.get("client_secret", "")))
        if header := request.headers.get("Authorization"):
            basic = BasicAuth.decode(header)
            client = basic.login, basic.password
        if client != (self._client_id, self._client_secret):
            return web.json_response({"error": "invalid_client"}, status=401)
        user, challenge = self._codes.pop(str(form.get("code", "")), ("", None))
        proof = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
        if not user or (challenge and base64.urlsafe_b64encode(proof).rstrip(b"=").decode() != challenge):
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = secrets.token_urlsafe(24)
        self._tokens[token] = user
        claims = {"iss": self.url, "aud": self._client_id, **self._claims(user)}
        return web.json_response(
            {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "id_token": self._signer.sign(claims)}
        )

    async def _userinfo(self, request: web.Request) -> web.Response:
        user = self._tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        return web.json_response(self._claims(user)) if user else web.json_response({"error": "invalid_token"}, status=401)

    async def _keys(self, request: web.Request) -> web.Response:
        return web.json_response(self._signer.keys())

    def _claims(self, user: str) -> dict[str, Any]:
        return {"sub": user, **self._people[user]}
