"""An object without drift is not compared again until it, its manifest or an hour has changed."""

from typing import Any

import pytest
from notebook_platform.helm import compared
from notebook_platform.helm.compared import VALID, ComparedObjects

MANIFEST = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "hub"}, "data": {"a": "1"}}


def live(version: str = "7", uid: str = "u") -> dict[str, Any]:
    return {**MANIFEST, "metadata": {"name": "hub", "uid": uid, "resourceVersion": version}}


def test_an_object_is_unchanged_while_it_and_its_manifest_are_the_same() -> None:
    known = ComparedObjects()
    assert not known.is_unchanged(MANIFEST, live())
    known.note(MANIFEST, live())
    assert known.is_unchanged(MANIFEST, live())
    assert not known.is_unchanged(MANIFEST, live(version="8"))
    assert not known.is_unchanged(MANIFEST, live(uid="made again"))
    assert not known.is_unchanged({**MANIFEST, "data": {"a": "2"}}, live())


def test_an_object_is_compared_again_after_an_hour() -> None:
    now = 0.0
    known = ComparedObjects(clock=lambda: now)
    known.note(MANIFEST, live())
    now = VALID - 1
    assert known.is_unchanged(MANIFEST, live())
    now = VALID
    assert not known.is_unchanged(MANIFEST, live())


def test_the_number_of_remembered_objects_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared, "MOST", 10)
    known = ComparedObjects()
    for number in range(25):
        known.note(MANIFEST, live(version=str(number)))
    remembered = [number for number in range(25) if known.is_unchanged(MANIFEST, live(version=str(number)))]
    assert remembered == [20, 21, 22, 23, 24]
