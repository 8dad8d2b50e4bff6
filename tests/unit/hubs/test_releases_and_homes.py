"""Steps of releases, and when users' homes hold a deletion."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.aio import client
from notebook_platform.api.hubs import JupyterHubSpec
from notebook_platform.api.releases import ReleaseSpec
from notebook_platform.engine.graph import Graph
from notebook_platform.engine.step import Check
from notebook_platform.helm.chart_adapter import ChartAdapter
from notebook_platform.helm.health.issues import HealthIssue, sentence
from notebook_platform.helm.health.pods import diagnose
from notebook_platform.helm.health.snapshot import HealthSnapshot
from notebook_platform.helm.ownership import ReleaseScope
from notebook_platform.helm.releases import AnyChart, in_order, step_name
from notebook_platform.helm.step import ReleaseStep
from notebook_platform.hubs.health.crash_log import read
from notebook_platform.hubs.health.hub import unscheduled
from notebook_platform.hubs.inputs import HubContext
from notebook_platform.hubs.jupyterhub import JupyterHub
from notebook_platform.hubs.users.user_counts import UserCounts, notices
from notebook_platform.workload.step import WorkloadClusterOutput

NAMES = st.from_regex("[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)


@given(st.lists(NAMES, unique=True))
def test_no_two_releases_have_the_same_step(names: list[str]) -> None:
    assert len({step_name(name) for name in names}) == len(names)


def test_a_step_is_called_as_its_release_in_the_form_of_a_condition() -> None:
    assert step_name("cert-manager") == "ReleaseCertManager" and step_name("nginx-2") == "ReleaseNginx-2"


@given(st.lists(NAMES, unique=True, min_size=1, max_size=8), st.data())
def test_whatever_releases_and_hubs_need_of_each_other_there_is_a_graph(names: list[str], data: st.DataObject) -> None:
    everybody = [*names, "jupyterhub"]
    others = st.lists(st.sampled_from(everybody), unique=True, max_size=4)
    needs = {name: [other for other in data.draw(others) if other != name] for name in everybody}
    chart = {"name": "c", "version": "1.0.0"}
    specs = {n: ReleaseSpec.model_validate({"name": n, "namespace": "x", "chart": chart}) for n in names}
    contents: dict[str, ChartAdapter] = {n: AnyChart(s, secrets=None, helm=None) for n, s in specs.items()}  # type: ignore[arg-type]
    hub = JupyterHubSpec.model_validate({"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}})
    contents["jupyterhub"] = JupyterHub(hub, hub_context=HubContext(), secrets=None, helm=None, allow_private=False)  # type: ignore[arg-type]
    found = in_order(contents, needs)
    keeping = ReleaseScope(owner="o", uid="u", helm=None, ledger=None, adoption="Never", deleting=False)  # type: ignore[arg-type]

    def there(name: str, provides: type) -> Any:
        members = {"name": name, "provides": provides, "desired": lambda *_: None, "observe": lambda *_: None}
        return type(name, (Check,), members)()

    graph = Graph([there("WorkloadCluster", WorkloadClusterOutput), *(ReleaseStep(content, keeping) for content in found)])
    for name, content in contents.items():
        assert content.circle or {contents[need].name for need in needs[name]} <= set(graph.needs[content.name])


def test_a_hub_comes_after_the_releases_that_it_needs() -> None:
    chart = {"name": "c", "version": "1.0.0"}
    spec = ReleaseSpec.model_validate({"name": "ingress", "namespace": "x", "chart": chart})
    hub = JupyterHubSpec.model_validate({"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}})
    contents: dict[str, ChartAdapter] = {
        "ingress": AnyChart(spec, secrets=None, helm=None),  # type: ignore[arg-type]
        "jupyterhub": JupyterHub(hub, hub_context=HubContext(), secrets=None, helm=None, allow_private=False),  # type: ignore[arg-type]
    }
    in_order(contents, {"jupyterhub": ["ingress", "binderhub"], "ingress": []})
    assert contents["jupyterhub"].after == ("ReleaseIngress",)


def test_two_homes_of_one_server_are_reported_and_named_servers_are_none() -> None:
    fine = UserCounts(homes=(("ada", "", "claim-ada"), ("ada", "gpu", "claim-ada-gpu")))
    assert notices(fine, "f") == ()
    (notice,) = notices(UserCounts(homes=(*fine.homes, ("ada", "", "claim-ada---1"))), "f")
    assert notice.reason == "DuplicateHomeClaims" and "ada has two home volumes" in notice.message


def test_the_worst_issue_comes_first_and_none_twice() -> None:
    found = [
        HealthIssue(5, "Progressing", "late"),
        HealthIssue(0, "ImagePullFailed", "image"),
        HealthIssue(5, "Progressing", "late"),
    ]
    assert sentence(found) == "image; late"


def pod(message: str, **spec: Any) -> client.V1Pod:
    condition = client.V1PodCondition(type="PodScheduled", status="False", reason="Unschedulable", message=message)
    containers: Sequence[Any] = [client.V1Container(name="main")]
    return client.V1Pod(
        metadata=client.V1ObjectMeta(name="p"),
        spec=client.V1PodSpec(containers=containers, **spec),
        status=client.V1PodStatus(phase="Pending", conditions=[condition]),
    )


@pytest.mark.parametrize(
    ("message", "reason", "words"),
    [
        (
            "0/3 nodes are available: 3 node(s) had untolerated taint {hub.jupyter.org/dedicated: user}.",
            "TaintNotTolerated",
            "dedicated",
        ),
        ("0/3 nodes are available: 3 node(s) had untolerated taint(s).", "TaintNotTolerated", "the taints of the nodes"),
        (
            "0/3 nodes are available: 1 Insufficient memory, 2 Insufficient nvidia.com/gpu.",
            "InsufficientResources",
            "memory () and nvidia.com/gpu",
        ),
        ("0/3 nodes are available: 3 node(s) had volume node affinity conflict.", "StorageUnavailable", "another zone"),
    ],
)
def test_a_message_of_the_scheduler_becomes_a_reason_and_a_sentence(message: str, reason: str, words: str) -> None:
    nodes = [SimpleNamespace(metadata=SimpleNamespace(labels={}))]
    found = diagnose(pod(message), HealthSnapshot(claims={}, classes={}, nodes=nodes))
    assert found is not None and found[0].reason == reason and words in found[1]


@pytest.mark.parametrize(
    ("seconds", "event", "words"),
    [
        (10, "", None),
        (60, "", "the volume claim home is not bound (storage class disk): choose an existing storage class"),
        (10, "the quota is used up", "the volume claim home is not bound (storage class disk): the quota is used up"),
    ],
)
def test_a_claim_that_waits_for_its_disk_is_an_issue_after_a_while(seconds: int, event: str, words: str | None) -> None:
    made = client.V1ObjectMeta(name="home", creation_timestamp=datetime.now(UTC) - timedelta(seconds=seconds))
    claim = SimpleNamespace(
        metadata=made, spec=SimpleNamespace(storage_class_name="disk"), status=SimpleNamespace(phase="Pending")
    )
    about = SimpleNamespace(kind="PersistentVolumeClaim", name="home")
    events = [SimpleNamespace(involved_object=about, reason="ProvisioningFailed", message=event)] if event else []
    home = client.V1Volume(name="home", persistent_volume_claim=client.V1PersistentVolumeClaimVolumeSource(claim_name="home"))
    waiting = pod("0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.", volumes=[home])
    classes = {"disk": SimpleNamespace(volume_binding_mode="Immediate")}
    found = diagnose(waiting, HealthSnapshot(claims={"home": claim}, classes=classes, events=events))
    assert (found is None) if words is None else (found is not None and words in found[1])


def waiting_user(minutes: int, conditions: Sequence[Any] = ()) -> client.V1Pod:
    made = datetime.now(UTC) - timedelta(minutes=minutes)
    spec = client.V1PodSpec(containers=[client.V1Container(name="notebook")], scheduler_name="jhub-user-scheduler")
    metadata = client.V1ObjectMeta(name="jupyter-ada", creation_timestamp=made)
    return client.V1Pod(metadata=metadata, spec=spec, status=client.V1PodStatus(conditions=list(conditions)))


def test_a_scheduler_that_does_not_run_is_reported_once_and_lack_of_room_is_not_it() -> None:
    (issue,) = unscheduled([waiting_user(5), waiting_user(6)], datetime.now(UTC))
    assert issue.reason == "SchedulerNotRunning" and "jhub-user-scheduler" in issue.message
    looked_at = client.V1PodCondition(type="PodScheduled", status="False")
    assert list(unscheduled([waiting_user(1), waiting_user(5, [looked_at])], datetime.now(UTC))) == []


def test_a_hub_is_not_rolled_back_over_a_major_version_because_its_database_cannot_be() -> None:
    spec = JupyterHubSpec.model_validate(
        {"chart": {"version": "4.4.0"}, "auth": {"dummy": {"insecure": True}}, "remediation": {"strategy": "Rollback"}}
    )
    hub = JupyterHub(spec, hub_context=HubContext(location="eastus"), secrets=None, helm=None, allow_private=False)  # type: ignore[arg-type]

    def at(version: str, **database: str) -> Any:
        return SimpleNamespace(chart_version=version, config={"hub": {"db": database}})

    assert "database" in hub.irreversible(at("4.4.0"), at("3.3.8"))
    assert hub.irreversible(at("4.4.0"), at("4.3.6")) == ""
    assert hub.irreversible(at("3.3.8"), at("4.4.0")) == ""
    assert hub.irreversible(at("4.4.0", type="sqlite-memory"), at("3.3.8")) == ""


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        ("alembic.util.exc.CommandError: Can't locate revision identified by '4621fec11365'", "RollbackImpossible"),
        ("sqlite3.OperationalError: (sqlite3.OperationalError) database is locked", "DatabaseVolumeUnsuitable"),
        ("sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) unable to open database file", "DatabaseVolumeUnsuitable"),
        ("[C] Found database schema version 833da8570507 != 651f5419b74d. Backup your database", "DatabaseUpgradeRequired"),
        ("[E] api_request to the proxy failed with status code 599", "ProxyUnreachable"),
        ('psycopg2.OperationalError: connection to server at "db" failed: password s3cret', "DatabaseUnreachable"),
        ('  File "/usr/local/etc/jupyterhub/jupyterhub_config.py", line 3', "ConfigRefused"),
        ("[I] all is well", None),
    ],
)
def test_the_log_of_a_crashing_hub_becomes_a_reason_and_is_not_shown(log: str, reason: str | None) -> None:
    found = read(log)
    assert (found.reason if found else None) == reason
    assert found is None or (found.message.startswith("Deployment hub: ") and "s3cret" not in found.message)
