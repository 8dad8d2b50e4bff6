"""Clusters of every shape are imported: what is printed leaves them unchanged, and the remarks name what the spec cannot say."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from notebook_platform.api.azure import Credentials
from notebook_platform.azure.arm.credentials import sign_in
from notebook_platform.azure.arm.session_pool import SessionPool
from notebook_platform.cli.import_ import describe, rendered
from notebook_platform.engine.outcome import Unblocking
from notebook_platform.engine.reconcile import Mode, Policy

from sandbox.azure.world import CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION
from tests.azure.conftest import Estate, running_estate
from tests.azure.shapes import Shape, shapes

SHAPES = shapes()

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def azure(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    """An empty simulated subscription whose resource providers are registered."""
    async with running_estate(Path(tmp_path_factory.mktemp("azure"))) as estate:
        world = estate.simulator.world
        world.providers.update(dict.fromkeys(world.providers, "Registered"))
        yield estate


@pytest_asyncio.fixture(loop_scope="module")
async def shape(azure: Estate, request: pytest.FixtureRequest) -> AsyncIterator[Shape]:
    """The resources of a shape (or of the one with this name), and nothing else in the subscription; an operator that has sent no request
    yet."""
    found = next(s for s in SHAPES if request.param in (s, s.name))
    azure.sessions = SessionPool(azure.sessions.cloud)
    for id_, body in found.resources.items():
        await azure.control("PUT", f"/resources{id_}", body)
    yield found
    await azure.sessions.close()
    azure.simulator.world.store.clear()


async def imported(estate: Estate, shape: Shape) -> tuple[dict[str, Any], str]:
    """Return (the spec that import prints, with credentials; its remarks)."""
    given = Credentials.model_validate({"secretRef": {"name": "azure-credentials"}})
    session = estate.sessions.of(await sign_in(given, estate.sessions.cloud, estate.secrets), SUBSCRIPTION)  # type: ignore[arg-type]
    taken = await describe(session, shape.group, None, shape.group, "platforms")
    text = rendered("platforms", taken)
    spec = yaml.safe_load(text)["spec"]
    spec["azure"]["credentials"] = {"secretRef": {"name": "azure-credentials"}}
    return spec, "\n".join(line for line in text.splitlines() if line.startswith("#"))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name, indirect=True)
async def test_applied_what_is_printed_writes_tags_alone(azure: Estate, shape: Shape) -> None:
    mark = await azure.mark()
    spec, remarks = await imported(azure, shape)
    assert await azure.writes(mark) == [], "import writes nothing"
    assert [word for word in shape.says if word not in remarks] == [], remarks
    azure.name, azure.uid, azure.operations, azure.applied = shape.group, f"uid-{shape.group}", {}, {}
    azure.ignored = spec.get("driftIgnore", [])
    azure.secrets.data[f"{shape.group}-principal"] = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
    plan = await azure.once(spec, Policy(mode=Mode.PLAN))
    changed = [f"{step}.{change.path}" for step, result in plan.items() for change in result.changes]
    assert [path for path in changed if "notebookplatform-owner" not in path] == []
    if shape.busy:
        return
    before = await azure.state()
    results = await azure.settle(spec)
    assert {n: r.outcome for n, r in results.items() if not isinstance(r.outcome, Unblocking)} == {}
    written = set(await azure.writes(mark))
    assert {w for w in written if w != "PATCH tags/default" and not w.startswith("PUT agentPools/")} == set()
    assert _content(await azure.state()) == _content(before)


@pytest.mark.parametrize("shape", ["2026 maintenance every day"], indirect=True)
async def test_a_window_of_every_day_and_another_offset_is_described(azure: Estate, shape: Shape) -> None:
    spec, remarks = await imported(azure, shape)
    window = spec["cluster"]["maintenanceWindow"]
    assert (len(window["days"]), window["start"], window["timeZone"]) == (7, "01:00", "Asia/Calcutta") and remarks == ""


@pytest.mark.parametrize("shape", [s for s in SHAPES if s.name == "2026 plain"], ids=["2026 plain"], indirect=True)
async def test_an_import_prints_what_was_chosen_and_nothing_more(azure: Estate, shape: Shape) -> None:
    spec, remarks = await imported(azure, shape)
    key = shape.group.removeprefix("rg-")
    assert spec["cluster"] == {
        "name": f"aks-{key}",
        "nodeResourceGroup": f"MC_{shape.group}_aks-{key}_eastus",
        "kubernetesVersion": "1.35",
        "dnsPrefix": "teach",
        "tier": "Standard",
        "network": {"pluginMode": "overlay", "policy": "none", "podCidr": "10.244.0.0/16"},
        "oidcIssuer": True,
    }
    assert spec["nodePools"] == [{"name": "system", "mode": "System", "vmSize": "Standard_D4s_v3", "count": 3}]
    assert "driftIgnore" not in spec and remarks == "", remarks


@pytest.mark.parametrize(
    ("shape", "block", "patch"),
    [
        ("2023 outbound type of tomorrow", "cluster", {"networkProfile": {"outboundType": "block"}}),
        ("2023 a key in a form of its own", "cluster", None),
        ("2024 surge of none", "nodePools", {"upgradeSettings": {"maxUnavailable": "1", "maxSurge": "0"}}),
        ("2026 autoscale by a queue", "autoscale", None),
    ],
    indirect=["shape"],
)
async def test_properties_without_a_field_are_imported_as_a_patch(azure: Estate, shape: Shape, block: str, patch: Any) -> None:
    spec, remarks = await imported(azure, shape)
    (item,) = spec[block] if isinstance(spec[block], list) else [spec[block]]
    assert item["patch"]["properties"] and item["patch"]["properties"] == (patch or item["patch"]["properties"])
    assert "driftIgnore" not in spec and remarks == ""


def _content(state: dict[str, Any]) -> dict[str, Any]:
    """Return the resources without tags, etags and states."""

    def bare(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: bare(v) for k, v in node.items() if k not in ("tags", "etag", "eTag", "provisioningState")}
        return [bare(item) for item in node] if isinstance(node, list) else node

    return {id_: bare(body) for id_, body in state["resources"].items() if "virtualmachinescalesets" not in id_}
