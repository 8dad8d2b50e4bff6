"""Users' servers tolerate the taints of the pools that are theirs: a pool with `spot` or `nodeTaints` is not without use."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.api.node_pools import NodePool
from notebook_platform.api.pool_nodes import untolerated_taints
from notebook_platform.api.server_kinds import server_kinds, tolerances_of, user_pools
from notebook_platform.hubs.inputs import HubContext

from tests.unit.hubs.mapping import DEDICATED
from tests.unit.hubs.rendering import render
from tests.unit.hubs.specs import OLD, SECRETS, VERSIONS, spec

SPOT = {"key": "kubernetes.azure.com/scalesetpriority", "operator": "Equal", "value": "spot", "effect": "NoSchedule"}
SKU = {"key": "sku", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"}
SYSTEM = {
    "name": "system",
    "mode": "System",
    "vmSize": "Standard_D2s_v3",
    "count": 1,
    "nodeTaints": ["CriticalAddonsOnly=true:NoSchedule"],
}


def pools(*more: dict[str, Any]) -> tuple[NodePool, ...]:
    return tuple(NodePool.model_validate({"vmSize": "Standard_D4s_v5", "count": 1, **one}) for one in (SYSTEM, *more))


def rendered(version: str, *more: dict[str, Any], **changes: Any) -> tuple[Any, dict[str, Any]]:
    """Return (the tolerations of all users' servers, the override of each profile by its name)."""
    values = render(spec(version, **changes), SECRETS, OLD, hub_context=HubContext(location="eastus", pools=pools(*more)))
    server = values["singleuser"]
    return server.get("extraTolerations"), {one["slug"]: one["kubespawner_override"] for one in server.get("profileList") or ()}


def profile(name: str = "gpu", **members: Any) -> dict[str, Any]:
    return {"profiles": [{"name": name, "displayName": name, **members}, {"name": "plain", "displayName": "plain"}]}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("more", "tolerated"),
    [
        ([{"name": "users", "purpose": "User"}], None),
        ([{"name": "users", "purpose": "User", "spot": {}}], [SPOT]),
        (
            [{"name": "users", "nodeLabels": {"hub.jupyter.org/node-purpose": "user"}, "nodeTaints": ["sku=gpu:NoSchedule"]}],
            [SKU],
        ),
        ([{"name": "users", "purpose": "User", "nodeTaints": ["sku=gpu:PreferNoSchedule"]}], None),
        ([{"name": "cheap", "spot": {}}], [SPOT]),
        ([{"name": "users", "purpose": "User"}, {"name": "other", "spot": {}}], None),
        ([{"name": "core", "purpose": "Core", "nodeTaints": ["sku=gpu:NoSchedule"]}], None),
    ],
)
def test_servers_tolerate_the_taints_of_the_pools_for_users(version: str, more: list[dict[str, Any]], tolerated: Any) -> None:
    assert rendered(version, *more)[0] == tolerated


GPU_POOL = {"name": "gpu", "purpose": "User", "vmSize": "Standard_NC4as_T4_v3", "nodeTaints": ["sku=gpu:NoSchedule"]}


@pytest.mark.parametrize(
    "members",
    [{"gpus": 1}, {"nodeSelector": {"agentpool": "gpu"}}, {"gpus": 2, "nodeSelector": {"accelerator": "nvidia"}}],
)
@pytest.mark.parametrize("version", ["0.11.1", "2.0.0", "4.4.0"])
def test_only_the_profiles_that_pick_a_pool_tolerate_its_taints(version: str, members: dict[str, Any]) -> None:
    common_tolerances, overrides = rendered(
        version, {"name": "users", "purpose": "User", "spot": {}}, GPU_POOL, singleUser=profile(**members)
    )
    assert common_tolerances == [SPOT] and "tolerations" not in overrides["plain"]
    assert overrides["gpu"]["tolerations"] == [*DEDICATED, SPOT, SKU]


def test_a_choice_keeps_the_tolerations_and_variables_of_its_profile() -> None:
    choice = {"name": "one", "displayName": "One", "gpus": 1, "env": {"C": "3"}}
    other = {"name": "none", "displayName": "None", "gpus": 0}
    one = profile(
        env={"B": "2"},
        tolerations=[{"key": "own"}],
        options=[{"name": "size", "displayName": "Size", "choices": [choice, other]}],
    )
    _, overrides = rendered("4.4.0", GPU_POOL, {"name": "users", "purpose": "User"}, singleUser={**one, "env": {"A": "1"}})
    own = {"key": "own", "operator": "Exists"}
    assert overrides["gpu"]["tolerations"] == [*DEDICATED, own] and overrides["gpu"]["environment"] == {"A": "1", "B": "2"}
    values = render(
        spec("4.4.0", singleUser={**one, "env": {"A": "1"}}),
        SECRETS,
        OLD,
        hub_context=HubContext(location="eastus", pools=pools(GPU_POOL, {"name": "users", "purpose": "User"})),
    )
    choices = values["singleuser"]["profileList"][0]["profile_options"]["size"]["choices"]
    assert choices["one"]["kubespawner_override"]["tolerations"] == [*DEDICATED, SKU, own]
    assert choices["one"]["kubespawner_override"]["environment"] == {"A": "1", "B": "2", "C": "3"}
    assert choices["none"]["kubespawner_override"]["extra_resource_limits"] == {"nvidia.com/gpu": "0"}


POOL = st.fixed_dictionaries(
    {
        "mode": st.just("User"),
        "purpose": st.sampled_from(["User", "Core", None]),
        "vmSize": st.sampled_from(["Standard_D4s_v5", "Standard_NC4as_T4_v3"]),
        "spot": st.sampled_from([None, {}]),
        "nodeTaints": st.lists(st.sampled_from(["sku=gpu:NoSchedule", "team=a:NoExecute", "x:PreferNoSchedule"]), unique=True),
    }
)


@given(st.lists(POOL, min_size=1, max_size=4), st.integers(0, 1), st.booleans())
def test_each_pool_for_users_has_a_kind_of_server(members: list[dict[str, Any]], gpus: int, named: bool) -> None:
    found = pools(*({**one, "name": f"p{place}"} for place, one in enumerate(members)))
    selector = {"nodeSelector": {"agentpool": "p0"}} if named else {}
    hub: JupyterHubSpec = spec("4.4.0", singleUser=profile(gpus=gpus, **selector))
    kinds = list(server_kinds(hub.single_user))
    for pool in user_pools(found):
        assert any(not untolerated_taints(pool, tolerances_of(kind, hub, found, "eastus")) for kind in kinds), pool


@pytest.mark.parametrize("version", ["1.2.0", "4.4.0"])
@pytest.mark.parametrize("place", ["values", "valuesFrom"])
def test_a_profile_keeps_the_tolerations_and_variables_that_the_values_of_the_spec_write(version: str, place: str) -> None:
    theirs = {"key": "team", "operator": "Equal", "value": "a", "effect": "NoSchedule"}
    given = {"singleuser": {"extraTolerations": [theirs], "extraEnv": {"A": "theirs", "D": "{4}"}}}
    single_user = {**profile(gpus=1, env={"B": "2"}), "env": {"A": "{1}"}}
    made = spec(version, singleUser=single_user, **({"values": given} if place == "values" else {}))
    context = HubContext(location="eastus", pools=pools(GPU_POOL, {"name": "users", "purpose": "User"}))
    values = render(made, SECRETS, OLD, [given] if place == "valuesFrom" else [], hub_context=context)
    override = values["singleuser"]["profileList"][0]["kubespawner_override"]
    assert override["tolerations"] == [*DEDICATED, theirs, SKU]
    assert override["environment"] == {"A": "theirs", "B": "2", "D": "{4}"}
