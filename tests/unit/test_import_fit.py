"""What Azure has and the CRD refuses is left out of an imported spec, with a remark that quotes the rule."""

import copy
from typing import Any

import pytest
from notebook_platform.api.patterns import refused
from notebook_platform.azure.importing.scan import Taken
from notebook_platform.cli.import_fit import fitting_model
from notebook_platform.cli.management import UsageError

from tests.unit.azure.specs import runbook_spec

POOL = {"name": "users", "mode": "User", "vmSize": "Standard_D2s_v3", "count": 1}


def taken(place: str, value: Any) -> Taken:
    """Return the runbook's platform with a second pool and one value at a dotted place."""
    spec = copy.deepcopy(runbook_spec())
    spec["nodePools"].append(dict(POOL))
    node: Any = spec
    *keys, last = [int(key) if key.isdecimal() else key for key in place.split(".")]
    for key in keys:
        node = node[key]
    node[last] = value
    return Taken("prd", spec, {}, [])


LEFT_OUT = [
    ("cluster.sshPublicKey", "---- BEGIN SSH2 PUBLIC KEY ----", "cluster.sshPublicKey", "OpenSSH form"),
    ("cluster.adminUsername", "0lab", "cluster.adminUsername", "starting with a letter"),
    ("cluster.dnsPrefix", "7lab", "cluster.dnsPrefix", "1-54 letters, digits, hyphens"),
    ("cluster.network.outboundType", "block", "cluster.network.outboundType", "Input should be"),
    ("cluster.autoscalerProfile", {"expander": "cheapest"}, "cluster.autoscalerProfile.expander", "Input should be"),
    ("cluster.autoscalerProfile", {"scanInterval": "1h30m"}, "cluster.autoscalerProfile.scanInterval", "must be a duration"),
    ("nodePools.1.maxSurge", "0", "nodePools[1].maxSurge", "a number of nodes or 1% to 100%"),
    ("nodePools.1.maxPods", 5, "nodePools[1].maxPods", "greater than or equal to 10"),
    ("nodePools.1.osDiskSizeGB", 4095, "nodePools[1].osDiskSizeGB", "less than or equal to 2048"),
    ("nodePools.1.nodeTaints", ["a:NoSchedule", "b"], "nodePools[1].nodeTaints[1]", "key=value:NoSchedule"),
    ("nodePools.1.availabilityZones", ["1", "9"], "nodePools[1].availabilityZones[1]", 'must be "1", "2" or "3"'),
    ("nodePools.1.vmSize", "Tomorrow_D2", "nodePools[1]", "must be a VM size"),
    ("nodePools.1.mode", "Gateway", "nodePools[1]", "Input should be"),
    (
        "autoscale.0.notifications",
        {"emails": ["ops at home"]},
        "autoscale[0].notifications.emails[0]",
        "must be an e-mail address",
    ),
]


@pytest.mark.parametrize(("place", "value", "where", "why"), LEFT_OUT, ids=[row[0] for row in LEFT_OUT])
def test_a_refused_value_is_left_out_with_the_rules_sentence(place: str, value: Any, where: str, why: str) -> None:
    found = taken(place, value)
    model = fitting_model(found)
    body = model.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    assert refused(body) == []
    (remark,) = found.left_out.values()
    assert remark.startswith(f"spec.{where} is left out, because the spec does not allow the value in Azure: ") and why in remark


@pytest.mark.parametrize(("place", "value"), [("cluster.kubernetesVersion", "latest"), ("azure.location", "east-us")])
def test_without_a_required_value_there_is_no_spec(place: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"the existing resources cannot be described: spec.{place}"):
        fitting_model(taken(place, value))


def test_a_pattern_ends_at_the_end_of_the_text() -> None:
    assert refused({"cluster": {"kubernetesVersion": "1.34"}}) == []
    (problem,) = refused({"cluster": {"kubernetesVersion": "1.34\n"}})
    assert problem.keys == ("cluster", "kubernetesVersion")
