"""The forms of the simulated Azure's operations, and the effect of those that fail."""

import asyncio
import ssl
from urllib.parse import urlsplit

from tests.azure.simulator.client import AKS, GROUP, POOL, Client
from tests.azure.simulator.test_answers import NETWORKS, network_body


async def test_operations_of_aks_report_no_progress_and_no_time_of_the_next_poll(slow: Client) -> None:
    accepted = await slow.cluster()
    assert "Azure-AsyncOperation" in accepted.headers and not {"Retry-After", "Location"} & accepted.headers.keys()
    polled = await slow.call("GET", accepted.headers["Azure-AsyncOperation"])
    assert polled.body.keys() == {"name", "status", "startTime"} and "Retry-After" not in polled.headers
    deletion = await slow.call("DELETE", f"{AKS}/c")
    assert deletion.status == 202 and {"Azure-AsyncOperation", "Location"} <= deletion.headers.keys()


async def test_progress_is_reported_on_demand(slow: Client) -> None:
    await slow.fault(method="PUT", path="managedClusters/c$", progress=True)
    accepted = await slow.cluster()
    polled = await slow.call("GET", accepted.headers["Azure-AsyncOperation"])
    assert "percentComplete" in polled.body and "Retry-After" in polled.headers and "Retry-After" in accepted.headers


async def test_operations_of_the_network_report_their_status_only(slow: Client) -> None:
    accepted = await slow.call("PUT", f"{NETWORKS}/n", network_body())
    polled = await slow.call("GET", accepted.headers["Azure-AsyncOperation"])
    assert polled.body.keys() == {"status"} and "Retry-After" in polled.headers and "Retry-After" in accepted.headers
    busy = await slow.call("PUT", f"{NETWORKS}/n", network_body())
    assert (busy.status, busy.code, busy.body["error"]["details"]) == (409, "AnotherOperationInProgress", [])


async def test_a_fault_has_the_form_that_it_asks_for(slow: Client) -> None:
    await slow.fault(path="resourcegroups/g$", status=403, empty=True)
    assert (reply := await slow.call("GET", GROUP)).status == 403 and reply.body is None
    details = [{"code": "RequestDisallowedByPolicy", "message": "m"}]
    await slow.fault(path="resourcegroups/g$", status=400, code="CreateVMSSAgentPoolFailed", details=details)
    assert (await slow.call("GET", GROUP)).body["error"]["details"] == details


async def test_a_failed_change_keeps_its_goal_and_not_its_effect(azure: Client) -> None:
    await azure.finish(await azure.cluster(kubernetesVersion="1.34"))
    await azure.fault(method="PUT", path="managedClusters/c$", operation_error={"code": "X", "message": "m"})
    assert (await azure.finish(await azure.cluster(kubernetesVersion="1.35", sku={"name": "Base", "tier": "Standard"})))[
        "status"
    ] == "Failed"
    body = (await azure.call("GET", f"{AKS}/c")).body
    assert body["properties"]["provisioningState"] == "Failed" and body["sku"]["tier"] == "Standard"
    assert (body["properties"]["kubernetesVersion"], body["properties"]["currentKubernetesVersion"]) == ("1.35", "1.34.2")
    await azure.finish(await azure.cluster(kubernetesVersion="1.35"))
    repaired = (await azure.call("GET", f"{AKS}/c")).body["properties"]
    assert (repaired["provisioningState"], repaired["currentKubernetesVersion"]) == ("Succeeded", "1.35.1")


async def test_without_their_group_the_nodes_are_gone_and_no_change_succeeds(azure: Client) -> None:
    await azure.finish(await azure.cluster(nodeResourceGroup="nodes"))
    assert len(azure.nodes.names) == 1
    gone = await azure.call("DELETE", GROUP.replace("/g", "/nodes"))
    while (await azure.call("GET", gone.headers["Location"])).status == 202:
        await azure.simulator.world.clock.sleep(30)
    assert (
        azure.nodes.names == [] and (await azure.call("GET", f"{AKS}/c")).body["properties"]["provisioningState"] == "Succeeded"
    )
    failed = await azure.finish(await azure.cluster(nodeResourceGroup="nodes"))
    assert (failed["status"], failed["error"]["code"]) == ("Failed", "ResourceGroupNotFound") and azure.nodes.names == []


async def test_an_upgrade_and_a_scaling_are_refused_together(azure: Client) -> None:
    await azure.finish(await azure.cluster(kubernetesVersion="1.34.1"))
    path, both = f"{AKS}/c/agentPools/system", {**POOL, "orchestratorVersion": "1.34.2", "count": 2}
    refused = await azure.cluster(kubernetesVersion="1.34.2", pools=[{**POOL, "count": 2}])
    assert (refused.status, refused.code) == (409, "OperationNotAllowed") and "mutually exclusive" in refused.body["message"]
    await azure.finish(await azure.cluster(kubernetesVersion="1.34.2"))
    assert (await azure.call("PUT", path, {"properties": both})).code == "OperationNotAllowed"
    await azure.finish(await azure.call("PUT", path, {"properties": {**both, "count": 1}}))
    await azure.finish(await azure.call("PUT", path, {"properties": {"count": 2}}))


async def test_the_versions_of_pools_in_a_change_of_their_cluster_are_all_or_none_and_stay(azure: Client) -> None:
    await azure.finish(await azure.cluster(kubernetesVersion="1.34.2"))
    for version, code in (("1.34.1", "NotAllAgentPoolOrchestratorVersionSpecifiedAndUnchanged"), ("1.34.2", None), ("", None)):
        reply = await azure.cluster(pools=[{**POOL, "orchestratorVersion": version}])
        assert (reply.code if reply.status >= 400 else None) == code
        await asyncio.sleep(0 if code else 0.1)


async def test_kept_connections_end_on_demand(azure: Client) -> None:
    port, context = urlsplit(azure.simulator.url).port, ssl.create_default_context(cafile=str(azure.simulator.ca_file))
    reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
    writer.write(b"GET /_sandbox/faults HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert await reader.readuntil(b'{"value": []}')
    async with azure.http.delete(f"{azure.simulator.url}/_sandbox/connections") as answer:
        assert answer.status == 204
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
