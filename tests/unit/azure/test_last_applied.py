"""What the spec set last: which members it records, when, and what their removal becomes; settings and windows over what was read."""

from typing import Any

import pytest
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.azure.autoscale_merge import merged_setting
from notebook_platform.azure.comparison import compare_wire
from notebook_platform.azure.last_applied import (
    claims_of,
    confirmed,
    joined,
    removed_tags,
    with_resets,
    with_surge,
)
from notebook_platform.azure.maintenance import _differences, _new, _removal
from notebook_platform.azure.patch_defaults import AUTOSCALER_DEFAULTS
from notebook_platform.engine.change import merged

from tests.unit.azure.specs import runbook_spec

WORKSPACE = (
    "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/l/providers/Microsoft.OperationalInsights/workspaces/logs"
)


def claims(**cluster: Any) -> dict[str, Any]:
    spec = runbook_spec()
    spec["azure"]["tags"] = {"team": "Alpha"}
    spec["cluster"] |= cluster
    spec["nodePools"][0]["maxSurge"] = "33%"
    return claims_of(NotebookPlatformSpec.model_validate(spec))


def test_a_spec_without_optional_members_claims_nothing() -> None:
    assert claims_of(NotebookPlatformSpec.model_validate(runbook_spec())) == {}


def test_a_claim_names_the_members_that_the_spec_sets() -> None:
    found = claims(monitoring={"workspaceId": WORKSPACE}, autoscalerProfile={"scanInterval": "20s"}, entra={})
    assert found["Cluster"] == {
        "tags": {"team": "Alpha"},
        "members": {"monitoring": WORKSPACE, "entra": "", "autoscaler/scan-interval": "20s"},
    }
    assert found["NodePools"]["members"] == {"nodepool1/maxSurge": "33%"} and found["Network"]["tags"] == {"team": "Alpha"}


def test_the_record_holds_old_and_new_until_the_step_is_up_to_date() -> None:
    old, new = {"Cluster": {"tags": {"a": "1"}, "members": {}}}, {"Cluster": {"tags": {"b": "2"}, "members": {}}}
    during = joined(old, new)
    assert during["Cluster"]["tags"] == {"a": "1", "b": "2"}
    assert joined(during, new) == during, "another reconcile adds nothing"
    assert confirmed(during, new, set()) == during, "the step has changes left"
    assert confirmed(during, new, {"Cluster"}) == new
    assert confirmed(during, {}, {"Cluster"}) == {}, "nothing is claimed any more"


def test_tags_of_the_spec_are_removed_and_those_of_another_client_stay() -> None:
    record = {"tags": {"Team": "Alpha", "cost": "1", "notebookplatform-owner": "x"}, "members": {}}
    found = {"team": "alpha", "cost": "1", "their": "2", "notebookplatform-owner": "me"}
    changes = removed_tags(record, {"COST": "1"}, found)
    assert [(c.path, c.before, c.after) for c in changes] == [("tags.team", "alpha", None)]
    assert merged({"tags": found}, changes)["tags"] == {"cost": "1", "their": "2", "notebookplatform-owner": "me"}
    assert removed_tags(None, {}, found) == [], "a platform that has applied nothing yet removes nothing"


def test_cluster_fields_taken_out_of_the_spec_are_reset() -> None:
    record = claims(monitoring={"workspaceId": WORKSPACE}, autoscalerProfile={"scanInterval": "20s", "expander": "priority"})[
        "Cluster"
    ]
    body = with_resets({"properties": {"autoScalerProfile": {"expander": "least-waste"}}}, record)
    assert body["properties"] == {
        "addonProfiles": {"omsagent": {"enabled": False}},
        "autoScalerProfile": {"expander": "least-waste", "scan-interval": AUTOSCALER_DEFAULTS["scan-interval"]},
    }
    assert with_resets({"properties": {}}, None) == {"properties": {}}, "what others set is left as it is"


def test_a_surge_that_was_taken_out_is_aks_default() -> None:
    record = claims()["NodePools"]
    assert with_surge("nodepool1", {}, record) == {"upgradeSettings": {"maxSurge": "10%"}}
    assert with_surge("nodepool1", {"upgradeSettings": {"maxSurge": "1"}}, record) == {"upgradeSettings": {"maxSurge": "1"}}
    assert with_surge("users", {}, record) == {}


WINDOW: dict[str, Any] = {
    "schedule": {"weekly": {"dayOfWeek": "Sunday"}},
    "durationHours": 4,
    "utcOffset": "+00:00",
    "startTime": "02:00",
}
FREEZE = {"notAllowedDates": [{"start": "2026-12-20", "end": "2027-01-06"}], "startDate": "2026-01-01"}


@pytest.mark.parametrize(("existing", "paths"), [
    ({**WINDOW, "schedule": {"weekly": {"intervalWeeks": 1, "dayOfWeek": "Sunday"}}}, []),
    ({**WINDOW, "schedule": {"weekly": {"intervalWeeks": 2, "dayOfWeek": "Sunday"}}, **FREEZE}, []),
    ({**WINDOW, "schedule": {"weekly": {"intervalWeeks": 2, "dayOfWeek": "Monday"}}, **FREEZE}, ["w.schedule.weekly.dayOfWeek"]),
    ({**WINDOW, "schedule": {"daily": {"intervalDays": 1}}, **FREEZE}, ["w.schedule"]),
    ({**WINDOW, "schedule": {"absoluteMonthly": {"intervalMonths": 1, "dayOfMonth": 1}}}, ["w.schedule"]),
    ({"schedule": {"weekly": {"intervalWeeks": 1, "dayOfWeek": "Sunday"}}, "durationHours": 4, "startTime": "02:00"}, []),
    ({**WINDOW, "schedule": {"weekly": {"intervalWeeks": 1, "dayOfWeek": "Sunday"}}, "utcOffset": "+02:00"}, ["w.utcOffset"]),
])  # fmt: skip
def test_a_window_is_changed_in_what_the_spec_says_and_keeps_the_rest(existing: dict[str, Any], paths: list[str]) -> None:
    changes = _differences("w", WINDOW, existing)
    assert [change.path for change in changes] == paths
    sent = merged(existing, changes)
    assert not _differences("w", WINDOW, sent) and len(sent["schedule"]) == 1
    kept = {name for name in existing if name in FREEZE}
    assert {name: sent[name] for name in kept} == {name: FREEZE[name] for name in kept}
    if "weekly" in existing["schedule"]:
        assert sent["schedule"]["weekly"]["intervalWeeks"] == existing["schedule"]["weekly"]["intervalWeeks"]


def test_a_new_window_is_weekly_and_one_with_every_day_is_daily() -> None:
    assert _new(WINDOW)["schedule"] == {"weekly": {"intervalWeeks": 1, "dayOfWeek": "Sunday"}}
    every_day = {**WINDOW, "schedule": {"daily": {"intervalDays": 1}}}
    assert _new(every_day) == every_day
    assert _differences("w", every_day, {**WINDOW, "schedule": {"daily": {"intervalDays": 3}}}) == []


def test_a_window_with_a_freeze_of_another_author_is_not_deleted() -> None:
    assert [c.path for c in _removal("w", {"maintenanceWindow": WINDOW})] == ["w"]
    assert _removal("w", {"maintenanceWindow": {**WINDOW, **FREEZE}}) == [] and _removal(None, None) == []


SCALE_SET = "/subscriptions/s/resourceGroups/n/providers/Microsoft.Compute/virtualMachineScaleSets/aks-users-1-vmss"
QUEUE = "/subscriptions/s/resourceGroups/q/providers/Microsoft.ServiceBus/namespaces/q"


def rule(about: str = SCALE_SET, operator: str = "GreaterThan", **trigger: Any) -> dict[str, Any]:
    return {
        "metricTrigger": {"metricName": "m", "operator": operator, "metricResourceUri": about, "threshold": 70, **trigger},
        "scaleAction": {"direction": "Increase", "type": "ChangeCount", "value": "1", "cooldown": "PT5M"},
    }


def setting(profiles: list[dict[str, Any]], **properties: Any) -> dict[str, Any]:
    return {"location": "westus", "tags": {}, "properties": {"enabled": True, "profiles": profiles, **properties}}


def test_a_setting_keeps_what_the_spec_cannot_say() -> None:
    dated = {"name": "exam", "fixedDate": {"start": "2026-12-01", "end": "2026-12-02"}, "capacity": {}, "rules": []}
    theirs = [
        {"name": "default", "recurrence": None, "capacity": {"minimum": "1"}, "rules": [
            rule(operator="LessThan", dividePerInstance=True),
            rule(QUEUE, dividePerInstance=True, dimensions=[{"DimensionName": "d"}], threshold=50),
        ]},
        dated,
    ]  # fmt: skip
    found = setting(
        theirs,
        notifications=[
            {"operation": "Scale", "email": {"sendToSubscriptionAdministrator": True}, "webhooks": [{"serviceUri": "u"}]}
        ],
        predictiveAutoscalePolicy={"scaleMode": "ForecastOnly"},
    )
    emails = [{"operation": "Scale", "email": {"customEmails": ["a@example.org"]}}]
    body = setting([{"name": "default", "capacity": {"minimum": "2"}, "rules": [rule()]}], notifications=emails)
    sent = merged_setting({**body, "location": "eastus"}, found, keeps_dated=True, drops_emails=False)
    properties = sent["properties"]
    (kept,) = properties["profiles"][0]["rules"]
    assert kept["metricTrigger"] == {
        "metricName": "m", "operator": "GreaterThan", "metricResourceUri": QUEUE, "threshold": 70,
        "dividePerInstance": True, "dimensions": [{"DimensionName": "d"}],
    }  # fmt: skip
    assert properties["profiles"][0]["capacity"] == {"minimum": "2"} and properties["profiles"][1] == dated
    assert properties["predictiveAutoscalePolicy"] == {"scaleMode": "ForecastOnly"} and sent["location"] == "westus"
    assert properties["notifications"] == [
        {
            "operation": "Scale",
            "email": {"sendToSubscriptionAdministrator": True, "customEmails": ["a@example.org"]},
            "webhooks": [{"serviceUri": "u"}],
        }
    ]
    again = merged_setting({**body, "location": "eastus"}, sent, keeps_dated=True, drops_emails=False)
    assert not list(compare_wire(again, sent)), "written, it is as wanted"
    quiet = setting([{"name": "default", "capacity": {"minimum": "2"}, "rules": [rule()]}])
    left = merged_setting(quiet, sent, keeps_dated=False, drops_emails=True)["properties"]
    assert left["notifications"][0]["email"]["customEmails"] == [] and left["notifications"][0]["webhooks"] == [
        {"serviceUri": "u"}
    ]
    assert [p["name"] for p in left["profiles"]] == ["default"]
