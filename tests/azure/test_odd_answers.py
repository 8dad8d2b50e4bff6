"""Answers that are not what was asked for, through the real SDK: a proxy's page, another type, a list without an end, an operation that is
worded oddly. Each ends in a condition that names the state and a remedy, and no write follows from it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.arm.credentials import sign_in
from notebook_platform.azure.arm.operations import poll
from notebook_platform.azure.checks.permissions import SUBSCRIPTIONS_API
from notebook_platform.engine.outcome import Failed, Operation, Progressing, Unblocking

from tests.azure.conftest import Estate
from tests.azure.estates import all_done
from tests.azure.test_errors_of_azure import refused
from tests.unit.azure.specs import runbook_spec

PAGE = "<html><body>Sign in to the network</body></html>"
HTML = {"body": PAGE, "content_type": "text/html"}
LOOP = {"merge": {"nextLink": "<self>", "@odata.nextLink": "<self>"}}
ELSEWHERE = {"merge": {"nextLink": "https://attacker.example/x"}}
GROUPS, NETWORKS, CLUSTERS = "/resourcegroups$", "virtualNetworks", "managedClusters"


async def stopped_by(estate: Estate, method: str, path: str, odd: dict[str, Any]) -> Failed:
    """Reconcile with an odd answer in force until a step fails; return its failure."""
    await estate.control("POST", "/faults", {"method": method, "path": path, "count": None, "odd": odd})
    for _ in range(60):
        outcomes = [result.outcome for result in (await estate.once(runbook_spec())).values()]
        if failed := next((o for o in outcomes if isinstance(o, Failed)), None):
            return failed
        await estate.simulator.world.clock.sleep(25)
    raise AssertionError(f"no step failed: {outcomes}")


@pytest.mark.parametrize(
    ("place", "odd", "clause"),
    [
        (GROUPS, HTML, "is a web page"),
        (GROUPS, {"body": PAGE}, "is a web page"),
        (GROUPS, {"body": "hello", "content_type": "text/plain"}, "is not JSON"),
        (GROUPS, {"body": ""}, "is empty"),
        (GROUPS, {"body": "null"}, "is not a JSON object"),
        (GROUPS, {"body": "[]"}, "is not a JSON object"),
        (GROUPS, {"body": "[", "repeat": 100_000}, "is not usable JSON: it has a number or a depth beyond the limits"),
        (GROUPS, {"body": '{"value": [NaN]}'}, "is not usable JSON: it has NaN"),
        (GROUPS, {"body": r'{"value": [{"id": "\ud800"}]}'}, "is not usable JSON: it holds a lone surrogate"),
        (GROUPS, {"merge": {"value": "text"}}, "has a value that is not a list of objects"),
        (GROUPS, {"merge": {"value": [None]}}, "has a value that is not a list of objects"),
        (GROUPS, {"merge": {"value": [{}]}}, "is a list with an item that is not a resource"),
        (GROUPS, {"merge": {"nextLink": 5}}, "has a nextLink that is not a URL"),
        (GROUPS, LOOP, "has a nextLink that leads to the same page"),
        ("/v1.0/applications$", LOOP, "has a nextLink that leads to the same page"),
        ("/skus$", LOOP, "has a nextLink that leads to the same page"),
        ("/skus$", {"merge": {"value": [None]}}, "has a value that is not a list of objects"),
        (f"{NETWORKS}/", {"merge": {"properties": None}}, "has a resource without properties"),
        (CLUSTERS, {"merge": {"properties": [1]}}, "has a member properties that is not an object"),
        (CLUSTERS, {"merge": {"tags": ["x"]}}, "has a member tags that is not an object"),
        ("/operations/", HTML, "is a web page"),
        ("/v1.0/applications", {"merge": {"id": 5}}, "has a member id that is not text"),
    ],
)  # fmt: skip
async def test_an_unusable_answer_is_named(estate: Estate, place: str, odd: dict[str, Any], clause: str) -> None:
    failed = await stopped_by(estate, "GET", place, odd)
    assert failed.reason == "AnswerUnusable" and failed.message.endswith(f"answer {clause}"), failed
    assert "proxy or gateway" in failed.remedy and failed.retry_in == 30
    assert PAGE not in failed.message


async def test_an_answer_beyond_the_limit_is_not_read_to_its_end(estate: Estate) -> None:
    failed = await stopped_by(estate, "GET", GROUPS, {"body": "a" * 1000, "repeat": 20_000})
    assert failed.reason == "AzureUnreachable" and "the answer is larger than 16777216 bytes" in failed.message


async def test_no_token_is_sent_to_a_page_on_another_host(estate: Estate) -> None:
    assert (await stopped_by(estate, "GET", GROUPS, ELSEWHERE)).reason == "ForeignAddress"


@pytest.mark.parametrize("odd", [HTML, {"body": "null"}, {"body": ""}], ids=["page", "null", "empty"])
async def test_a_sign_in_that_a_proxy_answers(estate: Estate, odd: dict[str, Any]) -> None:
    failed = await stopped_by(estate, "POST", "oauth2", odd)
    assert failed.reason == "AnswerUnusable" and failed.message == "spec.azure.credentials: Entra ID's answer holds no token"


async def test_a_missing_member_is_an_unusable_answer(estate: Estate) -> None:
    failed = await stopped_by(estate, "GET", "/locations$", {"merge": {"value": [{"displayName": "East US"}]}})
    assert (
        failed.reason == "AnswerUnusable"
        and "lacks a member" in failed.message
        and failed.message.startswith("spec.azure.location")
    )


async def test_a_settled_platform_writes_nothing_while_its_network_has_no_properties(estate: Estate) -> None:
    spec = runbook_spec()
    assert all_done(await estate.settle(spec))
    mark = await estate.mark()
    await estate.control(
        "POST", "/faults", {"method": "GET", "path": NETWORKS, "count": None, "odd": {"merge": {"properties": None}}}
    )
    network = f"/resources/subscriptions/{spec['azure']['subscriptionId']}/resourceGroups/prd_rg_jhub/providers/Microsoft.Network"
    await estate.control("PATCH", f"{network}/virtualNetworks/prd_vnet_jhub", {"tags": {"notebookplatform-owner": None}})
    await estate.new_operator()
    await estate.once(spec)
    assert await estate.writes(mark) == []


@pytest.mark.parametrize(
    ("method", "place"),
    [("PUT", "virtualNetworks/"), ("PUT", "managedClusters/"), ("PUT", "roleAssignments/"), ("PUT", "agentPools/"), ("PUT", "autoscalesettings/")],
)  # fmt: skip
@pytest.mark.parametrize(
    "odd",
    [{"without": ["Location", "Azure-AsyncOperation", "Retry-After"]}, HTML, {"body": "null"}, {"body": ""}],
    ids=["no address", "page", "null", "empty"],
)
async def test_an_oddly_answered_write_is_observed_and_not_repeated(
    estate: Estate, method: str, place: str, odd: dict[str, Any]
) -> None:
    mark = await estate.mark()
    await estate.control("POST", "/faults", {"method": method, "path": place, "count": 1, "odd": odd})
    assert all_done(await estate.settle(runbook_spec()))
    sent = [write for write in await estate.writes(mark, accepted=True) if write.startswith("PUT")]
    assert len(sent) == len(set(sent)), sent


@pytest.mark.parametrize("without", [["Location"], ["Location", "Azure-AsyncOperation"]], ids=["one", "both"])
async def test_a_deletion_without_an_address_ends(estate: Estate, without: list[str]) -> None:
    spec = runbook_spec()
    assert all_done(await estate.settle(spec))
    await estate.control("POST", "/faults", {"method": "DELETE", "path": ".", "count": None, "odd": {"without": without}})
    await estate.delete(spec)
    assert not [key for key in (await estate.state())["resources"] if "prd_rg_jhub" in key]


@pytest.mark.parametrize(
    "document",
    [
        '{"status": "succeeded"}',
        '{"status": "SUCCEEDED", "percentComplete": 1e400}',
        '{"percentComplete": -5}',
        "null",
        "",
    ],
)
async def test_an_operation_that_is_worded_oddly_ends(estate: Estate, document: str) -> None:
    await estate.control("POST", "/faults", {"method": "GET", "path": "/operations/", "count": 3, "odd": {"body": document}})
    assert all_done(await estate.settle(runbook_spec()))


@pytest.mark.parametrize("error", ['"text"', "[]", "17", "null", "{}", '{"details": "text"}'])
async def test_a_failed_operation_without_an_error_object_is_a_failure(estate: Estate, error: str) -> None:
    spec = NotebookPlatformSpec.model_validate(runbook_spec())
    wanted = await sign_in(spec.azure.credentials, estate.sessions.cloud, estate.secrets)  # type: ignore[arg-type]
    session = estate.sessions.of(wanted, spec.azure.subscription_id).session
    url = f"{estate.simulator.url}/subscriptions/{spec.azure.subscription_id}?api-version={SUBSCRIPTIONS_API}"
    operation = Operation(kind="create cluster x", url=url, started=datetime.now(UTC), expected=300)
    odd = {"body": f'{{"status": "failed", "error": {error}}}'}
    await estate.control("POST", "/faults", {"method": "GET", "path": "/subscriptions/", "odd": odd})
    failed = (await poll(session, operation, "spec.cluster")).failed
    assert (
        failed is not None
        and failed.reason == "OperationFailed"
        and failed.message.startswith("spec.cluster: ")
        and failed.remedy
    )


@pytest.mark.parametrize("word", ['"Reticulating"', "7", "[]", '{"a": 1}'])
async def test_an_operation_with_an_unknown_state_runs_and_becomes_overdue(estate: Estate, word: str) -> None:
    odd = {"body": f'{{"status": {word}, "percentComplete": "most"}}'}
    await estate.control(
        "POST", "/faults", {"method": "GET", "path": "containerservice/.*/operations/", "count": None, "odd": odd}
    )
    for _ in range(20):
        outcome = (await estate.once(runbook_spec()))["Cluster"].outcome
        if isinstance(outcome, Progressing) and outcome.operation:
            break
        await estate.simulator.world.clock.sleep(25)
    assert isinstance(outcome, Progressing) and outcome.stall_after and "az aks operation-abort" in outcome.remedy
    again = (await estate.once(runbook_spec()))["Cluster"].outcome
    assert isinstance(again, Progressing) and again.operation


@pytest.mark.parametrize(
    ("headers", "longest"),
    [
        ({"Retry-After": "-5"}, 60.0),
        ({"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}, 3600.0),
        ({"Retry-After": "999999999"}, 3600.0),
    ],
    ids=["negative", "date", "years"],
)
async def test_an_odd_retry_after_has_bounds(estate: Estate, headers: dict[str, str], longest: float) -> None:
    fault = {"status": 429, "code": "TooManyRequests", "headers": headers}
    failed = await refused(estate, "ResourceGroup", method="PUT", path="resourcegroups/prd_rg_jhub$", **fault)
    assert failed.reason == "Throttled" and failed.retry_in is not None and 0 < failed.retry_in <= longest


async def test_a_refusal_without_a_code_shows_its_message(estate: Estate) -> None:
    fault = {"status": 400, "code": "", "message": "The address space overlaps with 10.1.0.0/16."}
    failed = await refused(estate, "Network", method="PUT", path="virtualNetworks/", **fault)
    assert "overlaps with 10.1.0.0/16" in failed.message and failed.remedy


async def test_a_list_whose_pages_repeat_and_whose_ids_are_in_another_case_is_no_drift(estate: Estate) -> None:
    spec = runbook_spec()
    assert all_done(await estate.settle(spec))
    store = estate.simulator.world.store
    for key, resource in store.resources.items():
        if "/providers/" in key:
            resource.body["id"] = resource.body.get("id", resource.id).upper().replace("/SUBSCRIPTIONS/", "/subscriptions/")
    mark = await estate.mark()
    await estate.new_operator()
    results = await estate.once(spec)
    assert all(isinstance(result.outcome, Unblocking) for result in results.values()), results
    assert await estate.writes(mark) == []
