"""Lists as Azure gives them: resources of other owners without properties, roles in several pages."""

from tests.azure.conftest import Estate, settled
from tests.azure.test_odd_answers import NETWORKS
from tests.azure.test_role_pruning import OTHER_SUBSCRIPTION, put, registry, with_registries
from tests.unit.azure.specs import group_id, runbook_spec

OURS = f"{group_id('prd_rg_jhub')}/providers/Microsoft.Network/virtualNetworks/prd_vnet_jhub"
LISTED = [
    "Microsoft.Network/virtualNetworks",
    "Microsoft.ContainerService/managedClusters",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
    "Microsoft.Compute/virtualMachineScaleSets",
    "Microsoft.Insights/autoscalesettings",
    "Microsoft.Authorization/roleAssignments",
]


async def add_bare(estate: Estate, kind: str, group: str) -> None:
    """Have each list of a type end with a resource of another owner that has no properties."""
    bare = {"id": f"{group}/providers/{kind}/theirs", "name": "theirs", "location": "eastus"}
    rule = {"method": "GET", "path": f"/providers/{kind}$", "count": None, "odd": {"add": [bare]}}
    await estate.control("POST", "/faults", rule)


async def test_a_platform_becomes_ready_among_foreign_resources_without_properties(estate: Estate) -> None:
    for kind in LISTED:
        await add_bare(estate, kind, group_id("theirs"))
    await settled(estate, runbook_spec(identity={"type": "UserAssigned", "userAssigned": {"name": "prd-identity"}}))


async def test_foreign_resources_without_properties_in_the_node_resource_group(estate: Estate) -> None:
    spec = runbook_spec()
    for kind in LISTED:
        await add_bare(estate, kind, group_id(spec["cluster"]["nodeResourceGroup"]))
    await settled(estate, spec)


async def test_a_resource_of_the_platform_that_a_list_shows_without_properties_is_read_itself(estate: Estate) -> None:
    spec = runbook_spec()
    tags = (await settled(estate, spec))[OURS.lower()]["tags"]
    bare = {"id": OURS, "name": "prd_vnet_jhub", "location": "eastus", "tags": tags}
    odd = {"merge": {"value": [bare]}}
    await estate.control("POST", "/faults", {"method": "GET", "path": f"{NETWORKS}$", "count": None, "odd": odd})
    await estate.new_operator()
    await settled(estate, spec)


async def test_a_role_on_a_later_page_is_not_assigned_again(estate: Estate) -> None:
    """The scope is in a subscription whose list the platform does not share, so the roles of one principal are listed."""
    await estate.control("PUT", f"/subscriptions/{OTHER_SUBSCRIPTION}", {"state": "Enabled"})
    spec = with_registries(registry("faraway", OTHER_SUBSCRIPTION))
    resources = await settled(estate, spec)
    mine = next(id_ for id_ in resources if "/registries/faraway/" in id_)
    wider = registry("faraway", OTHER_SUBSCRIPTION).split("/providers/")[0]
    await put(estate, wider, resources[mine]["properties"]["principalId"], "AcrPull", None)
    store = estate.simulator.world.store
    body = resources[mine]
    store.remove(mine)
    store.put(body["id"], body)  # after the other's, so on the second page
    estate.simulator.world.page_size = 1
    await estate.new_operator()
    await settled(estate, spec)
