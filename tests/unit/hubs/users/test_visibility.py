"""Changes that hide users' data are found in the values as installed, whatever their source."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.helm.plan import Concern, token_of, upgrade_approval
from notebook_platform.helm.values import merged
from notebook_platform.hubs.naming import ReleaseSnapshot
from notebook_platform.hubs.users.concerns import concern_of
from notebook_platform.hubs.users.visibility import data_changes
from notebook_platform.hubs.values import render

from tests.unit.hubs.specs import NEW, OLD, SECRETS, VERSIONS, oidc, spec
from tests.unit.hubs.test_release_state import WANTED, release

KEY = {"hub": {"config": {"ConfigurableHTTPProxy": {"auth_token": "5f" * 32}}}}
STATIC = {"type": "static", "static": {"pvcName": "homes"}}
CLAIM = {"name": "data", "persistentVolumeClaim": {"claimName": "course"}}
MOUNT = {"name": "data", "mountPath": "/srv/course"}


def storage(**values: Any) -> dict[str, Any]:
    return {"singleuser": {"storage": values}}


def database(**values: Any) -> dict[str, Any]:
    return {"hub": {"db": values}}


def config(section: str, **traits: Any) -> dict[str, Any]:
    return {"hub": {"config": {section: traits}}}


def entra(**traits: Any) -> dict[str, Any]:
    return merged(config("JupyterHub", authenticator_class="azuread"), config("AzureAdOAuthenticator", **traits))


def generic(**traits: Any) -> dict[str, Any]:
    return merged(config("JupyterHub", authenticator_class="generic-oauth"), config("GenericOAuthenticator", **traits))


def profiles(*overrides: dict[str, Any]) -> dict[str, Any]:
    return {"singleuser": {"profileList": [{"slug": f"p{n}", "kubespawner_override": o} for n, o in enumerate(overrides)]}}


def changes(before: dict[str, Any], after: dict[str, Any], version: str = "4.4.0") -> list[Any]:
    return list(data_changes(ReleaseSnapshot(version, merged(KEY, before)), ReleaseSnapshot(version, merged(KEY, after))))


HIDING = {
    "dynamic to static": (storage(type="dynamic"), storage(**STATIC), "singleuser.storage.type goes from dynamic to static"),
    "the usual to static": ({}, storage(**STATIC), "singleuser.storage.type goes from dynamic to static"),
    "static to dynamic": (storage(**STATIC), storage(type="dynamic"), "singleuser.storage.type goes from static to dynamic"),
    "dynamic to none": ({}, storage(type="none"), "homes are no longer kept"),
    "another claim": (
        storage(**STATIC),
        storage(type="static", static={"pvcName": "homes-2"}),
        "static.pvcName goes from homes to homes-2",
    ),
    "another directory": (
        storage(**STATIC),
        storage(type="static", static={"pvcName": "homes", "subPath": "u/{username}"}),
        "static.subPath goes from {username} to u/{username}",
    ),
    "another mount path": ({}, storage(homeMountPath="/home/rstudio"), "homeMountPath goes from /home/jovyan to /home/rstudio"),
    "another class": ({}, storage(dynamic={"storageClass": "azurefile"}), "dynamic.storageClass goes from nothing to azurefile"),
    "another template": (
        {},
        storage(dynamic={"pvcNameTemplate": "x-{username}"}),
        "pvcNameTemplate goes from claim-{user_server}",
    ),
    "the template as a trait": ({}, config("KubeSpawner", pvc_name_template="x-{username}"), "to x-{username}"),
    "another directory of a home": ({}, storage(dynamic={"subPath": "v2"}), "dynamic.subPath goes from nothing to v2"),
    "no claims made": ({}, config("KubeSpawner", storage_pvc_ensure=False), "KubeSpawner.storage_pvc_ensure"),
    "other volumes as a trait": (
        {},
        config("KubeSpawner", volumes=[CLAIM]),
        "KubeSpawner.volumes goes from nothing to claim course",
    ),
    "another namespace of servers": ({}, config("KubeSpawner", namespace="users"), "KubeSpawner.namespace"),
    "another spawner": ({}, config("JupyterHub", spawner_class="x.Y"), "spawner_class goes from nothing to x.Y"),
    "a shared volume taken away": (
        storage(extraVolumes=[CLAIM], extraVolumeMounts=[MOUNT]),
        {},
        "extraVolumes mounted at /srv/course goes from claim course to nothing",
    ),
    "a shared volume from another claim": (
        storage(extraVolumes=[CLAIM], extraVolumeMounts=[MOUNT]),
        storage(extraVolumes=[CLAIM | {"persistentVolumeClaim": {"claimName": "other"}}], extraVolumeMounts=[MOUNT]),
        "from claim course to claim other",
    ),
    "a shared volume elsewhere, in the newer form": (
        storage(extraVolumes={"a": CLAIM}, extraVolumeMounts={"a": MOUNT}),
        storage(extraVolumes={"a": CLAIM}, extraVolumeMounts={"a": MOUNT | {"mountPath": "/data"}}),
        "mounted at /srv/course",
    ),
    "a server of files": (
        storage(extraVolumes=[{"name": "data", "nfs": {"server": "a", "path": "/"}}], extraVolumeMounts=[MOUNT]),
        storage(extraVolumes=[{"name": "data", "nfs": {"server": "b", "path": "/"}}], extraVolumeMounts=[MOUNT]),
        "mounted at /srv/course changes (other values)",
    ),
    "a profile's volumes": (
        profiles({"volumes": [CLAIM]}),
        profiles({"volumes": [CLAIM | {"persistentVolumeClaim": {"claimName": "other"}}]}),
        "profileList[p0].kubespawner_override goes from claim course to claim other",
    ),
    "a profile that gets a template": (
        profiles({"cpu_limit": 1}),
        profiles({"pvc_name_template": "x"}),
        "profileList[p0].kubespawner_override",
    ),
    "a choice's volumes": (
        {
            "singleuser": {
                "profileList": [
                    {
                        "slug": "p",
                        "profile_options": {"o": {"choices": {"c": {"kubespawner_override": {"volumes": [CLAIM]}}}}},
                    }
                ]
            }
        },
        {},
        "profileList[p/o/c]",
    ),
    "sqlite to a URL": ({}, database(type="postgres", url="postgresql://h@db/hub"), "hub.db goes from sqlite-pvc to postgres"),
    "a URL to sqlite": (database(type="postgres", url="postgresql://h@db/hub"), {}, "hub.db goes from postgres to sqlite-pvc"),
    "sqlite to memory": ({}, database(type="sqlite-memory"), "hub.db goes from sqlite-pvc to sqlite-memory"),
    "another host": (
        database(type="postgres", url="postgresql://h@db-1/hub"),
        database(type="postgres", url="postgresql://h@db-2/hub"),
        "hub.db changes (postgres)",
    ),
    "another database": (
        database(type="postgres", url="postgresql://h@db/hub"),
        database(type="postgres", url="postgresql://h@db/hub2"),
        "hub.db changes (postgres)",
    ),
    "a URL as a trait": ({}, config("JupyterHub", db_url="mysql://h:p@db/hub"), "hub.db goes from sqlite-pvc to mysql"),
    "another file of the database": ({}, database(pvc={"subPath": "new"}), "hub.db.pvc.subPath goes from nothing to new"),
    "another name of the claim": ({}, {"fullnameOverride": "lab"}, "fullnameOverride goes from nothing to lab"),
    "another claim of the name": (
        generic(username_claim="email"),
        generic(username_claim="sub"),
        "GenericOAuthenticator.username_claim goes from email to sub",
    ),
    "the claim under its old name": (generic(username_key="email"), generic(username_claim="sub"), "from email to sub"),
    "another tenant": (entra(tenant_id="a"), entra(tenant_id="b"), "AzureAdOAuthenticator.tenant_id goes from a to b"),
    "another provider": (generic(username_claim="email"), entra(), "from genericoauthenticator to azureadoauthenticator"),
    "another issuer": (
        generic(userdata_url="https://a.example.org/userinfo"),
        generic(userdata_url="https://b.example.org/userinfo"),
        "userdata_url goes from https://a.example.org/userinfo",
    ),
    "names mapped": ({}, config("Authenticator", username_map={"ada": "admin"}), "Authenticator.username_map"),
    "code": (
        {"hub": {"extraConfig": {"a": "x = 1"}}},
        {"hub": {"extraConfig": {"a": "c.KubeSpawner.volumes = []"}}},
        "hub.extraConfig.a changes (1 lines)",
    ),
    "code in a file": (
        {},
        {"hub": {"extraFiles": {"f": {"stringData": "c.JupyterHub.db_url = 's3cret'"}}}},
        "hub.extraFiles.f goes from nothing to 1 lines",
    ),
}
HARMLESS = {
    "nothing": (storage(**STATIC), storage(**STATIC)),
    "the default is set explicitly": (
        {},
        merged(storage(type="dynamic", homeMountPath="/home/jovyan"), database(type="sqlite-pvc")),
    ),
    "nothing was kept": (storage(type="none"), storage(**STATIC)),
    "the database was in memory": (database(type="sqlite-memory"), database(type="postgres", url="postgresql://h@db/hub")),
    "another password": (
        database(type="postgres", url="postgresql://h:old@db:5432/hub"),
        database(type="postgres", url="postgresql+psycopg2://i:new@db/hub?sslmode=require"),
    ),
    "another size": (storage(capacity="10Gi"), storage(capacity="20Gi")),
    "the same class by its long name": (
        config("JupyterHub", authenticator_class="azuread"),
        config("JupyterHub", authenticator_class="oauthenticator.azuread.AzureAdOAuthenticator"),
    ),
    "the claim under its new name": (generic(username_key="email"), generic(username_claim="email")),
    "more users": (config("Authenticator", allowed_users=["ada"]), config("Authenticator", allowed_users=["ada", "grace"])),
    "a new shared volume": ({}, storage(extraVolumes=[CLAIM], extraVolumeMounts=[MOUNT])),
    "a new profile": (profiles({}), profiles({}, {"volumes": [CLAIM]})),
    "a volume of settings": (
        storage(extraVolumes=[{"name": "data", "configMap": {"name": "a"}}], extraVolumeMounts=[MOUNT]),
        {},
    ),
    "code about something else": ({}, {"hub": {"extraConfig": {"a": "c.JupyterHub.log_level = 10"}}}),
    "the default template is set explicitly": ({}, storage(dynamic={"pvcNameTemplate": "claim-{user_server}"})),
}


@pytest.mark.parametrize("name", HIDING)
def test_a_change_that_hides_data_is_found(name: str) -> None:
    before, after, words = HIDING[name]
    found = changes(before, after)
    assert any(words in one.clause for one in found), [one.clause for one in found]
    assert all("s3cret" not in one.clause and "p@db" not in one.clause for one in found)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_change_that_hides_nothing_is_not_asked_for(name: str) -> None:
    assert [one.clause for one in changes(*HARMLESS[name])] == []


@pytest.mark.parametrize("name", HIDING)
def test_the_way_back_of_a_change_and_a_change_to_something_else_have_other_tokens(name: str) -> None:
    before, after, _ = HIDING[name]
    there, back = changes(before, after), changes(after, before)
    further = changes(before, merged(after, {"fullnameOverride": "x", **storage(homeMountPath="/elsewhere")}))
    tokens = {token_of([concern_of(one, {}) for one in found], "jhub/jhub") for found in (there, back, further) if found}
    assert len(tokens) == sum(bool(found) for found in (there, back, further))


def test_an_approval_of_one_shared_claim_is_none_of_another_or_of_another_directory() -> None:
    wanted = [
        storage(type="static", static=static)
        for static in ({"pvcName": "a"}, {"pvcName": "b"}, {"pvcName": "a", "subPath": "u/{username}"})
    ]
    assert len({token_of([concern_of(one, {}) for one in changes({}, after)], "jhub/jhub") for after in wanted}) == 3


def test_the_release_is_part_of_the_token() -> None:
    found = [concern_of(one, {}) for one in changes({}, storage(**STATIC))]
    assert token_of(found, "jhub/jhub") != token_of(found, "jhub/lab")


def test_code_of_the_same_length_has_another_token_and_without_the_hubs_secret_it_has_no_mark() -> None:
    before = {"hub": {"extraConfig": {"a": "c.KubeSpawner.volumes = 1"}}}
    one, other = ({"hub": {"extraConfig": {"a": f"c.KubeSpawner.volumes = {n}"}}} for n in (2, 3))
    (first,), (second,) = changes(before, one), changes(before, other)
    assert first.clause == second.clause and first.key != second.key
    (elsewhere,) = changes(merged(before, config("ConfigurableHTTPProxy", auth_token="ab" * 32)), one)
    assert elsewhere.key != first.key
    (unsealed,) = data_changes(ReleaseSnapshot("4.4.0", before), ReleaseSnapshot("4.4.0", one))
    assert unsealed.mark == ""


LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8))
TREES = st.recursive(LEAVES, lambda more: st.lists(more, max_size=3) | st.dictionaries(st.text(max_size=6), more, max_size=3))
NAMES = st.sampled_from(["storage", "static", "dynamic", "profileList", "extraVolumes", "extraVolumeMounts", "config", "db"])
WILD = st.fixed_dictionaries({"singleuser": st.dictionaries(NAMES, TREES), "hub": st.dictionaries(NAMES, TREES)})


@given(WILD, WILD, st.sampled_from(VERSIONS), st.sampled_from(VERSIONS))
def test_no_values_make_it_fail_and_equal_ones_are_no_change(
    before: dict[str, Any], after: dict[str, Any], old: str, new: str
) -> None:
    list(data_changes(ReleaseSnapshot(old, before), ReleaseSnapshot(new, after)))
    assert list(data_changes(ReleaseSnapshot(old, before), ReleaseSnapshot(old, copy.deepcopy(before)))) == []


@pytest.mark.parametrize("kind", ["dynamic", "static"])
@pytest.mark.parametrize("old", VERSIONS)
@pytest.mark.parametrize("new", VERSIONS)
def test_an_upgrade_of_the_chart_alone_hides_nothing(old: str, new: str, kind: str) -> None:
    kept = {"type": kind} | ({"shared": {"claim": "homes"}} if kind == "static" else {})
    naming = {"naming": {"scheme": "Escape"}}
    installed, wanted = (
        render(
            spec(version, singleUser={"storage": kept}, auth=oidc(usernameClaim="email"), **naming),
            SECRETS,
            OLD if version == "0.11.1" else NEW,
        )
        for version in (old, new)
    )
    assert [one.clause for one in data_changes(ReleaseSnapshot(old, installed), ReleaseSnapshot(new, wanted))] == []


def test_the_field_of_the_spec_is_named() -> None:
    (one,) = changes({}, storage(**STATIC))
    found = concern_of(one, {"singleuser.storage.type": "spec.jupyterhub.singleUser.storage.type"})
    assert found.clause.startswith("spec.jupyterhub.singleUser.storage.type: singleuser.storage.type goes from dynamic")


def test_a_version_approves_the_version_and_a_token_the_values() -> None:
    installed = release(version="3.3.8")
    database, hidden = Concern(clause="the database changes"), Concern(clause="homes are elsewhere", key="k")
    token = token_of([hidden], "jhub/jhub")
    both = [database, hidden]
    for given_words, missing in (
        ((), True),
        (("4.4.0",), True),
        ((token,), True),
        (("4.4.0", token), False),
        (("4.4.0", "data-000000000000"), True),
    ):
        assert (upgrade_approval(WANTED, installed, both, given_words, "spec.jupyterhub") is not None) is missing
    asked = upgrade_approval(WANTED, installed, both, (), "spec.jupyterhub")
    assert asked is not None and f'approve: "4.4.0,{token}"' in asked.remedy
    assert upgrade_approval(WANTED, installed, [hidden], ("4.4.0",), "spec.jupyterhub") is not None
    assert upgrade_approval(WANTED, installed, [hidden], (token,), "spec.jupyterhub") is None


def test_many_concerns_are_counted() -> None:
    many = [Concern(clause=f"c{n}", key=str(n)) for n in range(100)]
    asked = upgrade_approval(WANTED, release(), many, (), "f")
    assert asked is not None and "c5; and 94 more" in asked.message and "c6" not in asked.message
