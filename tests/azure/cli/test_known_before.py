"""What Azure would refuse is known before it is made: to `doctor`, to the operator (Preflight, or the change itself) and to `plan`."""

from typing import Any

import pytest
from notebook_platform.engine.outcome import Deferred, Failed, Waiting
from notebook_platform.outputs import ROLES

from tests.azure.cli.conftest import Terminal
from tests.azure.cli.diagnoses import diagnosis, lines_of, make_group, preflight, the_line
from tests.azure.conftest import Estate
from tests.unit.azure.specs import group_id, runbook_spec, with_cluster

USERS = {"name": "users", "mode": "User", "purpose": "User", "vmSize": "Standard_E4s_v5", "count": 1}


def with_pool(**members: Any) -> dict[str, Any]:
    spec = runbook_spec()
    spec["nodePools"].append({**USERS, **members})
    return spec


async def known_before_creation(terminal: Terminal, spec: dict[str, Any], check: str, reason: str, words: str) -> None:
    """Assert that doctor, Preflight and plan say the same of a platform that is to be created."""
    output = await diagnosis(terminal, spec)
    line = the_line(output, check)
    assert output.code == 1 and line.startswith("✗ ") and words in line
    planned = await terminal.run("plan", "-f", terminal.file(spec))
    assert planned.code == 1 and words in planned.out and f"({reason})" in planned.out
    outcome = await preflight(terminal.estate, spec)
    assert outcome.reason == reason and words in outcome.message and outcome.remedy
    assert not [write for write in await terminal.estate.writes(accepted=True) if write.startswith("PUT")]


async def test_a_misspelt_region_is_reported_alone_with_the_nearest(terminal: Terminal) -> None:
    spec = runbook_spec()
    spec["azure"]["location"] = "estus"
    words = "spec.azure.location estus is not a region that the subscription can use; similar: eastus"
    await known_before_creation(terminal, spec, "region", "LocationNotOffered", words)
    output = await diagnosis(terminal, spec)
    assert not lines_of(output, "version") and not lines_of(output, "quota") and lines_of(output, "permissions")
    assert output.lines[-1] == "1 blocking problem found."


async def test_a_version_with_long_term_support_alone_needs_the_plan_for_it(terminal: Terminal) -> None:
    words = "spec.cluster.kubernetesVersion 1.31 is offered in eastus with long-term support only"
    await known_before_creation(terminal, with_cluster(kubernetesVersion="1.31"), "version", "VersionNotOffered", words)


async def test_a_cluster_with_long_term_support_is_made_and_comes_to_rest(terminal: Terminal) -> None:
    spec = with_cluster(kubernetesVersion="1.31", supportPlan="AKSLongTermSupport", tier="Premium")
    assert the_line(await diagnosis(terminal, spec), "version").startswith("✓ 1.31 is offered in eastus")
    results = await terminal.estate.settle(spec)
    assert not [name for name, result in results.items() if isinstance(result.outcome, Failed)]
    mark = await terminal.estate.mark()
    await terminal.estate.once(spec)
    assert await terminal.estate.writes(mark) == []


async def test_zones_that_are_closed_to_the_subscription(terminal: Terminal) -> None:
    terminal.estate.simulator.world.catalog.sizes["Standard_E4s_v5"].closed_zones = ["2"]
    spec = with_pool(availabilityZones=["1", "2", "3"])
    words = "spec.nodePools[users].availabilityZones 2: eastus offers Standard_E4s_v5 to the subscription only in zone 1, 3"
    await known_before_creation(terminal, spec, "VM sizes", "ZoneNotOffered", words)


async def test_a_size_that_is_not_offered_as_spot(terminal: Terminal) -> None:
    terminal.estate.simulator.world.catalog.sizes["Standard_E4s_v5"].capabilities = {"LowPriorityCapable": "False"}
    words = "spec.nodePools[users].spot: Standard_E4s_v5 is not offered as Spot"
    await known_before_creation(terminal, with_pool(spot={}), "VM sizes", "VmSizeUnsuitable", words)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            with_cluster(powerSchedules=[{"cron": "0 8 * * *", "timeZone": "Europe/Wien", "powerState": "Running"}]),
            "spec.cluster.powerSchedules: timeZone 'Europe/Wien' is not a name of the tz database, such as Europe/Vienna",
        ),
        (
            with_pool(
                autoscaling={"minCount": 1, "maxCount": 2}, schedules=[{"cron": "0 25 * * *", "minCount": 2, "maxCount": 2}]
            ),
            "spec.nodePools[users].schedules: cron '0 25 * * *' cannot be read",
        ),
    ],
)
async def test_a_schedule_that_cannot_be_read(terminal: Terminal, spec: dict[str, Any], words: str) -> None:
    await known_before_creation(terminal, spec, "schedules", "ScheduleUnreadable", words)


async def test_a_window_with_an_unknown_time_zone(terminal: Terminal) -> None:
    window = {"days": ["Saturday"], "timeZone": "Europe/Wien"}
    words = "spec.cluster.maintenanceWindow.timeZone 'Europe/Wien' is not a name of the tz database, such as Europe/Vienna"
    spec = with_cluster(maintenanceWindow=window) | {"disruption": "MaintenanceWindow"}
    await known_before_creation(terminal, spec, "schedules", "TimeZoneUnknown", words)


async def test_schedules_that_can_be_read_are_counted(terminal: Terminal) -> None:
    spec = with_cluster(maintenanceWindow={"days": ["Saturday"], "timeZone": "Europe/Vienna"})
    assert the_line(await diagnosis(terminal, spec), "schedules") == "✓ valid times and time zones: 1"


ZONES = f"{group_id('dns')}/providers/Microsoft.Network/privateDnsZones"
ZONE = f"{ZONES}/hubs.privatelink.eastus.azmk8s.io"


def with_zone(zone: str) -> dict[str, Any]:
    spec = with_cluster(apiServer={"private": True, "privateDNSZone": zone})
    spec["identity"] = {"type": "UserAssigned", "userAssigned": {"name": "hubs"}}
    return spec


async def make_zone(terminal: Terminal) -> None:
    await make_group(terminal, "dns")
    await terminal.estate.control(
        "PUT", f"/resources{ZONE}", {"location": "global", "properties": {"provisioningState": "Succeeded"}}
    )


async def test_a_private_zone_that_does_not_exist(terminal: Terminal) -> None:
    words = f"spec.cluster.apiServer.privateDNSZone: the zone {ZONE} does not exist"
    await known_before_creation(terminal, with_zone(ZONE), "private zone", "PrivateZoneNotFound", words)


async def test_a_private_zone_of_another_region(terminal: Terminal) -> None:
    words = "spec.cluster.apiServer.privateDNSZone: AKS does not accept the zone privatelink.westus.azmk8s.io in eastus"
    spec = with_zone(f"{ZONES}/privatelink.westus.azmk8s.io")
    await known_before_creation(terminal, spec, "private zone", "PrivateZoneInvalid", words)


async def test_the_identity_gets_its_role_on_a_private_zone_before_the_cluster_is_made(terminal: Terminal) -> None:
    await make_zone(terminal)
    assert the_line(await diagnosis(terminal, with_zone(ZONE)), "private zone") == "✓ hubs.privatelink.eastus.azmk8s.io exists"
    results = await terminal.estate.settle(with_zone(ZONE))
    assert not [name for name, result in results.items() if isinstance(result.outcome, Failed)]
    resources = (await terminal.estate.state())["resources"]
    roles = [r["properties"] for id_, r in resources.items() if "/roleassignments/" in id_]
    given = {(r["scope"].rsplit("/", 1)[1], r["roleDefinitionId"].rsplit("/", 1)[1]) for r in roles}
    assert ("hubs.privatelink.eastus.azmk8s.io", ROLES["Private DNS Zone Contributor"]) in given
    assert ("prd_vnet_jhub", ROLES["Network Contributor"]) in given


async def test_doctor_says_by_pool_as_data(terminal: Terminal) -> None:
    spec = with_pool(vmSize="Standard_E4_v5s")
    output = await terminal.run("doctor", "-f", terminal.file(spec), "-o", "json")
    (finding,) = (finding for finding in output.document if finding["check"] == "VM sizes")
    assert (finding["pool"], finding["reason"]) == ("users", "VmSizeNotAvailable") and "similar: Standard_E4s_v5" in finding[
        "sentence"
    ]


async def planned_and_applied(terminal: Terminal, spec: dict[str, Any], path: str, words: str) -> Deferred:
    """Assert that plan shows the change as impossible, and that the operator neither writes it nor leaves out the rest."""
    output = await terminal.run("plan", "-f", terminal.file(spec))
    assert output.code == 1 and words in output.out and any(line.startswith("✗") and path in line for line in output.lines)
    mark = await terminal.estate.mark()
    outcome = await held_step(terminal.estate, spec)
    assert words in outcome.message and outcome.needs_user
    writes = " ".join(await terminal.estate.writes(mark)).lower()
    assert "managedclusters" not in writes and "agentpools" not in writes
    return outcome


async def held_step(estate: Estate, spec: dict[str, Any]) -> Deferred:
    """Return the outcome of the one step that cannot make its change; the later steps run all the same."""
    results = await estate.once(spec)
    (held,) = [
        result.outcome for result in results.values() if isinstance(result.outcome, Deferred) and result.outcome.needs_user
    ]
    assert not [name for name, result in results.items() if isinstance(result.outcome, Failed | Waiting)]
    return held


@pytest.mark.parametrize(
    ("members", "reason", "words"),
    [
        ({"vmSize": "Standard_X9"}, "VmSizeNotAvailable", "spec.nodePools[users].vmSize Standard_X9 is not offered in eastus"),
        ({"count": 60}, "QuotaExceeded", "spec.nodePools[users] needs 240 vCPUs but only 194 are left in eastus"),
    ],
)
async def test_a_new_pool_of_an_existing_cluster(terminal: Terminal, members: dict[str, Any], reason: str, words: str) -> None:
    await terminal.settle(runbook_spec())
    outcome = await planned_and_applied(terminal, with_pool(**members), "agentPools[users]", words)
    assert outcome.reason == reason


async def test_a_pool_that_cannot_be_made_does_not_hold_up_another(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    spec = with_pool(vmSize="Standard_X9")
    spec["nodePools"].append({**USERS, "name": "good"})
    mark = await terminal.estate.mark()
    await terminal.estate.once(spec)
    writes = " ".join(await terminal.estate.writes(mark)).lower()
    assert "agentpools/good" in writes and "agentpools/users" not in writes


async def test_an_upgrade_without_quota_for_its_surge_nodes(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    terminal.estate.simulator.world.catalog.quota = 7
    spec = with_cluster(kubernetesVersion="1.36")
    words = (
        "The upgrade to 1.36 needs 2 more vCPUs for the surge nodes of spec.nodePools[nodepool1] but only 1 are free in eastus"
    )
    assert any(line.startswith("✗") and words in line for line in lines_of(await diagnosis(terminal, spec), "quota"))
    outcome = await planned_and_applied(terminal, spec, "kubernetesVersion", words)
    assert outcome.reason == "QuotaExceeded"
    terminal.estate.simulator.world.catalog.quota = 200
    results = await terminal.estate.settle(spec)
    assert not [name for name, result in results.items() if isinstance(result.outcome, Failed)]


async def test_the_quota_does_not_hold_up_an_upgrade_for_a_pool_that_stays_at_its_version(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    terminal.estate.simulator.world.catalog.quota = 7
    spec = {**with_cluster(kubernetesVersion="1.36"), "driftIgnore": ["NodePools.agentPools[nodepool1].orchestratorVersion"]}
    terminal.estate.ignored = spec["driftIgnore"]
    results = await terminal.estate.settle(spec)
    assert not [name for name, result in results.items() if isinstance(result.outcome, Failed)]
    (cluster,) = [r for i, r in (await terminal.estate.state())["resources"].items() if i.endswith("/prd-aks-jhub")]
    assert cluster["properties"]["currentKubernetesVersion"].startswith("1.36")


async def test_an_upgrade_to_a_version_that_is_not_offered_is_reported_on_the_change(terminal: Terminal) -> None:
    await terminal.settle(runbook_spec())
    words = "spec.cluster.kubernetesVersion 1.39 is not offered in eastus"
    outcome = await planned_and_applied(terminal, with_cluster(kubernetesVersion="1.39"), "kubernetesVersion", words)
    assert outcome.reason == "VersionNotOffered"


async def test_doctor_compares_profiles_with_pools_and_blocks_nothing(terminal: Terminal) -> None:
    profiles = [
        {"name": "fast", "displayName": "Fast", "nodeSelector": {"disk": "fast"}},
        {"name": "large", "displayName": "Large", "memory": {"guarantee": "64G"}},
        {"name": "plain", "displayName": "Plain"},
    ]
    hub = {"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}, "singleUser": {"profiles": profiles}}
    spec = with_pool()
    spec["jupyterhub"] = hub
    output = await diagnosis(terminal, spec)
    labels, memory = lines_of(output, "servers")
    assert output.code == 0 and labels.startswith(
        "! spec.jupyterhub.singleUser.profiles[fast].nodeSelector: no pool of spec.nodePools"
    )
    assert memory.startswith(
        "! spec.jupyterhub.singleUser.profiles[large] requests 64 GiB of memory, and the nodes of spec.nodePools[users]"
    )
    data = (await terminal.run("doctor", "-f", terminal.file(spec), "-o", "json")).document
    assert [finding["profile"] for finding in data if finding["check"] == "servers"] == ["fast", "large"]
    hub["singleUser"] = {"profiles": profiles[2:]}
    assert the_line(await diagnosis(terminal, spec), "servers") == "✓ each kind of server has a pool that accepts it"
