"""Users sign in at a real JupyterHub that runs on the rendered configuration."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.metrics.monitors import ScrapedHub, pod_monitors
from notebook_platform.hubs.net.hub_api import HubApi
from notebook_platform.hubs.net.oidc_discovery import Discovery, Issuer
from notebook_platform.hubs.users.active_servers import token_in
from notebook_platform.hubs.values import HubSecrets
from yarl import URL

from sandbox.oidc import Provider
from tests.hub.conftest import HOST, To, World, browser, running, unknown_traits, written
from tests.unit.hubs.mapping import TABLE
from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import CLIENT, spec

HOME = f"https://{HOST}/hub/home"
CALLBACK = f"https://{HOST}/hub/oauth_callback"
SECRETS = HubSecrets("aa" * 32, "bb" * 32, "cc" * 32, "client-secret-1", "password-1", token_key="dd" * 32)
KUBERNETES = (1, 35)
PEOPLE: dict[str, dict[str, Any]] = {
    "ada": {"email": "ada@example.org", "groups": ["research"]},
    "kim": {"email": "kim@example.org", "groups": ["platform"]},
    "eve": {"email": "eve@example.org", "groups": ["guests"]},
}


async def sign_in(world: World, front: int, user: str) -> tuple[int, str, int]:
    """Open the hub and sign in at the provider; return (status, page, status of the administrators' page)."""
    async with browser(world, front) as http:
        async with http.get(HOME) as page:
            assert page.url.path == "/hub/login" and "OpenID Connect" in await page.text()
        async with http.get(f"https://{HOST}/hub/oauth_login", params={"next": "/hub/home"}) as asked:
            assert asked.url.path == "/authorize" and asked.status == 200
        async with http.post(asked.url, data={"user": user}) as back:
            status, text = back.status, await back.text()
            assert back.url.host == HOST
        async with http.get(f"https://{HOST}/hub/admin") as admin:
            return status, text, admin.status if admin.url.path == "/hub/admin" else 401


@pytest.mark.timeout(900)
async def test_people_sign_in_at_an_issuer_that_was_found_by_its_name(hub_home: Path, world: World, tmp_path: Path) -> None:
    provider = Provider(client_id="hub", client_secret="client-secret-1", callback=CALLBACK, people=PEOPLE)
    port = await world.serve(provider.application(), "localhost")
    provider.url = f"https://localhost:{port}"
    found = await Discovery(world.trusting()).endpoints(Issuer(provider.url, "spec.jupyterhub.auth.oidc"), allow_private=True)
    oidc = {**CLIENT, "issuer": provider.url, "groupsClaim": "groups", "allowedGroups": ["research"], "adminGroups": ["platform"]}
    wanted = spec(
        "4.4.0",
        auth={"oidc": oidc},
        services=[{"name": "grader"}],
        roles=[{"name": "grader", "scopes": ["list:users"], "services": ["grader"]}],
    )
    values = render(wanted, SECRETS, KUBERNETES, hub_context=HubContext(endpoints=found))
    async with running(hub_home, world, values, tmp_path) as front:
        status, page, admin = await sign_in(world, front, "ada")
        assert (status, admin) == (200, 403) and "ada@example.org" in page
        status, page, admin = await sign_in(world, front, "kim")
        assert (status, admin) == (200, 200) and "kim@example.org" in page
        status, page, admin = await sign_in(world, front, "eve")
        assert (status, admin) == (403, 401)
        async with browser(world, front) as http:
            token = values["hub"]["services"]["grader"]["apiToken"]
            url = f"https://{HOST}/hub/api/users"
            async with http.get(url, headers={"Authorization": f"token {token}"}) as answer:
                names = {user["name"] for user in await answer.json()}
                assert answer.status == 200 and {"ada@example.org", "kim@example.org"} <= names


@pytest.mark.timeout(900)
async def test_a_shared_password_rejects_any_other_password(hub_home: Path, world: World, tmp_path: Path) -> None:
    values = render(spec("4.4.0", auth={"dummy": {"insecure": True, "adminUsers": ["kim"]}}), SECRETS, KUBERNETES)
    async with running(hub_home, world, values, tmp_path) as front:
        for user, password, status, admin in (
            ("ada", "wrong", 403, 403),
            ("ada", "password-1", 200, 403),
            ("kim", "password-1", 200, 200),
        ):
            async with browser(world, front) as http:
                async with http.get(f"https://{HOST}/hub/login") as page:
                    hidden = re.search(r'name="_xsrf" value="([^"]+)"', await page.text())
                assert hidden
                form = {"username": user, "password": password, "_xsrf": hidden[1]}
                target = URL(f"https://{HOST}/hub/login").with_query(next="/hub/home")
                async with http.post(target, data=form) as back:
                    assert (back.status, back.url.path) == (status, "/hub/home" if status == 200 else "/hub/login")
                async with http.get(f"https://{HOST}/hub/admin") as page:
                    signed_in = page.url.path == "/hub/admin"
                    assert (page.status if signed_in else 403) == admin


async def server_of(http: Any, base: str, user: str, admin: str) -> int:
    headers = {"Authorization": f"token {admin}"}
    async with http.post(f"{base}/hub/api/users/{user}", headers=headers) as made:
        assert made.status == 201, await made.text()
    async with http.post(f"{base}/hub/api/users/{user}/server", headers=headers) as begun:
        return int(begun.status)


@pytest.mark.timeout(900)
async def test_the_operators_service_lists_running_servers_and_has_no_other_permission(
    hub_home: Path, world: World, tmp_path: Path
) -> None:
    """Two users a page, and servers that never answer: they stay pending while the hub waits for them."""
    slow = "import sys\nc.Spawner.cmd = [sys.executable, '-c', 'import time; time.sleep(120)']\nc.Spawner.http_timeout = 300"
    slow += "\nc.JupyterHub.tornado_settings = {'slow_spawn_timeout': 1}"  # else the hub waits ten seconds before it answers 202
    wanted = spec(
        "4.4.0",
        auth={"dummy": {"insecure": True, "allowAll": True}},
        services=[{"name": "boss", "admin": True}],
        extraConfig={"slow": slow + "\nc.JupyterHub.api_page_max_limit = 2\nc.JupyterHub.api_page_default_limit = 2"},
    )
    values = render(wanted, SECRETS, KUBERNETES)
    boss = values["hub"]["services"]["boss"]["apiToken"]
    async with running(hub_home, world, values, tmp_path) as front, browser(world, front) as http:
        base = f"https://{HOST}"
        hub = HubApi(url=base, token=token_in(values) or "", allow_private=True, resolver=To(front), tls=world.trusting())
        assert await hub.servers() == ()
        begun = (server_of(http, base, user, boss) for user in ("ada", "grace", "joan", "kim", "mary"))
        assert set(await asyncio.gather(*begun)) == {202}
        found = await hub.servers()
        assert found is not None and {(s.user, s.name, s.ready, s.pending) for s in found} == {
            (user, "", False, "spawn") for user in ("ada", "grace", "joan", "kim", "mary")
        }
        assert await replace(hub, token="another").servers() is None
        headers = {"Authorization": f"token {token_in(values)}"}
        async with http.delete(f"{base}/hub/api/users/ada/server", headers=headers) as answer:
            assert answer.status in (403, 404)
        async with http.post(f"{base}/hub/api/users/eve", headers=headers) as answer:
            assert answer.status == 403


def test_every_trait_that_is_rendered_is_one_that_the_hubs_classes_have(hub_home: Path, tmp_path: Path) -> None:
    """All typed fields are checked against the hub, spawner and authenticators of chart 4.4."""
    secrets = HubSecrets("aa" * 32, "bb" * 32, "cc" * 32, "s", "p", database_url="sqlite:///x")
    configurations = []
    for place, name in enumerate(name for name in TABLE if name.startswith(("auth", "naming", "homes", "roles"))):
        directory = tmp_path / f"{place} {name.replace('/', ' ')}"
        directory.mkdir()
        configurations.append(written(render(spec("4.4.0", **TABLE[name][0]), secrets, KUBERNETES), directory))
    found = unknown_traits(hub_home, configurations)
    assert len(found) == len(configurations) and not any(found.values()), found


async def metrics_of(http: Any, headers: dict[str, str]) -> tuple[int, str]:
    """Return the answer of the hub to a scrape with these headers."""
    async with http.get(f"https://{HOST}/hub/metrics", headers=headers) as answer:
        return int(answer.status), await answer.text()


@pytest.mark.timeout(900)
async def test_the_metrics_agents_token_reads_metrics_and_nothing_else(hub_home: Path, world: World, tmp_path: Path) -> None:
    """The PodMonitor names the key of the chart's Secret; the agent sends its value as a bearer token."""
    wanted = spec("4.4.0", auth={"dummy": {"insecure": True}})
    values = render(wanted, SECRETS, KUBERNETES, hub_context=HubContext(scraped=True))
    hub = ScrapedHub(namespace="jhub", release="jhub", version="4.4.0")
    (endpoint,) = pod_monitors(hub, "owner")[0]["spec"]["podMetricsEndpoints"]
    named = endpoint["authorization"]["credentials"]
    async with running(hub_home, world, values, tmp_path) as front, browser(world, front) as http:
        token = (tmp_path / "secret" / named["key"]).read_text()
        bearer = {"Authorization": f"{endpoint['authorization']['type']} {token}"}
        status, text = await metrics_of(http, bearer)
        assert status == 200 and endpoint["path"] == "/hub/metrics"
        assert 'jupyterhub_server_spawn_duration_seconds_count{status="failure"} 0.0' in text
        assert (await metrics_of(http, {}))[0] == 403
        assert (await metrics_of(http, {"Authorization": f"Bearer {token_in(values)}"}))[0] == 403, "the operator's own may not"
        for path in ("users", "services", "info"):
            async with http.get(f"https://{HOST}/hub/api/{path}", headers=bearer) as answer:
                assert answer.status == 403
