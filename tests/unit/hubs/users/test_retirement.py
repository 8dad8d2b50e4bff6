"""What the uninstallation of a release deletes, and what it leaves where no hub finds it."""

from dataclasses import replace
from typing import Any

import pytest
import yaml
from notebook_platform.api.spec import NotebookPlatformSpec
from notebook_platform.engine.change import NeedsApproval
from notebook_platform.helm.ledger import OwnedRelease
from notebook_platform.helm.plan import Concern, token_of, uninstall_approval
from notebook_platform.helm.prune import Found, RetiredReleases, free
from notebook_platform.helm.release import Release
from notebook_platform.hubs.users.retirement import ManifestVolumes, UninstalledVolumes, classify_claim, concerns_of
from notebook_platform.volume_count import named_by
from notebook_platform.workload.step import WorkloadClusterOutput

from sandbox.operator_process import ROOT
from tests.unit.hubs.test_release_state import release

KEEP = {"annotations": {"helm.sh/resource-policy": "keep"}}


def installed(*manifest: dict[str, Any], chart: str = "jupyterhub", **config: Any) -> Release:
    return replace(release(), chart=chart, manifest=yaml.safe_dump_all(manifest), config=config)


def manifest_object(kind: str, name: str, spec: Any = None, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec or {}}


def claim(name: str, namespace: str = "jhub", **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace, **metadata}}


def destroys(one: dict[str, Any], of: Release) -> bool | None:
    found = classify_claim(one, ManifestVolumes.of(of), of)
    return None if found is None else found[0]


STATEFUL = manifest_object("StatefulSet", "pg", {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]})


@pytest.mark.parametrize(
    ("manifest", "one", "destroyed"),
    [
        ([manifest_object("PersistentVolumeClaim", "hub-db-dir")], claim("hub-db-dir"), True),
        ([manifest_object("PersistentVolumeClaim", "hub-db-dir", **KEEP)], claim("hub-db-dir"), False),
        ([STATEFUL], claim("data-pg-0"), False),
        ([STATEFUL], claim("data-pg-0", ownerReferences=[{"kind": "StatefulSet", "name": "pg"}]), True),
        ([manifest_object("Namespace", "apps")], claim("anything", "apps"), True),
        ([manifest_object("Namespace", "apps", **KEEP)], claim("anything", "apps"), None),
        ([], claim("claim-ada"), False),
        ([], claim("claim-ada", "elsewhere"), None),
        ([], claim("theirs", annotations={"meta.helm.sh/release-name": "another"}), None),
        ([], claim("ours", annotations={"meta.helm.sh/release-name": "jhub"}), False),
    ],
)
def test_the_fate_of_a_claim(manifest: list[dict[str, Any]], one: dict[str, Any], destroyed: bool | None) -> None:
    assert destroys(one, installed(*manifest)) is destroyed


def test_a_claim_that_another_release_made_is_the_hubs_when_its_values_name_it() -> None:
    theirs = claim("homes", annotations={"meta.helm.sh/release-name": "storage"})
    static = {"storage": {"type": "static", "static": {"pvcName": "homes"}}}
    assert destroys(theirs, installed(singleuser=static)) is False
    assert destroys(theirs, installed()) is None


def test_a_release_that_is_no_hub_has_only_what_is_its_own() -> None:
    database = installed(STATEFUL, chart="postgresql")
    assert destroys(claim("claim-ada"), database) is None
    assert destroys(claim("data-pg-11"), database) is False


def test_the_approval_is_for_what_is_destroyed_one_by_one() -> None:
    of = installed(manifest_object("PersistentVolumeClaim", "a"), manifest_object("PersistentVolumeClaim", "b"))
    keys = set()
    for names in (["a"], ["b"], ["a", "b"], []):
        found = [judgement for name in names if (judgement := classify_claim(claim(name), ManifestVolumes.of(of), of))]
        fate = UninstalledVolumes(destroyed=tuple(volume for _, volume in found))
        keys.add(tuple(concern.key for concern in concerns_of(fate, of)))
    assert len(keys) == 4 and () in keys


PLACE = ("jhub", "jhub")


def test_an_uninstallation_waits_for_its_own_token_and_for_none_when_nothing_is_concerned() -> None:
    hidden = [Concern(clause="it leaves 1 shared volume of users (jhub/homes) behind", key="left jhub")]
    asked = uninstall_approval(PLACE, hidden, ())
    assert asked is not None and asked.reason == "ApprovalNeeded" and "release jhub in namespace jhub" in asked.message
    token = token_of(hidden, "jhub/jhub")
    assert f"={token}`" in asked.remedy and uninstall_approval(PLACE, hidden, (token,)) is None
    for other in ("4.4.0", token_of(hidden, "lab/jhub"), token_of([Concern(clause="", key="left lab")], "jhub/jhub")):
        assert uninstall_approval(PLACE, hidden, (other,)) is not None
    assert uninstall_approval(PLACE, [], ()) is None


def test_only_approved_releases_are_uninstalled() -> None:
    target = WorkloadClusterOutput(
        api=None, access=None, cluster_id="c", secret_name="", served_version=(1, 35), nodes=1, ready_nodes=1
    )
    asked = uninstall_approval(PLACE, [Concern(clause="c", key="k")], ())
    assert asked is not None
    marks = {PLACE: OwnedRelease(), ("lab", "lab"): OwnedRelease()}
    step = RetiredReleases(None, [], {}, None)  # type: ignore[arg-type]
    planned = step.plan(None, Found(target, marks, awaits={PLACE: asked}))
    assert [(change.path, change.gate == NeedsApproval(asked, disruptive=True)) for change in planned] == [
        ("releases/jhub/jhub", True),
        ("releases/lab/lab", False),
    ]


def test_claims_that_the_spec_itself_names_are_volumes_of_users() -> None:
    volumes = [{"name": "x", "persistentVolumeClaim": {"claimName": "course"}}]
    hub = {
        "chart": {"version": "4.4.0"},
        "auth": {"dummy": {"insecure": True}},
        "singleUser": {
            "storage": {
                "type": "static",
                "shared": {"claim": "homes"},
                "extraVolumes": [
                    {"name": "data", "claim": "data", "mountPath": "/srv/data"},
                    {"name": "shm", "emptyDir": {}, "mountPath": "/dev/shm"},
                ],
            }
        },
        "values": {"singleuser": {"storage": {"extraVolumes": volumes}}},
    }
    documents = yaml.safe_load_all((ROOT / "deploy" / "examples" / "runbook.yaml").read_text())
    runbook = next(one for one in documents if one["kind"] == "NotebookPlatform")["spec"]
    spec = NotebookPlatformSpec.model_validate({**runbook, "jupyterhub": hub})
    assert named_by(spec) == {("jhub", "homes"), ("jhub", "data"), ("jhub", "course")}


def test_releases_that_no_other_needs_go_first_and_a_circle_holds_up_nothing() -> None:
    def entries(**needs: list[str]) -> dict[tuple[str, str], OwnedRelease]:
        return {("n", name): OwnedRelease(needs=tuple(("n", need) for need in named)) for name, named in needs.items()}

    assert free(entries(a=["b"], b=["c"], c=[], d=["elsewhere"])) == [("n", "a"), ("n", "d")]
    assert free(entries(a=["b"], b=["a"], c=["a"])) == [("n", "c")]
    assert free(entries(a=["b"], b=["a"])) == [("n", "a"), ("n", "b")]
