"""The effect of an upgrade on users' data is known before it begins, approved, and shown in plans."""

import asyncio
import json
import secrets
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.engine import Change
from notebook_platform.engine.change import NeedsApproval
from notebook_platform.helm.charts import ChartRef
from notebook_platform.helm.deprecated_apis import REMOVED, removed_apis_clause, removed_kinds
from notebook_platform.helm.dry_run import DryRuns, refusal
from notebook_platform.helm.ledger import OwnedRelease
from notebook_platform.helm.plan import APPROVE, Concern, RevisionPreview, approved, changes, upgrade_approval
from notebook_platform.helm.release import Release
from notebook_platform.helm.state import State, Wanted
from notebook_platform.hubs.binder.chart import BinderHub
from notebook_platform.hubs.chart.versions import migrates
from notebook_platform.hubs.naming import ReleaseSnapshot
from notebook_platform.hubs.upgrades import concerns
from notebook_platform.hubs.users.user_counts import UserCounts
from notebook_platform.workload.step import WorkloadClusterOutput
from pyhelm3.errors import Error

from tests.unit.hubs.binder_specs import INGRESS as BINDER_ADDRESS
from tests.unit.hubs.binder_specs import OIDC as BINDER_AUTH
from tests.unit.hubs.binder_specs import PLACE
from tests.unit.hubs.binder_specs import spec as binder_spec
from tests.unit.hubs.test_release_state import WANTED, release

FIELD = "spec.jupyterhub"
BINDER, OLD_BINDER = "1.0.0-0.dev.git.3941.h9056a226", "1.0.0-0.dev.git.3506.hba24eb2a"
TARGET = WorkloadClusterOutput(
    api=None, access=None, cluster_id="c", secret_name="", served_version=(1, 35), nodes=1, ready_nodes=1
)
MANIFEST = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hub"}}
NOBODY = UserCounts()
ESCAPE = {"hub": {"config": {"KubeSpawner": {"slug_scheme": "escape"}}}}
BUDGET = {"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "user-scheduler"}}


def approval_text(
    before: str, after: str, values: dict | None = None, users: UserCounts = NOBODY, was: dict | None = None
) -> str:
    found = concerns(ReleaseSnapshot(before, was or {}), ReleaseSnapshot(after, ESCAPE if values is None else values), users)
    return " | ".join(concern.clause for concern in found)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("0.11.1", "4.4.0", "JupyterHub 5 changes the hub's database into a form that JupyterHub 1.3 cannot read"),
        ("1.2.0", "2.0.0", "JupyterHub 3 changes"),
        ("2.0.0", "3.3.8", "JupyterHub 4 changes"),
        ("4.4.0", "3.3.8", "JupyterHub 4 cannot read the database of JupyterHub 5"),
        ("0.11.1", "1.2.0", ""),
        ("4.0.0", "4.4.0", ""),
        (
            "4.4.0",
            "5.0.0",
            "the JupyterHub of chart 5.0.0 may change the hub's database into a form that JupyterHub 5 cannot read",
        ),
        ("5.0.0", "5.1.0", ""),
    ],
)
def test_a_change_of_jupyterhubs_major_version_concerns_its_database(before: str, after: str, words: str) -> None:
    found = approval_text(before, after, {} if after >= "4" and before >= "4" else None)
    assert words in found and bool(words) == bool(found)
    assert migrates(before, after) is bool(words)


def test_a_database_in_memory_is_no_concern() -> None:
    assert approval_text("3.3.8", "4.4.0", was={"hub": {"db": {"type": "sqlite-memory"}}}) == ""


def test_homes_that_an_upgrade_would_hide_are_reported_with_their_users() -> None:
    homes = (("ada@example.org", "", "claim-a"), ("grace", "", "claim-grace"), ("joan", "gpu", "claim-joan--gpu"))
    found = approval_text("4.3.0", "4.4.0", {}, UserCounts(servers=2, homes=homes), was=ESCAPE)
    assert "slug_scheme goes from escape to safe" in found and "of ada@example.org, joan, who" in found
    assert "2 servers are running; stop them first" in found and "grace" not in found
    assert approval_text("4.3.0", "4.4.0", {}, UserCounts(homes=(("grace", "", "claim-grace"),)), was=ESCAPE) == ""
    static = {"singleuser": {"storage": {"static": {"subPath": "home/{username}"}}}}
    assert "homes below home/{username}" in approval_text("4.3.0", "4.4.0", static, was=ESCAPE)


def test_secrets_that_are_not_carried_over_are_a_concern_and_added_keys_are_none() -> None:
    old = {"proxy": {"secretToken": "p"}, "hub": {"cookieSecret": "c", "config": {"CryptKeeper": {"keys": ["k"]}}}}
    kept = {
        "hub": {
            "config": {
                "ConfigurableHTTPProxy": {"auth_token": "p"},
                "JupyterHub": {"cookie_secret": "c"},
                "CryptKeeper": {"keys": ["new", "k"]},
            }
        }
    }
    assert approval_text("4.3.0", "4.4.0", kept, was=old) == ""
    found = approval_text("4.3.0", "4.4.0", {}, was=old)
    assert "all users are logged out" in found and "keys of the encrypted sign-in state change" in found


def test_an_approval_names_the_version_and_nothing_else_passes() -> None:
    before, why = release(version="3.3.8"), [Concern(clause="the database changes")]
    asked = upgrade_approval(WANTED, before, why, approved({"annotations": {APPROVE: "4.3.0, 4.4.1"}}), FIELD)
    assert asked is not None and asked.reason == "ApprovalNeeded"
    assert "from 3.3.8 to 4.4.0 requires approval, because the database changes" in asked.message
    assert f"{APPROVE}=4.4.0`" in asked.remedy
    assert upgrade_approval(WANTED, before, why, approved({"annotations": {APPROVE: "1, 4.4.0 "}}), FIELD) is None
    assert upgrade_approval(WANTED, before, [], approved({}), FIELD) is None


def planned(state: State, preview: RevisionPreview, owned: OwnedRelease | None = None, version: str = "3.3.8") -> list[Change]:
    return list(changes(WANTED, release(version=version, config={"a": 0}), state, owned, preview, "me", worked=True))


def test_a_plan_reports_what_is_done_beside_the_upgrade_and_all_of_it_waits_together() -> None:
    asked = upgrade_approval(WANTED, release(version="3.3.8"), [Concern(clause="x")], (), FIELD)
    preview = RevisionPreview(
        awaits=asked,
        renewed=frozenset({("policy/v1beta1", "PodDisruptionBudget")}),
        hooks=(("PriorityClass", "jhub-default-priority"),),
    )
    found = planned(State.OUT_OF_SYNC, preview)
    assert [change.path for change in found] == [
        "releases/jhub/jhub/manifest/PodDisruptionBudget (policy/v1beta1)",
        "releases/jhub/jhub/PriorityClass/jhub-default-priority",
        "releases/jhub/jhub/chart",
    ]
    assert found[0].after == "policy/v1" and all(change.gate == NeedsApproval(asked, disruptive=True) for change in found)


def test_an_interrupted_change_needs_no_second_approval() -> None:
    asked = upgrade_approval(WANTED, release(version="3.3.8"), [Concern(clause="x")], (), FIELD)
    (found,) = planned(State.OUT_OF_SYNC, RevisionPreview(awaits=asked), OwnedRelease(unfinished=True, wish=WANTED.digest))
    assert found.gate is None
    (other,) = planned(State.OUT_OF_SYNC, RevisionPreview(awaits=asked), OwnedRelease(unfinished=True, wish="0" * 64))
    assert other.gate == NeedsApproval(asked, disruptive=True)


def test_a_release_that_fails_its_dry_run_is_not_applied_in_any_state() -> None:
    refused = refusal("chart requires kubeVersion: >=1.28.0-0 which is incompatible", WANTED, (1, 25), FIELD)
    assert refused is not None and refused.reason == "UnsupportedKubernetes"
    for state in (State.OUT_OF_SYNC, State.FAILED):
        assert {change.gate.failed for change in planned(state, RevisionPreview(refused=refused))} == {refused}
    assert planned(State.LOCK_TIMEOUT, RevisionPreview(refused=refused))[0].gate is None


def test_kinds_that_kubernetes_no_longer_serves_are_named_and_custom_ones_left_to_the_real_run() -> None:
    words = 'resource mapping not found: no matches for kind "{}" in version "{}"'
    old = words.format("PodDisruptionBudget", "policy/v1beta1")
    found = refusal(
        old + " " + old, replace(WANTED, chart=ChartRef(name="jupyterhub", version="0.11.1", reference="x")), (1, 25), FIELD
    )
    assert found is not None and found.message == (
        "spec.jupyterhub.chart: jupyterhub-0.11.1 renders PodDisruptionBudget (policy/v1beta1), which Kubernetes 1.25 no longer serves"
    )
    assert refusal(words.format("Certificate", "cert-manager.io/v1"), WANTED, (1, 35), FIELD) is None
    assert refusal("something passing went wrong", WANTED, (1, 35), FIELD) is None


def test_an_upgrade_of_kubernetes_names_the_releases_that_it_would_leave_behind() -> None:
    manifest = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n"
    old = replace(release(version="0.11.1"), manifest=manifest)
    assert removed_apis_clause([old, release()], (1, 24), (1, 25)) == (
        "release jhub in namespace jhub (jupyterhub-0.11.1) has PodDisruptionBudget (policy/v1beta1), which it no longer serves"
    )
    assert (
        removed_apis_clause([old], (1, 25), (1, 26)) is None
    )  # it is deleted already, and the next upgrade corrects Helm's records
    assert removed_apis_clause([old], (1, 23), (1, 24)) is None


@given(st.sampled_from(sorted(REMOVED)), st.integers(10, 40), st.integers(0, 10))
def test_a_kind_is_lost_once_on_the_way(kind: tuple[str, str], start: int, steps: int) -> None:
    objects = [{"apiVersion": kind[0], "kind": kind[1], "metadata": {"name": "a"}}]
    one_by_one = sum(len(removed_kinds(objects, (1, start + n), (1, start + n + 1))) for n in range(steps))
    assert one_by_one == len(removed_kinds(objects, (1, start), (1, start + steps))) <= 1


MANIFESTS = """
{kind: Service, metadata: {name: hub}}
---
{kind: Job, metadata: {name: puller, annotations: {helm.sh/hook: pre-install}}}
"""


async def test_a_rehearsal_is_run_once_for_what_is_wanted_and_a_slow_one_goes_on_beside_the_passes() -> None:
    asked: list[Any] = []
    come = asyncio.Event()

    async def rehearse(target: WorkloadClusterOutput, wanted: Wanted, upgrade: bool) -> str:
        asked.append((wanted.values["a"], upgrade))
        await come.wait()
        return MANIFESTS

    dry_runs = DryRuns(rehearse, timeout=0.01)
    assert await dry_runs.of(TARGET, WANTED, FIELD, upgrade=True) is None
    assert await dry_runs.of(TARGET, replace(WANTED, values={"a": 2}), FIELD, upgrade=True) is None
    assert await dry_runs.of(TARGET, WANTED, FIELD, upgrade=True) is None
    come.set()
    for _ in range(3):
        found = await dry_runs.of(TARGET, WANTED, FIELD, upgrade=True)
        assert found is not None and found.refused is None and found.objects == {("Service", "hub")}
    assert asked == [(1, True), (2, True), (1, True)]
    await dry_runs.close()


async def test_an_unreachable_repository_is_asked_again_and_a_permanent_refusal_is_cached() -> None:
    asked = 0

    async def rehearse(target: WorkloadClusterOutput, wanted: Wanted, upgrade: bool) -> str:
        nonlocal asked
        asked += 1
        raise Error(1, b"", b"dial tcp: no such host" if wanted.values["a"] == 1 else b"execution error at (x): no")

    dry_runs = DryRuns(rehearse)
    for values, reason, runs in (({"a": 1}, "RepositoryUnreachable", 2), ({"a": 2}, "ValuesRefused", 1)):
        asked = 0
        for _ in range(2):
            found = await dry_runs.of(TARGET, replace(WANTED, values=values), FIELD, upgrade=False)
            assert found is not None and found.refused is not None and found.refused.reason == reason
        assert asked == runs


def binder_release(version: str) -> Release:
    return replace(release(version=version), chart="binderhub", config={})


NAMED = {"hub": {**ESCAPE["hub"], "allowNamedServers": True}}


@pytest.mark.parametrize(
    ("was", "values", "server", "asks"),
    [
        (NAMED, ESCAPE, "gpu", True),
        (NAMED, ESCAPE, "", False),
        (NAMED, NAMED, "gpu", False),
        (ESCAPE, ESCAPE, "gpu", False),
        ({"hub": {"config": {**ESCAPE["hub"]["config"], "JupyterHub": {"allow_named_servers": True}}}}, ESCAPE, "gpu", True),
    ],
)
def test_named_servers_that_are_turned_off_concern_their_homes(was: dict, values: dict, server: str, asks: bool) -> None:
    users = UserCounts(homes=(("ada", server, "claim-ada"),))
    found = approval_text("4.4.0", "4.4.0", values, users, was)
    assert ("named servers are turned off, and the homes of those of ada" in found) is asks


@pytest.mark.parametrize("auth", [BINDER_AUTH, None], ids=["accounts", "no accounts"])
def test_a_binders_hub_is_not_rolled_back_over_a_major_version(auth: dict | None) -> None:
    old, new = binder_release(OLD_BINDER), binder_release(BINDER)
    wanted = binder_spec(BINDER_ADDRESS, **({"auth": auth} if auth else {}))
    content = BinderHub(wanted, secrets=None, helm=None, allow_private=False, hub_context=PLACE)  # type: ignore[arg-type]
    assert "cannot read" in content.irreversible(new, old)
    assert (content.irreversible(new, new), content.irreversible(old, new)) == ("", "")


async def test_a_binder_without_accounts_goes_back_only_with_an_approval() -> None:
    """The older hub cannot read the newer one's database, and would not start."""

    async def of(before: str, after: str) -> list[str]:
        spec = binder_spec(BINDER_ADDRESS, chart={"version": after})
        content = BinderHub(spec, secrets=None, helm=None, allow_private=False, hub_context=PLACE)  # type: ignore[arg-type]
        wanted = replace(WANTED, chart=ChartRef(name="binderhub", version=after, reference="x"), values={})
        found = await content.concerns(TARGET, binder_release(before), wanted, frozenset())
        return [concern.clause for concern in found]

    (clause,) = await of(BINDER, OLD_BINDER)
    assert "JupyterHub 4 cannot read the database of JupyterHub 5" in clause and "hub-db-dir" in clause
    assert await of(OLD_BINDER, BINDER) == await of(BINDER, BINDER) == []


async def test_a_release_that_no_secret_can_hold_is_refused_before_helm_writes() -> None:
    texts = {f"file{i}": secrets.token_hex(32768) for i in range(16)}

    async def rehearse(target: WorkloadClusterOutput, wanted: Wanted, upgrade: bool) -> str:
        return json.dumps({**MANIFEST, "stringData": wanted.values})

    dry_runs = DryRuns(rehearse)
    for values, refused in ((texts, True), (dict.fromkeys(texts, "a" * 65536), False), ({"file1": texts["file1"]}, False)):
        found = await dry_runs.of(TARGET, replace(WANTED, values=values), FIELD, upgrade=False)
        assert found is not None and (found.refused is not None) is refused
        if found.refused is not None:
            assert (found.refused.reason, found.refused.retry_in) == ("ValuesTooLarge", None)
            assert "a Secret holds 1024 KiB" in found.refused.message and FIELD in found.refused.remedy
    await dry_runs.close()
