"""What has no owner is adopted, and what is orphaned stays."""

from typing import Any

from notebook_platform.engine.outcome import Failed

from tests.azure.conftest import Estate, settled
from tests.azure.estates import CLUSTER
from tests.unit.azure.specs import runbook_spec


async def test_resources_without_an_owner_are_adopted_by_tags_alone(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    state = (await estate.state())["resources"]
    for id_, body in state.items():
        if "notebookplatform-owner" in (body.get("tags") or {}):
            await estate.control("PATCH", f"/resources{id_}", {"tags": {"notebookplatform-owner": None}})
    pool = f"{CLUSTER}/agentpools/nodepool1"
    await estate.control("PATCH", f"/resources{pool}", {"properties": {"tags": {"notebookplatform-owner": None}}})
    outcome = (await estate.once(runbook_spec()))["ResourceGroup"].outcome
    assert isinstance(outcome, Failed) and outcome.reason == "NotOwned" and "adoption: IfUnowned" in outcome.remedy
    mark = await estate.mark()
    after = await settled(estate, runbook_spec(adoption="IfUnowned"))
    writes = await estate.writes(mark)
    assert sorted(w for w in writes if w != "PATCH tags/default") == ["PUT agentPools/nodepool1"], writes

    def untagged(resources: dict[str, Any]) -> dict[str, Any]:
        changing = ("etag", "eTag", "tags")
        return {i: {k: v for k, v in r.items() if k not in changing} for i, r in resources.items() if "agentpools" not in i}

    assert untagged(after) == untagged(state)


async def test_orphaning_removes_our_tags_and_keeps_the_resources(estate: Estate) -> None:
    before = await settled(estate, runbook_spec())
    await estate.orphan(runbook_spec())
    after = (await estate.state())["resources"]
    assert set(after) == set(before)
    assert not [
        i for i, r in after.items() if "notebookplatform-owner" in str(r.get("tags")) and "virtualmachinescalesets" not in i
    ]
    assert "notebookplatform-owner" not in after[f"{CLUSTER}/agentpools/nodepool1"]["properties"]["tags"]


async def test_resources_of_an_earlier_platform_of_the_same_name_are_adopted_once_their_tag_is_removed(estate: Estate) -> None:
    await settled(estate, runbook_spec())
    estate.new_platform()
    spec = runbook_spec(adoption="IfUnowned")
    outcome = (await estate.once(spec))["ResourceGroup"].outcome
    assert (
        isinstance(outcome, Failed)
        and outcome.reason == "OwnedByAnother"
        and "an earlier platform of this name" in outcome.message
    )
    assert "az group list --tag notebookplatform-owner=test/platforms/prd-jhub/uid-1" in outcome.remedy
    assert "spec.adoption: IfUnowned" in outcome.remedy
