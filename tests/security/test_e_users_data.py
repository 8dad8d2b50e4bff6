"""Users' data against mistakes: volumes of every form hold a deletion, and no change of a hub hides them without approval. One
platform serves all tests of this file, in order: first its running hub is attacked, then its deletion."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.security.conftest import Field, make_author
from tests.security.shared_homes import HUB, NAME, SHARED, Hub, claim, files, merged

pytestmark = [pytest.mark.attack, pytest.mark.story]

USER = {"hub.jupyter.org/username": "ada"}
TOKEN = re.compile(r"notebookplatform\.io/approve=([^`]+)`")
DISK = "/subscriptions/s/resourceGroups/{}/providers/Microsoft.Compute/disks/d"


@pytest.fixture(scope="module")
def hub(site: Field, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub whose homes are on one claim that an administrator creates."""
    found = Hub(make_author(site, "data-e", tmp_path_factory.mktemp("author")))
    found.want(singleUser={"storage": SHARED})
    yield found
    found.author.retire()


def test_a_claim_that_does_not_exist_is_reported_before_a_user_signs_in(hub: Hub) -> None:
    message = hub.until("JupyterHubReady", "ClaimNotFound", "spec.jupyterhub.singleUser.storage.shared.claim: claim 'homes'")
    assert "create the PersistentVolumeClaim" in message and hub.condition("Ready")["status"] == "False"


def test_a_hub_without_users_is_changed_without_an_approval(hub: Hub) -> None:
    before = hub.revision
    hub.want(singleUser={"storage": {**SHARED, "mountPath": "/srv/home"}})
    hub.site.until("it is changed", lambda: hub.revision == before + 1)
    hub.want(singleUser={"storage": SHARED})
    hub.site.until("it is changed back", lambda: hub.revision == before + 2)
    hub.create(files("homes"))
    hub.until_ready()


def test_a_claim_that_is_bound_when_a_server_starts_is_no_fault_and_one_for_a_single_node_is_warned_of(hub: Hub) -> None:
    waiting = claim("later", accessModes=["ReadWriteOnce"], storageClassName="managed-csi")
    hub.create(waiting)
    volumes = {"extraVolumes": [{"name": "x", "persistentVolumeClaim": {"claimName": "later"}}]}
    hub.want(singleUser={"storage": SHARED}, values={"singleuser": {"storage": volumes}})
    hub.until_ready()
    volumes["extraVolumes"][0]["persistentVolumeClaim"]["claimName"] = "missing"
    hub.want(singleUser={"storage": SHARED}, values={"singleuser": {"storage": volumes}})
    hub.until("JupyterHubReady", "ClaimNotFound", "spec.jupyterhub.values.singleuser.storage.extraVolumes", "'missing'")
    hub.want(singleUser={"storage": SHARED})
    hub.until_ready()
    hub.remove(waiting)


def in_secret(hub: Hub, values: dict[str, Any]) -> dict[str, Any]:
    hub.author.secret("more", **{"values.yaml": yaml.safe_dump(values)})
    return {"valuesFrom": [{"kind": "Secret", "name": "more"}]}


STORAGE = {"singleUser": {"storage": SHARED}}
HIDING: dict[str, tuple[dict[str, Any], str]] = {
    "static to dynamic": ({"singleUser": {"storage": {"type": "dynamic"}}}, "spec.jupyterhub.singleUser.storage.type"),
    "static to none": ({"singleUser": {"storage": {"type": "none"}}}, "homes are no longer kept"),
    "another claim": (
        {"singleUser": {"storage": {"type": "static", "shared": {"claim": "other"}}}},
        "spec.jupyterhub.singleUser.storage.shared.claim: singleuser.storage.static.pvcName goes from homes to other",
    ),
    "another directory": (
        {"singleUser": {"storage": {"type": "static", "shared": {"claim": "homes", "subPath": "v2/{username}"}}}},
        "spec.jupyterhub.singleUser.storage.shared.subPath",
    ),
    "another mount path": (
        {"singleUser": {"storage": {**SHARED, "mountPath": "/home/rstudio"}}},
        "spec.jupyterhub.singleUser.storage.mountPath",
    ),
    "another claim by values": (
        {**STORAGE, "values": {"singleuser": {"storage": {"static": {"pvcName": "other"}}}}},
        "spec.jupyterhub.values.singleuser.storage.static.pvcName",
    ),
    "another type by values": (
        {**STORAGE, "values": {"singleuser": {"storage": {"type": "dynamic"}}}},
        "spec.jupyterhub.values.singleuser.storage.type",
    ),
    "the claim of the name": ({**STORAGE, "auth": {"oidc": {"usernameClaim": "sub"}}}, "spec.jupyterhub.auth.oidc.usernameClaim"),
    "the claim of the name by values": (
        {**STORAGE, "values": {"hub": {"config": {"GenericOAuthenticator": {"username_claim": "sub"}}}}},
        "spec.jupyterhub.values.hub.config.GenericOAuthenticator.username_claim",
    ),
    "names mapped": (
        {**STORAGE, "values": {"hub": {"config": {"Authenticator": {"username_map": {"mallory": "ada"}}}}}},
        "hub.config.Authenticator.username_map",
    ),
    "another provider": (
        {**STORAGE, "auth": {"oidc": None, "dummy": {"insecure": True, "allowAll": True}}},
        "users get other names, and therefore empty homes",
    ),
    "sqlite in memory": (
        {**STORAGE, "values": {"hub": {"db": {"type": "sqlite-memory"}}}},
        "hub.db goes from sqlite-pvc to sqlite-memory",
    ),
    "another file of the database": (
        {**STORAGE, "values": {"hub": {"db": {"pvc": {"subPath": "new"}}}}},
        "spec.jupyterhub.values.hub.db.pvc.subPath",
    ),
    "another spawner": (
        {**STORAGE, "values": {"hub": {"config": {"JupyterHub": {"spawner_class": "simple"}}}}},
        "hub.config.JupyterHub.spawner_class",
    ),
    "code": ({**STORAGE, "extraConfig": {"z": "c.KubeSpawner.volumes = []"}}, "hub.extraConfig.z"),
}


@pytest.mark.parametrize("name", HIDING)
def test_a_change_that_hides_the_homes_waits_to_be_approved(hub: Hub, name: str) -> None:
    changes, words = HIDING[name]
    before = hub.revision
    hub.want(approve="4.4.0,data-000000000000", **changes)
    message = hub.until("JupyterHubReady", "ApprovalNeeded", words)
    assert TOKEN.search(message) and hub.condition("Stalled")["reason"] == "ApprovalNeeded"
    pending = [change for change in hub.author.platform(NAME)["status"]["plan"] if change["step"] == "JupyterHub"]
    assert pending and all("requires approval" in change["requiresApproval"] for change in pending)
    assert hub.revision == before


@pytest.mark.parametrize(
    "values",
    [
        {"singleuser": {"storage": {"static": {"pvcName": "from-a-secret"}}}},
        {"hub": {"db": {"type": "postgres", "url": "postgresql://h:pw-of-the-database-5512@db/hub"}}},
    ],
)
def test_values_from_a_secret_are_no_bypass_and_are_not_shown(hub: Hub, values: dict[str, Any]) -> None:
    before = hub.revision
    hub.want(**STORAGE, **in_secret(hub, values))
    message = hub.until("JupyterHubReady", "ApprovalNeeded")
    assert "pw-of-the-database" not in message and hub.revision == before


def test_an_approval_is_for_one_change_and_no_other(hub: Hub) -> None:
    before = hub.revision
    claims = [{"singleUser": {"storage": {"type": "static", "shared": {"claim": name}}}} for name in ("one", "two")]
    tokens = []
    for wanted in claims:
        hub.want(**wanted)
        found = TOKEN.search(hub.until("JupyterHubReady", "ApprovalNeeded", wanted["singleUser"]["storage"]["shared"]["claim"]))
        assert found
        tokens.append(found[1])
    assert tokens[0] != tokens[1]
    hub.want(approve=tokens[0], **claims[1])
    hub.until("JupyterHubReady", "ApprovalNeeded", tokens[1])
    assert hub.revision == before
    hub.create(files("two"))
    hub.want(approve=tokens[1], **claims[1])
    hub.until_ready()
    assert hub.revision == before + 1
    hub.want(approve=tokens[1], **STORAGE)
    message = hub.until("JupyterHubReady", "ApprovalNeeded", "from two to homes")
    back = TOKEN.search(message)
    assert back and back[1] != tokens[1]
    hub.want(approve=back[1], **STORAGE)
    hub.until_ready()
    hub.remove(files("two"))


def test_a_hub_that_is_taken_out_of_the_spec_is_uninstalled_only_once_that_is_approved(hub: Hub) -> None:
    wanted = hub.author.runbook(NAME)
    del wanted["spec"]["jupyterhub"]
    hub.author.apply(wanted)
    message = hub.until("RetiredReleasesReady", "ApprovalNeeded", "release jhub", "leaves", "homes")
    assert TOKEN.search(message) and hub.inside("get", "deployment", "hub", "-n", HUB, "-o", "name").strip()
    moved = hub.author.runbook(NAME)
    moved["spec"]["jupyterhub"] = merged(moved["spec"]["jupyterhub"], {**STORAGE, "namespace": "lab", "release": "lab"})
    moved["metadata"]["annotations"] = {"notebookplatform.io/approve": "data-000000000000,4.4.0"}
    hub.author.apply(moved)
    hub.until("RetiredReleasesReady", "ApprovalNeeded", "release jhub")
    assert hub.inside("get", "deployment", "hub", "-n", HUB, "-o", "name").strip()
    hub.author.apply(wanted)
    hub.until("RetiredReleasesReady", "ApprovalNeeded", "release jhub")
    hub.want(**STORAGE)
    hub.until_ready()


# From here on the platform is being deleted, and held.


def test_the_deletion_of_a_hub_with_a_shared_volume_is_held_and_names_it(hub: Hub) -> None:
    mark = hub.site.mark()
    hub.author.kubectl("delete", "nbp", NAME, "--wait=false")
    message = hub.until("Ready", "HomesWouldBeLost", "1 shared volume of users (jhub/homes)")
    assert "notebookplatform.io/confirm-deletion=1`" in message
    assert hub.site.writes(mark) == []


def server(name: str, *claims: str, component: str = "singleuser-server") -> dict[str, Any]:
    volumes = [{"name": f"v{n}", "persistentVolumeClaim": {"claimName": one}} for n, one in enumerate(claims)]
    spec = {"containers": [{"name": "notebook", "image": "example.org/notebook:1"}], "volumes": volumes}
    metadata = {"name": name, "namespace": HUB, "labels": {"component": component}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def volume(name: str, handle: str, policy: str = "Retain", **spec: Any) -> dict[str, Any]:
    csi = {"driver": "disk.csi.azure.com", "volumeHandle": handle}
    body = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": policy, "csi": csi}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": {**body, **spec}}


ELSEWHERE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-b"}}
FORMS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "a dynamic home": (
        [claim("claim-ada", labels={"component": "singleuser-storage"}, annotations=USER)],
        "1 home volume of users (ada)",
    ),
    "a home whose label was taken off": ([claim("claim-ada", annotations=USER)], "1 home volume of users (ada)"),
    "a home with no mark at all": ([claim("claim-grace")], "1 other volume claim (jhub/claim-grace)"),
    "a claim that says it is empty": ([claim("x", labels={"component": "hub", "app": "cache"})], "1 other volume claim (jhub/x)"),
    "a claim that a server mounts": ([claim("course"), server("jupyter-ada", "course")], "(jhub/course, jhub/homes)"),
    "a claim in a foreign namespace": ([ELSEWHERE, claim("theirs", "team-b")], "1 other volume claim (team-b/theirs)"),
    "a database of a StatefulSet": ([ELSEWHERE, claim("data-pg-0", "team-b")], "1 other volume claim (team-b/data-pg-0)"),
    "a bound claim of Azure Files": ([ELSEWHERE, files("share", namespace="team-b")], "1 other volume claim (team-b/share)"),
    "a volume of no claim in the nodes' group": ([volume("spare", "{nodes}")], "1 volume without a claim (spare)"),
    "a volume of another kind": (
        [volume("nfs", "x", csi={"driver": "nfs.csi.k8s.io", "volumeHandle": "server#share"})],
        "1 volume without a claim (nfs)",
    ),
    "a disk elsewhere that is deleted with its volume": (
        [volume("ext", DISK.format("rg_other"), "Delete")],
        "1 volume without a claim (ext)",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_whatever_form_a_volume_has_it_is_counted_and_named(hub: Hub, form: str) -> None:
    documents, words = FORMS[form]
    nodes = hub.author.runbook(NAME)["spec"]["cluster"]["nodeResourceGroup"]
    documents = json.loads(json.dumps(documents).replace("{nodes}", DISK.format(nodes)))
    hub.create(*documents)
    hub.until("Ready", "HomesWouldBeLost", words)
    hub.remove(*(one for one in reversed(documents) if one["kind"] != "Namespace"))
    hub.until("Ready", "HomesWouldBeLost", "would destroy 1 shared volume of users (jhub/homes) and waits for confirmation")


def test_a_volume_in_another_resource_group_is_named_and_not_counted(hub: Hub) -> None:
    kept = volume("kept", DISK.format("rg_data"))
    hub.create(kept)
    message = hub.until("Ready", "HomesWouldBeLost", "other resource groups (rg_data): 1 volume without a claim (kept)")
    assert "confirm-deletion=1`" in message
    hub.remove(kept)


def test_hundreds_of_claims_of_a_tenant_are_counted_and_the_message_stays_short(hub: Hub) -> None:
    many = [claim(f"c-{n}", "team-b") for n in range(250)]
    hub.create(ELSEWHERE, *many)
    message = hub.until("Ready", "HomesWouldBeLost", "250 other volume claims")
    assert len(message) < 1000 and "confirm-deletion=251`" in message
    hub.remove(ELSEWHERE)


@pytest.mark.parametrize("annotation", ["0", "-1", "all", "1e3", "01x", ""])
def test_only_a_number_as_large_as_the_count_confirms(hub: Hub, annotation: str) -> None:
    mark = hub.site.mark()
    hub.author.kubectl("annotate", "nbp", NAME, "--overwrite", f"notebookplatform.io/confirm-deletion={annotation}")
    hub.until("Ready", "HomesWouldBeLost")
    assert hub.site.writes(mark) == [] and hub.author.platform(NAME)


def test_growth_after_confirmation_holds_the_deletion_again_until_confirmed(hub: Hub) -> None:
    grown = [claim(f"late-{n}") for n in range(2)]
    hub.create(*grown)
    hub.author.kubectl("annotate", "nbp", NAME, "--overwrite", "notebookplatform.io/confirm-deletion=1")
    message = hub.until("Ready", "HomesWouldBeLost", "and 2 other volume claims")
    assert "confirm-deletion=3`" in message
    hub.author.kubectl("annotate", "nbp", NAME, "--overwrite", "notebookplatform.io/confirm-deletion=3")
    hub.site.until("the platform is gone", lambda: not hub.author.platform(NAME))
