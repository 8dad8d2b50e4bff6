"""Members that Azure leaves out or spells in another way change no plan and raise nothing."""

from typing import Any

import pytest
from notebook_platform.azure.cluster_body import lagging_pools, power_state
from notebook_platform.azure.importing.describe import describe_cluster


@pytest.mark.parametrize(
    ("answer", "state"),
    [({}, "Running"), ({"powerState": None}, "Running"), ({"powerState": {"code": None}}, "Running")]
    + [({"powerState": {"code": code}}, state) for code, state in (("stopped", "Stopped"), ("Warming", "Running"))],
)
def test_a_cluster_is_started_only_when_azure_calls_it_stopped(answer: dict[str, Any], state: str) -> None:
    assert power_state({"properties": answer}) == state


@pytest.mark.parametrize("version", [{}, {"orchestratorVersion": None}, {"orchestratorVersion": "1.35"}])
def test_a_pool_without_a_version_does_not_lag(version: dict[str, Any]) -> None:
    found = {"properties": {"kubernetesVersion": "1.35", "agentPoolProfiles": [{"name": "users", **version}]}}
    assert lagging_pools(found, {"users"}) == []


def test_a_login_with_an_empty_key_is_described() -> None:
    login = {"adminUsername": "lab", "ssh": {"publicKeys": [None]}}
    properties = {
        "kubernetesVersion": "1.35",
        "nodeResourceGroup": "nodes",
        "linuxProfile": login,
        "addonProfiles": {"azurepolicy": None},
    }
    assert "sshPublicKey" not in describe_cluster({"name": "hub", "properties": properties}, {})
