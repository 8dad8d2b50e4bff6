"""A request of a step that the management cluster's API server rejects or does not answer: the condition names the API server, and the step
is retried within seconds. An API server that starts answers 403 until it has read the roles."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from kubernetes.aio.client.exceptions import ApiException

from tests.local.reconciler.test_no_silence import management, reconciling, shared, whole_spec

CASES: dict[str, tuple[Callable[[], BaseException], str, str]] = {
    "disconnected": (
        aiohttp.ServerDisconnectedError,
        "ApiServerUnavailable",
        "did not answer a request from the operator: the connection ended",
    ),
    **{
        str(status): (partial(ApiException, status=status), "ApiServerRefused", f"with HTTP status {status}")
        for status in (401, 403, 409, 429, 500, 503)
    },
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("method", ["apply", "delete"])
async def test_a_step_whose_request_fails_names_the_api_server_and_is_retried_within_seconds(
    case: str, method: str, tmp_path: Path
) -> None:
    error, reason, clause = CASES[case]
    async with management(whole_spec(), deleting=method == "delete") as cluster, shared(tmp_path) as clients:
        clients.raising = "ClusterRoles", method, error
        async with reconciling(cluster, clients):
            attempts = await cluster.until("it is retried", lambda: cluster.platform.get("status", {}).get("attempts"))
            found = cluster.condition("ClusterRolesReady")
    assert found["reason"] == reason and clause in found["message"] and "support bundle" not in found["message"]
    wait = datetime.fromisoformat(attempts[0]["retryAt"]) - datetime.fromisoformat(found["lastTransitionTime"])
    assert (attempts[0]["step"], attempts[0]["reason"]) == ("ClusterRoles", reason) and wait.total_seconds() < 10
