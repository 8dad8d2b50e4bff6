"""Which addresses receive the Azure token, seen from the simulated Azure."""

from typing import Any

import pytest
from notebook_platform.azure.arm.credentials import sign_in
from notebook_platform.azure.arm.paths import literal
from notebook_platform.azure.arm.session import AzureSession
from notebook_platform.engine.outcome import Failed, StepError
from notebook_platform.outputs import Assignment
from yarl import URL

from sandbox.azure.world import SUBSCRIPTION
from tests.azure.conftest import Estate
from tests.unit.azure.specs import runbook_spec
from tests.unit.azure.test_paths import GROUP, SUB, refused


async def session_of(estate: Estate) -> AzureSession:
    from notebook_platform.api.azure import Credentials

    credentials = Credentials.model_validate({"secretRef": {"name": "azure-credentials"}})
    wanted = await sign_in(credentials, estate.sessions.cloud, estate.secrets)  # type: ignore[arg-type]
    return estate.sessions.of(wanted, SUBSCRIPTION).session


VICTIM = f"{SUB}/resourceGroups/victim"
REGISTRY = "providers/Microsoft.ContainerRegistry/registries/images"


async def victim(estate: Estate) -> dict[str, Any]:
    body = {"location": "eastus", "tags": {"notebookplatform-owner": "elsewhere/ns/name/uid-9"}}
    await estate.control("PUT", f"/resources{VICTIM}", {**body, "properties": {"provisioningState": "Succeeded"}})
    return body["tags"]  # type: ignore[return-value]


@pytest.mark.parametrize(
    "scope_of_role",
    [
        f"{VICTIM}?/{REGISTRY}",
        f"{VICTIM}#/{REGISTRY}",
        f"{VICTIM}/x/..?/{REGISTRY}",
        f"{GROUP}/{REGISTRY}/../../../../../victim?x=",
    ],
)
async def test_no_role_on_such_an_id_wipes_the_owner_tag_of_a_strangers_group(estate: Estate, scope_of_role: str) -> None:
    """A PUT of a role assignment below such an id was a PUT of the group itself, without tags."""
    tags, session, mark = await victim(estate), await session_of(estate), await estate.mark()
    path = Assignment(scope_of_role, "22222222-2222-2222-2222-222222222222", "AcrPull").path
    with refused():
        await session.send("PUT", path, json={"properties": {}}, api_version="2022-04-01")
    assert (await estate.state())["resources"][VICTIM.lower()]["tags"] == tags
    assert await estate.writes(mark) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.resources.resource_groups.get(".."),
        lambda s: s.resources.resource_groups.create_or_update("..", {"location": "eastus"}),
        lambda s: s.network.virtual_networks.get("rg", ".."),
        lambda s: s.network.virtual_networks.get("..", "v"),
        lambda s: s.container_service.managed_clusters.list_cluster_admin_credentials("rg", ".."),
        lambda s: s.identities.user_assigned_identities.get("rg", "a/b"),
        lambda s: s.identities.user_assigned_identities.get("rg", "a?b"),
        lambda s: s.monitor.autoscale_settings.delete("rg", "../../victim"),
        lambda s: s.features.features.get("Microsoft.X", "y%2f.."),
        lambda s: s.graph("GET", "/applications(uniqueName='a')/../users"),
        lambda s: s.graph("GET", "/applications?$filter=x"),
        lambda s: s.send("GET", f"{VICTIM}?api-version=1"),
        lambda s: s.send("GET", f"{s.cloud.resource_manager}{SUB}/resourceGroups/../x"),
    ],
)
async def test_no_client_of_the_sdk_sends_such_a_name_either(estate: Estate, call: Any) -> None:
    session, mark = await session_of(estate), await estate.mark()
    with pytest.raises((StepError, ValueError)) as caught:  # the SDK itself refuses some by its own patterns
        await call(session)
    assert not isinstance(caught.value, StepError) or caught.value.failed.reason == "InvalidAzureId"
    assert [e for e in (await estate.control("GET", f"/journal?since={mark}"))["value"] if "oauth2" not in e["path"]] == []


async def test_values_of_a_filter_reach_azure_as_one_value(estate: Estate) -> None:
    session = await session_of(estate)
    odd = "x' or 1 eq 1&$top=1#"
    answer = await session.send(
        "GET",
        f"{SUB}/providers/Microsoft.Authorization/roleAssignments",
        params={"$filter": f"principalId eq {literal(odd)}"},
        api_version="2022-04-01",
    )
    assert answer.json() == {"value": []}
    sent = str(answer.request.url)
    assert "%26%24top%3D1%23" in sent and "#" not in sent


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (f"{SUB}/resourceGroups/victim%3Fx", 400, "InvalidResourceGroup"),
        (f"{SUB}/resourceGroups/victim%23", 400, "InvalidResourceGroup"),
        (f"{SUB}/resourceGroups/a%2fb", 400, "InvalidResourceGroup"),
        (f"{SUB}/resourceGroups/a%252fb", 400, "InvalidResourceGroup"),
        (f"{SUB}/resourceGroups/%2e%2e", 400, "InvalidResourceGroup"),
        (f"{SUB}/resourceGroups/rg%0a", 400, "InvalidResourceGroup"),
        (f"{SUB}/resourceGroups/rg%252e%252e", 400, "InvalidResourceGroup"),
        (f"{SUB}/resourceGroups/rg./{REGISTRY}", 400, "InvalidResourceGroup"),
        (f"{SUB}/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/%2e%2e", 400, "InvalidResourceName"),
        (f"{SUB}/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/a%255cb", 400, "InvalidResourceName"),
        ("/subscriptions/all/resourceGroups", 400, "InvalidSubscriptionId"),
        ("/subscriptions/%2e%2e/resourceGroups", 400, "InvalidSubscriptionId"),
    ],
)
async def test_the_simulator_refuses_such_paths_as_azure_does(estate: Estate, raw: str, status: int, code: str) -> None:
    url = URL(f"{estate.simulator.url}{raw}?api-version=2021-04-01", encoded=True)
    for method in ("GET", "PUT", "DELETE"):
        async with estate.http.request(method, url, json={"location": "eastus"}) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (status, code)


async def test_the_simulator_wants_a_location_for_a_group_as_azure_does(estate: Estate) -> None:
    tags, session = await victim(estate), await session_of(estate)
    token = (await session.token(session.cloud.management_scope)).token
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{estate.simulator.url}{VICTIM}?/{REGISTRY}&api-version=2022-04-01"
    async with estate.http.put(url, json={"properties": {}}, headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, "LocationRequired")
    assert (await estate.state())["resources"][VICTIM.lower()]["tags"] == tags


BAD_GUIDS = ["", "common", "contoso.example.org", "../x", "11111111-1111-1111-1111-111111111111/..", "?", "1" * 36, "{GUID}"]


@pytest.mark.parametrize("value", BAD_GUIDS)
@pytest.mark.parametrize("key", ["tenantId", "clientId"])
async def test_ids_in_the_secret_of_the_credentials_are_guids(estate: Estate, key: str, value: str) -> None:
    estate.secrets.data["azure-credentials"][key] = value or "x"
    failed = (await estate.once(runbook_spec()))["Credentials"].outcome
    assert isinstance(failed, Failed) and failed.reason == "SecretValueInvalid" and failed.retry_in is None
    assert "spec.azure.credentials.secretRef" in failed.message and f"key {key}" in failed.message
    assert not value or f"{value!r}" not in failed.message
    assert await estate.mark() == 0


@pytest.mark.parametrize("value", ["x' or '1", "../applications", "11111111-1111-1111-1111-111111111111')/owners('"])
async def test_the_client_id_of_an_existing_principal_is_a_guid(estate: Estate, value: str) -> None:
    estate.secrets.data["principal"] = {"clientId": value, "clientSecret": "secret-of-a-principal"}
    spec = runbook_spec(identity={"type": "ServicePrincipal", "servicePrincipal": {"secretRef": {"name": "principal"}}})
    failed = (await estate.once_past_group(spec))["Identity"].outcome
    assert isinstance(failed, Failed) and failed.reason == "SecretValueInvalid"
    assert "spec.identity.servicePrincipal.secretRef" in failed.message and value not in failed.message
