"""Records and ledger entries from untrusted writers: parsing never fails, and only the exact record is the operator's own."""

import base64
import gzip
import json
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.bounded.documents import DocumentRefused
from notebook_platform.helm.ledger import MOST_REVISIONS, OwnedRelease, ReleaseLedger
from notebook_platform.helm.release import MOST_BYTES, RecordUnreadable, decode, digest_of, documents, packed, revision_of
from notebook_platform.kube.secrets import Platform

HOOK = {"name": "h", "manifest": "apiVersion: v1\nkind: Pod\nmetadata: {name: h}\n", "events": ["pre-delete"]}
DOCUMENT: dict[str, Any] = {
    "name": "jhub",
    "namespace": "jhub",
    "version": 3,
    "info": {"status": "deployed", "description": "Install complete"},
    "chart": {"metadata": {"name": "jupyterhub", "version": "4.4.0"}, "templates": [{"name": "a", "data": "eA=="}]},
    "config": {"hub": {"x": 1}},
    "manifest": "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n",
    "hooks": [HOOK | {"last_run": {"phase": "Succeeded"}}],
}
SECRET = "sh.helm.release.v1.jhub.v3"


def changed(*path: str | int, to: Any) -> dict[str, Any]:
    found = deepcopy(DOCUMENT)
    node: Any = found
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = to
    return found


@pytest.mark.parametrize(
    "other",
    [
        changed("manifest", to=DOCUMENT["manifest"] + "---\nkind: ClusterRoleBinding\n"),
        changed("hooks", 0, "manifest", to="apiVersion: v1\nkind: Pod\nmetadata: {name: evil}\n"),
        changed("hooks", 0, "events", to=["post-delete"]),
        changed("hooks", to=[*DOCUMENT["hooks"], HOOK]),
        changed("config", to={"hub": {"x": 2}}),
        changed("config", "more", to=None),
        changed("chart", "metadata", "version", to="4.4.1"),
        changed("chart", "templates", to=[]),
        changed("version", to=4),
        changed("name", to="other"),
        changed("namespace", to="kube-system"),
        changed("apply_method", to="ssa"),
    ],
    ids=lambda one: next(key for key in (*DOCUMENT, "apply_method") if one.get(key) != DOCUMENT.get(key)),
)
def test_a_record_that_differs_in_anything_that_helm_uses_has_another_digest(other: dict[str, Any]) -> None:
    assert digest_of(other) != digest_of(DOCUMENT)


@pytest.mark.parametrize(
    "same",
    [
        changed("info", to={"status": "superseded", "description": "x", "notes": "y"}),
        changed("hooks", 0, "last_run", to={"phase": "Failed"}),
        dict(reversed(DOCUMENT.items())),
    ],
    ids=["status", "last run of a hook", "order"],
)
def test_a_revision_keeps_its_digest_when_its_mutable_members_change(same: dict[str, Any]) -> None:
    assert digest_of(same) == digest_of(DOCUMENT) == decode(packed(same), SECRET).digest


def large(json: bytes) -> str:
    return base64.b64encode(base64.b64encode(gzip.compress(json, 1))).decode()


LARGE: Mapping[str, Callable[[], str]] = {
    "gzip bomb": lambda: large(b'{"name": "' + b"a" * (100 << 20) + b'"}'),
    "many nodes": lambda: large(b"[" + b"0," * 3_000_000 + b"0]"),
}
"""Made by the test: it takes most of a second, which collecting the tests would need too."""

UNREADABLE: Mapping[str, str] = {
    "no base64": "%%%",
    "base64 once": base64.b64encode(gzip.compress(b"{}")).decode(),
    "no gzip": base64.b64encode(base64.b64encode(b"{}")).decode(),
    "gzip cut off": packed(DOCUMENT)[:200],
    "no JSON": base64.b64encode(base64.b64encode(gzip.compress(b"{"))).decode(),
    "a list": base64.b64encode(base64.b64encode(gzip.compress(b"[]"))).decode(),
    "deep JSON": base64.b64encode(base64.b64encode(gzip.compress(b"[" * 100_000 + b"]" * 100_000))).decode(),
    "not UTF-8": base64.b64encode(base64.b64encode(gzip.compress(b'{"name": "\xff"}'))).decode(),
    "no info": packed({key: value for key, value in DOCUMENT.items() if key != "info"}),
    "info is a text": packed(DOCUMENT | {"info": "deployed"}),
    "chart is null": packed(DOCUMENT | {"chart": None}),
    "version is a text": packed(DOCUMENT | {"version": "3"}),
    "version is true": packed(DOCUMENT | {"version": True}),
    "version is another": packed(DOCUMENT | {"version": 4}),
    "name is another": packed(DOCUMENT | {"name": "other"}),
    "config is a list": packed(DOCUMENT | {"config": [1]}),
    "hooks are a text": packed(DOCUMENT | {"hooks": "x"}),
    "manifest is a number": packed(DOCUMENT | {"manifest": 3}),
    "status is a sentence": packed(DOCUMENT | {"info": {"status": "deployed\x1b[2J and more"}}),
}


@pytest.mark.parametrize("name", [*UNREADABLE, *LARGE])
def test_a_malformed_release_record_is_refused_quickly_and_not_quoted(name: str) -> None:
    data = LARGE[name]() if name in LARGE else UNREADABLE[name]
    began = time.monotonic()
    with pytest.raises(RecordUnreadable) as refused:
        decode(data, SECRET)
    assert time.monotonic() - began < 5 and len(str(refused.value)) < 200 and "\x1b" not in str(refused.value)


def test_a_record_of_the_largest_charts_is_read() -> None:
    large = DOCUMENT | {"chart": DOCUMENT["chart"] | {"files": ["x" * (MOST_BYTES - 10_000)]}}
    assert decode(packed(large), SECRET).revision == 3


@pytest.mark.parametrize("text", ["soon", "9" * 70, "2026-99-01T00:00:00Z", 5, None, {}])
def test_a_time_that_is_none_is_left_out(text: Any) -> None:
    info = {"status": "deployed", "last_deployed": text, "deleted": text}
    found = decode(packed(DOCUMENT | {"info": info}), SECRET)
    assert found.last_deployed is None and found.deleted is None


def test_a_time_without_a_zone_can_be_compared() -> None:
    found = decode(packed(DOCUMENT | {"info": {"status": "failed", "last_deployed": "2026-01-01T00:00:00"}}), SECRET)
    assert found.last_deployed is not None and found.last_deployed.tzinfo is not None


@pytest.mark.parametrize(
    ("manifest", "kinds"),
    [
        ("kind: Service\nmetadata: {name: a}\n", []),
        ("apiVersion: v1\nkind: [x]\nmetadata: {name: a}\n", []),
        ("apiVersion: v1\nkind: Service\nmetadata: [name]\n", []),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: 5}\n", []),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: x}\n", []),
        ("just text\n---\n- a list\n---\n", []),
        ("apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod, metadata: {name: a}}, 5]\n", ["Pod"]),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: null}\n", ["Service"]),
    ],
)
def test_only_well_formed_objects_of_a_manifest_are_taken(manifest: str, kinds: list[str]) -> None:
    assert [document["kind"] for document in documents(manifest)] == kinds


def test_aliases_of_a_manifest_count_as_what_they_repeat() -> None:
    (found,) = documents("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: &d {x: text}\nbinaryData: *d\n")
    assert found["binaryData"] == {"x": "text"}
    bomb = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join(['*' + a] * 8)}]\n" for a, b in pairwise("abcdefgh")
    )
    with pytest.raises(DocumentRefused, match="consists of aliases"):
        documents(bomb)


@pytest.mark.parametrize(
    ("name", "revision"),
    [
        ("sh.helm.release.v1.jhub.v3", 3),
        ("sh.helm.release.v1.jhub.v03", None),
        ("sh.helm.release.v1.jhub.v0", None),
        ("sh.helm.release.v1.jhub.vx", None),
        ("sh.helm.release.v1.jhub.v3.v4", None),
        ("sh.helm.release.v1.other.v3", None),
        ("sh.helm.release.v1.jhub.v99999999999", None),
        ("jhub.v3", None),
    ],
)
def test_the_revision_comes_from_the_secrets_name_and_not_from_its_labels(name: str, revision: int | None) -> None:
    assert revision_of(name, "jhub") == revision


class Secrets:
    """One platform's Secrets in memory, with the interface of SecretStore that the ledger uses."""

    platform = Platform(namespace="n", name="p", uid="u")

    def __init__(self, data: Mapping[str, str] | None = None) -> None:
        self.data: dict[str, Mapping[str, str]] = {} if data is None else {"p-releases": data}

    async def own(self, name: str, *, orphaned: bool, plain: bool) -> Mapping[str, str] | None:
        assert plain and not orphaned
        return self.data.get(name)

    async def apply(self, name: str, data: Mapping[str, str], *, hidden: Mapping[str, str]) -> None:
        assert not hidden
        self.data[name] = dict(data)

    async def delete(self, name: str) -> None:
        self.data.pop(name, None)


def ledger(data: Mapping[str, str] | None = None) -> tuple[Secrets, ReleaseLedger]:
    secrets = Secrets(data)
    return secrets, ReleaseLedger(secrets, "owner")  # type: ignore[arg-type]


A, B = "a" * 64, "b" * 64
PLACE = ("jhub", "my.release")


async def test_an_entry_comes_back_as_it_was_written_and_an_empty_ledger_leaves_no_secret() -> None:
    secrets, first = ledger()
    await first.load()
    written = await first.change(PLACE, lambda one: one.with_record(1, A, new=True).having(step="JupyterHub", failures=2))
    await first.created("jhub", "uid")
    second = ReleaseLedger(secrets, "owner")  # type: ignore[arg-type]
    await second.load()
    assert second.release(PLACE) == written and second.namespace("jhub") == "uid"
    stranger = ReleaseLedger(secrets, "another owner")  # type: ignore[arg-type]
    await stranger.load()
    assert stranger.releases() == {} and stranger.namespace("jhub") is None
    await second.forget(PLACE)
    assert secrets.data == {} and second.namespace("jhub") is None


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        '{"revisions": {"x": []}}',
        '{"revisions": {"1": ["short"]}}',
        json.dumps({"revisions": {"1": [A] * 9}}),
        json.dumps({"revisions": {str(one): [A] for one in range(1, 99)}}),
        '{"revisions": {"-1": []}}',
        '{"failures": -1}',
        '{"failures": 1e400}',
        '{"leftovers": [{"apiVersion": "v1"}]}',
        '{"leftovers": [{"apiVersion": "v1", "kind": "Pod", "name": "a", "namespace": 5}]}',
        '{"unknown": 1}',
        "[" * 5000,
    ],
)
async def test_a_malformed_entry_is_skipped_and_valid_ones_count(text: str) -> None:
    good = OwnedRelease(step="x").model_dump_json(exclude_defaults=True)
    _, found = ledger({"owner": "owner", "namespaces": text, "release.jhub.a": text, "release.jhub.b": good, "release.": good})
    await found.load()
    assert list(found.releases()) == [("jhub", "b")]


def test_a_new_record_takes_the_place_of_an_adopted_one_and_a_renewed_one_is_known_beside_it() -> None:
    owned = OwnedRelease(revisions={1: (A,)}, adopted=(1,))
    renewed = owned.with_record(1, B, new=False)
    assert renewed.wrote(1, A) and renewed.wrote(1, B) and renewed.adopted == (1,)
    written = renewed.with_record(1, B, new=True)
    assert not written.wrote(1, A) and written.wrote(1, B) and written.adopted == ()
    assert not written.wrote(2, B)


@given(st.lists(st.integers(1, 200), max_size=100))
def test_an_entry_stays_within_its_bounds_whatever_helm_writes(revisions: list[int]) -> None:
    owned = OwnedRelease()
    for revision in revisions:
        owned = owned.with_record(revision, A, new=False)
    assert len(owned.revisions) <= MOST_REVISIONS
    assert OwnedRelease.model_validate_json(owned.model_dump_json()) == owned
