"""OIDC discovery over real TLS, with the limits for a URL from an untrusted author."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import astuple
from typing import Any

import pytest
import trustme
from aiohttp import web
from notebook_platform.engine import StepError
from notebook_platform.hubs.net.oidc_discovery import MOST_BYTES, Discovery, Issuer, endpoints_in
from notebook_platform.hubs.net.public_addresses import is_public

WELL_KNOWN = "/realm/.well-known/openid-configuration"
AUTHORITY = trustme.CA()


class Provider:
    """A provider on loopback that answers as a test sets it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
        self.url = ""

    def document(self, **changes: Any) -> dict[str, Any]:
        base = {f"{name}_endpoint": f"https://login.example.org/{name}" for name in ("authorization", "token", "userinfo")}
        return {"issuer": self.url, **base, **changes}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        return await self.answer(request) if self.answer else web.json_response(self.document())


@pytest.fixture
async def issuer() -> AsyncIterator[Provider]:
    found = Provider()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", found.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    found.url = f"https://localhost:{port}/realm"
    yield found
    await runner.cleanup()


def discovery(**more: Any) -> Discovery:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return Discovery(context, **more)


def named(url: str, hub: str = "spec.jupyterhub") -> Issuer:
    return Issuer(url, f"{hub}.auth.oidc")


async def refused(asked: Awaitable[Any]) -> Any:
    with pytest.raises(StepError) as caught:
        await asked
    failed = caught.value.failed
    assert failed.message.startswith(("spec.jupyterhub.auth.oidc.issuer", "spec.jupyterhub.auth.oidc.caBundle")) and failed.remedy
    return failed


async def test_the_endpoints_are_found_and_remembered(issuer: Provider) -> None:
    asker = discovery()
    found = await asker.endpoints(named(issuer.url), allow_private=True)
    wanted = ("authorization", "token", "userinfo")
    assert astuple(found) == tuple(f"https://login.example.org/{name}" for name in wanted)
    assert await asker.endpoints(named(issuer.url), allow_private=True) == found
    assert issuer.asked == [WELL_KNOWN]


async def test_a_slash_at_the_end_of_the_issuer_makes_no_difference(issuer: Provider) -> None:
    assert await discovery().endpoints(named(f"{issuer.url}/"), allow_private=True)
    assert issuer.asked == [WELL_KNOWN]


async def test_a_name_that_leads_to_a_private_address_is_not_asked(issuer: Provider) -> None:
    failed = await refused(discovery().endpoints(named(issuer.url), allow_private=False))
    assert (failed.reason, issuer.asked) == ("IssuerAddressNotAllowed", [])


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "127.0.0.1.",
        "169.254.169.254",
        "10.0.0.1",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::a00:1]",
        "[fe80::1]",
    ],
)
async def test_private_and_link_local_addresses_are_not_asked_however_they_are_written(host: str) -> None:
    failed = await refused(Discovery().endpoints(named(f"https://{host}/"), allow_private=False))
    assert failed.reason == "IssuerAddressNotAllowed"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("20.190.128.1", True),
        ("2603:1006:2000::1", True),
        ("::ffff:20.190.128.1", True),
        ("64:ff9b::14be:8001", True),
        ("100.64.0.1", False),
        ("192.168.1.1", False),
        ("168.63.129.16", False),
        ("224.0.0.1", False),
        ("fd00::1", False),
        ("2002:a00:1::", False),
        ("0.0.0.0", False),
    ],
)
def test_public_addresses_are_recognised(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.org",
        "https://",
        "https://u@login.example.org",
        "https://login.example.org?x=1",
        "file:///etc/passwd",
    ],
)
async def test_an_address_without_https_is_not_requested(url: str) -> None:
    failed = await refused(Discovery().endpoints(named(url), allow_private=True))
    assert (failed.reason, failed.retry_in) == ("IssuerNotHttps", None)


async def test_redirects_are_not_followed(issuer: Provider) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"{issuer.url}/elsewhere"})

    issuer.answer = answer
    failed = await refused(discovery().endpoints(named(issuer.url), allow_private=True))
    assert failed.reason == "IssuerAnswersBadly" and "302" in failed.message and failed.retry_in
    assert issuer.asked == [WELL_KNOWN]


async def test_an_answer_without_end_is_left(issuer: Provider) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(4 * MOST_BYTES // 65536):
            await response.write(b" " * 65536)
        return response

    issuer.answer = answer
    failed = await refused(discovery().endpoints(named(issuer.url), allow_private=True))
    assert failed.reason == "IssuerAnswersBadly" and "256 KiB" in failed.message


async def test_an_untrusted_certificate_is_refused(issuer: Provider) -> None:
    failed = await refused(Discovery().endpoints(named(issuer.url), allow_private=True))
    assert (failed.reason, issuer.asked) == ("IssuerNotReachable", []) and failed.retry_in


async def test_an_issuer_that_is_away_for_a_while_is_remembered(issuer: Provider) -> None:
    hours = [0.0]
    asker = discovery(clock=lambda: hours[0] * 3600)
    found = await asker.endpoints(named(issuer.url), allow_private=True)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=503)

    issuer.answer = answer
    hours[0] = 2
    assert await asker.endpoints(named(issuer.url), allow_private=True) == found
    hours[0] = 30
    assert (await refused(asker.endpoints(named(issuer.url), allow_private=True))).reason == "IssuerAnswersBadly"
    assert len(issuer.asked) == 3


async def test_asking_at_once_for_many_platforms_asks_once(issuer: Provider) -> None:
    asker = discovery()
    found = await asyncio.gather(*(asker.endpoints(named(issuer.url), allow_private=True) for _ in range(20)))
    assert len(set(found)) == 1 and issuer.asked == [WELL_KNOWN]


ISSUER = "https://login.example.org"
GOOD = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/a",
    "token_endpoint": f"{ISSUER}/t",
    "userinfo_endpoint": f"{ISSUER}/u",
}


@pytest.mark.parametrize(
    ("document", "reason", "words"),
    [
        ([], "IssuerAnswersBadly", "does not return a JSON object"),
        ({**GOOD, "issuer": "https://other.example.org"}, "IssuerDiffers", "another issuer name"),
        ({k: v for k, v in GOOD.items() if k != "issuer"}, "IssuerDiffers", "another issuer name"),
        ({**GOOD, "token_endpoint": "http://login.example.org/t"}, "IssuerAnswersBadly", "token_endpoint"),
        ({**GOOD, "authorization_endpoint": None}, "IssuerAnswersBadly", "authorization_endpoint"),
        ({k: v for k, v in GOOD.items() if k != "userinfo_endpoint"}, "IssuerAnswersBadly", "userinfo_endpoint"),
        ({**GOOD, "userinfo_endpoint": "javascript:alert(1)"}, "IssuerAnswersBadly", "userinfo_endpoint"),
    ],
)
def test_an_unusable_document_reports_the_cause(document: Any, reason: str, words: str) -> None:
    with pytest.raises(StepError) as caught:
        endpoints_in(named(ISSUER), json.loads(json.dumps(document)))
    assert caught.value.failed.reason == reason and words in caught.value.failed.message


async def test_the_ca_of_the_spec_is_trusted_and_no_other(issuer: Provider) -> None:
    found = Discovery()
    own, another = (ca.cert_pem.bytes().decode() for ca in (AUTHORITY, trustme.CA()))
    assert (
        await found.endpoints(named(issuer.url), allow_private=True, ca_bundle=own)
    ).token == "https://login.example.org/token"
    for bundle in (another, None):
        assert (
            await refused(found.endpoints(named(issuer.url), allow_private=True, ca_bundle=bundle))
        ).reason == "IssuerNotReachable"


@pytest.mark.parametrize(
    "bundle", ["-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nzz\n-----END CERTIFICATE-----", "ä"]
)
async def test_a_ca_that_cannot_be_read_is_named(issuer: Provider, bundle: str) -> None:
    failed = await refused(Discovery().endpoints(named(issuer.url), allow_private=True, ca_bundle=bundle))
    assert failed.reason == "CaBundleInvalid" and failed.message.startswith(
        "spec.jupyterhub.auth.oidc.caBundle contains no readable certificate"
    )
    assert failed.retry_in is None and issuer.asked == []
