"""Every way to sign in, several tenants and subscriptions side by side, secrets that change while the operator runs."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from notebook_platform.azure.arm.cloud import CLOUDS
from notebook_platform.cloud_choice import cloud_of
from notebook_platform.config import OperatorConfig
from notebook_platform.engine.outcome import Failed, Ready

from sandbox.azure.world import CLIENT_ID, TENANT
from tests.azure.conftest import Estate
from tests.unit.azure.specs import group_id, runbook_spec

OTHER_SUBSCRIPTION, OTHER_TENANT = "00000000-0000-0000-0000-000000000002", "33333333-3333-3333-3333-333333333333"


def signed_in_by(**credentials: Any) -> dict[str, Any]:
    spec = runbook_spec()
    spec["azure"]["credentials"] = credentials
    return spec


async def outcome_of_sign_in(estate: Estate, spec: dict[str, Any]) -> Any:
    return (await estate.once(spec))["Credentials"].outcome


def certificate(password: bytes | None = None) -> tuple[str, str]:
    """Return (certificate, certificate and key) in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "operator")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(days=1))
    public = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock).decode()
    return public, public + private


@pytest.mark.parametrize("password", [None, b"locked-with-this"])
async def test_a_certificate_signs_in(estate: Estate, password: bytes | None) -> None:
    public, both = certificate(password)
    body = {"displayName": "by certificate", "certificates": [public], "owner": True}
    app_id = (await estate.control("POST", "/applications", body))["application"]["appId"]
    data = {"tenantId": TENANT, "clientId": app_id, "clientCertificate": both}
    estate.secrets.data["certificate"] = data | ({"clientCertificatePassword": password.decode()} if password else {})
    assert isinstance(await outcome_of_sign_in(estate, signed_in_by(certificateRef={"name": "certificate"})), Ready)


async def test_a_certificate_that_the_application_does_not_have_is_refused(estate: Estate) -> None:
    _, both = certificate()
    app_id = (await estate.control("POST", "/applications", {"displayName": "none", "owner": True}))["application"]["appId"]
    estate.secrets.data["certificate"] = {"tenantId": TENANT, "clientId": app_id, "clientCertificate": both}
    outcome = await outcome_of_sign_in(estate, signed_in_by(certificateRef={"name": "certificate"}))
    assert isinstance(outcome, Failed) and outcome.reason == "CertificateRefused"
    assert "PRIVATE" not in outcome.message


async def test_a_certificate_that_is_none_is_named(estate: Estate) -> None:
    estate.secrets.data["certificate"] = {"tenantId": TENANT, "clientId": CLIENT_ID, "clientCertificate": "scribble"}
    outcome = await outcome_of_sign_in(estate, signed_in_by(certificateRef={"name": "certificate"}))
    assert isinstance(outcome, Failed) and outcome.reason == "CertificateUnreadable"
    assert "certificateRef" in outcome.message and "scribble" not in outcome.message


@pytest.fixture
async def machine(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """Serve the metadata endpoint of a machine with a managed identity on loopback; yield the client ids it was asked for."""
    asked: list[str] = []

    async def token(request: web.Request) -> web.Response:
        asked.append(request.query.get("client_id", ""))
        secret = estate.secrets.data["azure-credentials"]
        form = {"client_id": CLIENT_ID, "client_secret": secret["clientSecret"], "grant_type": "client_credentials"}
        form["scope"] = f"{request.query['resource']}/.default"
        async with estate.http.post(f"{estate.simulator.url}/{TENANT}/oauth2/v2.0/token", data=form) as answer:
            issued = await answer.json()
        body = {"access_token": issued["access_token"], "expires_in": "3600", "expires_on": "4000000000", "token_type": "Bearer"}
        return web.json_response({**body, "resource": request.query["resource"]})

    app = web.Application()
    app.router.add_get("/metadata/identity/oauth2/token", token)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://127.0.0.1:{port}")
    yield asked
    await runner.cleanup()


@pytest.mark.parametrize("client_id", [None, "44444444-4444-4444-4444-444444444444"])
async def test_a_managed_identity_signs_in(estate: Estate, machine: list[str], client_id: str | None) -> None:
    chosen = {"clientId": client_id} if client_id else {}
    assert isinstance(await outcome_of_sign_in(estate, signed_in_by(managedIdentity=chosen)), Ready)
    assert machine[-1] == (client_id or "")


async def test_two_tenants_and_two_subscriptions_live_side_by_side(estate: Estate) -> None:
    await estate.control("PUT", f"/subscriptions/{OTHER_SUBSCRIPTION}", {"state": "Enabled", "tenant": OTHER_TENANT})
    body = {"displayName": "theirs", "tenant": OTHER_TENANT, "owner": True, "secret": "secret-of-the-other-tenant"}
    app_id = (await estate.control("POST", "/applications", body))["application"]["appId"]
    estate.secrets.data["theirs"] = {"tenantId": OTHER_TENANT, "clientId": app_id, "clientSecret": "secret-of-the-other-tenant"}
    other = signed_in_by(secretRef={"name": "theirs"})
    other["azure"]["subscriptionId"] = OTHER_SUBSCRIPTION
    other["identity"] = {"type": "SystemAssigned"}
    first, second = await estate.once_past_group(runbook_spec()), await estate.once_past_group(other)
    assert all(isinstance(r["ResourceGroup"].outcome, Ready) for r in (first, second))
    resources = (await estate.state())["resources"]
    assert {group_id("prd_rg_jhub"), f"/subscriptions/{OTHER_SUBSCRIPTION}/resourcegroups/prd_rg_jhub"} <= set(resources)


async def test_credentials_of_the_wrong_tenant_are_reported(estate: Estate) -> None:
    await estate.control("PUT", f"/subscriptions/{OTHER_SUBSCRIPTION}", {"state": "Enabled", "tenant": OTHER_TENANT})
    spec = runbook_spec()
    spec["azure"]["subscriptionId"] = OTHER_SUBSCRIPTION
    outcome = await outcome_of_sign_in(estate, spec)
    assert isinstance(outcome, Failed) and outcome.reason == "WrongTenant" and OTHER_TENANT in outcome.message


async def test_a_rotated_secret_is_taken_up_with_no_failed_pass(estate: Estate) -> None:
    await estate.once_past_group(runbook_spec())
    await estate.control("POST", f"/applications/{CLIENT_ID}/secrets", {"value": "the-new-operator-secret"})
    estate.secrets.data["azure-credentials"]["clientSecret"] = "the-new-operator-secret"
    mark = await estate.mark()
    results = await estate.once(runbook_spec())
    assert isinstance(results["Credentials"].outcome, Ready)
    entries = (await estate.control("GET", f"/journal?since={mark}"))["value"]
    assert not [e for e in entries if e["status"] == 401]


def test_every_cloud_has_its_own_endpoints_and_audiences() -> None:
    endpoints = {name: (cloud.resource_manager, cloud.authority, cloud.graph) for name, cloud in CLOUDS.items()}
    assert endpoints == {
        "public": ("https://management.azure.com", "https://login.microsoftonline.com", "https://graph.microsoft.com"),
        "usgovernment": (
            "https://management.usgovcloudapi.net",
            "https://login.microsoftonline.us",
            "https://graph.microsoft.us",
        ),
        "china": (
            "https://management.chinacloudapi.cn",
            "https://login.chinacloudapi.cn",
            "https://microsoftgraph.chinacloudapi.cn",
        ),
    }
    custom = cloud_of(OperatorConfig(cloud="china", resource_manager_url="https://arm.local/"))
    assert (custom.resource_manager, custom.authority) == ("https://arm.local", CLOUDS["china"].authority)
    assert custom.management_scope == "https://arm.local/.default"


async def test_an_old_token_file_of_workload_identity_is_not_reported_as_a_wrong_clock(
    estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("a.projected.token")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))
    text = "Client assertion is not within its valid time range."
    fault = {"method": "POST", "path": "/oauth2/v2.0/token$", "status": 401, "code": "invalid_client", "message": text}
    for number, reason in (("700024", "FederatedTokenOld"), ("700213", "FederationMissing"), ("90033", "AzureUnavailable")):
        await estate.control("POST", "/faults", fault | {"aadsts": number})
        outcome = await outcome_of_sign_in(estate, signed_in_by(workloadIdentity={"tenantId": TENANT, "clientId": CLIENT_ID}))
        assert isinstance(outcome, Failed) and (outcome.reason, outcome.retry_in is None) == (reason, False), outcome
        await estate.new_operator()
